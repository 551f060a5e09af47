/**
 * Lists that stay true: all objects once, then every change. A watch ends often and for many reasons (its time is over, a connection that broke
 * or died without a word, a history that the server has forgotten); whoever reads this only sees states that really were.
 */
import type { Clock, Random } from '../base/clock.js';
import { isTscertError, TscertError } from '../base/errors.js';
import type { Streamed } from '../net/http1.js';
import { type Asked, readStatus, refusal, statusFailure } from './failure.js';
import type { Kind, KubernetesObject } from './kind.js';

export interface Query {
  /** That of the access unless given. */
  readonly namespace?: string;
  /** All namespaces. */
  readonly everywhere?: boolean;
  readonly labels?: string;
  readonly fields?: string;
}

export type Watched<T> =
  /** All that is there: first, and again whenever changes may have been missed. What is not among it is gone. */
  | { readonly type: 'all'; readonly objects: readonly T[] }
  /** New, or changed. */
  | { readonly type: 'changed'; readonly object: T }
  | { readonly type: 'removed'; readonly object: T }
  /** The server cannot be reached for now; it is tried again. */
  | { readonly type: 'interrupted'; readonly error: TscertError };

export interface WatchOptions<T extends KubernetesObject> {
  readonly kind: Kind<T>;
  readonly query: Query;
  readonly asked: Asked;
  readonly clock: Clock;
  readonly random: Random;
  list(): Promise<{ readonly items: readonly T[]; readonly resourceVersion: string }>;
  /** Opens the stream of changes. @param parameters of the URL, with their question mark */
  open(parameters: string): Promise<Streamed>;
  /** Milliseconds without a word after which a connection counts as dead; 150,000 unless given. Servers send a bookmark a minute. */
  readonly idle?: number;
}

const IDLE = 150_000;
/** Seconds that the server is asked to keep a watch: between this and twice as long, so that not all watches end together. */
const LASTS = 240;
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 30_000;
/** Bytes of one event. */
const LONGEST_LINE = 16 * 1_048_576;

/** What no later try mends. */
const FINAL = [
  'cluster-forbidden',
  'cluster-login',
  'cluster-invalid',
  'tls-untrusted',
  'config-invalid',
  'request-invalid',
  'internal',
] as const;

/** The parameters of a list or watch, with their question mark. */
export function queryOf({ labels, fields }: Query, more: Readonly<Record<string, string>>): string {
  const parameters = new URLSearchParams({
    ...(labels === undefined ? {} : { labelSelector: labels }),
    ...(fields === undefined ? {} : { fieldSelector: fields }),
    ...more,
  });
  return parameters.size === 0 ? '' : `?${parameters}`;
}

/**
 * Lists and watches for as long as the signal lets; returns when it is aborted.
 * @throws {TscertError} what the first list throws, and whatever no later try would mend
 */
export async function* watchObjects<T extends KubernetesObject>(
  options: WatchOptions<T>,
  signal: AbortSignal,
): AsyncGenerator<Watched<T>, void> {
  const { clock, random } = options;
  let version: string | undefined;
  let isFirst = true;
  let pause = 0;
  while (!signal.aborted) {
    try {
      if (version === undefined) {
        const { items, resourceVersion } = await options.list();
        version = resourceVersion;
        isFirst = false;
        yield { type: 'all', objects: items };
      }
      for await (const event of readWatch(options, version, signal)) {
        pause = 0;
        if (event.type === 'gone') {
          version = undefined;
          break;
        }
        version = event.version;
        if (event.type !== 'bookmark') yield { type: event.type, object: event.object };
      }
      // An end without a reason is one of the server's; whatever it is, it is not asked without a breath between.
      pause = Math.max(FIRST_PAUSE / 2, pause);
    } catch (error) {
      if (signal.aborted) return;
      if (!isTscertError(error) || isFirst || FINAL.some((code) => error.code === code)) throw error;
      // A resource that the server does not know may be one whose server is being restarted.
      yield { type: 'interrupted', error };
      pause = Math.min(LONGEST_PAUSE, Math.max(FIRST_PAUSE, pause * 2));
    }
    if (pause > 0) {
      try {
        await clock.sleep(pause * (0.75 + random() * 0.5), signal);
      } catch {
        return;
      }
    }
  }
}

type WatchEvent<T> =
  | { readonly type: 'changed' | 'removed'; readonly object: T; readonly version: string }
  | { readonly type: 'bookmark'; readonly version: string }
  /** The server has forgotten what happened since. */
  | { readonly type: 'gone' };

/** One watch, from its beginning to its end; cut off when nothing comes for too long. */
async function* readWatch<T extends KubernetesObject>(
  options: WatchOptions<T>,
  from: string,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent<T>> {
  const { asked, query, clock, random } = options;
  const seconds = Math.round(LASTS * (1 + random()));
  const answer = await options.open(
    queryOf(query, { watch: 'true', allowWatchBookmarks: 'true', resourceVersion: from, timeoutSeconds: String(seconds) }),
  );
  const { body } = answer;
  const stop = (): void => {
    body.destroy();
  };
  signal.addEventListener('abort', stop, { once: true });
  const guard = createGuard(clock, options.idle ?? IDLE, stop);
  try {
    if (answer.status !== 200) {
      const refused = { ...answer, body: await readAll(body) };
      if (refused.status === 410) yield { type: 'gone' };
      else throw refusal(refused, asked);
      return;
    }
    for await (const line of linesOf(body, guard.touch)) {
      const event = readEvent(line, options);
      yield event;
      if (event.type === 'gone') return;
    }
  } catch (error) {
    if (isTscertError(error)) throw error;
    // A connection that broke, or that we cut: the next one goes on from the same place.
  } finally {
    guard.end();
    signal.removeEventListener('abort', stop);
    body.destroy();
  }
}

/** @throws {TscertError} for what the server cannot do, or what is no event */
function readEvent<T extends KubernetesObject>(line: string, { kind, asked }: WatchOptions<T>): WatchEvent<T> {
  let value: { readonly type?: unknown; readonly object?: unknown };
  try {
    value = JSON.parse(line) as typeof value;
  } catch (error) {
    throw new TscertError('response-invalid', `Cannot read the changes of ${asked.kind.plural}: the API server sent what is no JSON`, {
      cause: error,
    });
  }
  const { type, object } = value;
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED': {
      const read = kind.parse(object);
      return { type: type === 'DELETED' ? 'removed' : 'changed', object: read, version: read.metadata.resourceVersion };
    }
    case 'BOOKMARK':
      return { type: 'bookmark', version: versionOf(object, asked) };
    case 'ERROR': {
      const status = readStatus(object);
      if (status?.code === 410) return { type: 'gone' };
      throw statusFailure(status?.code ?? 500, status, asked);
    }
    default:
      throw new TscertError(
        'response-invalid',
        `Cannot read the changes of ${asked.kind.plural}: the API server sent an event of no known type`,
      );
  }
}

function versionOf(object: unknown, asked: Asked): string {
  const metadata = typeof object === 'object' && object !== null && 'metadata' in object ? object.metadata : undefined;
  if (typeof metadata === 'object' && metadata !== null && 'resourceVersion' in metadata && typeof metadata.resourceVersion === 'string') {
    return metadata.resourceVersion;
  }
  throw new TscertError('response-invalid', `Cannot read the changes of ${asked.kind.plural}: a bookmark has no resourceVersion`);
}

/** Lines of a stream, each whole; an unfinished one at the end is dropped, as the event that it began never was one. */
async function* linesOf(stream: AsyncIterable<Buffer>, touch: () => void): AsyncGenerator<string> {
  let rest: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    touch();
    let begin = 0;
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, begin)) {
      const line = Buffer.concat([...rest, chunk.subarray(begin, end)]).toString('utf8');
      rest = [];
      length = 0;
      begin = end + 1;
      if (line.trim() !== '') yield line;
    }
    const left = chunk.subarray(begin);
    length += left.length;
    if (length > LONGEST_LINE)
      throw new TscertError('response-invalid', 'Cannot read the changes of the API server: one event is larger than 16 MiB');
    if (left.length > 0) rest.push(left);
  }
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > LONGEST_LINE) break;
  }
  return Buffer.concat(chunks);
}

/** Calls `stop` when it was not touched for `idle` milliseconds. */
function createGuard(clock: Clock, idle: number, stop: () => void): { touch(): void; end(): void } {
  const over = new AbortController();
  let touches = 0;
  const guard = async (): Promise<void> => {
    for (let seen = -1; seen !== touches; ) {
      seen = touches;
      await clock.sleep(idle, over.signal);
    }
    stop();
  };
  guard().catch(() => undefined);
  return {
    touch() {
      touches++;
    },
    end: () => over.abort(),
  };
}
