/** Who holds a Lease, in one line: words for people, and behind them what tells this process from every other one. */
import { randomUUID } from 'node:crypto';
import type { Owner } from '../owner.js';

/** @param command what it does; no secrets */
export function holderOf(command: string, { pid, startTime, bootId, pidNamespace, host }: Owner): string {
  const safe = encodeURIComponent(host).replaceAll('.', '%2E');
  // A process that asks twice is two holders.
  return `${command} on ${host} (${pid}) ${pid}.${startTime}.${bootId}.${pidNamespace}.${safe}.${randomUUID()}`;
}

const HOLDER = /^(.+) (\d{1,10})\.(\d*)\.([0-9a-f-]*)\.(\d*)\.([^.\s]+)\.[0-9a-f-]{36}$/;

/** The owner in a holder that {@link holderOf} made, and the words for people; undefined for any other. */
export function readHolder(text: string): { readonly words: string; readonly owner: Owner } | undefined {
  const [, words, pid, startTime = '', bootId = '', pidNamespace = '', safe = ''] = HOLDER.exec(text) ?? [];
  if (words === undefined) return undefined;
  try {
    return { words, owner: { pid: Number(pid), startTime, bootId, pidNamespace, host: decodeURIComponent(safe) } };
  } catch {
    return undefined;
  }
}
