/** The subject of a certificate (RFC 5280 §4.1.2.6). */

/**
 * What stands in the subject beside the common name: one list an attribute, under cert-manager's words; or `literal`, the whole
 * subject as an RFC 4514 string, which excludes the lists and a common name.
 */
export interface Subject {
  readonly countries?: readonly string[];
  readonly organizations?: readonly string[];
  readonly organizationalUnits?: readonly string[];
  readonly localities?: readonly string[];
  readonly provinces?: readonly string[];
  readonly streetAddresses?: readonly string[];
  readonly postalCodes?: readonly string[];
  readonly serialNumber?: string;
  /** PKCS#9 emailAddress attributes, as cfssl's `E`. */
  readonly emailAddresses?: readonly string[];
  /** RFC 4514: `CN=example.com,O=Example\, Inc.,C=DE`, most specific attribute first. */
  readonly literal?: string;
}
