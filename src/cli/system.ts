/**
 * The one place that reads the process: environment, arguments, streams, clock, chance, signals. Everything else gets them as values.
 */
import { hostname, userInfo } from 'node:os';
import type { Clock, Random } from '../base/clock.js';

/** A stream that words or data go to. */
export interface Output {
  write(text: string): void;
  /** Present on a terminal; how many characters fit in a line. */
  readonly columns?: number | undefined;
  readonly isTTY: boolean;
}

/** The version of this package; the build puts it in (scripts/define.mjs). */
declare const TSCERT_VERSION: string;

/** The process as a value. */
export interface System {
  /** Of this package. */
  readonly version: string;
  /** Without the program's own name. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly isRoot: boolean;
  /** The user's name, or its number where it has none. */
  readonly user: string;
  /** Absolute paths of Node.js and of the script that it runs. */
  readonly program: { readonly node: string; readonly script: string };
  readonly pid: number;
  readonly host: string;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly stdinIsTTY: boolean;
  /** All of standard input. */
  readInput(): Promise<Buffer>;
  /** One line typed on the terminal after a question; `undefined` when the input ends. */
  ask(question: string, signal: AbortSignal): Promise<string | undefined>;
  readonly clock: Clock;
  /** Its waits do not keep the process alive. */
  readonly background: Pick<Clock, 'sleep'>;
  readonly random: Random;
  /** Milliseconds since some moment; they go on evenly whatever is done to the clock. */
  uptime(): number;
  /** Calls back at SIGINT, SIGTERM and SIGHUP until the returned function is called. */
  onSignal(listener: (signal: NodeJS.Signals) => void): () => void;
  /** From now on what Node.js and libraries warn of goes to this listener alone, and Node.js prints none of it. */
  onWarning(listener: (warning: Error) => void): void;
}

/** A clock of the process; its waits do not outlive their signal. */
export function createClock({ unref = false } = {}): Clock {
  return {
    now: () => Date.now(),
    sleep: (milliseconds, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) {
          reject(signal.reason);
          return;
        }
        const stop = (): void => {
          clearTimeout(timer);
          reject(signal?.reason);
        };
        // A timer cannot be longer than 2^31 - 1 ms: Node.js would fire at once.
        const timer = setTimeout(
          () => {
            signal?.removeEventListener('abort', stop);
            resolve();
          },
          Math.min(milliseconds, 2_147_483_647),
        );
        if (unref) timer.unref();
        signal?.addEventListener('abort', stop, { once: true });
      }),
  };
}

/** The real process. */
export function createSystem(): System {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  let [stdout, stderr]: (Output | undefined)[] = [];
  return {
    version: TSCERT_VERSION,
    argv: process.argv.slice(2),
    env: process.env,
    cwd: process.cwd(),
    isRoot: process.getuid?.() === 0,
    get user() {
      return userName();
    },
    program: { node: process.execPath, script: process.argv[1] ?? '' },
    pid: process.pid,
    host: hostname(),
    // Node.js makes its streams when they are first asked for, which takes a while.
    get stdout() {
      stdout ??= outputOf(process.stdout);
      return stdout;
    },
    get stderr() {
      stderr ??= outputOf(process.stderr);
      return stderr;
    },
    get stdinIsTTY() {
      return process.stdin.isTTY === true;
    },
    async readInput() {
      const chunks: Buffer[] = [];
      for await (const chunk of process.stdin) chunks.push(chunk);
      return Buffer.concat(chunks);
    },
    async ask(question, signal) {
      const { createInterface } = await import('node:readline/promises');
      const lines = createInterface({ input: process.stdin, output: process.stderr });
      try {
        return await Promise.race([
          lines.question(question, { signal }),
          new Promise<undefined>((resolve) => lines.once('close', () => resolve(undefined))),
        ]);
      } finally {
        lines.close();
      }
    },
    clock: createClock(),
    background: createClock({ unref: true }),
    random: Math.random,
    uptime: () => performance.now(),
    onSignal(listener) {
      const wrapped = (signal: NodeJS.Signals): void => listener(signal);
      for (const signal of signals) process.on(signal, wrapped);
      return () => {
        for (const signal of signals) process.off(signal, wrapped);
      };
    },
    onWarning(listener) {
      process.removeAllListeners('warning');
      process.on('warning', listener);
    },
  };
}

/** A container's user may stand in no list of users. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? '');
  }
}

function outputOf(stream: NodeJS.WriteStream): Output {
  // A reader that went away (`| head`) ends the words, not the work.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  return {
    write(text) {
      if (!stream.destroyed) stream.write(text);
    },
    get columns() {
      return stream.columns;
    },
    isTTY: stream.isTTY === true,
  };
}
