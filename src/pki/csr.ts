/** Certification requests (PKCS#10, RFC 2986). */

/** A certification request in both of its forms. */
export interface Csr {
  readonly der: Buffer;
  /** `CERTIFICATE REQUEST`, with a line feed at the end. */
  readonly pem: string;
}
