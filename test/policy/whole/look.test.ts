import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCsr } from '../../../src/pki/csr.js';
import { lookAt } from '../../../src/policy/whole/look.js';
import { EVERYTHING } from '../../pki/samples.js';
import { keyOf, openssl, write } from '../../pki/support.js';
import { forge } from '../forge.js';
import { hostileRequests } from '../hostile.js';

for (const { title, request, finds } of hostileRequests()) {
  test(`${finds === 'policy' ? 'shown whole' : 'not whole'}: ${title}`, () => {
    const look = lookAt(request);
    const checks = look.faults.map(({ check }) => check);
    if (finds === 'policy') assert.deepEqual(look.faults, []);
    else assert.ok(checks.includes(finds), JSON.stringify(look.faults));
    assert.equal(look.isWhole, finds === 'policy');
  });
}

test('honest requests are whole, whoever made them', () => {
  const { nameConstraints: _, mustStaple: __, ...spec } = EVERYTHING;
  const plain = { ...spec, subject: { organizations: ['Two', 'Exämple, Inc.'], countries: ['DE'] } };
  for (const kind of ['rsa2048', 'rsa4096', 'ec256', 'ec384', 'ec521', 'ed25519'] as const) {
    const look = lookAt(Buffer.from(createCsr(plain, keyOf(kind)).pem));
    assert.deepEqual(look.faults, [], kind);
    assert.equal(look.description?.commonName, 'example.com');
  }
  assert.deepEqual(lookAt(forge()).faults, []);
  assert.deepEqual(lookAt(forge({ extensions: [] })).faults, []);
  write('key.pem', keyOf('rsa2048').export({ type: 'pkcs8', format: 'pem' }));
  const made = openssl(
    'req -new -key key.pem -subj /O=devs/CN=jane -addext subjectAltName=DNS:a.b,IP:10.0.0.1 -addext keyUsage=digitalSignature',
  );
  assert.deepEqual(lookAt(Buffer.from(made)).faults, []);
  assert.deepEqual(lookAt(Buffer.from(made.replaceAll('\n', '\r\n'))).faults, []);
});
