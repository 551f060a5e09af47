/** Puts the files of a schedule where the system looks for them, and starts what they describe. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { TscertError } from '../../base/errors.js';
import { pickEnvironment, runProgram } from '../../host/program.js';
import { hasCode, reasonOf } from '../../store/files.js';
import { writeFiles } from '../files.js';
import type { System } from '../system.js';
import { isOwn, type ScheduleFile } from './file.js';

export interface Installed {
  /** Absolute. */
  readonly file: string;
  readonly state: 'written' | 'replaced' | 'unchanged';
}

/**
 * Writes all of the files into a folder, or none; what stands there already as it should is left alone.
 * @param force also in place of files that this command did not write, or that were changed since
 * @throws {TscertError} `file-exists`, `file-unwritable`
 */
export async function installFiles(
  system: System,
  files: readonly ScheduleFile[],
  { folder, force }: { readonly folder: string; readonly force: boolean },
): Promise<Installed[]> {
  const placed = files.map(({ name, text }) => {
    const file = path.resolve(system.cwd, folder, name);
    const before = readIfThere(file);
    if (before !== undefined && !isOwn(before) && !force) throw foreign(file, before);
    const state = before === undefined ? 'written' : before === text ? 'unchanged' : 'replaced';
    return { file, text, state } as const;
  });
  const changed = placed.filter(({ state }) => state !== 'unchanged').map(({ file, text }) => ({ file, text, secret: false }));
  if (changed.length > 0) await writeFiles(system, changed, force);
  return placed.map(({ file, state }) => ({ file, state }));
}

/** Milliseconds that systemctl may take. */
const LIMIT = 60_000;

/**
 * Calls systemctl, as {@link enabling} says.
 * @throws {TscertError} `schedule-failed`
 */
export async function enableUnit(system: System, calls: readonly (readonly string[])[], signal: AbortSignal): Promise<void> {
  for (const args of calls) {
    const what = `Cannot run "systemctl ${args.join(' ')}"`;
    const env = pickEnvironment(system.env, () => false);
    await runProgram({ file: 'systemctl', args, env, timeout: LIMIT, secrets: [], failure: 'schedule-failed', what }, system.clock, signal);
  }
}

/** The arguments of systemctl, one after the other. A service that runs already is started again, to be the new one. */
export function enabling(unit: string, installed: readonly Installed[]): readonly (readonly string[])[] {
  const restart = installed.some(({ state }) => state === 'replaced') ? [['restart', unit]] : [];
  return [['daemon-reload'], ['enable', '--now', unit], ...restart];
}

/**
 * Refuses to go on where systemd does not run the machine.
 * @param folder that is there when it does (sd_booted(3))
 * @throws {TscertError} `schedule-failed`
 */
export function checkSystemd(unit: string, folder = '/run/systemd/system'): void {
  if (existsSync(folder)) return;
  throw new TscertError('schedule-failed', `Cannot enable "${unit}": systemd does not run this machine`, { data: { unit } });
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw new TscertError('file-unwritable', `Cannot write "${file}": ${reasonOf(error)}`, { data: { file }, cause: error });
  }
}

function foreign(file: string, text: string): TscertError {
  const why = text.startsWith('# Made by "tscert schedule"') ? 'it was changed since tscert wrote it' : 'another file is there';
  return new TscertError('file-exists', `Cannot write "${file}": ${why}`, { data: { file, hint: 'force' } });
}
