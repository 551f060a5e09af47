/** Rules for the alternative names: every one within the patterns of its kind, and not too many. */
import { isIP } from 'node:net';
import type { GeneralName } from '../../../base/names.js';
import { ipOctets } from '../../../pki/general-name.js';
import { matches, type Separator, valuesOf } from '../pattern.js';
import type { Rule } from '../policy.js';
import type { Judged } from '../request.js';
import { broken, passed } from '../verdict.js';
import { filled } from './subject.js';

/** What is allowed of one kind. DNS patterns are in lower case. */
export interface KindOfNames {
  readonly allow: readonly string[];
  readonly min?: number;
  readonly max?: number;
  /** Of DNS names: whether `*.` may stand in front of one. */
  readonly wildcards?: boolean;
}

export interface AllowedNames {
  readonly dns?: KindOfNames;
  readonly ip?: KindOfNames;
  readonly email?: KindOfNames;
  readonly uri?: KindOfNames;
  /** Patterns of otherNames by their type. */
  readonly other?: Readonly<Record<string, readonly string[]>>;
  /** Of all kinds together. */
  readonly min?: number;
  readonly max?: number;
}

const KINDS = ['dns', 'ip', 'email', 'uri'] as const;
type Kind = (typeof KINDS)[number];
const WORDS: Readonly<Record<Kind, string>> = { dns: 'DNS name', ip: 'IP address', email: 'e-mail address', uri: 'URI' };
const SEPARATORS: Readonly<Record<Exclude<Kind, 'ip'>, Separator>> = { dns: '.', email: '@', uri: '/' };

/** One rule over all alternative names. */
export function namesRule(allowed: AllowedNames): Rule {
  return {
    name: 'names',
    judge: (judged) => {
      const { names } = judged.csr.extensions;
      const faults = [
        ...names.flatMap((name) => faultOf(name, allowed, judged)),
        ...KINDS.flatMap((kind) => countFaults(WORDS[kind], names.filter(({ type }) => type === kind).length, allowed[kind] ?? {})),
        ...countFaults('alternative name', names.length, allowed),
      ];
      if (faults.length > 0) return broken('names', faults.join('; '));
      return passed('names', names.length === 0 ? 'It asks for no alternative names' : `Its ${names.length} alternative names are allowed`);
    },
  };
}

function countFaults(
  word: string,
  count: number,
  { min = 0, max = Number.POSITIVE_INFINITY }: { readonly min?: number; readonly max?: number },
): string[] {
  if (count < min) return [`It has ${count} of kind ${word}, and at least ${min} must be there`];
  return count > max ? [`It has ${count} of kind ${word}, and at most ${max} may be there`] : [];
}

function faultOf(name: GeneralName, allowed: AllowedNames, judged: Judged): string[] {
  const shown = JSON.stringify(name.value);
  if (name.type === 'other') {
    const patterns = allowed.other?.[name.oid] ?? [];
    const isAllowed = patterns.some((pattern) => matches(pattern, name.value, '@', valuesOf(judged)));
    return isAllowed ? [] : [`The otherName ${shown} of type ${name.oid} is not allowed`];
  }
  const { allow = [], wildcards = false } = allowed[name.type] ?? {};
  const word = WORDS[name.type];
  if (allow.length === 0) return [`The ${word} ${shown} is not allowed: the policy allows none`];
  if (name.type === 'dns' && name.value.startsWith('*.') && !wildcards) return [`The ${word} ${shown} is not allowed: it is a wildcard`];
  if (allow.some((pattern) => isWithin(name.type as Kind, name.value, pattern, judged))) return [];
  return [`The ${word} ${shown} is not allowed: the policy allows ${allow.map((pattern) => filled(pattern, judged)).join(', ')}`];
}

function isWithin(kind: Kind, value: string, pattern: string, judged: Judged): boolean {
  if (kind === 'ip') return isInRange(value, pattern);
  const values = valuesOf(judged);
  if (kind !== 'dns') return matches(pattern, value, SEPARATORS[kind], values);
  const name = value.toLowerCase();
  if (!name.startsWith('*.')) return matches(pattern, name, '.', values);
  // A wildcard stands for one label, so it is where a pattern has a label for it.
  const behind = /^\*{1,2}\.(.*)$/.exec(pattern)?.[1];
  return behind !== undefined && matches(behind, name.slice(2), '.', values);
}

/** True when the address is in the range, or is the address. */
function isInRange(address: string, range: string): boolean {
  const [base = '', length] = range.split('/');
  const [own, other] = [ipOctets(address), ipOctets(base)];
  if (own.length !== other.length) return false;
  const bits = length === undefined ? own.length * 8 : Number(length);
  return own.every((octet, at) => {
    const mask = 0xff00 >> Math.min(8, Math.max(0, bits - at * 8));
    return ((octet ^ (other[at] ?? 0)) & mask & 0xff) === 0;
  });
}

/** True for `10.0.0.0/8`, `2001:db8::/32` and single addresses. */
export function isRange(text: string): boolean {
  const [base = '', length, more] = text.split('/');
  const bits = { 0: -1, 4: 32, 6: 128 }[isIP(base)] ?? -1;
  if (bits < 0 || base.includes('%') || more !== undefined) return false;
  return length === undefined || (/^\d{1,3}$/.test(length) && Number(length) <= bits);
}
