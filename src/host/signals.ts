/** Other processes of this machine: who they are, and signals to them. */
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { kill } from 'node:process';

export interface ProcessFacts {
  /** The name of its program, its first 15 bytes. */
  readonly name: string;
  /** Whether it does something of its own on this signal; one that does not is ended by most of them. */
  catches(signal: NodeJS.Signals): boolean;
}

/** What /proc tells of a process; undefined when there is none with this id, or no /proc. */
export function describeProcess(pid: number): ProcessFacts | undefined {
  let status: string;
  try {
    status = readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return undefined;
  }
  const field = (name: string): string => new RegExp(`^${name}:\t(.*)$`, 'm').exec(status)?.[1] ?? '';
  const caught = /^[0-9a-f]+$/.test(field('SigCgt')) ? BigInt(`0x${field('SigCgt')}`) : 0n;
  return { name: field('Name'), catches: (signal) => ((caught >> BigInt(constants.signals[signal] - 1)) & 1n) === 1n };
}

/**
 * Sends a signal.
 * @throws the system's error: ESRCH when nobody is there, EPERM when it is somebody else's
 */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  kill(pid, signal);
}
