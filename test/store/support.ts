import { mkdtemp, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { createClock } from '../../src/cli/system.js';
import { createDiskStore, type DiskOptions } from '../../src/store/disk.js';
import type { Store } from '../../src/store/store.js';

/** As the command line asks it. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}

/** A store on disk as this process has it. */
export function openStore(folder: string, changes: Partial<DiskOptions> = {}): Store {
  const clock = createClock();
  const own = { pid: process.pid, host: hostname(), command: 'test' };
  return createDiskStore({ folder, process: own, isAlive, clock, background: clock, ...changes });
}

/** A folder of its own for `use`, removed afterwards. */
export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(path.join(tmpdir(), 'tscert-store-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
