/** Responses that others published as test data, of public responders too: test/vectors/ocsp/README.md says whose. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { isTscertError } from '../../src/base/errors.js';
import { readOcspResponse } from '../../src/pki/ocsp-response.js';

const FOLDER = 'test/vectors/ocsp/pyca';

/** What each says: the statuses with their reasons, or why it is not read. */
const EXPECTED: Readonly<Record<string, string>> = {
  'ocsp-army.deps.mil-resp.der':
    'SHA256-RSA: revoked revoked revoked good good good good good good good good good good good good revoked(cessationOfOperation) good good good good',
  'resp-delegate-unknown-cert.der': 'SHA256-RSA: unknown',
  'resp-invalid-signature-oid.der': '1.2.840.113549.1.1.2: good',
  'resp-invalid-version.der': 'its version is not known',
  'resp-responder-key-hash.der': 'SHA256-RSA: revoked',
  'resp-response-type-unknown-oid.der': 'type 1.3.6.1.5.5.7.48.1.50000',
  'resp-revoked-no-next-update.der': 'ECDSA-SHA256: revoked',
  'resp-revoked-reason.der': 'SHA256-RSA: revoked(superseded)',
  'resp-revoked.der': 'SHA256-RSA: revoked',
  'resp-sct-extension.der': 'SHA256-RSA: good',
  'resp-sha256.der': 'SHA256-RSA: good',
  'resp-single-extension-reason.der': 'ECDSA-SHA256: good',
  'resp-successful-no-response-bytes.der': 'the response lacks the response bytes',
  'resp-unauthorized.der': 'unauthorized',
  'resp-unknown-extension.der': 'SHA256-RSA: revoked(superseded)',
  'resp-unknown-hash-alg.der': 'SHA256-RSA: revoked',
  'resp-unknown-response-status.der': 'the status 7 is not known',
};

function told(bytes: Buffer): string {
  try {
    const read = readOcspResponse(bytes);
    if (read.status !== 'successful') return read.status;
    if (read.basic === undefined) return `type ${read.type}`;
    const statuses = read.basic.responses.map(({ status }) =>
      status.type === 'revoked' && status.reason !== undefined ? `revoked(${status.reason})` : status.type,
    );
    return `${read.basic.algorithm}: ${statuses.join(' ')}`;
  } catch (error) {
    assert.ok(isTscertError(error, 'response-invalid'), String(error));
    return error.message.replace('Cannot read the OCSP response: ', '');
  }
}

test('the OCSP responses of pyca/cryptography say what they are said to say', () => {
  const found = readdirSync(FOLDER).map((file) => [file, told(readFileSync(path.join(FOLDER, file)))]);
  assert.deepEqual(Object.fromEntries(found), EXPECTED);
});
