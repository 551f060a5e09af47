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
}

export interface CommandOptions {
  /** All that the command sees besides PATH and HOME. */
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
  readonly cwd?: string;
}

/** The environment that a command gets: nothing of this process but where programs are. */
export function commandEnvironment(env: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { PATH: process.env.PATH ?? '', HOME: '/nonexistent', ...env };
}

/** Starts `tscert` with these arguments. */
export function startTscert(args: readonly string[], { env, input, cwd }: CommandOptions = {}): Started {
  const bin = process.env.TSCERT_TEST_BIN;
  if (bin === undefined) throw new Error('TSCERT_TEST_BIN is not set: start the tests with npm test');
  const child = spawn(process.execPath, [bin, ...args], { env: commandEnvironment(env), ...(cwd === undefined ? {} : { cwd }) });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(input ?? '');
  const finished = new Promise<Finished>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
  });
  return { pid: child.pid ?? 0, finished, kill: (signal) => void child.kill(signal) };
}

/** Runs `tscert` with these arguments to its end. */
export function tscert(args: readonly string[], options: CommandOptions = {}): Promise<Finished> {
  return startTscert(args, options).finished;
}
