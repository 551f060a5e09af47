import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ErrorCode, isTscertError } from '../../src/base/errors.js';
import { type GeneralName, parseName } from '../../src/base/names.js';
import { encodePem } from '../../src/base/pem.js';
import { checkIssued, type IssuedChain } from '../../src/pki/chain.js';
import { authority, DAY, NOW, openssl, type Party, type PartySpec, party, write } from './support.js';

const NAMES = [parseName('example.com'), parseName('*.example.com'), parseName('192.0.2.1'), parseName('2001:db8::1')];

/** Gen Y of Let's Encrypt: two intermediates, the upper one cross-signed by an older root. */
const oldRoot = authority('Old Root');
const root = authority('Root YE');
const crossRoot = authority('Root YE', oldRoot, { key: root.key });
const upper = authority('YE', root);
const lower = authority('YE1', upper, { pathLength: 0 });

const leafOf = (issuer: Party | undefined = lower, spec: PartySpec = {}): Party => party('example.com', issuer, { names: NAMES, ...spec });
const leaf = leafOf();

function check(parties: readonly (Party | string)[], of: Party = leaf, names: readonly GeneralName[] = NAMES, now = NOW): IssuedChain {
  const chainPem = parties.map((one) => (typeof one === 'string' ? one : one.pem)).join('');
  return checkIssued({ chainPem, publicKey: of.publicKey, names, now });
}

function refuses(code: ErrorCode, message: RegExp, work: () => unknown): void {
  assert.throws(work, (error) => {
    assert.ok(isTscertError(error, code), String(error));
    assert.match(error.message, message);
    return true;
  });
}

const chainOf = (...parties: readonly Party[]): string => parties.map(({ pem }) => pem).join('');

test('takes the leaf and its intermediates in their order', () => {
  const { leaf: first, intermediates, certificate } = check([leaf, lower, upper]);
  assert.equal(first, leaf.pem);
  assert.equal(intermediates, chainOf(lower, upper));
  assert.equal(certificate.serialNumber, leaf.certificate.serialNumber);
});

test('what it takes, openssl verifies against the root', () => {
  const { leaf: first, intermediates } = check([upper, leaf, crossRoot, lower]);
  assert.equal(intermediates, chainOf(lower, upper, crossRoot));
  write('old.pem', oldRoot.pem);
  write('between.pem', intermediates);
  write('leaf.pem', first);
  const at = `-attime ${NOW / 1000}`;
  assert.match(openssl(`verify ${at} -CAfile old.pem -untrusted between.pem leaf.pem`), /leaf\.pem: OK/);
});

test('the private half of the key does as well', () => {
  const answer = { chainPem: chainOf(leaf, lower), names: NAMES, now: NOW };
  assert.equal(checkIssued({ ...answer, publicKey: leaf.key }).leaf, leaf.pem);
});

test('any order, duplicates, and text around the blocks are mended', () => {
  const orders = [
    [lower, leaf, upper],
    [upper, lower, leaf],
    [leaf, upper, lower, leaf, upper],
    ['a comment\n', upper, 'subject=CN=example.com\n', leaf, lower],
  ];
  for (const order of orders) {
    const { leaf: first, intermediates } = check(order);
    assert.equal(first, leaf.pem);
    assert.equal(intermediates, chainOf(lower, upper));
  }
});

test('a root is left out, wherever it stands', () => {
  for (const order of [
    [leaf, lower, upper, root],
    [root, leaf, lower, upper],
    [root, upper, root, lower, leaf],
  ]) {
    assert.equal(check(order).intermediates, chainOf(lower, upper));
  }
});

test('a cross-signed CA stays in the chain, with its root or beside its self-signed twin', () => {
  assert.equal(check([leaf, lower, upper, crossRoot]).intermediates, chainOf(lower, upper, crossRoot));
  assert.equal(check([leaf, lower, upper, crossRoot, oldRoot]).intermediates, chainOf(lower, upper, crossRoot));
  assert.equal(check([leaf, lower, upper, root, crossRoot]).intermediates, chainOf(lower, upper, crossRoot));
});

test('of two certificates of one CA the one that has not expired, then the one that lives longer is taken', () => {
  const renewed = authority('YE1', upper, { key: lower.key, notAfter: new Date(NOW + 900 * DAY) });
  const expired = authority('YE1', upper, { key: lower.key, notAfter: new Date(NOW - 1) });
  for (const order of [
    [leaf, expired, lower, renewed, upper],
    [leaf, renewed, lower, expired, upper],
  ]) {
    assert.equal(check(order).intermediates, chainOf(renewed, upper));
  }
});

test('CAs that have signed each other come to an end', () => {
  const [a, b] = [authority('A'), authority('B')];
  const aByB = authority('A', b, { key: a.key });
  const bByA = authority('B', a, { key: b.key });
  const below = leafOf(a);
  assert.equal(check([below, aByB, bByA], below).intermediates, chainOf(aByB, bByA));
});

test('a leaf alone is fine, and so is one that signed itself', () => {
  assert.equal(check([leaf]).intermediates, '');
  const self = party('example.com', undefined, { names: NAMES });
  assert.equal(check([self], self).intermediates, '');
});

test('another key is refused, also where a CA has the right one', () => {
  const other = leafOf();
  refuses('certificate-mismatch', /it is for another key$/, () => check([leaf, lower, upper], other));
  refuses('certificate-mismatch', /another key/, () => check([lower, upper], leaf));
});

test('every name must be held; more may be', () => {
  check([leaf, lower], leaf, [parseName('example.com')]);
  assert.throws(
    () => check([leaf, lower], leaf, [...NAMES, parseName('www.example.com'), parseName('192.0.2.2')]),
    (error) => {
      assert.ok(isTscertError(error, 'certificate-mismatch'));
      assert.deepEqual(error.data.missing, ['www.example.com', '192.0.2.2']);
      return true;
    },
  );
  refuses('certificate-mismatch', /"a\.example\.com"/, () => check([leaf], leaf, [parseName('a.example.com')]));
});

test('names are compared by kind and in canonical form', () => {
  const names: GeneralName[] = [
    { type: 'dns', value: 'EXAMPLE.com' },
    { type: 'email', value: 'Me@EXAMPLE.com' },
    { type: 'uri', value: 'spiffe://example.com/a' },
    { type: 'other', oid: '1.3.6.1.4.1.311.20.2.3', value: 'me@example.com' },
  ];
  const odd = leafOf(lower, { names });
  check([odd, lower], odd, [parseName('example.com'), parseName('Me@example.com'), ...names.slice(2)]);
  refuses('certificate-mismatch', /does not hold "me@example.com"$/, () => check([odd], odd, [parseName('me@example.com')]));
  refuses('certificate-mismatch', /"192\.0\.2\.1"/, () => {
    const disguised = leafOf(lower, { names: [{ type: 'dns', value: '192.0.2.1' }] });
    return check([disguised], disguised, [parseName('192.0.2.1')]);
  });
});

test('a name in the subject alone is none', () => {
  const bare = leafOf(lower, { names: [] });
  refuses('certificate-mismatch', /does not hold "example\.com"/, () => check([bare], bare, [parseName('example.com')]));
});

test('dates: expired and not yet valid are refused, a clock five minutes late is not', () => {
  const { notBefore, notAfter } = leaf.certificate;
  check([leaf, lower], leaf, NAMES, notAfter.getTime());
  refuses('certificate-mismatch', /expired/, () => check([leaf, lower], leaf, NAMES, notAfter.getTime() + 1));
  check([leaf, lower], leaf, NAMES, notBefore.getTime() - 300_000);
  refuses('certificate-mismatch', /not valid before/, () => check([leaf, lower], leaf, NAMES, notBefore.getTime() - 300_001));
});

test('an intermediate that has expired is refused, an expired root is left out like any other', () => {
  const expired = authority('YE1', upper, { key: lower.key, notAfter: new Date(NOW - 1) });
  refuses('chain-invalid', /"YE1" has expired/, () => check([leaf, expired, upper]));
  const deadRoot = authority('Root YE', undefined, { key: root.key, notAfter: new Date(NOW - 1) });
  assert.equal(check([leaf, lower, upper, deadRoot]).intermediates, chainOf(lower, upper));
});

test('an issuer by name whose key has not signed is refused', () => {
  const impostor = authority('YE1', upper);
  refuses('chain-invalid', /"example\.com" is not signed by "YE1"/, () => check([leaf, impostor, upper]));
  const above = authority('YE', root);
  refuses('chain-invalid', /"YE1" is not signed by "YE"/, () => check([leaf, lower, above]));
});

test('a root whose own signature is broken is none, and is not taken for an intermediate', () => {
  const der = Buffer.from(root.certificate.der);
  der[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
  refuses('chain-invalid', /"Root YE" names itself as issuer/, () => check([leaf, lower, upper, encodePem('CERTIFICATE', der)]));
});

test('a CA that has signed its new key with its old one stays in the chain', () => {
  const newWithOld = party('Old Root', oldRoot, { isCa: true });
  const below = leafOf(newWithOld);
  assert.equal(check([below, newWithOld, oldRoot], below).intermediates, newWithOld.pem);
});

test('an issuer that is no CA is refused', () => {
  const person = party('Person', root, { names: [] });
  const below = leafOf(person);
  refuses('chain-invalid', /"Person" has issued "example\.com" but is no CA/, () => check([below, person, root], below));
});

test('certificates that belong to nothing are refused', () => {
  for (const stranger of [oldRoot, authority('Stranger', root), leafOf()]) {
    refuses('chain-invalid', /has not issued any of the others/, () => check([leaf, lower, upper, stranger]));
  }
  refuses('chain-invalid', /"YE" has not issued/, () => check([leaf, upper]));
});

test('nothing, keys alone and garbage are refused', () => {
  refuses('chain-invalid', /no certificate came back/, () => check([]));
  refuses('chain-invalid', /no certificate came back/, () => check(['<html>404</html>']));
  refuses('certificate-invalid', /DER/i, () => check(['-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n']));
  refuses('pem-invalid', /END CERTIFICATE/, () => check(['-----BEGIN CERTIFICATE-----\nAAAA\n']));
});
