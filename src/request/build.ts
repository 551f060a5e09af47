/** Options become Requests: flags before the entry of the configuration file before its top; one way for every door. */

import { parseDuration } from '../base/duration.js';
import { TscertError } from '../base/errors.js';
import { nameKey, parseDnsName, parseName } from '../base/names.js';
import { DEFAULT_KEY_TYPE, type KeyType, parseKeyType } from '../pki/key-type.js';
import { type CertificateOptions, type ConfigOptions, RUN_KEYS } from './options.js';
import type {
  AcmeRequest,
  CertificateRequest,
  CertificateSpec,
  DnsOptions,
  IssuerRequest,
  RevocationRequest,
  SecretRef,
  SolverRequest,
} from './request.js';
import { secretNameOf } from './secrets.js';
import { signerOf } from './signer.js';
import { buildTargets, checkPath } from './targets.js';

/** What building needs from outside: the time, the CAs, and the CSR files that options name. */
export interface BuildHelp {
  /** Milliseconds since the epoch; a `notAfter` given as a duration counts from here. */
  readonly now: number;
  /** The directory that a CA's short name or URL means, and its staging directory, which is the first one when it shall be used. */
  directoriesOf(ca: CaOptions): { readonly directory: string; readonly staging?: string };
  /** Everything is kept in a cluster: a certificate whose Secret nobody names goes to the one of its own name. */
  readonly inCluster?: boolean;
  /** What an existing CSR asks for. */
  readCsr(file: string): CertificateSpec;
}

/** Which CA is meant. */
export interface CaOptions {
  /** Short name or URL. */
  readonly server: string;
  readonly stagingServer?: string;
  /** Use the staging directory. */
  readonly staging: boolean;
  readonly keyType?: KeyType;
}

const DEFAULT_SERVER = 'letsencrypt';
const DEFAULT_DNS_TIMEOUT = '5m';
const DEFAULT_JOBS = 300;

/**
 * The certificates that are wanted: the one of the flags, or those of the configuration file (`flags.name` picks one of them).
 * @throws {TscertError} `request-invalid`, `name-invalid`, `config-invalid`, `usage`
 */
export function buildRequests(flags: CertificateOptions, config: ConfigOptions, help: BuildHelp): CertificateRequest[] {
  const entries = config.certificates ?? [];
  const named = isNamed(flags);
  const picked = named
    ? [{}]
    : flags.name === undefined
      ? entries
      : entries.filter((entry) => nameOf(merge({}, entry, config), help) === flags.name);
  if (picked.length === 0) {
    throw new TscertError(
      'usage',
      entries.length > 0
        ? `Cannot find the certificate "${flags.name}" in the configuration: it has ${entries.map((entry) => `"${nameOf(merge({}, entry, config), help)}"`).join(', ')}`
        : 'Cannot tell what to issue: there is no -d NAME, no --csr FILE and no certificate in a configuration file',
    );
  }
  const requests = picked.map((entry) => buildRequest(merge(flags, entry, config), help));
  const seen = new Set<string>();
  checkSecrets(requests);
  for (const { name } of requests) {
    if (seen.has(name))
      throw new TscertError('config-invalid', `Cannot store two certificates under the name "${name}": give one of them another name`, {
        data: { name },
      });
    seen.add(name);
  }
  checkStaples(requests);
  return requests;
}

/** True when options name a certificate themselves. Whom a cluster knows has a common name, and often no other. */
export function isNamed({ domains, csr, cn, issuer }: CertificateOptions): boolean {
  return domains !== undefined || csr !== undefined || (issuer === 'kubernetes' && cn !== undefined);
}

/** Two certificates in one Secret would overwrite each other for ever. */
function checkSecrets(requests: readonly CertificateRequest[]): void {
  const owners = new Map<string, string>();
  for (const { name, deploy } of requests) {
    for (const target of deploy) {
      if (target.kind !== 'secret') continue;
      const place = `${target.namespace === undefined ? '' : `${target.namespace}/`}${target.name}${target.context === undefined ? '' : `@${target.context}`}`;
      const owner = owners.get(place);
      if (owner !== undefined) {
        throw new TscertError('config-invalid', `Cannot write both "${owner}" and "${name}" into the Secret "${place}"`, {
          data: { name, secret: place },
        });
      }
      owners.set(place, name);
    }
  }
}

/** The CA, by the options of the run alone: for what is about an account and no certificate. */
export function buildIssuer(flags: CertificateOptions, config: ConfigOptions, help: BuildHelp): AcmeRequest {
  return acmeOf(merge(flags, {}, config), help);
}

/** How DNS is looked at, from the same options. */
export function buildDnsOptions(options: ConfigOptions): DnsOptions {
  return {
    resolvers: (options.dnsResolver ?? []).map((address) => checkAddress(address, 'dnsResolver')),
    nameservers: (options.dnsNameserver ?? []).map((entry) => {
      const [address = '', zone] = splitZone(entry);
      return { address: checkAddress(address, 'dnsNameserver'), ...(zone === undefined ? {} : { zone: parseDnsName(zone) }) };
    }),
    check: options.dnsCheck ?? 'authoritative',
    timeout: parseDuration(options.dnsTimeout ?? DEFAULT_DNS_TIMEOUT),
  };
}

/** How many certificates may be under way at once. */
export function jobsOf(options: ConfigOptions): number {
  return options.jobs ?? DEFAULT_JOBS;
}

type Merged = CertificateOptions;

/** Each key from the first that has it; the ways of proving names belong together and are taken from one place. */
function merge(flags: CertificateOptions, entry: CertificateOptions, config: ConfigOptions): Merged {
  const defaults: CertificateOptions = omit(config, ['certificates', ...RUN_KEYS]);
  const proofs = [flags, entry, defaults].find(
    ({ dns, http, tlsAlpn }) => dns !== undefined || http !== undefined || tlsAlpn !== undefined,
  );
  const rest = omit({ ...defaults, ...entry, ...flags }, ['dns', 'http', 'tlsAlpn']);
  return {
    ...rest,
    ...(proofs?.dns === undefined ? {} : { dns: proofs.dns }),
    ...(proofs?.http === undefined ? {} : { http: proofs.http }),
    ...(proofs?.tlsAlpn === undefined ? {} : { tlsAlpn: proofs.tlsAlpn }),
  };
}

function omit<T extends object, K extends keyof T>(value: T, keys: readonly K[]): Omit<T, K> {
  const rest: Partial<T> = {};
  for (const key of Object.keys(value) as (keyof T)[]) if (!keys.includes(key as K)) rest[key] = value[key];
  return rest as Omit<T, K>;
}

/** @param spec what the options ask for, where that is known already */
function nameOf(options: Merged, help: BuildHelp, spec?: CertificateSpec): string {
  if (options.name !== undefined) return options.name;
  const [first] = (spec ?? specOf(options, help)).names;
  return (first?.type === 'uri' ? first.value.replaceAll(/[:/?#]+/g, '_') : first?.value) ?? options.cn ?? '';
}

function buildRequest(options: Merged, help: BuildHelp): CertificateRequest {
  if (options.csr !== undefined && options.domains !== undefined) {
    throw new TscertError('usage', 'Cannot take names from -d and from --csr: the CSR says what it asks for');
  }
  if (options.csr !== undefined && options.key !== undefined) {
    throw new TscertError('usage', 'Cannot use --key with --csr: the CSR is signed already');
  }
  const spec = specOf(options, help);
  const name = nameOf(options, help, spec);
  if (name === '') throw new TscertError('request-invalid', 'Cannot name the certificate: it has no names', { data: { field: 'domains' } });
  return {
    name,
    spec,
    key: {
      type: options.keyType === undefined ? DEFAULT_KEY_TYPE : parseKeyType(options.keyType),
      reuse: options.reuseKey ?? false,
      ...(options.key === undefined ? {} : { file: options.key }),
    },
    ...(options.csr === undefined ? {} : { csrFile: options.csr }),
    issuer: issuerOf(options, help),
    solvers: solversOf(options),
    ...(options.renewBefore === undefined ? {} : { renewBefore: parseRenewBefore(options.renewBefore) }),
    ...(options.keepGenerations === undefined && options.keepAge === undefined ? {} : { history: historyOf(options) }),
    deploy: buildTargets(withSecret(options, name, help), name),
    ...(options.preHook === undefined ? {} : { preHook: options.preHook }),
    ...(options.postHook === undefined ? {} : { postHook: options.postHook }),
    ...revocationOf(options),
  };
}

function revocationOf({ revocationCheck, allowPrivate, staple }: Merged): { readonly revocation?: RevocationRequest } {
  if (revocationCheck === undefined && allowPrivate === undefined && staple === undefined) return {};
  const file = staple === undefined ? {} : { staple: checkPath(staple, 'keep the staple in the file') };
  return { revocation: { check: revocationCheck ?? true, allowPrivate: allowPrivate ?? false, ...file } };
}

/** Each certificate has a response of its own. */
function checkStaples(requests: readonly CertificateRequest[]): void {
  const owners = new Map<string, string>();
  for (const { name, revocation } of requests) {
    const file = revocation?.staple;
    if (file === undefined) continue;
    const other = owners.get(file);
    if (other !== undefined) {
      throw new TscertError(
        'config-invalid',
        `Cannot keep the staples of "${other}" and "${name}" in one file "${file}": give each its own`,
        {
          data: { name, file },
        },
      );
    }
    owners.set(file, name);
  }
}

function withSecret(options: Merged, name: string, { inCluster = false }: BuildHelp): Merged {
  return !inCluster || options.secret !== undefined || options.csr !== undefined ? options : { ...options, secret: [secretNameOf(name)] };
}

function historyOf({ keepGenerations, keepAge }: Merged): NonNullable<CertificateRequest['history']> {
  return {
    ...(keepGenerations === undefined ? {} : { count: keepGenerations }),
    ...(keepAge === undefined ? {} : { age: parseDuration(keepAge) }),
  };
}

function specOf(options: Merged, help: BuildHelp): CertificateSpec {
  if (options.csr !== undefined) return help.readCsr(options.csr);
  const names = (options.domains ?? [])
    .flatMap((text) => text.split(','))
    .map((text) => text.trim())
    .filter((text) => text !== '')
    .map(parseName);
  const unique = [...new Map(names.map((name) => [nameKey(name), name])).values()];
  if (options.cn !== undefined && options.issuer !== 'kubernetes' && !unique.some(({ value }) => value === options.cn)) {
    throw new TscertError('request-invalid', `Cannot use "${options.cn}" as common name: it is none of the names`, {
      data: { field: 'cn' },
    });
  }
  return {
    names: unique,
    ...(options.cn === undefined ? {} : { commonName: options.cn }),
    ...(options.mustStaple === true ? { mustStaple: true } : {}),
  };
}

function issuerOf(options: Merged, help: BuildHelp): IssuerRequest {
  return options.issuer === 'kubernetes' ? signerOf(options) : acmeOf(options, help);
}

function acmeOf(options: Merged, help: BuildHelp): AcmeRequest {
  const stray = (['signer', 'usage', 'expiration'] as const).find((key) => options[key] !== undefined);
  if (stray !== undefined && options.issuer !== 'kubernetes') {
    throw new TscertError('usage', `Cannot use --${stray} with an ACME CA: it is for --issuer kubernetes`, { data: { field: stray } });
  }
  const hmac: SecretRef | undefined = options.eabHmac ?? (options.eabHmacFile === undefined ? undefined : { file: options.eabHmacFile });
  if ((options.eabKid === undefined) !== (hmac === undefined)) {
    throw new TscertError('usage', 'Cannot bind an external account with half of it: --eab-kid and --eab-hmac-file go together');
  }
  return {
    kind: 'acme',
    ...help.directoriesOf({
      server: options.server ?? DEFAULT_SERVER,
      staging: options.staging ?? false,
      ...(options.stagingServer === undefined ? {} : { stagingServer: options.stagingServer }),
      ...(options.keyType === undefined ? {} : { keyType: parseKeyType(options.keyType) }),
    }),
    agreeTos: options.agreeTos ?? false,
    ...(options.email === undefined ? {} : { email: parseContact(options.email) }),
    ...(options.eabKid === undefined || hmac === undefined ? {} : { eab: { kid: options.eabKid, hmac } }),
    ...(options.profile === undefined ? {} : { profile: options.profile }),
    ...(options.preferredChain === undefined ? {} : { preferredChain: options.preferredChain }),
    ...(options.notAfter === undefined ? {} : { notAfter: parseNotAfter(options.notAfter, help.now) }),
  };
}

function parseContact(text: string): string {
  try {
    return parseName(`email:${text}`).value;
  } catch (error) {
    throw new TscertError('request-invalid', `Cannot use "${text}" as the contact of the account: it is no plain e-mail address`, {
      data: { field: 'email' },
      cause: error,
    });
  }
}

function solversOf(options: Merged): SolverRequest[] {
  const dns = (options.dns ?? []).map((entry): SolverRequest => {
    const { provider: named, zone: zoneSetting, ...settings } = typeof entry === 'string' ? { provider: entry } : entry;
    const [provider = '', suffix] = splitZone(named);
    const zone = (zoneSetting as string | undefined) ?? suffix;
    return {
      type: 'dns-01',
      provider,
      ...(zone === undefined ? {} : { zone: parseDnsName(zone) }),
      ...(Object.keys(settings).length === 0 ? {} : { settings: settings as Readonly<Record<string, string | SecretRef>> }),
    };
  });
  const http = (options.http ?? []).map((text): SolverRequest => {
    const [kind, rest] = [text.split(':', 1)[0], text.includes(':') ? text.slice(text.indexOf(':') + 1) : ''];
    if (kind === 'webroot' && rest !== '') return { type: 'http-01', webroot: rest };
    if (kind === 'standalone') return { type: 'http-01', port: rest === '' ? 80 : parsePort(rest, text) };
    throw new TscertError('request-invalid', `Cannot use "${text}" for HTTP-01: it wants standalone, standalone:PORT or webroot:DIR`, {
      data: { field: 'http' },
    });
  });
  const alpn = options.tlsAlpn;
  const tls: SolverRequest[] = alpn === undefined || alpn === false ? [] : [{ type: 'tls-alpn-01', port: alpn === true ? 443 : alpn }];
  return [...dns, ...http, ...tls];
}

/** "PROVIDER@ZONE" or "HOST@ZONE" in two; the zone may be absent. */
function splitZone(text: string): [string, string | undefined] {
  const at = text.lastIndexOf('@');
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/** HOST, HOST:PORT, [V6] or [V6]:PORT with the port written out. */
function checkAddress(text: string, field: string): string {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]\s]+)|([0-9a-f:.]*:[0-9a-f:.]*:[0-9a-f:.]*))(?::(\d+))?$/i.exec(text);
  const host = match?.[1] ?? match?.[3];
  if (match === null)
    throw new TscertError('request-invalid', `Cannot use "${text}" as a name server: it wants HOST or HOST:PORT`, { data: { field } });
  const portText = match[4] === undefined ? 53 : parsePort(match[4], text);
  return `${host === undefined ? parseName(match[2] ?? '').value : `[${host}]`}:${portText}`;
}

function parsePort(text: string, whole: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < 1 || port > 65_535)
    throw new TscertError('request-invalid', `Cannot use the port of "${whole}": ports are 1 to 65535`, { data: { value: whole } });
  return port;
}

function parseRenewBefore(text: string): NonNullable<CertificateRequest['renewBefore']> {
  const percent = /^(\d+)%$/.exec(text)?.[1];
  if (percent === undefined) return { milliseconds: parseDuration(text) };
  if (Number(percent) < 1 || Number(percent) > 99)
    throw new TscertError('request-invalid', `Cannot renew before "${text}": percentages are 1% to 99%`, { data: { value: text } });
  return { percent: Number(percent) };
}

function parseNotAfter(text: string, now: number): Date {
  const date = /^\d{4}-\d{2}-\d{2}T/.test(text) ? new Date(text) : new Date(now + parseDuration(text));
  if (Number.isNaN(date.getTime()))
    throw new TscertError('request-invalid', `Cannot read the time "${text}": it wants a form such as 2027-01-31T12:00:00Z or 30d`, {
      data: { value: text },
    });
  if (date.getTime() <= now)
    throw new TscertError('request-invalid', `Cannot ask for a certificate that ends at "${text}": that is over`, {
      data: { value: text },
    });
  return date;
}
