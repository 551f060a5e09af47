/** Real files for the properties: keys, certificates and requests with everything in them. */
import { generateKeyPairSync } from 'node:crypto';
import { createAcmeIdentifierCertificate } from '../../src/pki/acme-identifier.js';
import { createCertificate } from '../../src/pki/certificate.js';
import { createCsr } from '../../src/pki/csr.js';
import { keyOf, NOW } from './support.js';

export const EVERYTHING = {
  commonName: 'example.com',
  subject: { organizations: ['Exämple, Inc.', 'Two'], countries: ['DE'], serialNumber: '12', extra: [{ oid: '1.2.3.4', value: 'x' }] },
  names: [
    { type: 'dns', value: '*.example.com' },
    { type: 'ip', value: '192.0.2.1' },
    { type: 'ip', value: '2001:db8::1' },
    { type: 'email', value: 'me@example.com' },
    { type: 'uri', value: 'spiffe://example.com/a' },
    { type: 'other', oid: '1.3.6.1.4.1.311.20.2.3', value: 'me@example.com' },
  ],
  usages: ['digital signature', 'server auth', 'any'],
  isCa: true,
  pathLength: 1,
  nameConstraints: {
    critical: true,
    permitted: { dnsDomains: ['a.b'], ipRanges: ['10.0.0.0/8', '2001:db8::/32'] },
    excluded: { uriDomains: ['c'] },
  },
  mustStaple: true,
} as const;

const DATES = { serialNumber: Buffer.alloc(16, 0xab), notBefore: new Date(NOW), notAfter: new Date(NOW + 1e12) };
const URLS = { ocspUrls: ['http://a.b/'], caIssuerUrls: ['http://a.b/c'], crlUrls: ['http://a.b/d'] };
export const KEYS = [
  keyOf('rsa2048'),
  keyOf('ec256'),
  keyOf('ec384'),
  keyOf('ec521'),
  keyOf('ed25519'),
  generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey,
];
const SIGNING = KEYS.slice(0, 5);
export const CERTIFICATES = SIGNING.map((key) => createCertificate({ ...EVERYTHING, ...DATES, ...URLS }, key));
export const ACME = createAcmeIdentifierCertificate({ identifier: { type: 'dns', value: 'a.b' }, digest: Buffer.alloc(32) }, NOW);
export const CSRS = SIGNING.map((key) => createCsr(EVERYTHING, key));
export const bytesOf = (texts: readonly string[]): Buffer[] => texts.map((text) => Buffer.from(text));
