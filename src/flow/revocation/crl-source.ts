/** CRLs by URL: fetched, or what is kept of them where their server says that it has no other, or says nothing. */
import { isTscertError, TscertError } from '../../base/errors.js';
import type { GuardedHttp, GuardedStream } from '../../net/guarded.js';
import type { Crl } from '../../pki/crl.js';
import { type CrlRequest, MAX_CRL_BYTES, readCrl } from '../../pki/crl-reader.js';
import type { CachedCrl, CrlCache } from '../../store/crl-cache.js';
import type { SourcedCrl } from './evidence.js';
import { statusFailure } from './failure.js';

export interface CrlSourceParts {
  /** Absent where nobody is to be asked: then there is what is kept. */
  readonly http?: Pick<GuardedHttp, 'stream'> | undefined;
  readonly cache?: CrlCache | undefined;
  readonly signal: AbortSignal;
}

/** PEM is longer than DER, by a third and the ends of lines. */
const MAX_BYTES = Math.ceil(MAX_CRL_BYTES * 1.4);

/**
 * Reads the CRL of a URL for these serial numbers.
 * @throws {TscertError} as `GuardedHttp.stream`, `crl-invalid`, `pem-invalid`, `response-invalid` for another status than 200,
 *   `file-unreadable` where nobody is to be asked and nothing is kept
 */
export async function readCrlAt(url: string, request: Omit<CrlRequest, 'source'>, parts: CrlSourceParts): Promise<SourcedCrl> {
  const { http, cache, signal } = parts;
  const kept = await cache?.get(url);
  if (http === undefined) {
    if (kept !== undefined) return { crl: await readKept(kept, request), origin: { by: 'kept', place: url } };
    throw new TscertError('file-unreadable', `Cannot have the CRL "${url}": nobody is asked for it, and none is kept`, { data: { url } });
  }
  if (kept === undefined) return fetchCrl(url, request, undefined, { http, cache, signal });
  try {
    return await fetchCrl(url, request, kept, { http, cache, signal });
  } catch (error) {
    signal.throwIfAborted();
    if (!isTscertError(error)) throw error;
    // The server is not to be had, or sends what is none: what is kept still holds.
    return { crl: await readKept(kept, request), origin: { by: 'kept', place: url } };
  }
}

async function fetchCrl(
  url: string,
  request: Omit<CrlRequest, 'source'>,
  kept: CachedCrl | undefined,
  { http, cache, signal }: CrlSourceParts & { readonly http: Pick<GuardedHttp, 'stream'> },
): Promise<SourcedCrl> {
  const answer = await http.stream({ method: 'GET', url, headers: conditionsOf(kept), maxBytes: MAX_BYTES, signal });
  const origin = { by: 'url', place: url } as const;
  if (answer.status === 304 && kept !== undefined) {
    await leave(answer);
    await cache?.confirm(url);
    return { crl: await readKept(kept, request), origin };
  }
  if (answer.status !== 200) {
    await leave(answer);
    throw statusFailure(url, answer.status, answer.headers);
  }
  const draft = cache?.begin(url);
  try {
    const crl = await readCrl(draft?.through(answer.body) ?? answer.body, { ...request, source: url });
    if (crl.nextUpdate !== undefined && crl.signers.length > 0) {
      const { etag, 'last-modified': lastModified } = answer.headers;
      const validators = { ...(etag === undefined ? {} : { etag }), ...(lastModified === undefined ? {} : { lastModified }) };
      await draft?.keep({ nextUpdate: crl.nextUpdate.getTime(), ...validators });
    }
    return { crl, origin };
  } finally {
    await draft?.drop();
  }
}

function readKept(kept: CachedCrl, request: Omit<CrlRequest, 'source'>): Promise<Crl> {
  return readCrl(kept.read(), { ...request, source: kept.url });
}

function conditionsOf(kept: CachedCrl | undefined): Record<string, string> {
  return {
    ...(kept?.etag === undefined ? {} : { 'if-none-match': kept.etag }),
    ...(kept?.lastModified === undefined ? {} : { 'if-modified-since': kept.lastModified }),
  };
}

/** Ends the connection of an answer whose body nobody wants. */
async function leave({ body }: GuardedStream): Promise<void> {
  try {
    for await (const _ of body) break;
  } catch (error) {
    if (!isTscertError(error)) throw error;
  }
}
