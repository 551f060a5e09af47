/** From where the CRLs of a certificate, or the delta CRLs to a CRL, are to be fetched. */
import { ALL_REASONS, type ReasonMask } from './crl-reason.js';
import { type DistributionPoint, urlsOf } from './distribution-point.js';

/** A distribution point as something to fetch. */
export interface CrlAddress {
  /** http and https, in the order of the certificate: any one will do. */
  readonly urls: readonly string[];
  /** The reasons that the CRL there is kept for. */
  readonly reasons: ReasonMask;
}

export interface SkippedPoint {
  /** Undefined for a point that names no URL at all. */
  readonly url: string | undefined;
  readonly code: 'scheme' | 'indirect' | 'no-url';
  /** Goes on after "because". */
  readonly words: string;
}

export interface CrlAddresses {
  readonly addresses: readonly CrlAddress[];
  readonly skipped: readonly SkippedPoint[];
}

/** Sorts the points into what can be fetched and what cannot: LDAP and other schemes, other issuers' CRLs, points without a URL. */
export function crlAddressesOf(points: readonly DistributionPoint[]): CrlAddresses {
  const addresses: CrlAddress[] = [];
  const skipped: SkippedPoint[] = [];
  for (const point of points) {
    const all = urlsOf(point);
    const urls = all.filter((url) => /^https?:\/\//i.test(url));
    if (point.crlIssuer !== undefined) {
      const words = 'an indirect CRL, signed by another than the issuer of the certificate, is not supported';
      skipped.push({ url: all[0], code: 'indirect', words });
      continue;
    }
    if (all.length === 0) skipped.push({ url: undefined, code: 'no-url', words: 'the distribution point names no URL' });
    for (const url of all.filter((each) => !urls.includes(each))) skipped.push({ url, code: 'scheme', words: schemeWords(url) });
    if (urls.length > 0) addresses.push({ urls, reasons: point.reasons ?? ALL_REASONS });
  }
  return { addresses, skipped };
}

function schemeWords(url: string): string {
  const scheme = /^[a-z][a-z0-9+.-]*(?=:)/i.exec(url)?.[0].toLowerCase();
  return scheme === undefined ? 'it is no URL' : `CRLs are fetched by http and https only, not by ${scheme}`;
}
