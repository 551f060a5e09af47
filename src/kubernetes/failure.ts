/** What an API server refuses, as a value of tscert: its Status (meta/v1), or what a proxy before it says. */
import * as v from 'valibot';
import { type ErrorCode, TscertError } from '../base/errors.js';
import { printable } from '../base/printable.js';
import { type Kind, resourceWords } from './kind.js';

/** What was asked, for words. */
export interface Asked {
  readonly verb: 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete';
  readonly kind: Pick<Kind<never>, 'kind' | 'plural' | 'group'>;
  readonly name?: string;
  readonly namespace?: string;
  readonly subresource?: string;
}

/** A right as a rule of a Role gives it. */
export interface Right {
  readonly verb: string;
  readonly group: string;
  /** With its subresource. */
  readonly resource: string;
  /** Any one of them is enough; empty where the rule needs no names. */
  readonly names: readonly string[];
  /** Absent for the whole cluster. */
  readonly namespace?: string;
}

interface RefusedAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const statusSchema = v.object({
  kind: v.literal('Status'),
  message: v.nullish(v.string(), ''),
  reason: v.nullish(v.string(), ''),
  code: v.nullish(v.number(), 0),
  details: v.nullish(
    v.object({
      name: v.nullish(v.string(), ''),
      causes: v.nullish(
        v.array(v.object({ reason: v.nullish(v.string(), ''), message: v.nullish(v.string(), ''), field: v.nullish(v.string(), '') })),
        [],
      ),
    }),
    {},
  ),
});

export type Status = v.InferOutput<typeof statusSchema>;

const QUOTED = 300;

/** The Status in an answer, if it is one. */
export function readStatus(value: unknown): Status | undefined {
  const parsed = v.safeParse(statusSchema, value);
  return parsed.success ? parsed.output : undefined;
}

/** The Status in the body of an answer. */
function statusOf({ body }: Pick<RefusedAnswer, 'body'>): Status | undefined {
  try {
    return readStatus(JSON.parse(body.toString('utf8')));
  } catch {
    return undefined;
  }
}

/** True for an object that is not there; false for a resource that the server does not know. */
export function isAbsent(answer: RefusedAnswer): boolean {
  if (answer.status !== 404) return false;
  const status = statusOf(answer);
  return status?.reason === 'NotFound' && status.details !== null && (status.details.name ?? '') !== '';
}

/** The error for an answer that is none of success. */
export function refusal(answer: RefusedAnswer, asked: Asked): TscertError {
  return statusFailure(answer.status, statusOf(answer), asked, { quote: quoteOf(answer), retryAfter: answer.headers['retry-after'] });
}

/** The same for a Status that came by itself, as in a watch. */
export function statusFailure(
  code: number,
  status: Status | undefined,
  asked: Asked,
  { quote = '', retryAfter }: { readonly quote?: string; readonly retryAfter?: string | undefined } = {},
): TscertError {
  const what = `Cannot ${verbWords(asked)}`;
  const said = printable(status?.message ?? '') || quote;
  const data = { status: code, reason: status?.reason ?? '', ...factsOf(asked), message: said };
  const fail = (as: ErrorCode, why: string, more: Readonly<Record<string, unknown>> = {}): TscertError =>
    new TscertError(as, `${what}: ${why}`, { data: { ...data, ...more } });
  switch (code) {
    case 401:
      return fail('cluster-login', 'the cluster does not take our credentials (401 Unauthorized)');
    case 403:
      return forbidden(said, asked, fail);
    case 404:
      return status === undefined || (status.details?.name ?? '') === ''
        ? fail('cluster-failed', `the cluster does not serve ${resourceWords(asked.kind)}${quote === '' ? '' : ` (it said "${quote}")`}`)
        : fail('cluster-absent', 'it is not there');
    case 409:
      return conflict(status, said, fail);
    case 400:
    case 422:
      return fail('cluster-invalid', causesOf(status) || said || `the server answered ${code}`, { causes: status?.details?.causes ?? [] });
    case 429:
      return fail('rate-limited', `the API server has too much to do (429)${said === '' ? '' : `: ${said}`}`, {
        ...(retryAfter === undefined ? {} : { retryAfter }),
      });
    default:
      return fail('cluster-failed', `the API server answered ${code}${said === '' ? '' : `: ${said}`}`);
  }
}

/** The right, in words: `"create" on "secrets" in the namespace "web"`. */
export function rightWords({ verb, group, resource, names, namespace }: Right): string {
  const [plural = '', subresource] = resource.split('/');
  const named = names.length === 0 ? '' : ` named ${names.map((name) => `"${name}"`).join(' or ')}`;
  const where = namespace === undefined ? '' : ` in the namespace "${namespace}"`;
  return `"${verb}" on "${resourceWords({ plural, group }, subresource)}"${named}${where}`;
}

/** Both names by which a rule can give a right on a signer: its own, and that of its whole domain. */
export function signerNames(signer: string): readonly string[] {
  return [signer, `${signer.split('/')[0]}/*`];
}

function forbidden(
  said: string,
  asked: Asked,
  fail: (as: ErrorCode, why: string, more?: Record<string, unknown>) => TscertError,
): TscertError {
  const rbac = /User "(.*?)" cannot (\S+) resource "([^"]+)" in API group "([^"]*)"(?: in the namespace "([^"]+)")?/.exec(said);
  if (rbac !== null) {
    const [, user = '', verb = '', resource = '', group = '', namespace] = rbac;
    // Since Kubernetes 1.35 somebody may be impersonated for single acts; what everybody grants is the old right.
    const right: Right = /^impersonate-on:/.test(verb)
      ? { verb: 'impersonate', group: '', resource: 'users', names: [] }
      : { verb, group, resource, names: [], ...(namespace === undefined ? {} : { namespace }) };
    return fail('cluster-forbidden', `"${user}" lacks the right ${rightWords(right)}`, { user, right });
  }
  const signer = /not permitted to (approve|sign|attest) requests with signerName "([^"]+)"/.exec(said);
  if (signer !== null) {
    const [, verb = '', name = ''] = signer;
    const right: Right = { verb, group: 'certificates.k8s.io', resource: 'signers', names: signerNames(name) };
    return fail('cluster-forbidden', `the right ${rightWords(right)} is missing`, { right });
  }
  const why = said.replace(/^\S+ "[^"]*" is forbidden: /, '');
  return fail('cluster-forbidden', why === '' ? `the server forbids it (403) to ${asked.verb}` : why);
}

function conflict(
  status: Status | undefined,
  said: string,
  fail: (as: ErrorCode, why: string, more?: Record<string, unknown>) => TscertError,
): TscertError {
  if (status?.reason === 'AlreadyExists') return fail('cluster-exists', 'one of that name is there already');
  const owned = (status?.details?.causes ?? []).filter(({ reason }) => reason === 'FieldManagerConflict');
  if (owned.length === 0) return fail('cluster-conflict', `somebody else has changed it meanwhile (${said})`);
  const conflicts = owned.map(({ field, message }) => ({
    field: field ?? '',
    manager: /conflict with "([^"]*)"/.exec(message ?? '')?.[1] ?? '',
  }));
  const words = conflicts.map(({ field, manager }) => `"${printable(field)}" is kept by "${printable(manager)}"`);
  return fail('cluster-conflict', words.join(', '), { conflicts });
}

/** Each cause with its field, without repeating what Kubernetes says twice. */
function causesOf(status: Status | undefined): string {
  return (status?.details?.causes ?? [])
    .map(({ field, message }) => printable(field ? `${field}: ${withoutValue(message ?? '')}` : withoutValue(message ?? '')))
    .join('; ');
}

/** Kubernetes repeats the value it does not like, bytes as hundreds of numbers. */
function withoutValue(message: string): string {
  return message.replace(/^(Invalid|Unsupported) value: (\[\]byte\{[^}]*\}|"[^"]{80,}"): /, '');
}

function verbWords({ verb, kind, name, namespace, subresource }: Asked): string {
  const words = { get: 'read', list: 'list', watch: 'watch', create: 'create', update: 'change', patch: 'change', delete: 'delete' }[verb];
  const what = name === undefined ? (verb === 'create' ? `a ${kind.kind}` : resourceWords(kind)) : `the ${kind.kind} "${name}"`;
  return `${words} ${what}${subresource === undefined ? '' : ` (${subresource})`}${namespace === undefined ? '' : ` in "${namespace}"`}`;
}

function factsOf({ verb, kind, name, namespace, subresource }: Asked): Record<string, string> {
  return {
    verb,
    resource: resourceWords(kind, subresource),
    ...(name === undefined ? {} : { name }),
    ...(namespace === undefined ? {} : { namespace }),
  };
}

function quoteOf({ body }: RefusedAnswer): string {
  return printable(
    body
      .toString('utf8', 0, QUOTED * 4)
      .replaceAll(/\s+/g, ' ')
      .trim()
      .slice(0, QUOTED),
  );
}
