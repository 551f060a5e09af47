/** What every command gets: the process, the global options, the voice. */
import type { GlobalOptions } from './globals.js';
import type { System } from './system.js';
import type { Ui } from './ui/ui.js';

export interface Context {
  readonly system: System;
  readonly globals: GlobalOptions;
  readonly ui: Ui;
  /** Aborted by Ctrl-C, SIGTERM, SIGHUP and `--timeout`; its reason is a TscertError. */
  readonly signal: AbortSignal;
  /** Has signals of the process mean something else than the end, from now on. */
  onSignals(takers: SignalTakers): void;
}

/** What signals mean to a command that runs on. */
export interface SignalTakers {
  /** SIGHUP. */
  hangUp(): void;
  /** The first SIGINT or SIGTERM; after the second the process ends at once. */
  stop(signal: NodeJS.Signals): void;
}
