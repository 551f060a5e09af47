/** Problem documents (RFC 7807, RFC 8555 §6.7) as typed errors. */
import { type ErrorCode, type ErrorData, TscertError } from '../base/errors.js';
import { type Answer, isObject, type JsonObject, retryAfter, tryObject, unreadable } from './answer.js';

const PREFIX = 'urn:ietf:params:acme:error:';

export interface Problem {
  readonly type: string;
  readonly title?: string;
  readonly detail?: string;
  readonly status?: number;
  readonly instance?: string;
  readonly identifier?: { readonly type: string; readonly value: string };
  readonly subproblems?: readonly Problem[];
}

/** Problems that have a code of their own; the rest is `acme-problem`. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  rateLimited: 'rate-limited',
  accountDoesNotExist: 'account-unknown',
  externalAccountRequired: 'eab-required',
};

/** Reads a problem document; `undefined` for any other value. What has the wrong type is left out. */
export function readProblem(value: unknown, depth = 0): Problem | undefined {
  if (!isObject(value)) return undefined;
  const detail = textOf(value, 'detail');
  const title = textOf(value, 'title');
  const instance = textOf(value, 'instance');
  if (typeof value.type !== 'string' && detail === undefined && title === undefined) return undefined;
  const identifier = isObject(value.identifier) ? value.identifier : {};
  const given = Array.isArray(value.subproblems) && depth < 3 ? value.subproblems : [];
  const subproblems = given.flatMap((one) => readProblem(one, depth + 1) ?? []);
  return {
    type: textOf(value, 'type') ?? 'about:blank',
    ...(title === undefined ? {} : { title }),
    ...(detail === undefined ? {} : { detail }),
    ...(typeof value.status === 'number' ? { status: value.status } : {}),
    ...(instance === undefined ? {} : { instance }),
    ...(typeof identifier.type === 'string' && typeof identifier.value === 'string'
      ? { identifier: { type: identifier.type, value: identifier.value } }
      : {}),
    ...(subproblems.length > 0 ? { subproblems } : {}),
  };
}

function textOf(value: JsonObject, key: string): string | undefined {
  const text = value[key];
  return typeof text === 'string' ? text : undefined;
}

/** The problem in an error answer; `undefined` when it carries none. */
export function problemOf(answer: Answer): Problem | undefined {
  return answer.status < 400 ? undefined : readProblem(tryObject(answer));
}

/** True when `problem` is the ACME error `name` (RFC 8555 §6.7), as in `badNonce`. */
export function isProblem(problem: Problem | undefined, name: string): boolean {
  return problem?.type === `${PREFIX}${name}`;
}

/** A problem in one line: the server's own words and the short type, those of its subproblems too. */
export function wordsOf(problem: Problem): string {
  const words = [problem.detail, problem.title].map((text) => text?.trim().replace(/\.$/, ''));
  const own = words.find((text) => text !== undefined && text !== '') ?? 'no reason given';
  const short = problem.type.startsWith(PREFIX) ? ` (${problem.type.slice(PREFIX.length)})` : '';
  const parts = (problem.subproblems ?? []).map(
    (sub) => `${sub.identifier === undefined ? '' : `${sub.identifier.value}: `}${wordsOf(sub)}`,
  );
  return [`${own}${short}`, ...parts].join('; ');
}

function unexpected({ headers: { location } }: Answer): string {
  return location === undefined ? 'an unexpected status' : `a redirect to "${location}", which is not followed`;
}

/** The error for an answer that is none of those that were hoped for. `doing` completes "Cannot ...". */
export function answerError(answer: Answer, doing: string, now: number): TscertError {
  const problem = problemOf(answer);
  const wait = retryAfter(answer, now);
  const data: ErrorData = {
    url: answer.url,
    status: answer.status,
    ...(problem === undefined ? {} : { problem }),
    ...(problem?.identifier === undefined ? {} : { identifier: problem.identifier.value }),
  };
  if (answer.status === 429 || isProblem(problem, 'rateLimited') || (answer.status === 503 && wait !== undefined)) {
    const retryAt = wait === undefined ? undefined : new Date(Math.min(now + wait, 8.64e15)).toISOString();
    const why = problem === undefined ? `${answer.url} answered ${answer.status}` : wordsOf(problem);
    return new TscertError(
      'rate-limited',
      `Cannot ${doing} yet: ${why}${retryAt === undefined ? '' : `; it may be tried again at ${retryAt}`}`,
      {
        data: retryAt === undefined ? data : { ...data, retryAt },
      },
    );
  }
  if (problem === undefined) return unreadable(answer, doing, answer.status < 400 ? unexpected(answer) : 'no problem document');
  if (isProblem(problem, 'userActionRequired')) {
    const terms = problem.instance;
    return new TscertError('terms-not-agreed', `Cannot ${doing}: ${wordsOf(problem)}`, {
      data: terms === undefined ? data : { ...data, url: terms },
    });
  }
  const code = CODES[problem.type.replace(PREFIX, '')] ?? 'acme-problem';
  return new TscertError(code, `Cannot ${doing}: ${wordsOf(problem)}`, { data });
}
