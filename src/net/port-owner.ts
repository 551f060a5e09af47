/** Who listens on a port of this machine, as far as /proc tells (Linux; other people's processes only to root). */
import { readdir, readFile, readlink } from 'node:fs/promises';
import path from 'node:path';

export interface PortOwner {
  readonly pid: number;
  /** As `ps` shows it: `nginx`. */
  readonly name: string;
}

/** The process that listens on this TCP port; undefined when that cannot be seen. Never throws. */
export async function findPortOwner(port: number, proc = '/proc'): Promise<PortOwner | undefined> {
  const tables = await Promise.all(['net/tcp', 'net/tcp6'].map((table) => readFile(path.join(proc, table), 'latin1').catch(() => '')));
  const sockets = new Set(tables.flatMap((table) => listeningInodes(table, port)).map((inode) => `socket:[${inode}]`));
  if (sockets.size === 0) return undefined;
  const pids = await readdir(proc).then(
    (names) => names.filter((name) => /^\d+$/.test(name)),
    () => [],
  );
  for (const pid of pids) {
    const folder = path.join(proc, pid, 'fd');
    const descriptors = await readdir(folder).catch(() => []);
    const targets = await Promise.all(descriptors.map((descriptor) => readlink(path.join(folder, descriptor)).catch(() => '')));
    if (!targets.some((target) => sockets.has(target))) continue;
    const name = await readFile(path.join(proc, pid, 'comm'), 'utf8').catch(() => '');
    return { pid: Number(pid), name: name.trim() || 'unknown' };
  }
  return undefined;
}

/** The inodes of listening sockets (state 0A) in a table of proc(5): `sl local_address rem_address st ... inode`. */
function listeningInodes(table: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[1]?.endsWith(suffix) === true && fields[3] === '0A')
    .flatMap((fields) => fields[9] ?? []);
}
