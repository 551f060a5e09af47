/** The flags of `csr` as a CertificateSpec. */
import { isIP } from 'node:net';
import { TscertError } from '../base/errors.js';
import { type GeneralName, nameKey, type OtherName, parseDnsName, parseName } from '../base/names.js';
import type { Subject } from '../pki/subject.js';
import { type ConstrainedNames, type NameConstraints, parseUsage } from '../pki/usage.js';
import type { CertificateSpec } from './request.js';

/** What was given; lists in their order. */
export interface CsrFlags {
  /** Names, also several in one text with commas between. */
  readonly domain?: readonly string[];
  /** `OID;VALUE`, or `OID;UTF8:VALUE` as OpenSSL writes it. */
  readonly otherName?: readonly string[];
  readonly cn?: string;
  /** RFC 4514. */
  readonly subject?: string;
  readonly country?: readonly string[];
  readonly organization?: readonly string[];
  readonly organizationalUnit?: readonly string[];
  readonly locality?: readonly string[];
  readonly province?: readonly string[];
  readonly streetAddress?: readonly string[];
  readonly postalCode?: readonly string[];
  readonly serialNumber?: string;
  readonly subjectEmail?: readonly string[];
  /** `OID=VALUE`. */
  readonly subjectOid?: readonly string[];
  /** Words, also several in one text with commas between. */
  readonly usage?: readonly string[];
  readonly isCa?: boolean;
  readonly pathLength?: number;
  /** `dns:`, `ip:`, `email:` or `uri:` and a subtree of such names. */
  readonly permit?: readonly string[];
  readonly exclude?: readonly string[];
  readonly mustStaple?: boolean;
}

/**
 * What the flags ask for; only what was given is there, so that it can stand over a request from a file.
 * @throws {TscertError} `name-invalid`, `request-invalid`
 */
export function specOfFlags(flags: CsrFlags): Partial<CertificateSpec> {
  const names = namesOf(flags);
  const subject = subjectOf(flags);
  const constraints = constraintsOf(flags);
  const { cn, usage, isCa, pathLength, mustStaple } = flags;
  return {
    ...(names.length === 0 ? {} : { names }),
    ...(cn === undefined ? {} : { commonName: cn }),
    ...(Object.keys(subject).length === 0 ? {} : { subject }),
    ...(usage === undefined ? {} : { usages: usage.flatMap(splitCommas).map(parseUsage) }),
    ...(isCa === true ? { isCa } : {}),
    ...(pathLength === undefined ? {} : { pathLength }),
    ...(constraints === undefined ? {} : { nameConstraints: constraints }),
    ...(mustStaple === true ? { mustStaple } : {}),
  };
}

function namesOf({ domain = [], otherName = [] }: CsrFlags): GeneralName[] {
  const names: GeneralName[] = [...domain.flatMap(splitCommas).map(parseName), ...otherName.map(parseOtherName)];
  return [...new Map(names.map((name) => [nameKey(name), name])).values()];
}

function splitCommas(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function parseOtherName(text: string): OtherName {
  const match = /^([\d.]+);(?:UTF8(?:String)?:)?(.+)$/su.exec(text);
  const [, oid, value] = match ?? [];
  if (oid === undefined || value === undefined) {
    throw new TscertError('name-invalid', `Cannot use ${JSON.stringify(text)} as an other name: it wants OID;VALUE`, {
      data: { name: text },
    });
  }
  return { type: 'other', oid, value };
}

function subjectOf(flags: CsrFlags): Subject {
  const { subject: literal, serialNumber, subjectOid, ...rest } = flags;
  const lists = {
    countries: rest.country,
    organizations: rest.organization,
    organizationalUnits: rest.organizationalUnit,
    localities: rest.locality,
    provinces: rest.province,
    streetAddresses: rest.streetAddress,
    postalCodes: rest.postalCode,
    emailAddresses: rest.subjectEmail,
    extra: subjectOid?.map(parseSubjectOid),
    serialNumber,
    literal,
  };
  return Object.fromEntries(Object.entries(lists).filter(([, value]) => value !== undefined));
}

function parseSubjectOid(text: string): { oid: string; value: string } {
  const [, oid, value] = /^([\d.]+)=(.+)$/su.exec(text) ?? [];
  if (oid !== undefined && value !== undefined) return { oid, value };
  throw new TscertError('request-invalid', `Cannot use ${JSON.stringify(text)} in the subject: it wants OID=VALUE`);
}

function constraintsOf({ permit = [], exclude = [] }: CsrFlags): NameConstraints | undefined {
  if (permit.length + exclude.length === 0) return undefined;
  return { critical: true, permitted: subtrees(permit), excluded: subtrees(exclude) };
}

function subtrees(texts: readonly string[]): ConstrainedNames {
  const found: { [Key in keyof ConstrainedNames]-?: string[] } = { dnsDomains: [], ipRanges: [], emailAddresses: [], uriDomains: [] };
  for (const text of texts.flatMap(splitCommas)) {
    const [, prefix, rest] = /^(dns|ip|email|uri):(.*)$/is.exec(text) ?? [];
    const value = (rest ?? text).trim();
    switch (prefix?.toLowerCase() ?? guess(value)) {
      case 'ip':
        found.ipRanges.push(value.includes('/') ? value : `${value}/${isIP(value) === 6 ? 128 : 32}`);
        break;
      case 'email':
        found.emailAddresses.push(value.includes('@') ? parseName(`email:${value}`).value : domain(value));
        break;
      case 'uri':
        found.uriDomains.push(domain(value));
        break;
      default:
        found.dnsDomains.push(domain(value));
    }
  }
  return Object.fromEntries(Object.entries(found).filter(([, list]) => list.length > 0));
}

function guess(value: string): string {
  if (isIP(value.split('/', 1)[0] ?? '') !== 0) return 'ip';
  return value.includes('@') ? 'email' : 'dns';
}

/** A domain, with or without a dot before it: what that means is RFC 5280's (§4.2.1.10) and the reader's. */
function domain(text: string): string {
  if (text.includes('*')) {
    throw new TscertError(
      'name-invalid',
      `Cannot use ${JSON.stringify(text)} as a constraint: a domain stands for all names below it, without "*"`,
      {
        data: { name: text },
      },
    );
  }
  return text.startsWith('.') ? `.${parseDnsName(text.slice(1))}` : parseDnsName(text);
}
