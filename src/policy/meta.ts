/**
 * What is kept with a certificate because the certificate itself cannot tell: who issued it, and what of its request the authority
 * need not have taken over. So a later request that wants something else is noticed, and one that wants the same is not taken for one.
 */
import type { Json } from '../base/json.js';
import { type GeneralName, nameKey, parseName } from '../base/names.js';
import type { CertificateRequest } from '../request/request.js';

type Facts = { readonly [fact: string]: Json | undefined };

/** The meta of a certificate that this request brought, by the issuer with this key. */
export function metaOf(wanted: CertificateRequest, issuerKey: string): Json {
  return { issuer: issuerKey, request: requestFactsOf(wanted) };
}

/** The key of the issuer in a meta; undefined when it is not told. */
export function issuerOf(meta: Json): string | undefined {
  const issuer = isFacts(meta) ? meta.issuer : undefined;
  return typeof issuer === 'string' ? issuer : undefined;
}

/**
 * Names and key are no part of it: the certificate tells them. How names are proven, where results go, which chain is preferred and
 * when it ends are none either: they make it no other certificate.
 */
function requestFactsOf({ spec, issuer }: CertificateRequest): Facts {
  return {
    commonName: spec.commonName ?? null,
    subject: canonical(spec.subject ?? null),
    usages: spec.usages === undefined ? null : [...new Set(spec.usages)].sort(),
    isCa: spec.isCa ?? false,
    pathLength: spec.pathLength ?? null,
    nameConstraints: canonical(spec.nameConstraints ?? null),
    mustStaple: spec.mustStaple ?? false,
    profile: issuer.profile ?? null,
  };
}

const WORDS: Readonly<Record<string, string>> = {
  commonName: 'common name',
  usages: 'key usages',
  isCa: 'CA flag',
  pathLength: 'path length',
  nameConstraints: 'name constraints',
  mustStaple: 'must-staple',
};

/** In words, which facts of the request are others than those in a meta. A fact that is not told there is not compared. */
export function changedFacts(meta: Json, wanted: CertificateRequest): string[] {
  const stored = isFacts(meta) ? meta.request : undefined;
  if (!isFacts(stored)) return [];
  return Object.entries(requestFactsOf(wanted))
    .filter(([fact, value]) => stored[fact] !== undefined && textOf(stored[fact]) !== textOf(value))
    .map(([fact, value]) => `${WORDS[fact] ?? fact} ${textOf(stored[fact])} became ${textOf(value)}`);
}

function isFacts(value: Json | undefined): value is Facts {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(value: Json | undefined): string {
  return value === null || value === undefined ? '(none)' : JSON.stringify(canonical(value));
}

/** The value with the members of its objects sorted, and without those that are undefined. */
function canonical(value: unknown): Json {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value as Json;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(members.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, member]) => [name, canonical(member)]));
}

/** Names and a common name as one set of texts, for comparison; a common name that is no name of a host does not count. */
export function nameSet(names: readonly GeneralName[], commonName: string | undefined): Set<string> {
  const set = new Set(names.map(nameKey));
  if (commonName === undefined) return set;
  try {
    const name = parseName(commonName);
    if (name.type === 'dns' || name.type === 'ip') set.add(nameKey(name));
  } catch {
    // "Example Ltd" is no host.
  }
  return set;
}
