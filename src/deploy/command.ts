/** Commands of the user: deploy, pre- and post-hooks. */
import type { Clock } from '../base/clock.js';
import { messageOf, TscertError } from '../base/errors.js';
import type { Emit } from '../base/events.js';
import { type Environment, type Program, pickEnvironment, runProgram } from '../host/program.js';
import { type Target, targetFailure } from './target.js';
import { deployVariables } from './variables.js';

export interface Hook {
  readonly command: string;
  /** What it is told beside the listed environment. */
  readonly variables: Readonly<Record<string, string>>;
  /** Milliseconds. */
  readonly timeout: number;
  readonly failure: Program['failure'];
  /** `deploy hook`: what it is called when it says something. */
  readonly title: string;
  /** Begins its errors. */
  readonly what: string;
}

interface HookContext {
  readonly environment: Environment;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/**
 * Runs a command by /bin/sh; what it prints on standard output becomes a note.
 * @throws {TscertError} `failure`; the reason of the signal
 */
export async function runHook(hook: Hook, { environment, clock, emit, signal }: HookContext): Promise<void> {
  const { command, variables, timeout, failure, title, what } = hook;
  const env = { ...pickEnvironment(environment, () => false), ...variables };
  const output = await runProgram({ file: '/bin/sh', args: ['-c', command], env, timeout, secrets: [], failure, what }, clock, signal);
  if (output !== '') emit({ type: 'note', message: `the ${title} says: ${output}` });
}

interface CommandParts {
  readonly clock: Clock;
  readonly environment: Environment;
}

export function commandTarget(
  { command, timeout }: { readonly command: string; readonly timeout: number },
  { clock, environment }: CommandParts,
): Pick<Target, 'title' | 'bring'> {
  return {
    title: `hook ${firstWord(command)}`.trimEnd(),
    async bring(delivery, { emit, signal }) {
      const what = `Cannot deploy "${delivery.stored.name}" by its hook "${command}"`;
      const hook = { command, variables: deployVariables(delivery), timeout, failure: 'hook-failed', title: 'deploy hook', what } as const;
      try {
        await runHook(hook, { environment, clock, emit, signal });
      } catch (error) {
        if (!(error instanceof TscertError) || signal.aborted) throw error;
        throw targetFailure(what, messageOf(error).slice(`${what}: `.length), error);
      }
    },
  };
}

/** The program that a command begins with; nothing when that may be something else, such as a variable's value. */
function firstWord(command: string): string {
  return /^\s*([\w./+-]{1,80})(?=\s|$)/.exec(command)?.[1] ?? '';
}
