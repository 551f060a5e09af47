/** The file from which a server staples: nginx's `ssl_stapling_file`, HAProxy's `.ocsp`. */
import type { RevocationReport } from '../../flow/revocation/evidence.js';
import { stapleOf } from '../../flow/revocation/staple.js';
import type { CertificateContent } from '../../pki/certificate.js';
import { writeFiles } from '../files.js';
import type { System } from '../system.js';

export type StapleOutcome =
  | { readonly result: 'written'; readonly file: string; readonly until?: Date }
  /** The CA has no OCSP: there is nothing to staple, and nobody demands it. */
  | { readonly result: 'no-ocsp'; readonly file: string }
  /** No response is good, believed and in time; what stands there stays. */
  | { readonly result: 'not-written'; readonly file: string };

/**
 * Writes the newest response that is good, in one step.
 * @param file where to
 * @param now milliseconds since the epoch
 * @throws {TscertError} `file-unwritable`
 */
export async function writeStaple(
  file: string,
  { certificate, report }: { readonly certificate: CertificateContent; readonly report: RevocationReport },
  { system, now }: { readonly system: System; readonly now: number },
): Promise<StapleOutcome> {
  const newest = stapleOf(report, now);
  if (newest === undefined) {
    return { result: certificate.extensions.ocspUrls.length === 0 ? 'no-ocsp' : 'not-written', file };
  }
  await writeFiles(system, [{ file, text: newest.response, secret: false }], true);
  return { result: 'written', file, ...(newest.nextUpdate === undefined ? {} : { until: newest.nextUpdate }) };
}
