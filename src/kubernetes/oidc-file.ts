/** New tokens written back into a kubeconfig, in place: comments and everything else stay as they are. */
import { randomUUID } from 'node:crypto';
import { open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { isMap, isSeq, parseDocument } from 'yaml';

/**
 * Writes values into `auth-provider.config` of a user. A file that cannot be written stays as it is: the tokens still hold for this run.
 * @param file the kubeconfig; a link is followed
 */
export async function writeTokens(file: string, user: string, tokens: Readonly<Record<string, string>>): Promise<void> {
  try {
    const place = await realpath(file);
    // kubectl's own lock; who holds it writes the same kind of thing.
    const lock = await open(`${place}.lock`, 'wx');
    try {
      const document = parseDocument(await readFile(place, 'utf8'));
      const users = document.get('users');
      if (!isSeq(users)) return;
      const entry = users.items.find((item) => isMap(item) && item.get('name') === user);
      if (!isMap(entry)) return;
      for (const [key, value] of Object.entries(tokens)) entry.setIn(['user', 'auth-provider', 'config', key], value);
      await replace(place, document.toString({ lineWidth: 0 }));
    } finally {
      await lock.close();
      await rm(`${place}.lock`, { force: true });
    }
  } catch {
    // Read-only, locked by another, or gone.
  }
}

async function replace(file: string, text: string): Promise<void> {
  const temporary = `${file}.${randomUUID()}.tmp`;
  const { mode } = await stat(file);
  const handle = await open(temporary, 'wx', mode & 0o777);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file).catch(async (error: unknown) => {
    await rm(temporary, { force: true });
    throw error;
  });
}
