/** The certificate that issued another: one of those at hand, else the one that the certificate says where to find (RFC 5280 §4.2.2.1). */
import { TscertError } from '../../base/errors.js';
import type { GuardedHttp } from '../../net/guarded.js';
import { type CertificateContent, isIssuedBy, readCertificate, readCertificates } from '../../pki/certificate.js';
import type { Failure } from './evidence.js';
import { failureOf, statusFailure } from './failure.js';

export interface IssuerParts {
  /** Absent where nobody is to be asked. */
  readonly http?: Pick<GuardedHttp, 'request'> | undefined;
  readonly signal: AbortSignal;
}

/** The issuer, where it was found, and what stood in the way. */
export interface FoundIssuer {
  readonly issuer: CertificateContent | undefined;
  readonly failures: readonly Failure[];
}

/** The most octets of a certificate, or of a few of them in PEM. */
const MAX_BYTES = 262_144;

/**
 * Finds issuers; each URL is asked once.
 * @param candidates certificates that may have issued it: what has not signed it is passed over
 */
export function createIssuerFinder({
  http,
  signal,
}: IssuerParts): (certificate: CertificateContent, candidates: readonly CertificateContent[]) => Promise<FoundIssuer> {
  const fetched = new Map<string, Promise<readonly CertificateContent[]>>();
  const fetchOnce =
    http &&
    ((url: string): Promise<readonly CertificateContent[]> => {
      const known = fetched.get(url) ?? fetchCertificates(url, http, signal);
      fetched.set(url, known);
      return known;
    });
  return async (certificate, candidates) => {
    const near = candidates.find((one) => isIssuedBy(certificate, one));
    if (near !== undefined) return { issuer: near, failures: [] };
    const failures: Failure[] = [];
    const urls = certificate.extensions.caIssuerUrls.filter((url) => /^https?:/i.test(url));
    for (const url of urls) {
      if (fetchOnce === undefined) break;
      try {
        const found = (await fetchOnce(url)).find((one) => isIssuedBy(certificate, one));
        if (found !== undefined) return { issuer: found, failures };
        throw new TscertError('chain-invalid', `Cannot use the certificate at "${url}": it has not issued this one`, { data: { url } });
      } catch (error) {
        signal.throwIfAborted();
        failures.push(failureOf('issuer', { by: 'url', place: url }, error));
      }
    }
    if (failures.length === 0) failures.push({ kind: 'issuer', reason: 'issuer-missing', message: missing(urls.length > 0) });
    return { issuer: undefined, failures };
  };
}

function missing(isNamed: boolean): string {
  const why = isNamed ? 'it is not at hand, and nobody is asked for it' : 'it is not at hand, and the certificate does not say where it is';
  return `Cannot find the certificate of the issuer: ${why}; give it with --issuer FILE`;
}

/** One in DER, or all of a PEM text. */
async function fetchCertificates(
  url: string,
  http: Pick<GuardedHttp, 'request'>,
  signal: AbortSignal,
): Promise<readonly CertificateContent[]> {
  const { status, headers, body } = await http.request({ method: 'GET', url, maxBytes: MAX_BYTES, signal });
  if (status !== 200) throw statusFailure(url, status, headers);
  return body.includes('-----BEGIN ') ? readCertificates(body.toString('latin1')) : [readCertificate(body)];
}
