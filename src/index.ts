/**
 * tscert as a library: what its commands call, typed and narrow. Everything else is internal and changes without notice.
 *
 *     import { issue } from 'tscert';
 *     const { stored } = await issue({ domains: ['example.com'], dns: ['route53'], email: 'admin@example.com', agreeTos: true });
 */
export { type ErrorCode, isTscertError, TscertError } from './base/errors.js';
export type { Event } from './base/events.js';
export { type GeneralName, parseName } from './base/names.js';
export { type IssueResult, issue, issueMany } from './cli/library.js';
export type {
  CertificateEntry,
  Configuration,
  DeployEntry,
  DnsEntry,
  FileAccess,
  IssueOptions,
  SecretReference,
  ServerEntry,
} from './cli/library-options.js';
export type { Outcome } from './flow/outcome.js';
export { type CertificateContent, readCertificate, readCertificates } from './pki/certificate.js';
export { type Csr, type CsrContent, type CsrSpec, createCsr, readCsr } from './pki/csr.js';
export { encodePrivateKey, generateKey } from './pki/key.js';
export { readPrivateKey } from './pki/key-reader.js';
export type { KeyType } from './pki/key-type.js';
