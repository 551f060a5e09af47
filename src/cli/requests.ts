/** How options become Requests on this machine: which directory a name means, what a CSR file asks for. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { AUTHORITIES, directoryFor, findAuthority } from '../acme/authorities.js';
import { isTscertError, TscertError } from '../base/errors.js';
import { parseName } from '../base/names.js';
import { nearest } from '../base/nearest.js';
import { readCsr } from '../pki/csr.js';
import { DEFAULT_KEY_TYPE, type KeyType } from '../pki/key-type.js';
import type { BuildHelp, CaOptions } from '../request/build.js';
import { specOf } from '../request/csr-spec.js';
import type { CertificateSpec } from '../request/request.js';
import { reasonOf } from '../store/files.js';
import type { System } from './system.js';

/**
 * @param dryRun where a CA has a staging directory, the run goes there
 * @param inCluster everything is kept in a cluster
 */
export function buildHelp(system: System, dryRun = false, inCluster = false): BuildHelp {
  const known = new Map<string, ReturnType<typeof directoriesOf>>();
  return {
    now: system.clock.now(),
    inCluster,
    directoriesOf(ca) {
      const key = JSON.stringify(ca);
      const found = known.get(key) ?? directoriesOf(ca, dryRun);
      known.set(key, found);
      return found;
    },
    readCsr: (file) => wantedBy(readFile(path.resolve(system.cwd, file)), file),
  };
}

/**
 * The directories that a short name or a URL means.
 * @throws {TscertError} `request-invalid`
 */
function directoriesOf(
  { server, stagingServer, staging: isStaging, keyType = DEFAULT_KEY_TYPE }: CaOptions,
  dryRun: boolean,
): { directory: string; staging?: string } {
  const authority = findAuthority(server);
  const twin = authority?.staging === undefined ? undefined : findAuthority(authority.staging);
  const given = stagingServer === undefined ? undefined : directoryAt(stagingServer, keyType);
  const staging = given ?? (twin === undefined ? undefined : directoryFor(twin, keyType));
  const directory = directoryAt(server, keyType);
  if (authority?.name.endsWith('-staging') === true) return { directory };
  if (staging === undefined) {
    if (!isStaging && !(dryRun && authority !== undefined)) return { directory };
    const why =
      authority === undefined ? 'only known CAs have one; give its URL with --staging-server, or with --server alone' : 'it has none';
    const ca = authority?.title ?? `"${server}"`;
    throw new TscertError('request-invalid', `Cannot ${isStaging ? 'use' : 'try this with'} the staging directory of ${ca}: ${why}`, {
      data: { server },
    });
  }
  return isStaging || dryRun ? { directory: staging } : { directory, staging };
}

/** The directory of one server: a short name, or a URL. */
function directoryAt(server: string, keyType: KeyType): string {
  const authority = findAuthority(server);
  if (authority !== undefined) return directoryFor(authority, keyType);
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
