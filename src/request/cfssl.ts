/** cfssl's JSON request: `{ CN, hosts, names, key, ca, serialnumber }`, as cfssl 1.6 reads it. */
import { isIP } from 'node:net';
import { TscertError } from '../base/errors.js';
import { type Name, nameKey, parseName } from '../base/names.js';
import { printable } from '../base/printable.js';
import { DEFAULT_KEY_TYPE, KEY_TYPES, type KeyType } from '../pki/key-type.js';
import type { Subject } from '../pki/subject.js';
import type { CertificateSpec } from './request.js';

export interface CfsslRequest {
  readonly spec: CertificateSpec;
  readonly keyType: KeyType;
  /** The first host as given, else the common name: what the files of this request are named after. */
  readonly title: string | undefined;
  /** What stands in the request and has no effect, as in cfssl. */
  readonly warnings: readonly string[];
}

type Fields = ReadonlyMap<string, unknown>;

/** The fields that cfssl knows, in lower case; Go matches them in any case. */
const KNOWN = ['cn', 'hosts', 'names', 'key', 'ca', 'serialnumber', 'delegation_enabled', 'extensions', 'crl_url'];
const KNOWN_OF_NAME = ['c', 'st', 'l', 'o', 'ou', 'e', 'serialnumber', 'oid'];
const KNOWN_OF_KEY = ['algo', 'size'];
const KNOWN_OF_CA = ['pathlen', 'pathlenzero', 'expiry', 'backdate', 'is_ca'];
const EMAIL_ADDRESS = '1.2.840.113549.1.9.1';

/** The order in which Go, and so cfssl, writes the hosts once it has sorted them into their kinds. */
const ORDER = ['dns', 'email', 'ip', 'uri'] as const satisfies readonly Name['type'][];

/**
 * Reads one request.
 * @param source how to name it in errors: a path, `standard input`
 * @throws {TscertError} `request-invalid` for what is no JSON, has a field of another type, or asks for what tscert does not make;
 *   `name-invalid` for a host that is no name
 */
export function readCfsslRequest(text: string, source: string): CfsslRequest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalid(source, `it is no JSON: ${printable(error instanceof Error ? error.message : String(error))}`, error);
  }
  return requestOf(value, source);
}

function requestOf(value: unknown, source: string): CfsslRequest {
  const warnings: string[] = [];
  const reader = createReader(source, warnings);
  const fields = reader.object(value, 'the request', KNOWN);
  if (fields === undefined) throw invalid(source, 'it is null');
  for (const field of ['extensions', 'delegation_enabled']) {
    const given = fields.get(field);
    if (given !== undefined && given !== null && given !== false) {
      throw invalid(source, `"${field}" is not supported; usages, must-staple and constraints have flags of their own`);
    }
  }
  const commonName = reader.text(fields.get('cn'), 'CN');
  const hosts = reader.list(fields.get('hosts'), 'hosts').map((host, at) => reader.text(host, `hosts[${at}]`) ?? '');
  if (hosts.some((host) => host.trim() === '')) warnings.push('an empty entry of "hosts" is left out');
  const given = hosts.filter((host) => host.trim() !== '');
  const names = sorted(given.map(hostName));
  const subject = subjectOf(reader, fields);
  return {
    spec: {
      names,
      ...(commonName === undefined ? {} : { commonName }),
      ...(subject === undefined ? {} : { subject }),
      ...constraintsOf(reader, fields.get('ca')),
    },
    keyType: keyTypeOf(reader, fields.get('key'), source),
    title: given[0]?.trim() ?? commonName,
    warnings,
  };
}

/** One of `hosts`: read as everywhere, and `urn:...` and the like are URIs, as cfssl takes them; `host:8443` is none. */
function hostName(host: string): Name {
  const scheme = /^([a-z][a-z0-9+-]*):(?!\d+$)./i.exec(host)?.[1];
  const isUri = scheme !== undefined && isIP(host) === 0 && !/^(dns|ip|email|uri)$/i.test(scheme);
  return parseName(isUri ? `uri:${host}` : host);
}

function sorted(names: readonly Name[]): Name[] {
  const unique = [...new Map(names.map((name) => [nameKey(name), name])).values()];
  return ORDER.flatMap((type) => unique.filter((name) => name.type === type));
}

function subjectOf(reader: Reader, fields: Fields): Subject | undefined {
  const lists = { countries: 'C', provinces: 'ST', localities: 'L', organizations: 'O', organizationalUnits: 'OU' } as const;
  const subject: { -readonly [Key in keyof typeof lists]?: string[] } = {};
  const extra: { oid: string; value: string }[] = [];
  for (const [at, value] of reader.list(fields.get('names'), 'names').entries()) {
    const where = `names[${at}]`;
    const name = reader.object(value, where, KNOWN_OF_NAME);
    if (name === undefined) continue;
    for (const [list, field] of Object.entries(lists) as [keyof typeof lists, string][]) {
      const text = reader.text(name.get(field.toLowerCase()), `${where}.${field}`);
      if (text !== undefined) subject[list] = [...(subject[list] ?? []), text];
    }
    if (reader.text(name.get('serialnumber'), `${where}.SerialNumber`) !== undefined) {
      reader.warn(`"${where}.SerialNumber" has no effect, as in cfssl; "serialnumber" of the request has`);
    }
    for (const [oid, text] of Object.entries(reader.record(name.get('oid'), `${where}.OID`))) {
      extra.push({ oid, value: reader.text(text, `${where}.OID["${printable(oid)}"]`) ?? '' });
    }
    const email = reader.text(name.get('e'), `${where}.E`);
    if (email !== undefined) extra.push({ oid: EMAIL_ADDRESS, value: email });
  }
  const serialNumber = reader.text(fields.get('serialnumber'), 'serialnumber');
  const whole = { ...subject, ...(serialNumber === undefined ? {} : { serialNumber }), ...(extra.length === 0 ? {} : { extra }) };
  return Object.keys(whole).length === 0 ? undefined : whole;
}

/** `expiry` and `backdate` are for the certificate that a CA signs for itself; a CSR has no place for them. */
function constraintsOf(reader: Reader, value: unknown): { isCa?: true; pathLength?: number } {
  const ca = reader.object(value, 'ca', KNOWN_OF_CA);
  if (ca === undefined || ca.get('is_ca') === false) return {};
  const length = reader.count(ca.get('pathlen'), 'ca.pathlen') ?? 0;
  const zero = reader.flag(ca.get('pathlenzero'), 'ca.pathlenzero');
  reader.text(ca.get('expiry'), 'ca.expiry');
  reader.text(ca.get('backdate'), 'ca.backdate');
  return { isCa: true, ...(length > 0 || zero ? { pathLength: length } : {}) };
}

function keyTypeOf(reader: Reader, value: unknown, source: string): KeyType {
  const key = reader.object(value, 'key', KNOWN_OF_KEY);
  if (key === undefined) return DEFAULT_KEY_TYPE;
  const algorithm = (reader.text(key.get('algo'), 'key.algo') ?? 'ecdsa').toLowerCase();
  const size = reader.count(key.get('size'), 'key.size');
  if (algorithm === 'rsa' && size === undefined) throw invalid(source, '"key.algo" is "rsa", but "key.size" is missing');
  const word =
    algorithm === 'rsa' ? `rsa${size}` : algorithm === 'ecdsa' ? `ec${size ?? 256}` : algorithm === 'ed25519' ? 'ed25519' : undefined;
  const known = KEY_TYPES.find((type) => type === word);
  if (known !== undefined) return known;
  const what = `${printable(algorithm)}${size === undefined ? '' : ` ${size}`}`;
  throw invalid(source, `a key of kind "${what}" is not made; there are rsa 2048, 3072, 4096 and 8192, ecdsa 256, 384 and 521, ed25519`);
}

/** Takes values of JSON as Go's decoder does: null and absent are empty, another type is refused with its path. */
interface Reader {
  object(value: unknown, where: string, known: readonly string[]): Fields | undefined;
  record(value: unknown, where: string): Readonly<Record<string, unknown>>;
  list(value: unknown, where: string): readonly unknown[];
  text(value: unknown, where: string): string | undefined;
  count(value: unknown, where: string): number | undefined;
  flag(value: unknown, where: string): boolean;
  warn(message: string): void;
}

function createReader(source: string, warnings: string[]): Reader {
  const wrong = (where: string, wanted: string, value: unknown): TscertError =>
    invalid(source, `${where === 'the request' ? where : `"${where}"`} must be ${wanted}, not ${kindOf(value)}`);
  const record = (value: unknown, where: string): Record<string, unknown> => {
    if (value === undefined || value === null) return {};
    if (typeof value !== 'object' || Array.isArray(value)) throw wrong(where, 'an object', value);
    return { ...value };
  };
  return {
    record,
    object(value, where, known) {
      if (value === undefined || value === null) return undefined;
      const entries = Object.entries(record(value, where));
      for (const [key] of entries) {
        if (known.includes(key.toLowerCase())) continue;
        const path = where === 'the request' ? key : `${where}.${key}`;
        warnings.push(`the unknown field "${printable(path)}" has no effect`);
      }
      return new Map(entries.map(([key, entry]) => [key.toLowerCase(), entry]));
    },
    list(value, where) {
      if (value === undefined || value === null) return [];
      if (!Array.isArray(value)) throw wrong(where, 'a list', value);
      return value;
    },
    text(value, where) {
      if (value === undefined || value === null || value === '') return undefined;
      if (typeof value !== 'string') throw wrong(where, 'a text', value);
      return value;
    },
    count(value, where) {
      if (value === undefined || value === null) return undefined;
      if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw wrong(where, 'a whole number', value);
      return value;
    },
    flag(value, where) {
      if (value === undefined || value === null) return false;
      if (typeof value !== 'boolean') throw wrong(where, 'true or false', value);
      return value;
    },
    warn: (message) => warnings.push(message),
  };
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : typeof value === 'string' ? 'a text' : String(value);
}

function invalid(source: string, why: string, cause?: unknown): TscertError {
  return new TscertError('request-invalid', `Cannot read the request of ${source}: ${why}`, { data: { source }, cause });
}
