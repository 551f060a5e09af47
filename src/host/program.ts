/** Programs of others: run with an environment that is listed, for a limited time, their output kept short. */
import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import path from 'node:path';
import { kill } from 'node:process';
import type { Readable } from 'node:stream';
import type { Clock } from '../base/clock.js';
import { type ErrorCode, messageOf, TscertError } from '../base/errors.js';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Program {
  readonly file: string;
  readonly args: readonly string[];
  /** All that the program sees of the environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Milliseconds. */
  readonly timeout: number;
  /** Values that must not come out again: they are masked in what the program prints. */
  readonly secrets: readonly string[];
  /** Of its failures. */
  readonly failure: Extract<ErrorCode, 'provider-failed' | 'hook-failed' | 'pre-hook-failed' | 'schedule-failed' | 'cluster-login'>;
  /** Begins the errors: `Cannot add "_acme-challenge.example.com" with "./dns.sh"`. */
  readonly what: string;
  /** What it prints on standard output is a secret: no error shows it. */
  readonly secretOutput?: boolean;
  /** It may talk with the person at the terminal: it gets the terminal's input, and its words go there. */
  readonly terminal?: boolean;
  /** Characters of its output that are kept; 16,384 unless given. */
  readonly keep?: number;
}

/** Characters of each stream that are kept, and of them those that an error shows. */
const KEPT = 16_384;
const SHOWN = { lines: 8, characters: 1_000 };
/** Milliseconds between SIGTERM and SIGKILL. */
const GRACE = 2_000;
/** Milliseconds that the last words may take when a child of the program, left behind, still holds its streams. */
const DRAIN = 200;

/** What every program may see. */
const BASE = /^(PATH|HOME|LANG|LANGUAGE|LC_[A-Z]+|TZ|TMPDIR)$/;

/** The variables that every program may see, and those that `allowed` takes. */
export function pickEnvironment(environment: Environment, allowed: (name: string) => boolean): Record<string, string> {
  const entries = Object.entries(environment).filter(([name]) => BASE.test(name) || allowed(name));
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/**
 * Runs a program in a process group of its own and waits for its end. When the time is over or the signal aborts, the whole
 * group gets SIGTERM and, 2 s later, SIGKILL; only then this rejects, so that nothing of it runs beside the clean-up.
 * @returns what it printed on standard output, the last 16 KiB at most
 * @throws {TscertError} `program.failure` with `exitCode` or `exitSignal` and its last lines in `data`; the reason of the signal
 */
export async function runProgram(program: Program, clock: Clock, signal: AbortSignal): Promise<string> {
  signal.throwIfAborted();
  // In a process group of its own it could not read from the terminal.
  const child = spawn(program.file, [...program.args], {
    env: program.env,
    detached: program.terminal !== true,
    stdio: program.terminal === true ? ['inherit', 'pipe', 'inherit'] : ['ignore', 'pipe', 'pipe'],
  });
  const output = keepTail(child.stdout, program.secrets, program.keep);
  const words = keepTail(child.stderr, program.secrets);
  const ended = new Promise<{ code: number | null; by: NodeJS.Signals | null }>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, by) => resolve({ code, by }));
  });
  const drained = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const over = new AbortController();
  const interruption = interrupted(program.timeout, clock, AbortSignal.any([signal, over.signal]));
  try {
    const first = await Promise.race([ended, interruption]);
    if (first === 'over') {
      await endGroup(child.pid, program.terminal === true, ended, clock);
      signal.throwIfAborted();
      throw failed(program, `it did not end within ${program.timeout / 1_000} s`, words(), { timeout: program.timeout });
    }
    await Promise.race([drained, clock.sleep(DRAIN, over.signal).catch(() => undefined)]);
    if (first.code === 0) return output();
    const how = first.code === null ? `it was ended by ${first.by}` : `it ended with exit code ${first.code}`;
    throw failed(
      program,
      how,
      words() || (program.secretOutput === true ? '' : output()),
      first.code === null ? { exitSignal: first.by } : { exitCode: first.code },
    );
  } catch (error) {
    if (error instanceof TscertError || signal.aborted) throw error;
    throw failed(program, messageOf(error), '', {}, error);
  } finally {
    over.abort();
    child.stdout?.destroy();
    child.stderr?.destroy();
  }
}

/**
 * Finds a program as a shell does: a name with a slash is a path, any other is looked for in `PATH`.
 * @returns its path, `undefined` when there is no such file that may be run
 */
export async function findProgram(name: string, searchPath: string | undefined): Promise<string | undefined> {
  const candidates = name.includes('/') ? [name] : (searchPath ?? '').split(':').map((folder) => path.join(folder || '.', name));
  for (const candidate of candidates) {
    const runnable = await access(candidate, constants.X_OK).then(
      async () => (await stat(candidate)).isFile(),
      () => false,
    );
    if (runnable) return candidate;
  }
  return undefined;
}

/** Resolves to `over` when the time is over or the signal aborts. */
async function interrupted(timeout: number, clock: Clock, signal: AbortSignal): Promise<'over'> {
  await clock.sleep(timeout, signal).catch(() => undefined);
  return 'over';
}

async function endGroup(pid: number | undefined, isAlone: boolean, ended: Promise<unknown>, clock: Clock): Promise<void> {
  signalGroup(pid, isAlone, 'SIGTERM');
  const patience = new AbortController();
  await Promise.race([ended, clock.sleep(GRACE, patience.signal)]).catch(() => undefined);
  patience.abort();
  // Also when the program itself has ended: its children may not have.
  signalGroup(pid, isAlone, 'SIGKILL');
  await ended.catch(() => undefined);
}

function signalGroup(pid: number | undefined, isAlone: boolean, name: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    kill(isAlone ? pid : -pid, name);
  } catch {
    // ESRCH: nobody of the group is left.
  }
}

/** Collects the end of a stream; the returned function gives it with the secrets masked. */
function keepTail(stream: Readable | null, secrets: readonly string[], most = KEPT): () => string {
  let kept = '';
  let cut = false;
  if (stream === null) return () => '';
  stream.setEncoding('utf8');
  stream.on('error', () => undefined);
  stream.on('data', (text: string) => {
    kept += text;
    if (kept.length > most) {
      kept = kept.slice(-most);
      cut = true;
    }
  });
  return () => {
    const longest = Math.max(0, ...secrets.map((secret) => secret.length));
    // What was cut could begin in the middle of a secret, which no mask would find.
    return mask(cut ? kept.slice(longest) : kept, secrets).trim();
  };
}

function mask(text: string, secrets: readonly string[]): string {
  const long = secrets.filter((secret) => secret.length >= 4).sort((a, b) => b.length - a.length);
  return long.reduce((masked, secret) => masked.replaceAll(secret, '***'), text);
}

function failed(program: Program, reason: string, output: string, data: Readonly<Record<string, unknown>>, cause?: unknown): TscertError {
  const lines = output.split('\n').slice(-SHOWN.lines).join('\n').slice(-SHOWN.characters).trim();
  return new TscertError(program.failure, `${program.what}: ${reason}${lines === '' ? '' : `, saying "${lines}"`}`, {
    data: { program: program.file, ...data, output: lines },
    cause,
  });
}
