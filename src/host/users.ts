/** Users and groups by name. */
import { readFile } from 'node:fs/promises';
import type { Clock } from '../base/clock.js';
import { type Environment, findProgram, pickEnvironment, runProgram } from './program.js';

interface Asking {
  readonly environment: Environment;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Milliseconds that a directory service may take. */
const LIMIT = 30_000;
const LARGEST = 0xffff_fffe;

/**
 * The number of a user (`passwd`) or a group: itself where it is one, from the files of this machine, else from whatever else
 * the machine asks (LDAP, systemd), by getent.
 * @returns undefined when nobody knows the name
 */
export async function findId(
  database: 'passwd' | 'group',
  name: string,
  { environment, clock, signal }: Asking,
): Promise<number | undefined> {
  if (/^\d+$/.test(name)) return Number(name) <= LARGEST ? Number(name) : undefined;
  const own = idIn(await readFile(`/etc/${database}`, 'utf8').catch(() => ''), name);
  if (own !== undefined) return own;
  const getent = await findProgram('getent', environment.PATH);
  if (getent === undefined) return undefined;
  const env = pickEnvironment(environment, () => false);
  const program = {
    file: getent,
    args: [database, name],
    env,
    timeout: LIMIT,
    secrets: [],
    failure: 'hook-failed',
    what: 'getent',
  } as const;
  const answer = await runProgram(program, clock, signal).catch(() => '');
  signal.throwIfAborted();
  return idIn(answer, name);
}

/** The third field of the line of this name. */
function idIn(lines: string, name: string): number | undefined {
  const fields = lines
    .split('\n')
    .map((line) => line.split(':'))
    .find(([first]) => first === name);
  const id = fields?.[2] ?? '';
  return /^\d+$/.test(id) && Number(id) <= LARGEST ? Number(id) : undefined;
}
