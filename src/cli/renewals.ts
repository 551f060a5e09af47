/** What `renew` and `plan` are about: the certificates of the configuration file, and the stored ones whose flags are kept. */
import { TscertError } from '../base/errors.js';
import { inOrder } from '../base/in-order.js';
import { nearest } from '../base/nearest.js';
import { isGiven, readGiven } from '../flow/given.js';
import { buildRequests } from '../request/build.js';
import { CERTIFICATE_KEYS, type ConfigOptions, type OwnOptions, RUN_KEYS } from '../request/options.js';
import type { CertificateRequest } from '../request/request.js';
import { storedName } from '../store/name.js';
import type { Store } from '../store/store.js';
import type { Options } from './options.js';
import { buildHelp } from './requests.js';
import type { System } from './system.js';

/** Certificates that are looked at together where each look takes a while. */
const WIDTH = 16;

/** Certificates that are asked for with the same options of the run. */
interface Group {
  readonly config: ConfigOptions;
  readonly requests: readonly CertificateRequest[];
}

/** Takes a look at a request as soon as it is known; those of which it says true are left out. */
export type LeaveOut = (request: CertificateRequest) => Promise<boolean>;

export interface Renewals {
  readonly groups: readonly Group[];
  /** Those of which it cannot be told how they were asked for, and why. */
  readonly unknown: readonly { readonly name: string; readonly error: unknown }[];
  /** How many there are, those that were left out too. */
  readonly count: number;
  /**
   * The request as it stands now: another run may have asked for the certificate with other flags.
   * @throws {TscertError} `store-damaged`, `config-invalid`
   */
  refresh(request: CertificateRequest): Promise<CertificateRequest>;
}

/**
 * Finds them.
 * @param names only these, under the names they are stored by; empty means all
 * @throws {TscertError} `usage` for a name that is neither stored nor configured; `config-invalid`, `request-invalid`
 */
export async function findRenewals(
  { own, config, given: now, inCluster }: Options,
  {
    names,
    store,
    system,
    dryRun,
    leaveOut = async () => false,
    leaveNoted = async () => false,
  }: {
    readonly names: readonly string[];
    readonly store: Store;
    readonly system: System;
    readonly dryRun: boolean;
    readonly leaveOut?: LeaveOut;
    /** Those of the flags of which it says true, by their name, are left out before anything of them is read. */
    readonly leaveNoted?: (name: string) => Promise<boolean>;
  },
): Promise<Renewals> {
  const help = buildHelp(system, dryRun, inCluster);
  const configured = (config.certificates ?? []).length === 0 ? [] : buildRequests(own, config, help);
  const taken = new Set(configured.map(({ name }) => storedName(name)));
  const stored = (await store.list()).filter((name) => !taken.has(name));
  const asked = names.map(storedName);
  const stranger = asked.find((name) => !taken.has(name) && !stored.includes(name));
  if (stranger !== undefined) throw strange(stranger, [...taken, ...stored]);
  const isAsked = (name: string): boolean => asked.length === 0 || asked.includes(name);

  const groups = new Map<string, { config: ConfigOptions; requests: CertificateRequest[] }>();
  let count = 0;
  // A cluster answers many in the time of one.
  const width = inCluster ? WIDTH : 1;
  const add = (options: ConfigOptions, request: CertificateRequest): void => {
    const key = JSON.stringify(RUN_KEYS.map((one) => options[one] ?? null));
    const group = groups.get(key) ?? { config: options, requests: [] };
    groups.set(key, group);
    group.requests.push(request);
  };
  const ofFile = configured.filter(({ name }) => isAsked(storedName(name)));
  for await (const [request, outcome] of inOrder(ofFile, width, leaveOut)) {
    count++;
    if (outcome.status === 'rejected') throw outcome.reason;
    if (!outcome.value) add(config, request);
  }
  const unknown: { name: string; error: unknown }[] = [];
  /** What is given to this run goes before what was given then, and that before the file. */
  const recall = async (name: string): Promise<[ConfigOptions, CertificateRequest]> => {
    const given = await readGiven(name, store);
    if (given === undefined) throw ungiven(name);
    const options = { ...config, ...pick(given, RUN_KEYS), ...pick(now, RUN_KEYS) } as ConfigOptions;
    const [request] = buildRequests({ ...pick(given, CERTIFICATE_KEYS), ...own }, options, help);
    if (request === undefined) throw ungiven(name);
    return [options, { ...request, name, given }];
  };
  const look = async (name: string): Promise<[ConfigOptions, CertificateRequest] | 'left'> => {
    if (await leaveNoted(name)) return 'left';
    const recalled = await recall(name);
    return (await leaveOut(recalled[1])) ? 'left' : recalled;
  };
  for await (const [name, outcome] of inOrder(stored.filter(isAsked), width, look)) {
    if (outcome.status === 'rejected') unknown.push({ name, error: outcome.reason });
    else {
      count++;
      if (outcome.value !== 'left') add(...outcome.value);
    }
  }
  return {
    groups: [...groups.values()],
    unknown,
    count,
    async refresh(request) {
      if (request.given === undefined || (await isGiven(request.name, request.given, store))) return request;
      return (await recall(request.name))[1];
    },
  };
}

function pick<K extends keyof OwnOptions>(options: OwnOptions, keys: readonly K[]): Pick<OwnOptions, K> {
  return Object.fromEntries(keys.filter((key) => options[key] !== undefined).map((key) => [key, options[key]])) as Pick<OwnOptions, K>;
}

function ungiven(name: string): TscertError {
  return new TscertError(
    'config-invalid',
    `Cannot tell how "${name}" is to be renewed: it stands in no configuration file, and was not issued from the command line; issue it again, or put it into the file`,
    { data: { name } },
  );
}

function strange(name: string, known: readonly string[]): TscertError {
  const meant = nearest(name, known);
  return new TscertError(
    'usage',
    `Cannot find the certificate "${name}": it is neither stored nor in the configuration file${meant === undefined ? '' : ` (did you mean ${meant}?)`}`,
    { data: { name } },
  );
}
