/** A private CA with a responder and a CRL, and a server that staples: what docs/revocation.md asks about. */
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import tls from 'node:tls';
import { parseName } from '../../src/base/names.js';
import { certIdsOf } from '../../src/pki/ocsp-cert-id.js';
import { respondingCa, startRevocationServer } from '../flow/revocation/world.js';
import { createCrl } from '../pki/crl-builder.js';
import { forge } from '../pki/ocsp-forge.js';
import { HOUR } from '../pki/ocsp-world.js';

export interface DocsRevocation {
  /** Of the server that staples, on 127.0.0.1. */
  readonly port: number;
  close(): Promise<void>;
}

/** Starts it, and puts the files of the page into a folder. */
export async function startDocsRevocation(folder: string): Promise<DocsRevocation> {
  const now = Date.now();
  const server = await startRevocationServer();
  const own = respondingCa(server, 'docs', now);
  const crlUrls = [`${server.url}/ca.crl`];
  const leaf = own.leaf('www', { names: [parseName('www.example.com')], crlUrls });
  const listed = own.leaf('api', { names: [parseName('api.example.com')], ocspUrls: [], crlUrls });
  const revoked = own.leaf('old', { names: [parseName('old.example.com')], crlUrls });
  own.states.set(revoked.certificate.serialNumber, { at: now - HOUR, reason: 1 });
  const entries = [{ serialNumber: BigInt(`0x${revoked.certificate.serialNumber}`), revokedAt: new Date(now - HOUR), reason: 1 }];
  const crl = createCrl({ issuer: own.ca, thisUpdate: new Date(now - HOUR), nextUpdate: new Date(now + 24 * HOUR), entries });
  server.on('/ca.crl', () => ({ body: crl }));
  const { serialNumber } = leaf.certificate;
  const response = forge({
    issuer: own.ca.certificate,
    serialNumber,
    signer: { key: own.ca.key, certificate: own.ca.certificate },
    producedAt: now,
    singles: [{ id: certIdsOf(own.ca.certificate).der(serialNumber, 'sha1'), thisUpdate: now - HOUR, nextUpdate: now + 24 * HOUR }],
  });
  const files: Readonly<Record<string, string | Uint8Array>> = {
    'cert.pem': leaf.pem,
    'fullchain.pem': leaf.pem + own.ca.pem,
    'api.pem': listed.pem + own.ca.pem,
    'old.pem': revoked.pem + own.ca.pem,
    'ca.pem': own.ca.pem,
    'ca.crl': crl,
    'response.der': response,
  };
  for (const [name, content] of Object.entries(files)) await writeFile(path.join(folder, name), content);
  const secure = tls.createServer({ cert: leaf.pem + own.ca.pem, key: leaf.key.export({ type: 'pkcs8', format: 'pem' }) });
  secure.on('OCSPRequest', (_certificate, _issuer, done: (error: Error | null, answer: Buffer) => void) => done(null, response));
  secure.on('tlsClientError', () => {});
  secure.listen(0, '127.0.0.1');
  await once(secure, 'listening');
  return {
    port: (secure.address() as AddressInfo).port,
    async close() {
      secure.close();
      await server.close();
    },
  };
}
