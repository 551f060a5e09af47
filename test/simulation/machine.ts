/** One machine that nobody looks at: a store, certificates that it serves, and a timer that runs `renew` twice a day. */

import { createHash } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import type { Clock, Random } from '../../src/base/clock.js';
import { TscertError } from '../../src/base/errors.js';
import { createGathering } from '../../src/base/gathering.js';
import { decodePem } from '../../src/base/pem.js';
import { createIssuers } from '../../src/cli/issuers.js';
import type { System } from '../../src/cli/system.js';
import { keepRun, nextRunAfter } from '../../src/cli/timer.js';
import { createBatch } from '../../src/dns/batch.js';
import { createPropagation } from '../../src/dns/propagation.js';
import { createZones } from '../../src/dns/zones.js';
import type { Deployer } from '../../src/flow/deploy.js';
import { namesUnderWay } from '../../src/flow/glance.js';
import type { RunHooks } from '../../src/flow/hooks.js';
import { issueCertificate } from '../../src/flow/issue.js';
import type { Outcome } from '../../src/flow/outcome.js';
import { runLines } from '../../src/flow/run.js';
import type { Http } from '../../src/net/http.js';
import type { CertificateRequest } from '../../src/request/request.js';
import { createDns01Solver } from '../../src/solver/dns-01.js';
import { createPicker } from '../../src/solver/pick.js';
import type { CertificateLedger } from '../../src/store/ledger.js';
import { createMemoryStore } from '../../src/store/memory.js';
import type { Records, Store } from '../../src/store/store.js';
import type { SimulatedDns } from './dns.js';
import type { Twist } from './history.js';
import { type Cut, createPower, type Power } from './power.js';

export interface MachineOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly http: Http;
  readonly dns: SimulatedDns;
  /** What the configuration file wants at this time. */
  wanted(now: number): readonly CertificateRequest[];
  /** True while the deploy hook of a certificate fails. */
  deployFails(name: string, now: number): boolean;
  /** A certificate came into use. */
  onServed(name: string, pem: string): void;
  /** A certificate was stored. */
  onStored(name: string, pem: string): void;
  /** Something is remembered of a certificate. */
  onRemembered(name: string, ledger: CertificateLedger): void;
  /** What a bad example does otherwise. */
  readonly twist?: Twist;
}

export interface Machine {
  readonly store: Store;
  /** One run of `renew`, which power may end early. */
  renew(cut?: Cut): Promise<readonly Outcome[] | 'cut'>;
}

/** Loads what the tool loads when it is needed, so that nothing but the simulated clock is ever waited for. */
export async function preload(): Promise<void> {
  await Promise.all([
    import('acme-client'),
    import('../../src/acme/account.js'),
    import('../../src/acme/renewal-info.js'),
    import('../../src/acme/scheduler.js'),
    import('../../src/acme/session.js'),
    import('../../src/issuer/acme.js'),
  ]);
}

const JOBS = 300;
const DNS_TIMEOUT = 5 * 60_000;

export function createMachine(options: MachineOptions): Machine {
  const { clock: wall, dns, twist } = options;
  const memory = createMemoryStore({ clock: wall });
  const disk: Store = {
    ...memory,
    async save(name, bundle) {
      const stored = await memory.save(name, bundle);
      options.onStored(name, stored.certificate);
      return stored;
    },
    async put(kind, key, value) {
      await memory.put(kind, key, value);
      const [, name] = /^certificate:(.*)$/.exec(key) ?? [];
      if (kind === 'ledger' && name !== undefined) options.onRemembered(name, value as unknown as CertificateLedger);
    },
  };
  const served = new Map<string, string>();
  const attempted = new Set<string>();

  const isDone = (name: string, certificate: string): boolean =>
    served.get(name) === certificate || (twist === 'careless' && attempted.has(certificate));
  const deployerFor = (power: Power, clock: Clock): Pick<Deployer, 'deploy' | 'isDone'> => ({
    isDone: async ({ name }, fingerprint) => fingerprintOf(served.get(name) ?? '') === fingerprint,
    deploy: ({ name }, { stored }) =>
      power.act(async () => {
        if (isDone(name, stored.certificate)) return;
        attempted.add(stored.certificate);
        if (options.deployFails(name, clock.now())) throw new TscertError('hook-failed', `Cannot deploy "${name}" by its hook`);
        served.set(name, stored.certificate);
        options.onServed(name, stored.certificate);
      }),
  });

  /** A run as src/cli/renew-run puts it together, over simulated ports. */
  const run = async (power: Power): Promise<readonly Outcome[]> => {
    const clock = power.clock(wall);
    const store = power.store(twist === 'hammering' ? withoutFailures(disk) : disk);
    if (twist === 'forgetful') for (const key of await (store as Records).list('journal')) await store.delete('journal', key);
    const { random } = options;
    const requests = options.wanted(clock.now());
    const nextLook = await nextRunAfter(clock.now(), store);
    await keepRun(clock.now(), store);
    const gathering = createGathering();
    const emit = (): void => undefined;
    const zones = createZones({
      resolver: dns.resolver,
      expected: () => requests.flatMap(({ spec }) => spec.names.map(({ value }) => `_acme-challenge.${value.replace(/^\*\./, '')}`)),
    });
    const propagation = createPropagation({
      ...{ resolver: dns.resolver, client: dns.client, clock, emit },
      dnsOptions: { resolvers: [], nameservers: [], check: 'authoritative', timeout: DNS_TIMEOUT },
    });
    const provider = power.provider(dns.provider);
    const solver = createDns01Solver({ batch: createBatch({ provider, clock, random, gathering, emit }), zones, propagation });
    const http = power.http(options.http);
    const parts = {
      gathering,
      store: () => store,
      http: async () => http,
      picker: async () => createPicker([{ solver }]),
      clusters: () => Promise.reject(new Error('there is no cluster')),
      close: async () => undefined,
    };
    const { signal } = new AbortController();
    setMaxListeners(0, signal);
    const { issuerFor, advise } = createIssuers(systemOf(clock, random), parts);
    const lines = {
      ...{ store, clock, issuerFor, nextLook, dryRun: false, patient: true, underWay: await namesUnderWay(store) },
      ...(twist === 'late' ? {} : { advise }),
      random: twist === 'window-start' ? () => 0 : random,
      deployer: deployerFor(power, clock),
      hooks: NO_HOOKS,
      force: twist === 'forceful',
    };
    return runLines(requests, (request, line) => issueCertificate(request, lines, line), {
      ...{ gathering, clock, jobs: JOBS, signal },
      emitFor: () => emit,
    });
  };

  return {
    store: memory,
    renew(cut) {
      const power = createPower(cut);
      return Promise.race([run(power), power.whenCut]);
    },
  };
}

/** SHA-256 of the DER, hexadecimal; of no certificate it is no fingerprint. */
function fingerprintOf(pem: string): string {
  return createHash('sha256')
    .update(decodePem(pem)[0]?.der ?? '')
    .digest('hex');
}

/** Nothing is run before or after an order. */
const NO_HOOKS: RunHooks = { before: async () => undefined, after: async (_, outcomes) => [...outcomes] };

/** A store that forgets what failed. */
function withoutFailures(store: Store): Store {
  return {
    ...store,
    async get(kind, key) {
      const record = await store.get(kind, key);
      if (kind !== 'ledger' || typeof record !== 'object' || record === null || !('failure' in record)) return record;
      const { failure: _, ...rest } = record;
      return rest;
    },
  };
}

/** As much of a system as the issuers of a run need. */
function systemOf(clock: Clock, random: Random): System {
  const none = (): never => {
    throw new Error('a simulated machine has no terminal');
  };
  const output = { isTTY: false, columns: undefined, write: none } as unknown as System['stdout'];
  return {
    ...{ version: '0.0.0', argv: [], env: {}, cwd: '/', isRoot: false, pid: 1, host: 'simulated', stdinIsTTY: false },
    ...{ stdout: output, stderr: output, clock, background: clock, random },
    readInput: none,
    ask: none,
    onSignal: none,
    onWarning: none,
    ...{ user: 'nobody', program: { node: 'node', script: 'tscert' }, uptime: () => 0 },
  };
}
