/** A run of `issue`: options to Requests, Requests to outcomes, outcomes to words and an exit code. */
import type { Emit } from '../base/events.js';
import { withoutWildcard } from '../base/names.js';
import type { TxtRecord } from '../dns/provider.js';
import { createDeployer } from '../flow/deploy.js';
import { namesUnderWay } from '../flow/glance.js';
import { createRunHooks } from '../flow/hooks.js';
import { issueCertificate } from '../flow/issue.js';
import type { IssueParts } from '../flow/issue-parts.js';
import type { Outcome } from '../flow/outcome.js';
import { runLines } from '../flow/run.js';
import { type Counter, createCounter } from '../flow/telemetry.js';
import { buildDnsOptions, buildRequests, isNamed, jobsOf } from '../request/build.js';
import type { ConfigOptions } from '../request/options.js';
import type { CertificateRequest } from '../request/request.js';
import { createPicker } from '../solver/pick.js';
import type { Context } from './context.js';
import { saveCounts } from './counts.js';
import { EXIT, exitCodeOf } from './exit.js';
import { fromAnywhere } from './from-anywhere.js';
import { createIssuers } from './issuers.js';
import { readOptions } from './options.js';
import { type StorePlace, storePlace } from './places.js';
import { buildHelp } from './requests.js';
import { createStapler } from './stored-checks.js';
import type { System } from './system.js';
import { agreeToTerms } from './terms.js';
import { outcomeDocument, summaryOf } from './ui/summary.js';
import { wire } from './wire.js';

export interface RunFlags {
  readonly force: boolean;
  readonly dryRun: boolean;
  /** Of a timer's run: what failed before waits its time, and for its renewal; see `IssueParts`. */
  readonly patient?: boolean;
  readonly nextLook?: number;
  readonly refresh?: NonNullable<IssueParts['refresh']>;
}

/** Runs `issue` for people: shows what happens and gives the exit code. */
export async function runIssue(context: Context, flags: Readonly<Record<string, unknown>>, run: RunFlags): Promise<number> {
  const { system, signal } = context;
  const { own, config, given, inCluster } = await readOptions(context, flags);
  const requests = buildRequests(own, config, buildHelp(system, run.dryRun, inCluster));
  // What stands in the configuration file is asked for again by the file.
  const isOfFile = !isNamed(own);
  const wanted = isOfFile ? requests : requests.map((request) => ({ ...request, given: fromAnywhere(given, system.cwd) }));
  const surroundings = surroundingsOf(context, 'tscert issue');
  const outcomes = await issueRequests(wanted, config, run, surroundings);
  tellOutcomes(context, 'issue', outcomes, outcomes);
  return saveCounts(context, surroundings, { command: 'issue', ...run, code: exitCodeOfRun(outcomes, signal) });
}

/** How a run of a person or a timer is shown, and whom it may ask. */
export function surroundingsOf({ system, globals, ui, signal }: Context, command: string): RunSurroundings {
  const counter = createCounter(system.clock);
  const interactive = system.stdinIsTTY && system.stderr.isTTY && !ui.json && globals.quiet !== true;
  return {
    system,
    command,
    place: storePlace(system, globals),
    signal,
    emitFor: (name) => counter.emitFor(ui.emitFor(name)),
    counter,
    ...(interactive
      ? {
          ask: (question: string) => {
            ui.rest();
            return system.ask(question, signal);
          },
        }
      : {}),
  };
}

/**
 * Tells what became of the certificates: failures as errors, all of it as a document, or those `shown` in words.
 * @param quiet those that had nothing to do and were forgotten: how many, and their documents
 */
export function tellOutcomes(
  { system, globals, ui }: Context,
  kind: 'issue' | 'renew',
  outcomes: readonly Outcome[],
  shown: readonly Outcome[],
  quiet: { readonly count: number; readonly documents: readonly Record<string, unknown>[] } = { count: 0, documents: [] },
): void {
  ui.rest();
  for (const outcome of outcomes) {
    if (outcome.state === 'failed') ui.fail(outcome.error, outcomes.length + quiet.count > 1 ? outcome.name : undefined);
    else if ('deployError' in outcome && outcome.deployError !== undefined) ui.fail(outcome.deployError, outcome.name);
  }
  if (ui.json) ui.document(kind, { certificates: [...quiet.documents, ...outcomes.map(outcomeDocument)] });
  else if (globals.quiet !== true) {
    for (const outcome of shown) {
      const lines = summaryOf(outcome, system.clock.now(), ui.paint);
      if (lines.length > 0) ui.data(`${lines.join('\n')}\n`);
    }
  }
}

/** What a run needs from its surroundings. */
export interface RunSurroundings {
  readonly system: System;
  /** What this is, for those who wait for its locks. */
  readonly command: string;
  readonly place: StorePlace;
  readonly signal: AbortSignal;
  emitFor(name: string): Emit;
  /** Counts what happens, for `metrics`. */
  readonly counter?: Counter;
  /** Asks a person on a terminal; absent where there is none. */
  readonly ask?: (question: string) => Promise<string | undefined>;
}

/**
 * Issues every one of these certificates that is due; never stops at one that fails.
 * @param config whose options of the run hold for all of them
 */
export async function issueRequests(
  requests: readonly CertificateRequest[],
  config: ConfigOptions,
  run: RunFlags,
  surroundings: RunSurroundings,
): Promise<Outcome[]> {
  const { system, command, place, signal, emitFor, counter, ask } = surroundings;
  const parts = wire({
    system,
    place,
    command,
    caBundle: config.caBundle,
    dns: buildDnsOptions(config),
    observe: counter?.observe,
    emit: sharedEmit(requests, emitFor),
    expected: (provider) => challengeNames(requests, provider),
    ...(ask === undefined ? {} : { wait: (records: readonly TxtRecord[]) => waitForPerson(records, ask, signal) }),
  });
  const stapler = createStapler({ system, folder: place.folder, caBundle: config.caBundle, store: parts.store(), signal });
  try {
    const issuers = createIssuers(system, parts, config.challenges);
    const agreed = ask === undefined ? requests : await agreeToTerms(requests, issuers, ask, signal);
    const { clock, random } = system;
    const store = parts.store();
    const { clusters } = parts;
    const deployer = createDeployer({ records: store, clock, environment: system.env, clusters });
    const hooks = createRunHooks({ records: store, clock, environment: system.env, emitFor });
    const { issuerFor, advise } = issuers;
    const underWay = await namesUnderWay(store);
    const { staple } = stapler;
    const lines = { store, clock, random, issuerFor, advise, deployer, hooks, underWay, clusters, staple, patient: false, ...run };
    const outcomes = await runLines(agreed, (request, line) => issueCertificate(request, lines, line), {
      gathering: parts.gathering,
      jobs: jobsOf(config),
      clock,
      signal,
      emitFor,
    });
    const done = await hooks.after(agreed, outcomes);
    counter?.count(done);
    return done;
  } finally {
    await stapler.close();
    await parts.close();
  }
}

/**
 * The exit code of a run: one for all that went the same way, "partly" when some failed and others did not.
 * @param others how many more there are, with nothing to do
 */
export function exitCodeOfRun(outcomes: readonly Outcome[], signal: AbortSignal, others = 0): number {
  if (signal.aborted) return exitCodeOf(signal.reason);
  const codes = outcomes.map((outcome) => {
    if (outcome.state === 'failed') return exitCodeOf(outcome.error);
    if (outcome.state === 'pending' || outcome.state === 'deferred') return EXIT.later;
    return 'deployError' in outcome && outcome.deployError !== undefined ? EXIT.deployFailed : EXIT.done;
  });
  const failed = codes.filter((code) => code !== EXIT.done && code !== EXIT.deployFailed);
  if (failed.length === 0) return codes.includes(EXIT.deployFailed) ? EXIT.deployFailed : EXIT.done;
  if (failed.length < codes.length + others) return EXIT.partly;
  return failed.every((code) => code === failed[0]) ? (failed[0] ?? EXIT.failed) : EXIT.failed;
}

/** Events of parts that all lines share go to the certificates whose names they are about. */
function sharedEmit(requests: readonly CertificateRequest[], emitFor: (name: string) => Emit): Emit {
  const [first] = requests;
  return (event) => {
    const about =
      event.type === 'propagation'
        ? requests.filter(({ spec }) => spec.names.some(({ value }) => `_acme-challenge.${withoutWildcard(value)}` === event.fqdn))
        : [];
    const names = about.length > 0 ? about.map(({ name }) => name) : [requests.length === 1 && first !== undefined ? first.name : 'dns'];
    for (const name of names) emitFor(name)(event);
  };
}

/** The TXT names that the run asks this provider for, so that all its zones can be found at once. */
function challengeNames(requests: readonly CertificateRequest[], provider: string): string[] {
  const names = requests.flatMap(({ spec, solvers }) => {
    const pick = createPicker(solvers.map((solver) => ({ solver, zone: 'zone' in solver ? solver.zone : undefined })));
    const isProven = (value: string): boolean => {
      const [bare, wildcard] = [withoutWildcard(value), value.startsWith('*.')];
      const solver = pick({ type: 'dns', value: bare }, wildcard, ['dns-01', 'http-01', 'tls-alpn-01']);
      return solver?.type === 'dns-01' && solver.provider === provider;
    };
    return spec.names.filter(({ type, value }) => type === 'dns' && isProven(value)).map(({ value }) => value);
  });
  return [...new Set(names.map((value) => `_acme-challenge.${withoutWildcard(value)}`))];
}

async function waitForPerson(records: readonly TxtRecord[], ask: NonNullable<RunSurroundings['ask']>, signal: AbortSignal): Promise<void> {
  await ask(`Press Enter when ${records.length === 1 ? 'the record stands' : `all ${records.length} records stand`}: `);
  signal.throwIfAborted();
}
