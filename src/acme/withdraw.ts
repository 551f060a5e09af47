/** Takes back what challenges left in the world. */
import { setMaxListeners } from 'node:events';
import type { Clock } from '../base/clock.js';
import { messageOf, TscertError } from '../base/errors.js';
import type { Emit } from '../base/events.js';
import type { Member } from '../base/gathering.js';
import type { Json } from '../base/json.js';
import type { Challenge, SolverPicker } from './solver.js';
import { inStage } from './stage.js';

/** How long clean-up may take once the run is aborted, in milliseconds. */
const ABORTED_LIMIT = 60_000;
/** How long it may take otherwise: removals wait for those of other lines. */
const LIMIT = 10 * 60_000;

export interface WithdrawContext {
  readonly clock: Clock;
  readonly emit: Emit;
  /** Of the run: aborting it does not stop the clean-up, but shortens it. */
  readonly signal: AbortSignal;
  readonly member: Member;
  readonly picker: SolverPicker;
  readonly journal: {
    readonly challenges: readonly { readonly challenge: Challenge; readonly note?: Json }[];
    remember(challenge: Challenge, note: Json): Promise<void>;
    withdrawn(challenge: Challenge): Promise<void>;
  };
}

/** Withdraws every challenge in the journal. Never throws: what could not be withdrawn stays in the journal, with a warning. */
export async function withdrawAll(context: WithdrawContext): Promise<void> {
  const { journal, member, clock } = context;
  const { challenges } = journal;
  if (challenges.length === 0) {
    member.done('clean-up');
    return;
  }
  const over = new AbortController();
  const deadline = startDeadline(context, over.signal);
  try {
    await inStage('clean-up', { emit: context.emit, clock }, async () => {
      const removals = challenges.map((one) => withdraw(one, deadline, context));
      member.done('clean-up');
      await Promise.all(removals);
    });
  } finally {
    over.abort();
  }
}

async function withdraw(
  { challenge, note }: WithdrawContext['journal']['challenges'][number],
  signal: AbortSignal,
  { emit, picker, journal }: WithdrawContext,
): Promise<void> {
  const { type, identifier, wildcard } = challenge;
  try {
    const solver = picker(identifier, wildcard, [type]);
    if (solver === undefined) throw new TscertError('solver-missing', `no solver for ${type} is set up for "${identifier.value}" any more`);
    const remember = (one: Challenge, news: Json): Promise<void> => journal.remember(one, news);
    await solver.cleanUp(challenge, note, { signal, emit, remember });
    await journal.withdrawn(challenge);
  } catch (error) {
    const what = `the ${type} challenge of "${identifier.value}"`;
    emit({ type: 'warning', message: `Cannot clean up ${what}, the next run tries again: ${messageOf(error)}` });
  }
}

/** A signal of its own for the clean-up, aborted some time after the run's signal is. */
function startDeadline({ clock, signal }: WithdrawContext, over: AbortSignal): AbortSignal {
  const deadline = new AbortController();
  // Every removal of the line listens.
  setMaxListeners(0, deadline.signal);
  const start = (milliseconds: number): void => {
    const expire = (): void =>
      deadline.abort(
        new TscertError('timeout', `Cannot finish the clean-up: ${milliseconds / 1_000} seconds are over`, { data: { milliseconds } }),
      );
    clock.sleep(milliseconds, over).then(expire, () => undefined);
  };
  start(LIMIT);
  if (signal.aborted) start(ABORTED_LIMIT);
  else signal.addEventListener('abort', () => start(ABORTED_LIMIT), { once: true, signal: over });
  return deadline.signal;
}
