/**
 * Commands around a run's orders, as certbot has them: a pre-hook before the first certificate that wants it is ordered, its post-hook when
 * the whole run is over. The same command is run once for all certificates. That a post-hook is owed is kept: what a pre-hook has stopped
 * is started by the next run when this one is killed.
 */

import type { Clock } from '../base/clock.js';
import { isTscertError, messageOf } from '../base/errors.js';
import type { Emit } from '../base/events.js';
import { runHook } from '../deploy/command.js';
import { type PostResult, postVariables, preVariables } from '../deploy/variables.js';
import type { Environment } from '../host/program.js';
import type { CertificateRequest } from '../request/request.js';
import { COMMAND_LIMIT } from '../request/targets.js';
import { storedName } from '../store/name.js';
import type { Records } from '../store/store.js';
import type { Outcome } from './outcome.js';
import type { LineContext } from './run.js';

export interface RunHooks {
  /**
   * Must be called before a certificate is ordered.
   * @throws {TscertError} `pre-hook-failed`: nothing was ordered
   */
  before(wanted: CertificateRequest, line: Pick<LineContext, 'emit' | 'signal'>): Promise<void>;
  /**
   * Must be called when all lines of the run are over, interrupted or not.
   * @returns the outcomes, with what went wrong in the post-hooks
   */
  after(requests: readonly CertificateRequest[], outcomes: readonly Outcome[]): Promise<Outcome[]>;
}

export interface RunHooksOptions {
  readonly records: Records;
  readonly clock: Clock;
  /** Of this process; hooks see a listed part of it. */
  readonly environment: Environment;
  emitFor(name: string): Emit;
}

const owedKey = (name: string): string => `post-hook:${storedName(name)}`;

export function createRunHooks({ records, clock, environment, emitFor }: RunHooksOptions): RunHooks {
  const ran = new Map<string, Promise<void>>();
  const run = (command: string, variables: Record<string, string>, title: 'pre-hook' | 'post-hook', emit: Emit, signal: AbortSignal) => {
    const isPre = title === 'pre-hook';
    const what = isPre ? `Cannot order anything after the pre-hook "${command}"` : `Cannot end the run with the post-hook "${command}"`;
    const failure = isPre ? 'pre-hook-failed' : 'hook-failed';
    return runHook({ command, variables, timeout: COMMAND_LIMIT, failure, title, what }, { environment, clock, emit, signal });
  };

  /** Runs a post-hook for those that owe it; gives the outcomes that are others because of it. */
  const pay = async (command: string, owing: readonly Outcome[], requests: readonly CertificateRequest[]): Promise<readonly Outcome[]> => {
    const names = owing.map(({ name }) => name);
    const results = owing.map((outcome): PostResult => {
      const { spec } = requests.find(({ name }) => name === outcome.name) ?? { spec: { names: [] } };
      return { name: outcome.name, domains: spec.names.map(({ value }) => value), result: resultOf(outcome) };
    });
    try {
      // The run may have been interrupted: then what was stopped for it is to be started all the more.
      await run(command, postVariables(results), 'post-hook', emitFor(names[0] ?? ''), new AbortController().signal);
      for (const name of names) await records.delete('ledger', owedKey(name));
      return [];
    } catch (error) {
      return told(owing, error, emitFor(names[0] ?? ''));
    }
  };

  return {
    async before({ name, spec, preHook, postHook }, { emit, signal }) {
      if (postHook !== undefined) await records.put('ledger', owedKey(name), { version: 1 });
      if (preHook === undefined) return;
      const domains = spec.names.map(({ value }) => value);
      const running = ran.get(preHook) ?? run(preHook, preVariables(name, domains), 'pre-hook', emit, signal);
      ran.set(preHook, running);
      await running;
    },
    async after(requests, outcomes) {
      const owing = new Map<string, Outcome[]>();
      for (const [at, outcome] of outcomes.entries()) {
        const command = requests[at]?.postHook;
        if (command === undefined || hasNotBegun(outcome)) continue;
        if ((await records.get('ledger', owedKey(outcome.name))) !== undefined)
          owing.set(command, [...(owing.get(command) ?? []), outcome]);
      }
      const changed = new Map<string, Outcome>();
      for (const [command, those] of owing) for (const outcome of await pay(command, those, requests)) changed.set(outcome.name, outcome);
      return outcomes.map((outcome) => changed.get(outcome.name) ?? outcome);
    },
  };
}

/** Another run has it under way and owes its post-hook, or it can have no record at all. */
function hasNotBegun(outcome: Outcome): boolean {
  return outcome.state === 'failed' && (isTscertError(outcome.error, 'locked') || isTscertError(outcome.error, 'name-invalid'));
}

function resultOf({ state }: Outcome): PostResult['result'] {
  // What is kept now, and owes a hook, was issued by a run that did not get that far; what is deferred, ordered by one.
  if (state === 'kept') return 'issued';
  return state === 'deferred' ? 'pending' : state;
}

/** A failure of a hook that several share is told once, with a certificate that has no other failure to tell. */
function told(owing: readonly Outcome[], error: unknown, emit: Emit): Outcome[] {
  for (const outcome of owing) {
    const { state } = outcome;
    if ((state === 'issued' || state === 'kept' || state === 'deferred') && outcome.deployError === undefined) {
      return [{ ...outcome, deployError: error }];
    }
    if (state === 'tested') return [{ name: outcome.name, stages: outcome.stages, state: 'failed', error }];
  }
  emit({ type: 'warning', message: messageOf(error) });
  return [];
}
