/**
 * The API server of one cluster: objects in, objects out. One conversation with retries where the server asks for them; what it refuses is a
 * {@link TscertError} with a code of its own, what is not there is `undefined`.
 */
import type { Clock, Random } from '../base/clock.js';
import { messageOf, TscertError } from '../base/errors.js';
import type { Answer } from '../net/exchange.js';
import type { Streamed } from '../net/http1.js';
import { createService, type Service, type ServiceRequest } from '../net/service.js';
import type { Access } from './access.js';
import type { Credential } from './credentials.js';
import { type Asked, isAbsent, refusal } from './failure.js';
import { apiVersionOf, type Draft, type Kind, type KubernetesObject, pathOf } from './kind.js';
import { type Query, queryOf, type Watched, watchObjects } from './watch.js';

export type { Query, Watched } from './watch.js';

export interface Call {
  readonly signal: AbortSignal;
}

export interface WriteCall extends Call {
  /** The server goes through all of it and keeps nothing (`dryRun=All`). */
  readonly dryRun?: boolean;
}

export interface Ref {
  readonly name: string;
  /** That of the access unless given, for kinds that have one. */
  readonly namespace?: string;
}

export interface Listed<T> {
  readonly items: readonly T[];
  /** Of the whole list: where a watch begins. */
  readonly resourceVersion: string;
}

/** RFC 6902, or RFC 7386. */
export type Patch = { readonly json: readonly Readonly<Record<string, unknown>>[] } | { readonly merge: Readonly<Record<string, unknown>> };

/**
 * An API server. Every method rejects with `cluster-login` (401), `cluster-forbidden` (403, with the right that is missing in `data.right`),
 * `cluster-conflict` (409), `cluster-invalid` (400, 422), `rate-limited` (429 more often than is waited for), `cluster-failed` (anything
 * else that it answers, and resources that it does not know), `network`, `timeout`, `tls-untrusted`, `response-invalid`, or the reason
 * of the signal. A write that may have been done although no answer came has `data.sent` true.
 */
export interface KubernetesClient {
  /** How people know the cluster. */
  readonly name: string;
  /** Host and port of the API server. */
  readonly server: string;
  /** The namespace of what has one and names none. */
  readonly namespace: string;
  /** An object, `undefined` when it is not there. */
  get<T extends KubernetesObject>(kind: Kind<T>, ref: Ref, call: Call): Promise<T | undefined>;
  /** All objects, page by page. */
  list<T extends KubernetesObject>(kind: Kind<T>, query: Query, call: Call): Promise<Listed<T>>;
  /** @throws `cluster-exists` when one of the name is there */
  create<T extends KubernetesObject>(kind: Kind<T>, object: Draft, call: WriteCall): Promise<T>;
  /** Puts the object in the place of that with its name; with its resourceVersion only if nobody has changed it. @throws `cluster-absent` */
  replace<T extends KubernetesObject>(kind: Kind<T>, object: Draft | T, call: WriteCall & { readonly subresource?: string }): Promise<T>;
  /** @throws `cluster-absent` */
  patch<T extends KubernetesObject>(kind: Kind<T>, ref: Ref, patch: Patch, call: WriteCall & { readonly subresource?: string }): Promise<T>;
  /** Server-side apply as the manager `tscert`; `force` takes fields from others, otherwise they are a `cluster-conflict` with `data.conflicts`. */
  apply<T extends KubernetesObject>(kind: Kind<T>, object: Draft, call: WriteCall & { readonly force?: boolean }): Promise<T>;
  /**
   * Removes an object, where given only with this uid and resourceVersion. False when it was not there.
   * @throws `cluster-conflict` when it is another one by now
   */
  remove(
    kind: Kind<KubernetesObject>,
    ref: Ref,
    call: WriteCall & { readonly uid?: string; readonly resourceVersion?: string },
  ): Promise<boolean>;
  /** Everything that is there, and then every change, for as long as the signal lets: see {@link Watched}. */
  watch<T extends KubernetesObject>(
    kind: Kind<T>,
    query: Query,
    options: Call & { readonly idle?: number },
  ): AsyncGenerator<Watched<T>, void>;
  /** Cuts everything. */
  close(): void;
}

export interface ClientOptions {
  readonly access: Access;
  readonly clock: Clock;
  readonly random: Random;
  /** Hears of what the server warns of (RFC 7234 §5.5), each once. */
  readonly onWarning?: (message: string) => void;
  /** Milliseconds to the end of an answer; 30,000 unless given. */
  readonly timeout?: number;
}

/** Who writes, for server-side apply and for `managedFields`. */
const FIELD_MANAGER = 'tscert';

const TIMEOUT = 30_000;
const MEBIBYTE = 1_048_576;
/** A page of the largest objects that etcd takes. */
const LARGEST_ANSWER = 256 * MEBIBYTE;
const PAGE = 250;
/** How often a request is sent again because the server asks for it (client-go's number), and the longest wait that is not left to the caller. */
const MOST_TRIES = 10;
const LONGEST_WAIT = 60_000;
/** Milliseconds before a read is tried again that a server without words could not answer. */
const PAUSES = [250, 500, 1_000];

type Sent = Omit<ServiceRequest, 'timeout' | 'maxBytes' | 'headers'> & { readonly type?: string; readonly accept?: string };

/** A client. Nothing is sent before the first call. */
export function createKubernetesClient(options: ClientOptions): KubernetesClient {
  const { access, clock, random } = options;
  const conversation = createConversation(options);

  /** Sends until the server neither asks for patience nor refuses a credential of which there is another. */
  const send = async (request: Sent, asked: Asked): Promise<Answer> => {
    for (let tries = 0; ; tries++) {
      const answer = await conversation.exchange(request);
      const wait = waitFor(answer, request.method, tries, clock.now());
      if (wait === undefined) return answer;
      if (tries >= MOST_TRIES || wait > LONGEST_WAIT) throw refusal(answer, asked);
      await clock.sleep(wait * (1 + random() * 0.2), request.signal);
    }
  };
  const ask = async <T>(request: Sent, asked: Asked, read: (value: unknown) => T): Promise<T> => {
    const answer = await send(request, asked);
    if (answer.status < 200 || answer.status > 299) throw refusal(answer, asked);
    return read(bodyOf(answer, asked));
  };
  const placeOf = (kind: Kind<never>, given: string | undefined): string | undefined =>
    kind.isNamespaced ? (given ?? access.namespace) : undefined;
  const askedOf = (verb: Asked['verb'], kind: Asked['kind'], name?: string, namespace?: string, subresource?: string): Asked => ({
    ...{ verb, kind },
    ...(name === undefined ? {} : { name }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(subresource === undefined ? {} : { subresource }),
  });
  const manager = (call: WriteCall, more: Readonly<Record<string, string>> = {}): string =>
    `?${new URLSearchParams({ fieldManager: FIELD_MANAGER, ...more, ...(call.dryRun === true ? { dryRun: 'All' } : {}) })}`;

  const client: KubernetesClient = {
    name: access.name,
    server: access.server.host,
    namespace: access.namespace,

    async get(kind, { name, namespace }, { signal }) {
      const place = placeOf(kind as Kind<never>, namespace);
      const asked = askedOf('get', kind, name, place);
      const answer = await send({ method: 'GET', path: pathOf(kind, place, name), signal }, asked);
      if (isAbsent(answer)) return undefined;
      if (answer.status !== 200) throw refusal(answer, asked);
      return kind.parse(bodyOf(answer, asked));
    },

    async list(kind, query, { signal }) {
      const { namespace, everywhere } = query;
      const place = everywhere === true ? undefined : placeOf(kind as Kind<never>, namespace);
      const asked = askedOf('list', kind, undefined, place);
      const items = [];
      let next = '';
      for (let isWhole = false; ; ) {
        const parameters = queryOf(query, { ...(isWhole ? {} : { limit: String(PAGE) }), ...(next === '' ? {} : { continue: next }) });
        const answer = await send({ method: 'GET', path: `${pathOf(kind, place)}${parameters}`, signal }, asked);
        if (answer.status === 410 && next !== '') {
          // The list has changed so much that its later pages are gone: all of it in one answer.
          items.length = 0;
          next = '';
          isWhole = true;
          continue;
        }
        if (answer.status !== 200) throw refusal(answer, asked);
        const page = readPage(bodyOf(answer, asked), asked);
        items.push(...page.items.map((item) => kind.parse(item)));
        next = page.next;
        if (next === '') return { items, resourceVersion: page.resourceVersion };
      }
    },

    create(kind, object, call) {
      const { name, namespace } = object.metadata;
      const place = placeOf(kind as Kind<never>, namespace);
      const request = writeOf('POST', `${pathOf(kind, place)}${manager(call)}`, withType(kind, object), call);
      return ask(request, askedOf('create', kind, name, place), kind.parse);
    },

    replace(kind, object, call) {
      const { name = '', namespace } = object.metadata;
      const place = placeOf(kind as Kind<never>, namespace);
      const path = `${pathOf(kind, place, name, call.subresource)}${manager(call)}`;
      return ask(writeOf('PUT', path, withType(kind, object), call), askedOf('update', kind, name, place, call.subresource), kind.parse);
    },

    patch(kind, { name, namespace }, patch, call) {
      const place = placeOf(kind as Kind<never>, namespace);
      const path = `${pathOf(kind, place, name, call.subresource)}${manager(call)}`;
      const [type, body] = 'json' in patch ? ['application/json-patch+json', patch.json] : ['application/merge-patch+json', patch.merge];
      return ask(writeOf('PATCH', path, body, call, type), askedOf('patch', kind, name, place, call.subresource), kind.parse);
    },

    apply(kind, object, call) {
      const { name = '', namespace } = object.metadata;
      const place = placeOf(kind as Kind<never>, namespace);
      const path = `${pathOf(kind, place, name)}${manager(call, call.force === true ? { force: 'true' } : {})}`;
      // JSON is YAML, and every server that has server-side apply takes this name of it.
      const request = writeOf('PATCH', path, withType(kind, object), call, 'application/apply-patch+yaml');
      return ask(request, askedOf('patch', kind, name, place), kind.parse);
    },

    async remove(kind, { name, namespace }, call) {
      const place = placeOf(kind as Kind<never>, namespace);
      const asked = askedOf('delete', kind, name, place);
      const { uid, resourceVersion } = call;
      const preconditions = { ...(uid === undefined ? {} : { uid }), ...(resourceVersion === undefined ? {} : { resourceVersion }) };
      // Where there is a body the parameters of the URL are not looked at: a dry run must be said here.
      const dryRun = call.dryRun === true ? ['All'] : [];
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background', preconditions, dryRun };
      const answer = await send(writeOf('DELETE', pathOf(kind, place, name), body, call), asked);
      if (isAbsent(answer)) return false;
      if (answer.status < 200 || answer.status > 299) throw refusal(answer, asked);
      return true;
    },

    watch(kind, query, { signal, idle }) {
      const place = query.everywhere === true ? undefined : placeOf(kind as Kind<never>, query.namespace);
      const asked = askedOf('watch', kind, undefined, place);
      return watchObjects(
        {
          ...{ kind, query, asked, clock, random },
          list: () => client.list(kind, query, { signal }),
          open: (parameters) => conversation.open({ method: 'GET', path: `${pathOf(kind, place)}${parameters}`, signal }),
          ...(idle === undefined ? {} : { idle }),
        },
        signal,
      );
    },

    close: () => conversation.close(),
  };
  return client;
}

interface Conversation {
  exchange(request: Sent): Promise<Answer>;
  open(request: Sent): Promise<Streamed>;
  close(): void;
}

/** Puts credentials to requests: one service as long as the client certificate stays, another when it changes. */
function createConversation({ access, onWarning, timeout = TIMEOUT }: ClientOptions): Conversation {
  const warned = new Set<string>();
  let current: { readonly service: Service; readonly cert: string | undefined } | undefined;
  const retired: Service[] = [];
  const serviceFor = ({ cert, key }: Credential): Service => {
    if (current !== undefined && current.cert === cert) return current.service;
    // What is under way on the old connections ends there.
    if (current !== undefined) retired.push(current.service);
    const { server: url, roots, servername, insecure, proxy, proxyRoots, userAgent } = access;
    const identity = {
      insecure,
      ...(roots === undefined ? {} : { roots }),
      ...(servername === undefined ? {} : { servername }),
      ...(cert === undefined || key === undefined ? {} : { cert, key }),
    };
    current = { service: createService({ url, identity, proxy, proxyRoots, userAgent }), cert };
    return current.service;
  };
  const send = async <T extends { readonly status: number; readonly headers: Readonly<Record<string, string>> }>(
    { type, accept = 'application/json', ...request }: Sent,
    by: (service: Service, whole: ServiceRequest) => Promise<T>,
  ): Promise<T> => {
    for (let refused: Credential | undefined; ; ) {
      const credential = await access.credentials.get(request.signal, refused);
      const whole = {
        ...request,
        headers: {
          accept,
          ...access.impersonation,
          ...(type === undefined ? {} : { 'content-type': type }),
          ...(credential.authorization === undefined ? {} : { authorization: credential.authorization }),
        },
        ...{ timeout, maxBytes: LARGEST_ANSWER },
      };
      const answer = await by(serviceFor(credential), whole);
      warn(answer.headers.warning);
      if (answer.status !== 401 || refused !== undefined) return answer;
      // Once more, when there is another.
      if ((await access.credentials.get(request.signal, credential)) === credential) return answer;
      refused = credential;
    }
  };
  const warn = (header: string | undefined): void => {
    for (const [, text = ''] of (header ?? '').matchAll(/299 \S+ "((?:[^"\\]|\\.)*)"/g)) {
      const message = text.replaceAll(/\\(.)/g, '$1');
      if (warned.has(message)) continue;
      warned.add(message);
      onWarning?.(message);
    }
  };
  return {
    exchange: (request) => send(request, (service, whole) => service.request(whole)),
    open: (request) => send(request, (service, whole) => service.open(whole)),
    close() {
      for (const service of [...retired, ...(current === undefined ? [] : [current.service])]) service.close();
    },
  };
}

function writeOf(method: string, path: string, body: unknown, { signal }: WriteCall, type = 'application/json'): Sent {
  return { method, path, body: JSON.stringify(body), type, signal };
}

function withType(kind: Kind<never> | Kind<KubernetesObject>, object: Draft | KubernetesObject): Readonly<Record<string, unknown>> {
  return { ...object, apiVersion: apiVersionOf(kind as Kind<never>), kind: kind.kind };
}

/** How long the server wants us to wait before the same request may come again; `undefined` when it does not. */
function waitFor(answer: Answer, method: string, tries: number, now: number): number | undefined {
  const { status, headers } = answer;
  const isBusy = status === 429 || status >= 500;
  if (!isBusy) return undefined;
  const after = headers['retry-after'];
  if (after !== undefined) {
    const seconds = /^\d{1,6}$/.test(after) ? Number(after) : (Date.parse(after) - now) / 1_000;
    if (!Number.isNaN(seconds)) return Math.max(1, seconds) * 1_000;
  }
  if (status === 429) return 1_000;
  // A gateway's word, while the server behind it starts: what only reads may come again a few times.
  return method === 'GET' && status >= 502 && status <= 504 ? PAUSES[tries] : undefined;
}

function bodyOf(answer: Answer, { kind }: Asked): unknown {
  try {
    return JSON.parse(answer.body.toString('utf8'));
  } catch (error) {
    throw new TscertError(
      'response-invalid',
      `Cannot read the answer of the API server for ${kind.plural}: it is no JSON (${messageOf(error)})`,
      {
        data: { status: answer.status },
        cause: error,
      },
    );
  }
}

function readPage(value: unknown, asked: Asked): { items: readonly unknown[]; next: string; resourceVersion: string } {
  const { items, metadata } = (typeof value === 'object' && value !== null ? value : {}) as Readonly<Record<string, unknown>>;
  const meta = (typeof metadata === 'object' && metadata !== null ? metadata : {}) as Readonly<Record<string, unknown>>;
  // An empty list may be written as null.
  if (!Array.isArray(items ?? []) || typeof meta.resourceVersion !== 'string') {
    throw new TscertError('response-invalid', `Cannot read the answer of the API server for ${asked.kind.plural}: it is no list`);
  }
  return {
    items: (items ?? []) as readonly unknown[],
    next: typeof meta.continue === 'string' ? meta.continue : '',
    resourceVersion: meta.resourceVersion,
  };
}
