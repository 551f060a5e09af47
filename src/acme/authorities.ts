/** The public CAs under their short names, and what is known about each; about any other directory nothing is presumed. */
import { KEY_TYPES, type KeyType } from '../pki/key-type.js';

export interface Authority {
  /** Short name on the command line. */
  readonly name: string;
  readonly title: string;
  readonly directory: string;
  /** Directory for EC keys where the CA keeps them apart. */
  readonly directoryForEc?: string;
  /** Short name of its staging twin. */
  readonly staging?: string;
  readonly keyTypes: readonly KeyType[];
  /** Why other key kinds are refused. */
  readonly keyRule: string;
  /** Wants an external account binding. */
  readonly eab: boolean;
  /** The profiles under which it certifies IP addresses; `undefined`: not known. */
  readonly ipProfiles?: readonly string[];
  /** Most names in one certificate, by profile; `*` stands for the rest. */
  readonly maxNames?: Readonly<Record<string, number>>;
  readonly mustStaple: boolean;
}

/** Let's Encrypt's integration guide: RSA 2048, 3072, 4096 and ECDSA P-256, P-384. */
const LETS_ENCRYPT_KEYS: readonly KeyType[] = ['rsa2048', 'rsa3072', 'rsa4096', 'ec256', 'ec384'];
/** The Baseline Requirements §6.1.1.3 allow no Ed25519 in any public TLS certificate. */
const PUBLIC_KEYS: readonly KeyType[] = KEY_TYPES.filter((type) => type !== 'ed25519');
const PUBLIC_RULE = 'no public CA may sign Ed25519 keys (CA/Browser Forum Baseline Requirements §6.1.1.3)';

const letsEncrypt = {
  keyTypes: LETS_ENCRYPT_KEYS,
  keyRule: "Let's Encrypt signs RSA keys of 2048, 3072 and 4096 bits and ECDSA keys on P-256 and P-384 only",
  eab: false,
  ipProfiles: ['shortlived'],
  maxNames: { tlsserver: 25, shortlived: 25, '*': 100 },
  mustStaple: false,
} as const;
const publicCa = { keyTypes: PUBLIC_KEYS, keyRule: PUBLIC_RULE, eab: true, mustStaple: true } as const;

export const AUTHORITIES: readonly Authority[] = [
  {
    ...letsEncrypt,
    name: 'letsencrypt',
    title: "Let's Encrypt",
    directory: 'https://acme-v02.api.letsencrypt.org/directory',
    staging: 'letsencrypt-staging',
  },
  {
    ...letsEncrypt,
    name: 'letsencrypt-staging',
    title: "Let's Encrypt (staging)",
    directory: 'https://acme-staging-v02.api.letsencrypt.org/directory',
  },
  { ...publicCa, name: 'zerossl', title: 'ZeroSSL', directory: 'https://acme.zerossl.com/v2/DV90' },
  {
    ...publicCa,
    name: 'google',
    title: 'Google Trust Services',
    directory: 'https://dv.acme-v02.api.pki.goog/directory',
    staging: 'google-staging',
  },
  {
    ...publicCa,
    name: 'google-staging',
    title: 'Google Trust Services (staging)',
    directory: 'https://dv.acme-v02.test-api.pki.goog/directory',
  },
  {
    ...publicCa,
    name: 'sslcom',
    title: 'SSL.com',
    directory: 'https://acme.ssl.com/sslcom-dv-rsa',
    directoryForEc: 'https://acme.ssl.com/sslcom-dv-ecc',
  },
  { ...publicCa, name: 'actalis', title: 'Actalis', directory: 'https://acme-api.actalis.com/acme/directory' },
];

/** The authority with this short name, in any case. */
export function findAuthority(name: string): Authority | undefined {
  return AUTHORITIES.find((authority) => authority.name === name.toLowerCase());
}

/** The authority behind a directory URL. */
export function authorityAt(directory: string): Authority | undefined {
  return AUTHORITIES.find((authority) => authority.directory === directory || authority.directoryForEc === directory);
}

/** The directory to use for a key of this kind. */
export function directoryFor(authority: Authority, keyType: KeyType): string {
  return keyType.startsWith('ec') ? (authority.directoryForEc ?? authority.directory) : authority.directory;
}

/** The most names that a certificate of this profile can carry, where that is known. */
export function maxNamesOf(authority: Authority, profile: string | undefined): number | undefined {
  return authority.maxNames?.[profile ?? '*'] ?? authority.maxNames?.['*'];
}
