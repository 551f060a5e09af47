/** Reading answers: what was refused is thrown, what has another shape too. */
import { TscertError } from '../../../base/errors.js';
import type { Outcome } from './caller.js';

/** The answer's fields; what was refused is thrown. */
export function bodyOf(outcome: Outcome): Readonly<Record<string, unknown>> {
  return 'body' in outcome ? outcome.body : outcome.raise();
}

/**
 * The objects of a list in an answer: `{ Domains: { Domain: [...] } }`.
 * @throws {TscertError} `provider-failed` when the answer has another shape
 */
export function listOf(body: Readonly<Record<string, unknown>>, outer: string, inner: string): Readonly<Record<string, unknown>>[] {
  const holder = body[outer];
  const list: unknown = typeof holder === 'object' && holder !== null ? (holder as Record<string, unknown>)[inner] : undefined;
  if (!Array.isArray(list) || !list.every((item) => typeof item === 'object' && item !== null)) {
    throw new TscertError('provider-failed', `Cannot read the answer of AliDNS: it has no list "${outer}.${inner}"`, {
      data: { provider: 'alidns' },
    });
  }
  return list;
}
