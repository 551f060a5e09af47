/**
 * A strict emulator of Alibaba Cloud DNS (API version 2015-01-09), because no other exists: signatures, keys, tokens, times and
 * nonces are verified, RAM policies hold, state is kept, what is wrong is refused with the real service's codes, and what is
 * written is served over DNS. It is a library: tests start it, and the quick start does.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type DnsServer, type ServedRecord, startDnsServer, zone } from '../../support/dns-server.js';
import { ACTIONS } from './actions.js';
import { Refusal, type RefusalCode } from './refusal.js';
import { type ApiRequest, readRequest } from './request.js';
import { type Credential, createVerifier, isAllowed } from './signature.js';
import { ACCOUNT, createState, type DomainOptions, type StoredRecord } from './state.js';
import { createThrottle, type ThrottleOptions } from './throttle.js';

export interface AlidnsEmulatorOptions {
  readonly domains: readonly DomainOptions[];
  readonly credentials: readonly Credential[];
  readonly throttle?: ThrottleOptions;
  /** The service's clock. Milliseconds since the epoch. */
  readonly now?: () => number;
  readonly port?: number;
  /** PEM: speaks HTTPS with it. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** The name servers: their addresses, and how many milliseconds each lags behind the API. */
  readonly dns?: { readonly servers?: readonly { readonly address: string; readonly lag?: number }[]; readonly port?: number };
}

/** A fault for the calls to come. */
interface Fault {
  readonly action: string;
  /** The refusal; `cut` closes the connection instead of answering, `html` answers as a gateway in between does. */
  readonly answer: RefusalCode | 'cut' | 'html';
  /** How many calls; 1 when absent. */
  readonly times?: number;
  /** How long the service asks to wait, in the header of its answer. Milliseconds. */
  readonly retryAfter?: number;
  /** True: the call is carried out, and only its answer is replaced. */
  readonly carriedOut?: boolean;
}

/** One call as it came in, whatever became of it. */
interface SeenCall {
  readonly action: string;
  readonly parameters: Readonly<Record<string, string>>;
  /** `OK`, or the code of the refusal. */
  readonly result: string;
}

export interface AlidnsEmulator {
  /** `http://127.0.0.1:PORT`, or `https://` with a certificate. */
  readonly endpoint: string;
  readonly dns: DnsServer;
  /** How many calls came, by action, refused ones too. */
  calls(): Readonly<Record<string, number>>;
  seen(): readonly SeenCall[];
  /** What stands in a domain now. */
  records(domain: string): readonly Pick<StoredRecord, 'RecordId' | 'RR' | 'Type' | 'Value' | 'TTL' | 'Status'>[];
  /** Another tool writes a record. */
  plant(domain: string, record: { readonly RR: string; readonly Type: string; readonly Value: string; readonly Line?: string }): string;
  inject(fault: Fault): void;
  stop(): Promise<void>;
}

export async function startAlidnsEmulator(options: AlidnsEmulatorOptions): Promise<AlidnsEmulator> {
  const now = options.now ?? Date.now;
  const state = createState(options.domains, now);
  const verifier = createVerifier(options.credentials, now);
  const allows = createThrottle(options.throttle, now);
  const faults: (Fault & { left: number })[] = [];
  const seen: SeenCall[] = [];

  function carryOut(action: string, credential: Credential, request: ApiRequest): Readonly<Record<string, unknown>> {
    const perform = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
    if (perform === undefined) throw new Refusal('InvalidAction.NotFound');
    if (!allows(credential.accessKeyId, action)) throw new Refusal('Throttling.User');
    const account = credential.account ?? ACCOUNT;
    return perform({
      parameters: request.parameters,
      account,
      state,
      authorize(domainName) {
        if (isAllowed({ ...credential, account }, action, domainName)) return;
        const AccessDeniedDetail = { AuthAction: `alidns:${action}`, AuthPrincipalType: 'SubUser', AuthPrincipalOwnerId: account };
        throw new Refusal('Forbidden.RAM', { more: { AccessDeniedDetail } });
      },
    });
  }

  /** The fields of the answer; a fault may stand before the call, or between it and its answer. */
  function answerTo(request: ApiRequest, note: (action: string) => void): Readonly<Record<string, unknown>> | 'cut' | 'html' {
    const { action, credential } = verifier.verify(request);
    note(action);
    const fault = faults.find((candidate) => candidate.action === action && candidate.left > 0);
    if (fault !== undefined) fault.left--;
    const result = fault === undefined || fault.carriedOut === true ? carryOut(action, credential, request) : {};
    if (fault === undefined) return result;
    if (fault.answer === 'cut' || fault.answer === 'html') return fault.answer;
    const headers = fault.retryAfter === undefined ? {} : { 'x-acs-retry-after': String(fault.retryAfter) };
    throw new Refusal(fault.answer, { headers });
  }

  async function handle(request: ApiRequest, response: ServerResponse): Promise<void> {
    const RequestId = randomUUID().toUpperCase();
    let action = request.headers['x-acs-action'] ?? request.parameters.get('Action') ?? '';
    let result = 'OK';
    try {
      const answer = answerTo(request, (verified) => {
        action = verified;
      });
      if (answer === 'cut') {
        result = 'cut';
        response.destroy();
      } else if (answer === 'html') {
        result = 'html';
        response.writeHead(502, { 'content-type': 'text/html' }).end('<html><body>Bad Gateway</body></html>');
      } else {
        send(response, 200, { ...answer, RequestId });
      }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      result = error.code;
      const Recommend = `https://api.aliyun.com/troubleshoot?q=${error.code}&product=Alidns&requestId=${RequestId}`;
      send(
        response,
        error.status,
        {
          RequestId,
          HostId: request.headers.host ?? '',
          Code: error.code,
          Message: error.message,
          Recommend,
          ...error.more,
        },
        error.headers,
      );
    } finally {
      seen.push({ action, parameters: Object.fromEntries(request.parameters), result });
    }
  }

  const listener = (message: IncomingMessage, response: ServerResponse): void => {
    readRequest(message)
      .then((request) => handle(request, response))
      .catch((error: unknown) => response.destroy(error instanceof Error ? error : new Error(String(error))));
  };
  const server = options.tls === undefined ? createServer(listener) : createTlsServer({ ...options.tls }, listener);
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(options.port ?? 0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  const nameServers = options.dns?.servers ?? [{ address: '127.0.0.1' }];
  const dns = await startDnsServer({
    addresses: nameServers.map(({ address }) => address),
    ...(options.dns?.port === undefined ? {} : { port: options.dns.port }),
    zones: () => state.domains.map((domain) => servedZone(domain.ascii)),
  });

  function servedZone(ascii: string): { name: string; records: (address: string) => readonly ServedRecord[] } {
    const base = zone(
      ascii,
      nameServers.map(({ address }) => address),
    ).records as readonly ServedRecord[];
    return {
      name: ascii,
      records(address) {
        const lag = nameServers.find((one) => address.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1') === one.address)?.lag ?? 0;
        const at = now() - lag;
        return [
          ...base,
          ...state
            .history()
            .filter(
              ({ domain, since, until, Status }) =>
                domain.ascii === ascii && Status === 'ENABLE' && since <= at && (until ?? Infinity) > at,
            )
            .flatMap(served),
        ];
      },
    };
  }

  return {
    endpoint: `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    dns,
    calls() {
      const counts: Record<string, number> = {};
      for (const { action } of seen) counts[action] = (counts[action] ?? 0) + 1;
      return counts;
    },
    seen: () => seen,
    records: (name) => state.standing().filter(({ domain }) => domain.ascii === name || domain.shown === name),
    plant(name, record) {
      const domain = state.domains.find(({ ascii, shown }) => ascii === name || shown === name);
      if (domain === undefined) throw new Error(`the emulator has no domain "${name}"`);
      return state.add(domain, { Line: 'default', ...record, TTL: Math.max(600, domain.minimumTtl) }).RecordId;
    },
    inject: (fault) => void faults.push({ ...fault, left: fault.times ?? 1 }),
    async stop() {
      server.closeAllConnections();
      await Promise.all([new Promise((resolve) => server.close(resolve)), dns.close()]);
    },
  };
}

function served({ RR, Type, Value, TTL, domain }: StoredRecord): ServedRecord[] {
  const name = RR === '@' ? domain.ascii : `${RR}.${domain.ascii}`;
  if (Type === 'TXT') return [{ name, type: 'TXT', ttl: TTL, data: Value.match(/.{1,255}/gs) ?? [''] }];
  return Type === 'A' || Type === 'AAAA' || Type === 'CNAME' || Type === 'NS' ? [{ name, type: Type, ttl: TTL, data: Value }] : [];
}

function send(
  response: ServerResponse,
  status: number,
  body: Readonly<Record<string, unknown>>,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { ...headers, 'content-type': 'application/json;charset=utf-8' }).end(JSON.stringify(body));
}
