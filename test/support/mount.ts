/** Disks of a test's own. */
import { execFileSync } from 'node:child_process';
import type { TestContext } from 'node:test';

/** Mounts something at a folder for `use`; skips where mounts are not allowed. */
export async function withMount(t: TestContext, words: readonly string[], folder: string, use: () => Promise<void>): Promise<void> {
  try {
    execFileSync('mount', [...words, folder], { stdio: 'pipe' });
  } catch {
    t.skip('a mount needs root: run the tests as root to see a full and a read-only disk');
    return;
  }
  try {
    await use();
  } finally {
    execFileSync('umount', [folder]);
  }
}
