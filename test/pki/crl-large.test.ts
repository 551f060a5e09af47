/** A CRL of 200,000 entries (CRL_ENTRIES at night: 1000000) in flat memory, in a process of its own. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import process from 'node:process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { largeSerialNumber, writeLargeCrl } from './crl-builder.js';
import { authority, openssl, tmp, write } from './support.js';

const ENTRIES = Number(process.env.CRL_ENTRIES ?? 200_000);

test(`${ENTRIES} entries`, (t) => {
  const ca = authority('Large CA');
  write('large-ca.pem', ca.pem);
  writeLargeCrl(tmp('large.crl'), ca, ENTRIES);
  const wanted = largeSerialNumber(ENTRIES - 1).toString(16);
  const child = fileURLToPath(new URL('crl-large-child.js', import.meta.url));
  const said = execFileSync(process.execPath, ['--expose-gc', child, tmp('large.crl'), tmp('large-ca.pem'), wanted], { encoding: 'utf8' });
  t.diagnostic(said.trim());
  const found = JSON.parse(said) as { entries: number; reason?: string; isSigned: boolean; heldMiB: number; residentMiB: number };
  assert.equal(found.entries, ENTRIES);
  assert.ok(found.isSigned);
  assert.equal(
    found.reason,
    ['keyCompromise', 'cACompromise', 'affiliationChanged', 'superseded', 'cessationOfOperation'][(ENTRIES - 1) % 5],
  );
  assert.ok(statSync(tmp('large.crl')).size > 9 * 2 ** 20);
  assert.ok(found.heldMiB < 4, `held ${found.heldMiB} MiB`);
  assert.ok(found.residentMiB < 80, `grew by ${found.residentMiB} MiB`);
});

test('openssl takes such a CRL for what it is', () => {
  const ca = authority('Large CA');
  write('small-ca.pem', ca.pem);
  writeLargeCrl(tmp('small.crl'), ca, 1_000);
  openssl('crl -inform DER -in small.crl -CAfile small-ca.pem -noout');
  assert.equal(openssl('crl -inform DER -in small.crl -noout -text').match(/Serial Number: /g)?.length, 1_000);
});
