// The declarations that users get: those that the library's face reaches, and no more.
import { readdir, readFile, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';

/**
 * Removes every declaration below `folder` that `entry` does not reach by its imports.
 * @throws {Error} when one imports a package: users have none of ours installed
 */
export async function keepReachable(folder, entry) {
  const reached = new Set();
  const queue = [path.join(folder, entry)];
  for (const file of queue) {
    if (reached.has(file)) continue;
    reached.add(file);
    const code = (await readFile(file, 'utf8')).replaceAll(/\/\*.*?\*\//gs, '');
    for (const [, wanted] of code.matchAll(/(?:from |import |import\()'([^']+)'/g)) {
      if (wanted.startsWith('.')) queue.push(path.join(path.dirname(file), wanted.replace(/\.js$/, '.d.ts')));
      else if (!wanted.startsWith('node:'))
        throw new Error(`${path.relative(folder, file)} needs the types of "${wanted}", which users do not have`);
    }
  }
  await clear(folder, reached);
}

async function clear(folder, kept) {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) {
      await clear(file, kept);
      await rmdir(file).catch(() => undefined);
    } else if (!kept.has(file)) await rm(file);
  }
}
