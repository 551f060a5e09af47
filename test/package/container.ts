/** The container recipe, as BuildKit's own parser reads it, and a root folder with exactly what it copies. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { servers } from '../support/servers.js';

export const RECIPE = 'examples/container/Containerfile';

export interface Command {
  readonly name: string;
  readonly words: string;
  readonly from?: string;
  readonly paths?: readonly string[];
  readonly target?: string;
  readonly exec?: readonly string[];
  readonly user?: string;
}

export interface Stage {
  readonly name: string;
  readonly base: string;
  readonly commands: readonly Command[];
}

export function stagesOf(recipe: string): readonly Stage[] {
  const { containerfile = '' } = servers('containerfile');
  return JSON.parse(execFileSync(containerfile, { input: recipe, encoding: 'utf8' })) as Stage[];
}

export interface Root {
  readonly folder: string;
  /** Runs the entry point with these arguments, as a user who may write nothing there. */
  run(...args: readonly string[]): { readonly code: number | null; readonly stdout: string; readonly stderr: string };
}

/**
 * Copies what the last stage copies out of the packed package, and Node.js where the base has it.
 * @param folder empty; everybody must be able to go there
 */
export function buildRoot(folder: string, tarball: string): Root {
  const stages = stagesOf(readFileSync(RECIPE, 'utf8'));
  const last = stages.at(-1);
  assert.ok(last);
  const unpacked = mkdtempSync(path.join(folder, 'first-'));
  execFileSync('tar', ['-xzf', tarball, '-C', unpacked, '--no-same-owner']);
  const root = path.join(folder, 'root');
  for (const { paths = [], target = '' } of last.commands.filter(({ name, from }) => name === 'COPY' && from === 'package')) {
    for (const one of paths) {
      const source = path.join(unpacked, one);
      // A folder's content is copied, a file goes by its name into a folder that ends in a slash.
      const to = path.join(root, statSync(source).isDirectory() ? target : path.join(target, path.basename(one)));
      mkdirSync(path.dirname(to), { recursive: true });
      cpSync(source, to, { recursive: true });
    }
  }
  mkdirSync(path.join(root, 'usr/local/bin'), { recursive: true });
  cpSync(process.execPath, path.join(root, 'usr/local/bin/node'));
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    chmodSync(file, entry.isDirectory() || entry.name === 'node' ? 0o555 : 0o444);
  }
  chmodSync(root, 0o555);
  const entry = last.commands.find(({ name }) => name === 'ENTRYPOINT')?.exec ?? [];
  const [uid, gid] = (last.commands.find(({ name }) => name === 'USER')?.user ?? '').split(':').map(Number);
  const isRoot = process.getuid?.() === 0;
  return {
    folder: root,
    run(...args) {
      const { status, stdout, stderr, error } = spawnSync(
        path.join(root, 'usr/local/bin/node'),
        [path.join(root, entry[1] ?? ''), ...args],
        {
          cwd: root,
          encoding: 'utf8',
          env: { PATH: '/nonexistent' },
          ...(isRoot && uid !== undefined && gid !== undefined ? { uid, gid } : {}),
        },
      );
      if (error !== undefined) throw error;
      return { code: status, stdout, stderr };
    },
  };
}
