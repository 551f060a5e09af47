/** The directory of an ACME server (RFC 8555 §7.1.1), kept for twelve hours between runs. */
import type { Clock } from '../base/clock.js';
import type { Json } from '../base/json.js';
import { type Answer, isObject, type JsonObject, readObject, resolveUrl } from './answer.js';
import { type AcmeRecords, recordKey } from './records.js';
import { createShared } from './wait.js';

const AGE_LIMIT = 12 * 3_600_000;
const DOING = 'read the ACME directory';

export interface Directory {
  readonly newNonce: string;
  readonly newAccount: string;
  readonly newOrder: string;
  readonly keyChange?: string;
  readonly revokeCert?: string;
  /** RFC 9773. */
  readonly renewalInfo?: string;
  readonly termsOfService?: string;
  readonly externalAccountRequired: boolean;
  /** Profile names with their descriptions; `undefined` when the server knows no profiles. */
  readonly profiles?: Readonly<Record<string, string>>;
}

export interface DirectorySource {
  /** The directory, from the last twelve hours unless `fresh`. */
  get(signal: AbortSignal, options?: { readonly fresh?: boolean }): Promise<Directory>;
  /** True when what `get` gave came from an earlier run. */
  isCached(): boolean;
}

/** Reads the directory at `url` through `ask`, at most once a run unless asked for a fresh one. */
export function createDirectory(options: {
  readonly url: string;
  readonly ask: (url: string, doing: string, signal: AbortSignal) => Promise<Answer>;
  readonly records: AcmeRecords;
  readonly clock: Clock;
}): DirectorySource {
  const key = `directory-${recordKey(options.url)}`;
  let cached = false;
  let known: Directory | undefined;

  const ask = createShared(async (signal) => {
    const answer = await options.ask(options.url, DOING, signal);
    const directory = readDirectory(answer);
    await options.records.put('cache', key, { version: 1, read: options.clock.now(), body: readObject(answer, DOING) as Json });
    cached = false;
    known = directory;
    return directory;
  });
  const recall = async (): Promise<Directory | undefined> => {
    const record = await options.records.get('cache', key);
    if (!isObject(record) || record.version !== 1 || typeof record.read !== 'number') return undefined;
    const age = options.clock.now() - record.read;
    if (age < 0 || age > AGE_LIMIT) return undefined;
    const body = Buffer.from(JSON.stringify(record.body ?? null));
    try {
      return readDirectory({ url: options.url, status: 200, headers: {}, body });
    } catch {
      return undefined;
    }
  };
  const first = createShared(async (signal) => {
    known = await recall();
    cached = known !== undefined;
    return known ?? ask(signal);
  });

  return {
    get: async (signal, { fresh = false } = {}) => (fresh ? ask(signal) : (known ?? first(signal))),
    isCached: () => cached,
  };
}

/**
 * Reads a directory; URLs become absolute, and unknown fields are passed over.
 * @throws {TscertError} `response-invalid` when a resource that every server has is missing
 */
export function readDirectory(answer: Answer): Directory {
  const body = readObject(answer, DOING);
  const meta = isObject(body.meta) ? body.meta : {};
  const required = (name: string): string => resolveUrl(body[name], answer, DOING, `URL "${name}"`);
  const optional = <Name extends string>(name: Name): { readonly [key in Name]?: string } =>
    body[name] === undefined ? {} : ({ [name]: required(name) } as { readonly [key in Name]: string });
  return {
    newNonce: required('newNonce'),
    newAccount: required('newAccount'),
    newOrder: required('newOrder'),
    ...optional('keyChange'),
    ...optional('revokeCert'),
    ...optional('renewalInfo'),
    ...(typeof meta.termsOfService === 'string' ? { termsOfService: meta.termsOfService } : {}),
    externalAccountRequired: meta.externalAccountRequired === true,
    ...(isObject(meta.profiles) ? { profiles: profilesOf(meta.profiles) } : {}),
  };
}

function profilesOf(profiles: JsonObject): Record<string, string> {
  return Object.fromEntries(
    Object.entries(profiles).map(([name, description]) => [name, typeof description === 'string' ? description : '']),
  );
}
