/** Builds the parts that the Requests of a run name: store, HTTPS, DNS, solvers, issuers. Each part once a run, and only what is needed. */

import { existsSync } from 'node:fs';
import path from 'node:path';
import { kill } from 'node:process';
import type { Solver, SolverPicker } from '../acme/solver.js';
import { TscertError } from '../base/errors.js';
import type { Emit } from '../base/events.js';
import { createGathering, type Gathering } from '../base/gathering.js';
import type { Propagation } from '../dns/propagation.js';
import type { TxtRecord } from '../dns/provider.js';
import type { Zones } from '../dns/zones.js';
import type { KubernetesClient } from '../kubernetes/client.js';
import type { Http, Observe } from '../net/http.js';
import type { Resolver } from '../net/resolver.js';
import type { DnsOptions, SecretRef, SolverRequest } from '../request/request.js';
import { createDiskStore } from '../store/disk.js';
import { lazyStore } from '../store/lazy.js';
import type { Store } from '../store/store.js';
import { extraRoots, proxyOf, readText } from './outside.js';
import type { StorePlace } from './places.js';
import { createProvider } from './registry.js';
import type { System } from './system.js';

export interface WireOptions {
  readonly system: System;
  /** Where everything is kept. */
  readonly place: StorePlace;
  /** What this process does, for those who wait for its locks. */
  readonly command: string;
  readonly caBundle?: string | undefined;
  readonly dns: DnsOptions;
  /** Hears of every request over HTTPS. */
  readonly observe?: Observe | undefined;
  /** Events that belong to no single certificate. */
  readonly emit: Emit;
  /** Names whose TXT records the run is going to ask a provider for. */
  expected(provider: string): readonly string[];
  /** On a terminal: waits until the person says that the records stand. */
  readonly wait?: (records: readonly TxtRecord[], signal: AbortSignal) => Promise<void>;
}

/** The parts of a run. */
export interface Parts {
  readonly gathering: Gathering;
  store(): Store;
  /** The API server of a context, or the one that the flags name. */
  clusters(context?: string): Promise<KubernetesClient>;
  http(): Promise<Http>;
  /** The solvers for these requests, the same request the same solver. */
  picker(requests: readonly SolverRequest[]): Promise<SolverPicker>;
  /** Ends listeners and connections. */
  close(): Promise<void>;
}

interface Dns {
  readonly resolver: Resolver;
  readonly zones: Zones;
  readonly propagation: Propagation;
}

export function wire(options: WireOptions): Parts {
  const { system, place, dns } = options;
  const { folder } = place;
  const gathering = createGathering();
  const solvers = new Map<string, Promise<Solver>>();
  const once = <Value>(make: () => Value): (() => Value) & { isMade(): boolean } => {
    let made: { readonly value: Value } | undefined;
    const get = (): Value => {
      made ??= { value: make() };
      return made.value;
    };
    return Object.assign(get, { isMade: () => made !== undefined });
  };

  const store = once(() => openStore(system, place, options.command));
  const proxy = proxyOf(system.env);
  const roots = once(() => (options.caBundle === undefined ? [] : extraRoots(system, options.caBundle)));
  const http = once(async () => {
    const { createHttp } = await import('../net/http.js');
    return createHttp({
      clock: system.clock,
      roots: roots(),
      proxy,
      userAgent: `tscert/${system.version} (Node.js ${process.versions.node})`,
      ...(options.observe === undefined ? {} : { observe: options.observe }),
    });
  });
  const agent = once(async () => {
    const { createAgent } = await import('../net/agent.js');
    return createAgent({ proxy, roots: roots() });
  });
  const dnsParts = once(async (): Promise<Dns> => {
    const [{ createDnsClient }, { createResolver }, { parseServer }, { systemResolvers }, { createZones }, { createPropagation }] =
      await Promise.all([
        import('../net/dns.js'),
        import('../net/resolver.js'),
        import('../net/dns-address.js'),
        import('../net/system-resolvers.js'),
        import('../dns/zones.js'),
        import('../dns/propagation.js'),
      ]);
    const client = createDnsClient();
    const servers = (dns.resolvers.length > 0 ? dns.resolvers : systemResolvers()).map(parseServer);
    const resolver = createResolver({ client, servers });
    return {
      resolver,
      zones: createZones({ resolver, expected: options.expected }),
      propagation: createPropagation({ dnsOptions: dns, resolver, client, clock: system.clock, emit: options.emit }),
    };
  });

  const missing = async (records: readonly TxtRecord[], signal: AbortSignal): Promise<readonly TxtRecord[]> => {
    const { zones, propagation } = await dnsParts();
    const seen = await Promise.all(
      records.map(async ({ name, value }) => {
        const { zone } = await zones.locate(name, { name: 'manual' }, signal);
        return propagation.sees({ fqdn: name, value, zone: zone.name }, signal);
      }),
    );
    return records.filter((_, at) => seen[at] !== true);
  };

  const createSolver = async (request: SolverRequest): Promise<Solver> => {
    if (request.type === 'dns-01') {
      const [{ createBatch }, { createDns01Solver }, { zones, propagation }] = await Promise.all([
        import('../dns/batch.js'),
        import('../solver/dns-01.js'),
        dnsParts(),
      ]);
      const { clock, random } = system;
      const provider = await createProvider(request.provider, {
        settings: resolveSettings(system, request.settings ?? {}),
        environment: system.env,
        clock,
        random,
        emit: options.emit,
        stateFolder: path.join(folder, 'state', 'providers', request.provider.replaceAll(/[^\w-]/g, '_')),
        missing,
        ...(options.caBundle === undefined && proxy.https === undefined ? {} : { agent }),
        ...(options.wait === undefined ? {} : { wait: options.wait }),
      });
      return createDns01Solver({ batch: createBatch({ provider, clock, random, gathering, emit: options.emit }), zones, propagation });
    }
    const lookup = async (name: string, signal: AbortSignal): Promise<string[]> => {
      const { resolver } = await dnsParts();
      const answers = await Promise.all((['A', 'AAAA'] as const).map((type) => resolver.lookUp(name, type, signal)));
      return answers.flatMap(({ records }) => records.map(({ value }) => value));
    };
    if (request.type === 'tls-alpn-01') {
      const { createTlsAlpn01 } = await import('../solver/tls-alpn-01.js');
      return createTlsAlpn01({ port: request.port, clock: system.clock, lookup });
    }
    if ('webroot' in request) {
      const { createWebroot } = await import('../solver/http-01/webroot.js');
      const directory = path.resolve(system.cwd, request.webroot);
      // Looked at again when a file is written; here no order is spent yet.
      if (!existsSync(directory)) {
        throw new TscertError('request-invalid', `Cannot use the webroot "${directory}": it does not exist`, { data: { directory } });
      }
      return createWebroot({ directory });
    }
    const { createStandalone } = await import('../solver/http-01/standalone.js');
    return createStandalone({ port: request.port, lookup });
  };

  return {
    gathering,
    store,
    clusters: clustersOf(system, place),
    http,
    async picker(requests) {
      const { createPicker } = await import('../solver/pick.js');
      const entries = requests.map(async (request) => {
        // Two requests for the same provider in two zones share one solver, and so one batch.
        const { zone, ...rest } = { zone: undefined, ...request };
        const key = JSON.stringify(rest);
        const solver = solvers.get(key) ?? createSolver(request);
        solvers.set(key, solver);
        return { solver: await solver, ...(zone === undefined ? {} : { zone }) };
      });
      return createPicker(await Promise.all(entries));
    },
    async close() {
      for (const solver of solvers.values()) await solver.then((made) => made.close?.()).catch(() => undefined);
      if (http.isMade()) {
        await http()
          .then((made) => made.close())
          .catch(() => undefined);
      }
      if (agent.isMade()) (await agent()).destroy();
    },
  };
}

/** The API servers that a run may write to, each when it is asked for. */
export function clustersOf(system: System, place: StorePlace): Parts['clusters'] {
  return async (context) => {
    const [{ clusterOf }, { patiently }] = await Promise.all([import('./cluster.js'), import('../store/kubernetes/patience.js')]);
    return patiently(await clusterOf(system, place, context), system);
  };
}

/** The store on disk, or in a cluster, locked in the name of this process. */
export function openStore(system: System, place: StorePlace, command: string): Store {
  if (place.isInCluster) return lazyStore(() => openClusterStore(system, place, command));
  return createDiskStore({
    folder: place.folder,
    process: { pid: system.pid, host: system.host, command },
    isAlive,
    clock: system.clock,
    background: system.background,
  });
}

async function openClusterStore(system: System, place: StorePlace, command: string): Promise<Store> {
  const [{ createKubernetesStore }, { clusterOf }] = await Promise.all([import('../store/kubernetes/store.js'), import('./cluster.js')]);
  const client = await clusterOf(system, place);
  const { clock, background, uptime, random, host, pid } = system;
  return createKubernetesStore({
    ...{ client, namespace: client.namespace, clock, background, uptime, random },
    process: { pid, host, command },
    isAlive,
  });
}

/**
 * The text of a secret.
 * @throws {TscertError} `config-invalid` when a file cannot be read or a variable is not set
 */
export function resolveSecret(system: System, secret: SecretRef): string {
  if ('value' in secret) return secret.value;
  if ('env' in secret) {
    const value = system.env[secret.env];
    if (value !== undefined && value !== '') return value;
    throw new TscertError('config-invalid', `Cannot read a secret from the environment: ${secret.env} is not set`, {
      data: { variable: secret.env },
    });
  }
  return readText(system, secret.file, 'the secret').replace(/\r?\n$/, '');
}

function resolveSettings(system: System, settings: Readonly<Record<string, string | SecretRef>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(settings).map(([key, value]) => [key, typeof value === 'string' ? value : resolveSecret(system, value)]),
  );
}

/** True for a process of this machine that runs. */
export function isAlive(pid: number): boolean {
  try {
    kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, and is somebody else's.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
