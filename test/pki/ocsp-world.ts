/** A CA with certificates, and `openssl ocsp` as its responder: it answers a request of ours from an index file, without a network. */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type CertificateContent, readCertificate } from '../../src/pki/certificate.js';
import type { KeyType } from '../../src/pki/key-type.js';
import { createOcspRequest, type OcspRequest } from '../../src/pki/ocsp-request.js';
import { servers } from '../support/servers.js';
import { authority, keyOf, openssl, type Party, type PartySpec, party, tmp, write } from './support.js';

/** Openssl looks at the clock of the machine. */
export const TODAY = Math.floor(Date.now() / 1000) * 1000;
export const HOUR = 3_600_000;

/** Kinds of keys with which responses are signed; RSA-PSS is an RSA key that may sign no other way. */
export const OCSP_KINDS: readonly (KeyType | 'rsa-pss')[] = ['rsa2048', 'rsa3072', 'ec256', 'ec384', 'ec521', 'ed25519', 'rsa-pss'];

/** Files of a certificate and of its key. */
export interface Files {
  readonly certificate: string;
  readonly key: string;
  readonly content: CertificateContent;
}

const DATES = { notBefore: new Date(TODAY - 48 * HOUR), notAfter: new Date(TODAY + 240 * HOUR) };

/** A party of today, in files. */
export function files(name: string, made: Party): Files {
  return {
    certificate: write(`${name}.pem`, made.pem),
    key: write(`${name}.key`, made.key.export({ type: 'pkcs8', format: 'pem' })),
    content: made.certificate,
  };
}

/** A CA of today; with the same `name` another key all the same. */
export function ocspCa(name: string, spec: PartySpec = {}): Party {
  return authority(name, undefined, { ...DATES, ...spec });
}

/** What a CA of today has issued. */
export function ocspLeaf(name: string, issuer: Party, spec: PartySpec = {}): Party {
  return party(name, issuer, { ...DATES, serialNumber: randomBytes(8), ...spec });
}

/** A delegate for signing responses. */
export function ocspDelegate(name: string, issuer: Party, spec: PartySpec = {}): Party {
  return ocspLeaf(name, issuer, { usages: ['digital signature', 'ocsp signing'], ...spec });
}

/** CA and leaf with keys of a kind. */
export function worldOf(kind: KeyType | 'rsa-pss'): { readonly ca: Files; readonly leaf: Files } {
  if (kind === 'rsa-pss') return pssWorld();
  const ca = ocspCa(`CA ${kind}`, { key: keyOf(kind) });
  return { ca: files(`ca-${kind}`, ca), leaf: files(`leaf-${kind}`, ocspLeaf('leaf', ca)) };
}

/** By openssl alone: tscert reads RSA-PSS but never makes it. */
function pssWorld(): { readonly ca: Files; readonly leaf: Files } {
  const read = (name: string): Files => ({
    certificate: tmp(`${name}.pem`),
    key: tmp(`${name}.key`),
    content: readCertificate(readFileSync(tmp(`${name}.pem`))),
  });
  const key = '-newkey rsa-pss -pkeyopt rsa_keygen_bits:2048 -nodes';
  openssl(`req -x509 ${key} -subj /CN=PSS -days 10 -sha256 -keyout pss-ca.key -out pss-ca.pem`);
  openssl(`req ${key} -subj /CN=leaf -keyout pss-leaf.key -out pss-leaf.csr`);
  openssl('x509 -req -in pss-leaf.csr -CA pss-ca.pem -CAkey pss-ca.key -set_serial 0x7777 -days 9 -out pss-leaf.pem');
  return { ca: read('pss-ca'), leaf: read('pss-leaf') };
}

/** One line of openssl's index; `revoked` is the reason in openssl's words, or none. */
export function indexLine(certificate: CertificateContent, revoked?: { readonly at: number; readonly reason?: string }): string {
  const time = (at: number): string => `${new Date(at).toISOString().slice(2, 19).replaceAll(/[-:T]/g, '')}Z`;
  const when = revoked === undefined ? '' : `${time(revoked.at)}${revoked.reason === undefined ? '' : `,${revoked.reason}`}`;
  const serial = certificate.serialNumber.toUpperCase();
  return `${revoked === undefined ? 'V' : 'R'}\t${time(certificate.notAfter.getTime())}\t${when}\t${serial}\tunknown\t/CN=${serial}\n`;
}

export interface Answering {
  readonly ca: Files;
  /** The CA itself unless given. */
  readonly signer?: Files;
  readonly index: string;
  readonly request: Omit<OcspRequest, 'issuer' | 'hash'> & Partial<Pick<OcspRequest, 'hash'>>;
  /** More options of `openssl ocsp`. */
  readonly more?: string;
}

/** What `openssl ocsp` answers to our request, DER. */
export function answer({ ca, signer = ca, index, request, more = '-nmin 60' }: Answering): Buffer {
  const asked = write('request.der', createOcspRequest({ hash: 'sha1', ...request, issuer: ca.content }));
  const sign = `-rsigner ${signer.certificate} -rkey ${signer.key}`;
  openssl(
    `ocsp -index ${write('index.txt', index)} -CA ${ca.certificate} ${sign} -reqin ${asked} -respout ${tmp('response.der')} ${more}`.trim(),
  );
  return readFileSync(tmp('response.der'));
}

/** What openssl thinks of a response as of now: good, revoked or unknown only where it verifies and its times fit. */
export function opensslVerdict(response: Uint8Array, ca: Files, leaf: Files): 'good' | 'revoked' | 'unknown' | 'refused' {
  const file = write('judged.der', response);
  const asked = `-issuer ${ca.certificate} -cert ${leaf.certificate} -no_nonce`;
  const { stdout, stderr } = spawnSync(
    servers('openssl').openssl ?? 'openssl',
    `ocsp -respin ${file} ${asked} -CAfile ${ca.certificate} -no-CApath -no-CAstore`.split(' '),
    { encoding: 'utf8' },
  );
  if (!stderr.includes('Response verify OK') || /WARNING|Verify Failure|error/i.test(stderr)) return 'refused';
  return (/^\S+: (good|revoked|unknown)$/m.exec(stdout)?.[1] ?? 'refused') as 'good' | 'revoked' | 'unknown' | 'refused';
}
