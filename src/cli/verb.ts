/** A command as a value: what it is called, what it takes, what it does. */
import type { Command } from 'commander';
import type { Context } from './context.js';

export interface Verb {
  readonly name: string;
  readonly summary: string;
  /**
   * Adds arguments, options, subcommands and examples; its actions go through `run`.
   * @param words what stands behind the verb on the command line
   */
  define(command: Command, run: Runner, words: readonly string[]): void;
}

/** Wraps an action: gives it the context of the run and turns what it throws into words and an exit code. */
export type Runner = <Arguments extends unknown[]>(
  action: (context: Context, ...values: Arguments) => Promise<number>,
) => (...values: Arguments) => Promise<void>;
