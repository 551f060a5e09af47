/** How options become Requests on this machine: which directory a name means, what a CSR file asks for. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { AUTHORITIES, directoryFor, findAuthority } from '../acme/authorities.js';
import { isTscertError, TscertError } from '../base/errors.js';
import { parseName } from '../base/names.js';
import { nearest } from '../base/nearest.js';
import { readCsr } from '../pki/csr.js';
import { DEFAULT_KEY_TYPE, type KeyType } from '../pki/key-type.js';
import type { BuildHelp } from '../request/build.js';
import { specOf } from '../request/csr-spec.js';
import type { CertificateSpec } from '../request/request.js';
import { reasonOf } from '../store/files.js';
import type { System } from './system.js';

/** @param dryRun where a CA has a staging directory, the run goes there */
export function buildHelp(system: System, dryRun = false): BuildHelp {
  return {
    now: system.clock.now(),
    directoryOf: (server, staging, keyType) => directoryOf(server, { staging, dryRun, keyType: keyType ?? DEFAULT_KEY_TYPE }),
    readCsr: (file) => wantedBy(readFile(path.resolve(system.cwd, file)), file),
  };
}

/**
 * The directory that a short name or a URL means.
 * @throws {TscertError} `request-invalid`
 */
function directoryOf(server: string, { staging, dryRun, keyType }: { staging: boolean; dryRun: boolean; keyType: KeyType }): string {
  const authority = findAuthority(server);
  if (authority === undefined) return directoryUrl(server, staging);
  if (!(staging || dryRun) || authority.name.endsWith('-staging')) return directoryFor(authority, keyType);
  const twin = authority.staging === undefined ? undefined : findAuthority(authority.staging);
  if (twin !== undefined) return directoryFor(twin, keyType);
  throw new TscertError(
    'request-invalid',
    `Cannot ${staging ? 'use' : 'try this with'} the staging directory of ${authority.title}: it has none`,
    { data: { server } },
  );
}

function directoryUrl(server: string, staging: boolean): string {
  const url = URL.canParse(server) ? new URL(server) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    const known = AUTHORITIES.map(({ name }) => name);
    const meant = nearest(server, known);
    throw new TscertError(
      'request-invalid',
      `Cannot use "${server}" as an ACME server: it is no URL and none of ${known.join(', ')}${meant === undefined ? '' : ` (did you mean ${meant}?)`}`,
      { data: { server, known } },
    );
  }
  if (url.protocol === 'http:') {
    throw new TscertError('request-invalid', `Cannot use "${server}" as an ACME server: its URL must begin with https:// (RFC 8555 §6.1)`, {
      data: { server },
    });
  }
  if (staging)
    throw new TscertError(
      'request-invalid',
      `Cannot use the staging directory of "${server}": only known CAs have one; give its URL with --server`,
      { data: { server } },
    );
  return url.href;
}

/** What a CSR asks for; an old one may have its name in the common name alone. */
function wantedBy(bytes: Buffer, file: string): CertificateSpec {
  const spec = specIn(bytes, file);
  if (spec.names.length > 0) return spec;
  if (spec.commonName !== undefined) return { ...spec, names: [parseName(spec.commonName)] };
  throw new TscertError('csr-invalid', `Cannot use the CSR "${file}": it asks for no names`, { data: { file } });
}

function specIn(bytes: Buffer, file: string): CertificateSpec {
  try {
    return specOf(readCsr(bytes));
  } catch (error) {
    if (!isTscertError(error)) throw error;
    throw new TscertError(error.code, `${error.message} (in "${file}")`, { data: { ...error.data, file }, cause: error });
  }
}

function readFile(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new TscertError('file-unreadable', `Cannot read the CSR "${file}": ${reasonOf(error)}`, { data: { file }, cause: error });
  }
}
