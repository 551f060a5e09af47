/** The last link: what a server sends. */
import { type CertificateContent, readCertificate } from '../../pki/certificate.js';
import type { Read } from './attempt.js';
import { nameOf } from './certificate-links.js';
import { clause } from './grant.js';
import { broken, type Link, ok } from './link.js';

/** A handshake with a server, `HOST:PORT`; what it sent, DER, leaf first. */
export interface Probed {
  readonly target: string;
  readonly chain: Read<readonly Buffer[]>;
}

/** @param holder what the certificate stands in, in words */
export function servedLink({ target, chain }: Probed, leaf: CertificateContent, holder: string): Link {
  if (chain.error !== undefined) return broken('served', clause(chain.error), `look whether ${target} is up, and reached from here`);
  const [sent] = chain.value;
  if (sent === undefined) return broken('served', `${target} sends no certificate`);
  if (sent.equals(leaf.der)) return ok('served', `${target} sends it`);
  const other = readOrNothing(sent);
  const words =
    other === undefined
      ? 'something that is no certificate'
      : `${nameOf(other)}, serial number ${other.serialNumber}, valid until ${other.notAfter.toISOString()}`;
  return broken(
    'served',
    `${target} sends another one than ${holder} holds: ${words}`,
    'have it read its files anew: a reload, or a restart of its Pods; see also whether it is the server that was meant',
  );
}

function readOrNothing(der: Buffer): CertificateContent | undefined {
  try {
    return readCertificate(der);
  } catch {
    return undefined;
  }
}
