/** A run of `ocsp-check`: all targets at once, one verdict each, the worst of them as the exit code. */
import { isTscertError, TscertError } from '../../base/errors.js';
import { checkRevocation } from '../../flow/revocation/check.js';
import { type Latency, measureResponders } from '../../flow/revocation/latency.js';
import { createLimiter } from '../../net/limiter.js';
import type { StartTls } from '../../net/starttls.js';
import { revocationPlacesOf } from '../../pki/revocation-places.js';
import type { Context } from '../context.js';
import { exitCodeOf } from '../exit.js';
import { checkStandardInput, readBytes } from '../files.js';
import { readOptions } from '../options.js';
import { dataFolder, storePlace } from '../places.js';
import { openRevocation, type RevocationConnections } from '../revocation-parts.js';
import { paintOfOutput } from '../ui/states.js';
import { errorDocument } from '../ui/words.js';
import { openStore } from '../wire.js';
import { checkedDocument } from './document.js';
import { readEvidence } from './evidence.js';
import { type Checked, exitCodeOfStanding, type Standing, standingOf, worst } from './standing.js';
import { type StapleOutcome, writeStaple } from './staple.js';
import { findTarget, readAll, type Target } from './targets.js';
import { checkedText } from './text.js';

export interface OcspCheckFlags {
  readonly issuer?: readonly string[];
  readonly starttls?: StartTls;
  readonly tries?: number;
  readonly stapleOut?: string;
  /** False for --no-crl. */
  readonly crl?: readonly string[] | false;
  readonly allowPrivate?: boolean;
  readonly response?: readonly string[];
  /** Milliseconds since the epoch. */
  readonly at?: number;
  readonly offline?: boolean;
}

const COMMAND = 'tscert ocsp-check';
/** Targets that are looked for at once: servers take their time. */
const PARALLEL = 16;

/** What became of a target: it was checked, or could not even be looked at. */
type Result = Checked | { readonly name: string; readonly error: TscertError };

/** Runs `ocsp-check` and gives its exit code. */
export async function runOcspCheck(context: Context, targets: readonly string[], flags: OcspCheckFlags): Promise<number> {
  const { system, globals } = context;
  const { issuer = [], response = [], tries, stapleOut, at } = flags;
  const crls = flags.crl === undefined || flags.crl === false ? [] : flags.crl;
  checkStandardInput([...targets, ...issuer, ...response]);
  if (stapleOut !== undefined && targets.length !== 1) {
    throw new TscertError('usage', 'Cannot write a staple file: --staple-out is for one certificate; give one target');
  }
  const { config } = await readOptions(context, {});
  const isOffline = flags.offline === true || at !== undefined;
  const folder = dataFolder(system, globals);
  const store = openStore(system, storePlace(system, globals), COMMAND);
  const issuers = (await Promise.all(issuer.map((file) => readBytes(system, file)))).flatMap(readAll);
  const given = await readEvidence(system, response, crls);
  const parts = { store, names: await store.list(), issuers, starttls: flags.starttls, isOffline };
  const found = await findAll(context, targets, parts);
  const connections = openRevocation(system, {
    folder,
    caBundle: config.caBundle,
    allowPrivate: flags.allowPrivate ?? config.allowPrivate ?? false,
  });
  try {
    const results = await checkAll(context, found, { connections, given, usesCrls: flags.crl !== false, at, isOffline });
    const checked = results.filter((one): one is Checked => 'report' in one);
    const latency = tries === undefined || isOffline ? [] : await measure(context, checked, tries, connections);
    const now = at ?? system.clock.now();
    const [first] = checked;
    const staple =
      stapleOut === undefined || first === undefined
        ? undefined
        : await writeStaple(stapleOut, { certificate: first.subject.certificate, report: first.report }, { system, now });
    await tell(context, results, { latency, staple, now });
    return codeOf(results, staple);
  } finally {
    connections.http.close();
  }
}

type Found = Target | Extract<Result, { error: TscertError }>;

async function findAll(context: Context, targets: readonly string[], parts: Parameters<typeof findTarget>[2]): Promise<Found[]> {
  const limit = createLimiter(PARALLEL);
  const find = async (name: string): Promise<Found> => {
    try {
      return await limit(() => findTarget(name, context, parts), context.signal);
    } catch (error) {
      context.signal.throwIfAborted();
      if (!isTscertError(error)) throw error;
      return { name, error };
    }
  };
  return Promise.all(targets.map(find));
}

async function checkAll(
  { signal }: Context,
  found: readonly Found[],
  {
    connections: { http, cache, clock },
    given,
    usesCrls,
    at,
    isOffline,
  }: {
    readonly connections: RevocationConnections;
    readonly given: Awaited<ReturnType<typeof readEvidence>>;
    readonly usesCrls: boolean;
    readonly at: number | undefined;
    readonly isOffline: boolean;
  },
): Promise<Result[]> {
  const targets = found.filter((one): one is Target => 'subject' in one);
  const reports = await checkRevocation(
    targets.map(({ subject }) => subject),
    { ...(isOffline ? {} : { http }), cache, clock, signal, given, usesCrls, ...(at === undefined ? {} : { at }) },
  );
  return found.map((one) => {
    const report = 'subject' in one ? reports[targets.indexOf(one)] : undefined;
    return 'subject' in one && report !== undefined ? { ...one, report } : (one as Result);
  });
}

function measure(
  { signal }: Context,
  checked: readonly Checked[],
  tries: number,
  { http, families }: RevocationConnections,
): Promise<Latency[]> {
  const questions = checked.flatMap(({ subject: { certificate }, report: { issuer } }) =>
    issuer === undefined ? [] : revocationPlacesOf(certificate).responders.map((url) => ({ url, issuer, certificate })),
  );
  return measureResponders(questions, { http, signal, tries, families });
}

interface Told {
  readonly latency: readonly Latency[];
  readonly staple: StapleOutcome | undefined;
  readonly now: number;
}

async function tell({ system, globals, ui }: Context, results: readonly Result[], { latency, staple, now }: Told): Promise<void> {
  const latencyOf = ({ subject }: Checked): Latency[] => latency.filter(({ url }) => subject.certificate.extensions.ocspUrls.includes(url));
  for (const one of results) if ('error' in one) ui.fail(one.error, one.name === '-' ? 'standard input' : one.name);
  if (ui.json) {
    const documents = results.map((one) =>
      'error' in one
        ? { target: one.name, standing: 'unchecked', error: errorDocument(one.error) }
        : checkedDocument(one, latencyOf(one), staple, now),
    );
    ui.document('ocsp-check', documents.length === 1 ? (documents[0] ?? {}) : { targets: documents });
    return;
  }
  const paint = await paintOfOutput(system, globals);
  const shown = results
    .filter((one): one is Checked => 'report' in one)
    .filter((one) => globals.quiet !== true || standingOf(one) !== 'good');
  if (shown.length > 0) ui.data(`${shown.map((one) => checkedText(one, latencyOf(one), staple, { now, paint })).join('\n')}\n`);
}

/** The worst of all; what only one target could not be looked at for has a code of its own. */
function codeOf(results: readonly Result[], staple: StapleOutcome | undefined): number {
  const [first] = results;
  if (results.length === 1 && first !== undefined && 'error' in first) return exitCodeOf(first.error);
  const standings = results.map((one): Standing => ('error' in one ? 'unchecked' : standingOf(one)));
  // What was asked for was not done.
  if (staple?.result === 'not-written') standings.push('unchecked');
  return exitCodeOfStanding(worst(standings));
}
