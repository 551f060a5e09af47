/**
 * A strict emulator of Amazon Route 53: the XML API 2013-04-01 over HTTP with signatures, IAM policies, limits and
 * throttling, and the authoritative name servers that serve what was written.
 *
 *     const route53 = await startRoute53Emulator({
 *       zones: [{ name: 'example.com' }],
 *       credentials: [{ accessKeyId: 'AKIA...', secretAccessKey: '...' }],
 *       dns: { servers: [{ address: '127.0.0.1' }] },
 *     });
 *     // AWS_ENDPOINT_URL_ROUTE_53=route53.endpoint, name servers at route53.dns.addresses
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Action, route, writeProblem } from './api.js';
import { type NameServerOptions, serveZones } from './name-servers.js';
import { isAllowed } from './policy.js';
import { Route53Problem } from './problem.js';
import type { RecordSet } from './records.js';
import { authenticate, type Credential } from './signature.js';
import { createBucket } from './throttle.js';
import { createZoneStore, type ZoneOptions } from './zones.js';

export type { PolicyDocument } from './policy.js';
export type { RecordSet } from './records.js';

export interface Route53EmulatorOptions {
  readonly zones: readonly ZoneOptions[];
  readonly credentials: readonly Credential[];
  /** Milliseconds from a change to INSYNC; 0 when absent. */
  readonly insyncAfter?: number;
  /** Requests of the whole account: a bucket of `capacity`, refilled by `refill` a second. */
  readonly throttle?: { readonly capacity: number; readonly refill: number };
  /** Milliseconds for which a change keeps others of its zone out; true: until INSYNC. */
  readonly priorRequest?: boolean | number;
  readonly dns?: { readonly servers: readonly NameServerOptions[]; readonly port?: number };
  /** Port of the API; any when absent. */
  readonly port?: number;
  /** The emulator's clock, milliseconds since the epoch; the machine's when absent. */
  readonly now?: () => number;
}

/** Answers the next call of an action (any, when absent) instead of the service. */
export interface Fault {
  readonly action?: Action;
  readonly status: number;
  readonly code: string;
  readonly message: string;
  /** True: the action is carried out, and only its answer is lost. */
  readonly afterwards?: boolean;
}

export interface Route53Emulator {
  readonly endpoint: string;
  /** How often each action was called, refused calls too. */
  calls(): Readonly<Record<Action, number>> & { readonly total: number };
  resetCalls(): void;
  zones(): readonly { readonly id: string; readonly name: string; readonly private: boolean }[];
  /** The record sets that stand, in Route53's order. */
  records(zoneId: string): readonly RecordSet[];
  inject(...faults: readonly Fault[]): void;
  /** Calls back after the named action was understood and before it is carried out: where another writer steps in. */
  onCall(listener: (action: Action) => void | Promise<void>): void;
  readonly dns: { readonly addresses: readonly string[] };
  stop(): Promise<void>;
}

export async function startRoute53Emulator(options: Route53EmulatorOptions): Promise<Route53Emulator> {
  const { now = Date.now, insyncAfter = 0, priorRequest = false, throttle } = options;
  const inFlight = typeof priorRequest === 'number' ? priorRequest : priorRequest ? insyncAfter : 0;
  const store = createZoneStore({ zones: options.zones, now, insyncAfter, inFlight });
  const bucket = throttle === undefined ? undefined : createBucket(throttle, now);
  const counts = new Map<Action, number>();
  const faults: Fault[] = [];
  let listener: (action: Action) => void | Promise<void> = () => undefined;

  const answer = async (method: string, url: string, request: IncomingMessage, body: string): Promise<string> => {
    const credential = authenticate({ method, url, headers: request.headers, body }, options.credentials, now());
    const call = route(method, url, body, store);
    counts.set(call.action, (counts.get(call.action) ?? 0) + 1);
    if (bucket?.take() === false) throw new Route53Problem('Throttling', 'Rate exceeded');
    if (credential.policy !== undefined && !isAllowed(credential.policy, call.access)) {
      const { action, resource } = call.access;
      const where = resource === '*' ? '' : ` on resource: ${resource}`;
      const who = `arn:aws:iam::123456789012:user/${credential.accessKeyId.toLowerCase()}`;
      const message = `User: ${who} is not authorized to perform: ${action}${where} because no identity-based policy allows the ${action} action`;
      throw new Route53Problem('AccessDenied', message, 403);
    }
    const fault = faults.find(({ action = call.action }) => action === call.action);
    if (fault !== undefined) faults.splice(faults.indexOf(fault), 1);
    if (fault === undefined || fault.afterwards === true) {
      await listener(call.action);
      const content = call.answer();
      if (fault === undefined) return content;
    }
    throw new Route53Problem(fault.code, fault.message, fault.status);
  };

  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const requestId = randomUUID();
    response.setHeader('x-amzn-RequestId', requestId);
    response.setHeader('Content-Type', 'text/xml');
    response.setHeader('Date', new Date(now()).toUTCString());
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const content = await answer(request.method ?? '', request.url ?? '', request, Buffer.concat(chunks).toString('utf8'));
      response.end(content);
    } catch (error) {
      const problem = error instanceof Route53Problem ? error : new Route53Problem('InternalFailure', String(error), 500);
      response.statusCode = problem.status;
      response.end(writeProblem(problem, requestId));
    }
  };

  const server = createServer((request, response) => void respond(request, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const dns = options.dns === undefined ? undefined : await serveZones(store.zones, options.dns.servers, now, options.dns.port);
  const count = (action: Action): number => counts.get(action) ?? 0;
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: () => ({
      ListHostedZonesByName: count('ListHostedZonesByName'),
      ListResourceRecordSets: count('ListResourceRecordSets'),
      ChangeResourceRecordSets: count('ChangeResourceRecordSets'),
      GetChange: count('GetChange'),
      total: [...counts.values()].reduce((sum, one) => sum + one, 0),
    }),
    resetCalls: () => counts.clear(),
    zones: () => store.zones.map(({ id, name, private: isPrivate }) => ({ id, name, private: isPrivate })),
    records: (zoneId) => store.sets(store.find(zoneId)),
    inject: (...more) => void faults.push(...more),
    onCall: (next) => {
      listener = next;
    },
    dns: { addresses: dns?.addresses ?? [] },
    async stop() {
      await dns?.close();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}
