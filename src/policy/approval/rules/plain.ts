/** Rules that look at the request alone: usages, duration, key, CA, age. */
import { formatDuration } from '../../../base/duration.js';
import { type KeyKind, keyOf } from '../key.js';
import type { Rule } from '../policy.js';
import { broken, passed, unknown } from '../verdict.js';

/** Every usage of the object, and every one that the CSR itself names, must be one of these. */
export function usagesRule(allowed: readonly string[]): Rule {
  const set = new Set(allowed.map((usage) => (usage === 'signing' ? 'digital signature' : usage)));
  return {
    name: 'usages',
    judge: ({ request, description }) => {
      const asked = [
        ...new Set([...request.usages, ...description.usages].map((usage) => (usage === 'signing' ? 'digital signature' : usage))),
      ];
      const more = asked.filter((usage) => !set.has(usage));
      if (more.length === 0) return passed('usages', `Its usages are allowed: ${asked.join(', ')}`);
      return broken('usages', `The usages ${quoted(more)} are not allowed: the policy allows ${quoted([...set])}`);
    },
  };
}

export interface DurationLimits {
  /** Milliseconds, inclusive. */
  readonly min?: number;
  readonly max?: number;
  /** Whether a request may leave the duration to its signer. */
  readonly isOptional: boolean;
}

/** @param durationOf milliseconds that a request asks for; `spec.expirationSeconds` unless given */
export function durationRule(
  { min = 0, max = Number.POSITIVE_INFINITY, isOptional }: DurationLimits,
  durationOf: (request: {
    readonly expirationSeconds?: number;
    readonly annotations: Readonly<Record<string, string>>;
  }) => number | undefined = ({ expirationSeconds }) => (expirationSeconds === undefined ? undefined : expirationSeconds * 1_000),
): Rule {
  return {
    name: 'duration',
    judge: ({ request }) => {
      const asked = durationOf(request);
      if (asked === undefined) {
        return isOptional
          ? passed('duration', 'It leaves the duration to its signer')
          : broken('duration', 'It asks for no duration (spec.expirationSeconds), and the policy wants one');
      }
      if (Number.isNaN(asked)) return broken('duration', 'The duration cannot be read');
      const words = formatDuration(asked);
      if (asked < min) return broken('duration', `The duration ${words} is shorter than the least, ${formatDuration(min)}`);
      if (asked > max) return broken('duration', `The duration ${words} is longer than the most, ${formatDuration(max)}`);
      return passed('duration', `The duration ${words} is allowed`);
    },
  };
}

export type AllowedKeys = Readonly<Partial<Record<KeyKind, { readonly min?: number; readonly max?: number }>>>;

export function keyRule(allowed: AllowedKeys): Rule {
  return {
    name: 'key',
    judge: ({ csr, description }) => {
      const { kind, size } = keyOf(csr.publicKey);
      const limits = kind === 'unknown' ? undefined : allowed[kind];
      const words = description.key.kind;
      if (limits === undefined)
        return broken('key', `A key of ${words} is not allowed: the policy allows ${Object.keys(allowed).join(', ')}`);
      const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = limits;
      if (size >= min && size <= max) return passed('key', `Its key of ${words} is allowed`);
      return broken('key', `A key of ${words} is not allowed: the policy wants ${size < min ? `at least ${min}` : `at most ${max}`} bits`);
    },
  };
}

/** @param isAsked whether the object asks for a CA, beside the CSR itself */
export function caRule(isAllowed: boolean, isAsked: (annotations: Readonly<Record<string, string>>) => boolean = () => false): Rule {
  return {
    name: 'ca',
    judge: ({ description, request }) => {
      if (!description.isCa && !isAsked(request.annotations)) return passed('ca', 'It does not ask to be a CA');
      return isAllowed ? passed('ca', 'It asks to be a CA, which is allowed') : broken('ca', 'It asks to be a CA, which is not allowed');
    },
  };
}

/** How far the clocks of the cluster and of this machine may differ. */
const SKEW = 60_000;

/** @param max milliseconds */
export function ageRule(max: number): Rule {
  return {
    name: 'age',
    judge: ({ request, now }) => {
      const age = now - request.createdAt;
      if (age < -SKEW) return unknown('age', 'It was made in the future, by the clock of this machine');
      if (age > max) return broken('age', `It was made ${formatDuration(age)} ago, and the policy wants it within ${formatDuration(max)}`);
      return passed('age', `It was made ${formatDuration(age)} ago`);
    },
  };
}

export const quoted = (words: readonly string[]): string => words.map((word) => JSON.stringify(word)).join(', ');
