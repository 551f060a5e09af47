/** Which generations of a certificate were revoked: one record a certificate (`revoked:NAME`), for those who go back to an older one. */
import { TscertError } from '../base/errors.js';
import type { Json } from '../base/json.js';
import type { Records } from './store.js';

export interface RevokedCertificate {
  /** SHA-256 of the certificate's DER, lower-case hex. */
  readonly fingerprint: string;
  /** RFC 3339. */
  readonly at: string;
  /** A word of RFC 5280 §5.3.1, as `keyCompromise`. */
  readonly reason: string;
}

const VERSION = 1;
/** More generations than anybody keeps. */
const MOST = 100;
const keyOf = (name: string): string => `revoked:${name}`;

/**
 * The generations of a certificate that were revoked, newest last.
 * @throws {TscertError} `store-damaged`
 */
export async function readRevoked(name: string, records: Pick<Records, 'get'>): Promise<readonly RevokedCertificate[]> {
  const record = await records.get('ledger', keyOf(name));
  if (record === undefined) return [];
  const fault = (reason: string): TscertError =>
    new TscertError('store-damaged', `Cannot tell which generations of "${name}" were revoked: ${reason}`, {
      data: { name, record: keyOf(name) },
    });
  if (!isObject(record)) throw fault('its record is damaged');
  const { version, certificates } = record;
  if (version !== VERSION) throw fault(`its record has the unknown version ${JSON.stringify(version)} (of a later tscert?)`);
  if (!Array.isArray(certificates) || !certificates.every(isRevoked)) throw fault('its record is damaged');
  return certificates as unknown as readonly RevokedCertificate[];
}

/** Writes them, under the lock of the certificate; the newest are kept. */
export async function writeRevoked(
  name: string,
  certificates: readonly RevokedCertificate[],
  records: Pick<Records, 'put'>,
): Promise<void> {
  await records.put('ledger', keyOf(name), { version: VERSION, certificates: certificates.slice(-MOST).map((one) => ({ ...one })) });
}

function isRevoked(value: Json): boolean {
  return isObject(value) && [value.fingerprint, value.at, value.reason].every((text) => typeof text === 'string');
}

function isObject(value: Json): value is { readonly [key: string]: Json | undefined } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
