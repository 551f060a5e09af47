/**
 * Who owns a lock or a half-written file, and whether that process still lives. A process id alone says little: it is used
 * again, it means another process in another container, and nothing after a reboot.
 */
import { randomUUID } from 'node:crypto';
import type { Clock } from '../base/clock.js';
import type { FileSystem } from './files.js';

/** A process, told apart from every other one. */
export interface Owner {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat; empty where there is no /proc. */
  readonly startTime: string;
  /** /proc/sys/kernel/random/boot_id; empty where there is no /proc. */
  readonly bootId: string;
  /** What /proc/self/ns/pid points at; empty where there is no /proc. */
  readonly pidNamespace: string;
  readonly host: string;
}

/** Says whether a process of this id exists in this pid namespace, whoever owns it: `kill(pid, 0)` gives no ESRCH. */
export type IsAlive = (pid: number) => boolean;

/** An owner in another host or namespace is given up when its file was not touched for this long, in milliseconds. */
export const STALE_AFTER = 5 * 60_000;

/** Describes the process with this id, which must be the caller's own. */
export function describeOwner(fs: FileSystem, { pid, host }: Pick<Owner, 'pid' | 'host'>): Owner {
  return {
    pid,
    host,
    startTime: readProcess(fs, pid)?.startTime ?? '',
    bootId: orEmpty(() => fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
    pidNamespace: orEmpty(() => fs.readlinkSync('/proc/self/ns/pid', 'utf8').replaceAll(/\D/g, '')),
  };
}

function readProcess(fs: FileSystem, pid: number): { readonly state: string; readonly startTime: string } | undefined {
  const text = orEmpty(() => fs.readFileSync(`/proc/${pid}/stat`, 'utf8'));
  // The command stands in brackets and may hold anything, brackets too: count from the last one.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, startTime] = [fields[0], fields[19]];
  return state === undefined || startTime === undefined ? undefined : { state, startTime };
}

function orEmpty(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}

/** Tells whether an owner is dead; `touched` is when its file was last written, in milliseconds since the epoch. */
export type IsDead = (owner: Owner, touched: number) => boolean;

/**
 * Judges owners as seen from `self`. One on this host and in this namespace is dead when its boot is over, its process gone or a
 * zombie, or its id taken by a process that began at another time. Others are dead when their file is older than {@link STALE_AFTER}.
 * One of another boot under the name of this host may be on another machine of that name, which shares the folder: it is dead unless
 * its file was touched since this boot began, and lately.
 */
export function createJudge(options: { self: Owner; clock: Pick<Clock, 'now'>; isAlive: IsAlive; fs: FileSystem }): IsDead {
  const { self, clock, isAlive, fs } = options;
  return (owner, touched) => {
    if (owner.host !== self.host) return clock.now() - touched > STALE_AFTER;
    if (owner.bootId !== self.bootId) return isOver(touched, clock.now(), uptimeOf(fs));
    if (owner.pidNamespace !== self.pidNamespace) return clock.now() - touched > STALE_AFTER;
    if (!isAlive(owner.pid)) return true;
    const found = readProcess(fs, owner.pid);
    if (found === undefined || owner.startTime === '') return false;
    return found.startTime !== owner.startTime || found.state === 'Z' || found.state === 'X';
  };
}

/** Whether another boot is over; a file from the future was touched by a clock that has been set right since. */
function isOver(touched: number, now: number, uptime: number | undefined): boolean {
  return uptime === undefined || touched < now - uptime || Math.abs(now - touched) > STALE_AFTER;
}

/** How long this machine has been up, in milliseconds; undefined where there is no /proc. */
function uptimeOf(fs: FileSystem): number | undefined {
  const seconds = Number.parseFloat(orEmpty(() => fs.readFileSync('/proc/uptime', 'utf8')));
  return Number.isNaN(seconds) ? undefined : seconds * 1_000;
}

const TEMPORARY = /^\.new-(\d+)\.(\d*)\.([0-9a-f-]*)\.(\d*)\.[0-9a-f]{32}\.(.*)$/;

/** A name for something unfinished, unique, hidden, and telling whose it is. */
export function temporaryName({ pid, startTime, bootId, pidNamespace, host }: Owner): string {
  const unique = randomUUID().replaceAll('-', '');
  return `.new-${pid}.${startTime}.${bootId}.${pidNamespace}.${unique}.${encodeURIComponent(host).slice(0, 64)}`;
}

/** Whose unfinished thing this is; undefined for any other name. */
function ownerOfTemporary(name: string, self: Owner): Owner | undefined {
  const match = TEMPORARY.exec(name);
  if (match === null) return undefined;
  const [, pid, startTime = '', bootId = '', pidNamespace = '', host = ''] = match;
  const own = encodeURIComponent(self.host).slice(0, 64) === host;
  return { pid: Number(pid), startTime, bootId, pidNamespace, host: own ? self.host : host };
}

/** Removes what dead processes left unfinished in a folder. What cannot be removed now is left for the next time. */
export async function sweep(fs: FileSystem, folder: string, self: Owner, isDead: IsDead): Promise<void> {
  for (const entry of await fs.readdir(folder).catch(() => [])) {
    const owner = ownerOfTemporary(entry, self);
    if (owner === undefined) continue;
    const file = `${folder}/${entry}`;
    try {
      if (isDead(owner, (await fs.lstat(file)).mtimeMs)) await fs.rm(file, { recursive: true, force: true });
    } catch {
      // Somebody else removed it, or nobody can: it hinders nothing.
    }
  }
}
