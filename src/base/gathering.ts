/**
 * Knows how many lines of a run may still have something for a batch. A batch that waits until nobody else is on the way
 * carries everything; one that waits for the clock either waits too long or leaves too early.
 */

/** The two moments at which lines of a run bring something to a batch. */
export type Phase = 'present' | 'clean-up';

/** One line's part in the gathering. */
export interface Member {
  /** This line has brought what it has for the phase, or has nothing: nobody needs to wait for it. Again is harmless. */
  done(phase: Phase): void;
}

export interface Gathering {
  /** Joins before any work of the line begins; `done` must be called for both phases, whatever happens. */
  join(): Member;
  /** How many lines may still bring something. */
  expected(phase: Phase): number;
  /** Resolves when nobody is expected any more in this phase; at once when that is so already. */
  complete(phase: Phase): Promise<void>;
}

/** A gathering for one run. */
export function createGathering(): Gathering {
  const open: Record<Phase, Set<Member>> = { present: new Set(), 'clean-up': new Set() };
  const waiting: Record<Phase, (() => void)[]> = { present: [], 'clean-up': [] };
  return {
    join() {
      const member: Member = {
        done(phase) {
          if (!open[phase].delete(member) || open[phase].size > 0) return;
          for (const resolve of waiting[phase].splice(0)) resolve();
        },
      };
      open.present.add(member);
      open['clean-up'].add(member);
      return member;
    },
    expected: (phase) => open[phase].size,
    complete: (phase) => (open[phase].size === 0 ? Promise.resolve() : new Promise((resolve) => waiting[phase].push(resolve))),
  };
}
