/** Begin and end of a stage as events. */
import type { Clock } from '../base/clock.js';
import type { Emit, Stage } from '../base/events.js';

/** Runs `work` as a stage; its end is told only when it succeeds. */
export async function inStage<T>(
  stage: Stage,
  { emit, clock }: { readonly emit: Emit; readonly clock: Clock },
  work: () => Promise<T>,
): Promise<T> {
  const end = beginStage(stage, { emit, clock });
  const result = await work();
  end();
  return result;
}

/** Tells that a stage begins; the function that comes back tells its end, once. */
export function beginStage(stage: Stage, { emit, clock }: { readonly emit: Emit; readonly clock: Clock }): () => void {
  const begin = clock.now();
  let isOver = false;
  emit({ type: 'stage', stage, state: 'begin' });
  return () => {
    if (!isOver) emit({ type: 'stage', stage, state: 'end', milliseconds: clock.now() - begin });
    isOver = true;
  };
}
