/** The built command as a child process, in an environment of its own. */
import { spawn } from 'node:child_process';

export interface Finished {
  /** The exit code; -1 when a signal ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly pid: number;
  readonly finished: Promise<Finished>;
  kill(signal: NodeJS.Signals): void;
  /** Resolves when what was said so far (standard output and error) matches; rejects when the command ends before it does. */
  said(words: RegExp): Promise<void>;
  /** Closes the reading ends of its standard output and error. */
  hangUp(): void;
}

export interface CommandOptions {
  /** All that the command sees besides PATH and HOME. */
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
  readonly cwd?: string;
  /** No file may become larger than this. Blocks of 512 bytes. */
  readonly fileLimit?: number | undefined;
}

/** The environment that loads test/support/killer.ts into the command. */
export const KILLER = { NODE_OPTIONS: `--import ${new URL('./killer.js', import.meta.url).href}` };

/** The environment that loads test/support/skipper.ts into the command. */
export const SKIPPER = { NODE_OPTIONS: `--import ${new URL('./skipper.js', import.meta.url).href}` };

/** The environment that a command gets: nothing of this process but where programs are. */
export function commandEnvironment(env: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { PATH: process.env.PATH ?? '', HOME: '/nonexistent', ...env };
}

/** Starts `tscert` with these arguments. */
export function startTscert(args: readonly string[], { env, input, cwd, fileLimit }: CommandOptions = {}): Started {
  const bin = process.env.TSCERT_TEST_BIN;
  if (bin === undefined) throw new Error('TSCERT_TEST_BIN is not set: start the tests with npm test');
  const whole = [process.execPath, bin, ...args];
  const [file = '', ...rest] =
    fileLimit === undefined ? whole : ['/bin/sh', '-c', `trap '' XFSZ; ulimit -f ${fileLimit}; exec "$@"`, 'sh', ...whole];
  const child = spawn(file, rest, { env: commandEnvironment(env), ...(cwd === undefined ? {} : { cwd }) });
  let [stdout, stderr] = ['', ''];
  const listeners = new Set<() => void>();
  const tell = (): void => {
    for (const listener of listeners) listener();
  };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    tell();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    tell();
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(input ?? '');
  const finished = new Promise<Finished>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
  });
  return {
    pid: child.pid ?? 0,
    finished,
    kill: (signal) => void child.kill(signal),
    said: (words) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!words.test(stdout) && !words.test(stderr)) return;
          listeners.delete(look);
          resolve();
        };
        listeners.add(look);
        look();
        child.once('close', () => reject(new Error(`it ended without saying ${words}:\n${stdout}${stderr}`)));
      }),
    hangUp() {
      child.stdout.destroy();
      child.stderr.destroy();
    },
  };
}

/** Runs `tscert` with these arguments to its end. */
export function tscert(args: readonly string[], options: CommandOptions = {}): Promise<Finished> {
  return startTscert(args, options).finished;
}
