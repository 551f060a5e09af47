/** What the tests of certificates share: openssl in a folder of its own, keys of every kind, a small world of CAs. */
import { execFileSync } from 'node:child_process';
import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { type CertificateContent, type CertificateSpec, createCertificate, readCertificate } from '../../src/pki/certificate.js';
import type { KeyType } from '../../src/pki/key-type.js';
import { servers } from '../support/servers.js';

export const NOW = Date.parse('2026-11-23T12:00:00Z');
export const DAY = 86_400_000;

let folder: string | undefined;
after(() => folder !== undefined && rmSync(folder, { recursive: true, force: true }));

/** A path in the folder of this test file, which goes when it ends. */
export function tmp(name: string): string {
  folder ??= mkdtempSync(path.join(tmpdir(), 'tscert-pki-'));
  return path.join(folder, name);
}

export function write(name: string, content: string | Uint8Array): string {
  writeFileSync(tmp(name), content);
  return tmp(name);
}

export function read(name: string): string {
  return readFileSync(tmp(name), 'utf8');
}

/** Runs openssl within the folder; gives what it said. A failure of openssl is one of the test. */
export function openssl(words: string, input?: string | Uint8Array): string {
  return opensslBytes(words, input).toString('utf8');
}

export function opensslBytes(words: string, input?: string | Uint8Array): Buffer {
  const options = { cwd: path.dirname(tmp('x')), stdio: ['pipe', 'pipe', 'pipe'] as ['pipe', 'pipe', 'pipe'] };
  return execFileSync(servers('openssl').openssl ?? 'openssl', words.split(' '), { ...options, ...(input !== undefined && { input }) });
}

const keys = new Map<string, KeyObject>();

/** A private key of this kind; with the same `n` the same one, for RSA takes its time. */
export function keyOf(type: KeyType, n = 0): KeyObject {
  const known = keys.get(`${type} ${n}`);
  if (known !== undefined) return known;
  const curve = { ec256: 'P-256', ec384: 'P-384', ec521: 'P-521' }[type as 'ec256'];
  const { privateKey } =
    type === 'ed25519'
      ? generateKeyPairSync('ed25519')
      : curve === undefined
        ? generateKeyPairSync('rsa', { modulusLength: Number(type.slice(3)) })
        : generateKeyPairSync('ec', { namedCurve: curve });
  keys.set(`${type} ${n}`, privateKey);
  return privateKey;
}

/** The kinds that are made quickly enough for tests. */
export const QUICK_KINDS: readonly KeyType[] = ['rsa2048', 'rsa3072', 'rsa4096', 'ec256', 'ec384', 'ec521', 'ed25519'];

/** A CA, or a leaf, of the small world. */
export interface Party {
  readonly key: KeyObject;
  readonly publicKey: KeyObject;
  readonly certificate: CertificateContent;
  readonly pem: string;
}

export type PartySpec = Partial<CertificateSpec> & { readonly key?: KeyObject };

/** A certificate for a key of its own, signed by `issuer` or by itself; valid from yesterday for 90 days unless the spec says else. */
export function party(
  commonName: string,
  issuer?: Party,
  { key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, ...spec }: PartySpec = {},
): Party {
  const { pem } = createCertificate(
    {
      commonName,
      names: [],
      serialNumber: randomBytes(16),
      notBefore: new Date(NOW - DAY),
      notAfter: new Date(NOW + 90 * DAY),
      ...spec,
    },
    key,
    issuer && { name: issuer.certificate.subject, key: issuer.key },
  );
  return { key, publicKey: createPublicKey(key), certificate: readCertificate(pem), pem };
}

/** A CA. */
export function authority(commonName: string, issuer?: Party, spec: PartySpec = {}): Party {
  return party(commonName, issuer, { isCa: true, usages: ['crl sign'], ...spec });
}
