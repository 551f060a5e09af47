/** A request as it came, read for both signature versions. */
import type { IncomingMessage } from 'node:http';

export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  /** All values by their decoded names: the query, and for forms the body. */
  readonly parameters: ReadonlyMap<string, string>;
  /** The query alone: what ACS3 puts into the canonical query string. */
  readonly query: ReadonlyMap<string, string>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Reads the whole request; a body of more than 1 MB is cut. */
export async function readRequest(message: IncomingMessage): Promise<ApiRequest> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= 1_000_000) chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  const [path = '/', search = ''] = (message.url ?? '/').split(/\?(.*)/s);
  const headers = Object.fromEntries(Object.entries(message.headers).map(([name, value]) => [name, [value ?? ''].flat().join(',')]));
  const form = /^application\/x-www-form-urlencoded/i.test(headers['content-type'] ?? '') ? body.toString() : '';
  return {
    method: message.method ?? 'GET',
    path,
    query: new Map(new URLSearchParams(search)),
    parameters: new Map([...new URLSearchParams(search), ...new URLSearchParams(form)]),
    headers,
    body,
  };
}

/** Percent-encoding of RFC 3986 §2.1, which leaves only the unreserved characters. */
export function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** `a=1&b=2`, sorted by name, every part encoded. */
export function canonicalQuery(parameters: ReadonlyMap<string, string>): string {
  return [...parameters]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .join('&');
}
