/** What `ocsp-check` is about: certificates of files, of the store and of servers, with what came along. */
import { lstat } from 'node:fs/promises';
import path from 'node:path';
import { TscertError } from '../../base/errors.js';
import { nearest } from '../../base/nearest.js';
import type { RevocationSubject } from '../../flow/revocation/check.js';
import type { StartTls } from '../../net/starttls.js';
import { handshake } from '../../net/tls.js';
import { type CertificateContent, readCertificate, readCertificates } from '../../pki/certificate.js';
import { splitDer } from '../../pki/kind.js';
import { storedNameIn } from '../../store/name.js';
import type { Store } from '../../store/store.js';
import type { Context } from '../context.js';
import { readBytes } from '../files.js';

/** A certificate to check. */
export interface Target {
  /** As it was asked for. */
  readonly name: string;
  readonly of: 'stored' | 'file' | 'server' | 'secret';
  readonly subject: RevocationSubject;
}

export interface TargetParts {
  readonly store: Store;
  /** The names in the store. */
  readonly names: readonly string[];
  /** Certificates that may have issued any of them. */
  readonly issuers: readonly CertificateContent[];
  readonly starttls: StartTls | undefined;
  /** True where nobody is to be asked. */
  readonly isOffline: boolean;
}

const SERVER = /^(\[[0-9a-fA-F:.]+\]|[^:/\\\s]+):\d{1,5}$/;
/** How long a server may take for a handshake, in milliseconds. */
const HANDSHAKE_TIME = 10_000;

/**
 * Finds one: a stored name goes before a file of the same name, and a file before a server.
 * @throws {TscertError} `usage` when it is none of them, `store-damaged`, `file-unreadable`, `certificate-invalid`, `pem-invalid`, and what
 *   {@link handshake} throws
 */
export async function findTarget(target: string, context: Context, parts: TargetParts): Promise<Target> {
  const { system } = context;
  if (target.startsWith('secret:')) return inSecret(target, context, parts);
  const name = storedNameIn(target);
  if (name !== undefined && parts.names.includes(name)) {
    const stored = await parts.store.load(name);
    if (stored !== undefined)
      return targetOf(target, 'stored', [...readCertificates(stored.certificate), ...readCertificates(stored.chain)], parts);
  }
  const isThere = target === '-' || (await exists(path.resolve(system.cwd, target)));
  if (!isThere && SERVER.test(target)) return atServer(target, context, parts);
  if (!isThere && !/[/\\]|\.(pem|crt|cer|der)$/i.test(target)) throw unknownTarget(target, parts.names);
  return targetOf(target, 'file', readAll(await readBytes(system, target)), parts);
}

async function inSecret(target: string, context: Context, parts: TargetParts): Promise<Target> {
  const [{ fetchSecretTarget }, { textOf }] = await Promise.all([
    import('../secret-target.js'),
    import('../../kubernetes/secret/object.js'),
  ]);
  const secret = await fetchSecretTarget(context, target);
  const chain = ['tls.crt', 'ca.crt'].flatMap((key) => readCertificates(textOf(secret, key) ?? ''));
  return targetOf(target, 'secret', chain, parts);
}

async function atServer(target: string, { signal }: Context, parts: TargetParts): Promise<Target> {
  if (parts.isOffline) {
    throw new TscertError('usage', `Cannot check the server "${target}": nobody is asked with --offline or --at`, {
      data: { target },
    });
  }
  const { starttls } = parts;
  const served = await handshake(target, { timeout: HANDSHAKE_TIME, signal, ...(starttls === undefined ? {} : { starttls }) });
  const chain = served.chain.map((der) => readCertificate(der));
  const found = targetOf(target, 'server', chain, parts);
  if (served.staple === undefined) return found;
  return { ...found, subject: { ...found.subject, staple: { response: served.staple, place: target } } };
}

/** @param chain leaf first, unless another order is plain */
function targetOf(name: string, of: Target['of'], chain: readonly CertificateContent[], { issuers }: TargetParts): Target {
  const certificate = of === 'file' ? (chain.find(({ extensions }) => !extensions.isCa) ?? chain[0]) : chain[0];
  if (certificate === undefined) {
    throw new TscertError('certificate-invalid', `Cannot check "${name}": there is no certificate`, { data: { target: name } });
  }
  const others = [...chain.filter((one) => one !== certificate), ...issuers];
  return { name, of, subject: { certificate, others } };
}

/**
 * All certificates of a file: a PEM text, or DER, several in a row too.
 * @throws {TscertError} `certificate-invalid`, `pem-invalid`
 */
export function readAll(bytes: Buffer): CertificateContent[] {
  if (bytes[0] === 0x30) return splitDer(bytes).map((der) => readCertificate(der));
  return readCertificates(bytes.toString('utf8').replace(/^\ufeff/, ''));
}

function exists(file: string): Promise<boolean> {
  return lstat(file).then(
    () => true,
    () => false,
  );
}

function unknownTarget(target: string, names: readonly string[]): TscertError {
  const meant = nearest(target, names);
  const suggestion = meant === undefined ? '' : ` (did you mean ${meant}?)`;
  return new TscertError(
    'usage',
    `Cannot find "${target}": no certificate is stored under this name, there is no such file, and it is not HOST:PORT${suggestion}`,
    { data: { target } },
  );
}
