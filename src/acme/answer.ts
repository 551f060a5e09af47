/** An HTTP answer of an ACME server, and how its foreign bytes become values. */
import { TscertError } from '../base/errors.js';

export interface Answer {
  /** What was asked. */
  readonly url: string;
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export type JsonObject = Readonly<Record<string, unknown>>;

const QUOTED = 160;

/** True for `{...}`: neither null nor an array. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The JSON object in an answer.
 * @throws {TscertError} `response-invalid` when the body is anything else
 */
export function readObject(answer: Answer, doing: string): JsonObject {
  const value = tryObject(answer);
  if (value === undefined) throw unreadable(answer, doing, 'no JSON object');
  return value;
}

/** The JSON object in an answer, `undefined` when there is none. */
export function tryObject(answer: Answer): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(answer.body.toString('utf8'));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** `response-invalid` that names the URL, the status, the content type and the first characters. */
export function unreadable(answer: Answer, doing: string, lacking: string): TscertError {
  const contentType = answer.headers['content-type'] ?? 'no content type';
  const start = [...answer.body.toString('utf8', 0, QUOTED * 4)]
    .slice(0, QUOTED)
    .join('')
    .replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim();
  const quote = start === '' ? 'an empty body' : `"${start}"`;
  return new TscertError(
    'response-invalid',
    `Cannot ${doing}: ${answer.url} answered ${answer.status} (${contentType}) with ${lacking}: ${quote}`,
    { data: { url: answer.url, status: answer.status, contentType, start } },
  );
}

/**
 * A URL from a server, made absolute against what was asked (RFC 3986 §5).
 * @throws {TscertError} `response-invalid` for what is no URL, or leaves HTTPS
 */
export function resolveUrl(value: unknown, answer: Answer, doing: string, what: string): string {
  const url = typeof value === 'string' && value !== '' && URL.canParse(value, answer.url) ? new URL(value, answer.url) : undefined;
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== new URL(answer.url).protocol)) {
    throw unreadable(answer, doing, `no usable ${what}`);
  }
  return url.href;
}

/** When a `Retry-After` header lets us come again, in milliseconds from `now`; seconds or an HTTP date (RFC 9110 §10.2.3). */
export function retryAfter(answer: Answer, now: number): number | undefined {
  const text = answer.headers['retry-after']?.trim();
  if (text === undefined || text === '') return undefined;
  if (/^\d{1,10}$/.test(text)) return Number(text) * 1_000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** The targets of the `Link` headers with this relation (RFC 8288 §3), absolute. Links that cannot be read are passed over. */
export function linksOf(answer: Answer, relation: string): string[] {
  const found: string[] = [];
  for (const [, target = '', parameters = ''] of (answer.headers.link ?? '').matchAll(
    /<([^<>]*)>((?:\s*;[^,<;"]*(?:"[^"]*"[^,<;"]*)?)*)/g,
  )) {
    const relations = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]+))/i.exec(parameters);
    const words = (relations?.[1] ?? relations?.[2] ?? '').toLowerCase().split(/\s+/);
    if (words.includes(relation) && URL.canParse(target, answer.url)) found.push(new URL(target, answer.url).href);
  }
  return found;
}
