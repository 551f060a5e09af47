/** The file of the policies in force: read again when somebody says so, and when it has changed (a ConfigMap in a pod sends no signal). */
import type { Clock } from '../../base/clock.js';

export interface PolicyFile<T> {
  /** As they were when the file was last read and understood. */
  readonly current: T;
  /** Reads it again; one that cannot be read or understood changes nothing. */
  reread(): Promise<void>;
  /** Looks at it twice a minute until the signal is aborted. */
  follow(clock: Pick<Clock, 'sleep'>, signal: AbortSignal): Promise<void>;
}

export interface PolicyFileParts<T> {
  readonly first: { readonly text: string; readonly policies: T };
  /** The text of the file. */
  read(): Promise<string>;
  /** @throws what is told by `onTrouble` */
  parse(text: string): Promise<T>;
  onChange(policies: T): void;
  onTrouble(error: unknown): void;
}

const EVERY = 30_000;

export function createPolicyFile<T>({ first, read, parse, onChange, onTrouble }: PolicyFileParts<T>): PolicyFile<T> {
  let { text, policies: current } = first;
  const load = async (isForced: boolean): Promise<void> => {
    try {
      const now = await read();
      if (now === text && !isForced) return;
      // What is no policy is told once, not twice a minute.
      text = now;
      current = await parse(now);
      onChange(current);
    } catch (error) {
      onTrouble(error);
    }
  };
  return {
    get current() {
      return current;
    },
    reread: () => load(true),
    async follow(clock, signal) {
      while (!signal.aborted) {
        await clock.sleep(EVERY, signal).catch(() => undefined);
        if (!signal.aborted) await load(false);
      }
    },
  };
}
