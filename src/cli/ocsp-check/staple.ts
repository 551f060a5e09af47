/** The file from which a server staples: nginx's `ssl_stapling_file`, HAProxy's `.ocsp`. */
import type { OcspEvidence, RevocationReport } from '../../flow/revocation/evidence.js';
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
  const [newest] = report.evidence
    .filter((one): one is OcspEvidence & { status: 'good' } => one.kind === 'ocsp' && one.status === 'good')
    .filter(({ nextUpdate }) => nextUpdate === undefined || nextUpdate.getTime() > now)
    .sort((a, b) => b.thisUpdate.getTime() - a.thisUpdate.getTime());
  if (report.status !== 'good' || newest === undefined) {
    return { result: certificate.extensions.ocspUrls.length === 0 ? 'no-ocsp' : 'not-written', file };
  }
  await writeFiles(system, [{ file, text: newest.response, secret: false }], true);
  return { result: 'written', file, ...(newest.nextUpdate === undefined ? {} : { until: newest.nextUpdate }) };
}
