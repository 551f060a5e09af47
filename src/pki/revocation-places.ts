/** Where a certificate says that it can be asked whether it was revoked. */
import type { CertificateContent } from './certificate.js';
import { type CrlAddresses, crlAddressesOf } from './crl-urls.js';

export interface RevocationPlaces extends CrlAddresses {
  /** OCSP responders, by http and https, each once. */
  readonly responders: readonly string[];
  /** Responders that are named by another kind of URL. */
  readonly strange: readonly string[];
  /** Its CA says that there is nothing to ask (noRevAvail, RFC 9608). */
  readonly hasNone: boolean;
}

const NO_REVOCATION = '2.5.29.56';

export function revocationPlacesOf({ extensions }: CertificateContent): RevocationPlaces {
  const urls = [...new Set(extensions.ocspUrls)];
  const isHttp = (url: string): boolean => /^https?:\/\//i.test(url) && URL.canParse(url);
  return {
    responders: urls.filter(isHttp),
    strange: urls.filter((url) => !isHttp(url)),
    ...crlAddressesOf(extensions.crlPoints),
    hasNone: extensions.all.some(({ oid }) => oid === NO_REVOCATION),
  };
}

/** True when there is somebody to ask. */
export function isRevocable(certificate: CertificateContent): boolean {
  const { responders, addresses } = revocationPlacesOf(certificate);
  return responders.length + addresses.length > 0;
}
