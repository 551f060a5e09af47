/** What OpenSSL and Node.js say about an issued certificate. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Fails unless the four files of a folder are one certificate for exactly these names (IP addresses too), whose chain ends in a root
 * of `roots` by `openssl verify` and whose key fits. Gives the certificate.
 */
export async function verifyFiles(folder: string, names: readonly string[], roots: string): Promise<X509Certificate> {
  const at = (file: string): string => path.join(folder, file);
  const [leaf, chain, fullchain] = await Promise.all(['cert.pem', 'chain.pem', 'fullchain.pem'].map((file) => readFile(at(file), 'utf8')));
  assert.equal(fullchain, `${leaf}${chain}`);
  const certificate = new X509Certificate(leaf ?? '');
  assert.deepEqual(namesOf(certificate), [...names].sort());
  assert.ok(certificate.checkPrivateKey(createPrivateKey(await readFile(at('privkey.pem')))), 'the key fits');
  const { stdout } = await run('openssl', ['verify', '-CAfile', roots, '-untrusted', at('chain.pem'), at('cert.pem')]);
  assert.match(stdout, /: OK\n$/);
  return certificate;
}

/** DNS names and IP addresses of a certificate, sorted. */
function namesOf({ subjectAltName }: X509Certificate): string[] {
  return (subjectAltName ?? '')
    .split(', ')
    .map((name) => name.replace(/^(DNS|IP Address):/, ''))
    .sort();
}
