/** Many certificates side by side: one that fails never stops the others. */
import type { Clock } from '../base/clock.js';
import type { Emit } from '../base/events.js';
import type { Gathering, Member } from '../base/gathering.js';
import type { CertificateRequest } from '../request/request.js';
import type { Outcome, StageTime } from './outcome.js';

/** What belongs to one line of a run alone. */
export interface LineContext {
  readonly emit: Emit;
  readonly member: Member;
  readonly signal: AbortSignal;
}

type Distribute<Value> = Value extends unknown ? Omit<Value, 'name' | 'stages'> : never;

/** What a line gives back; the run adds its name and its times. */
export type LineResult = Distribute<Outcome>;

export interface RunOptions {
  readonly gathering: Gathering;
  /** Lines under way at once. */
  readonly jobs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  emitFor(name: string): Emit;
}

/**
 * Runs a line for every request, at most `jobs` at once, and tells of each what became of it, in the order of the requests.
 * Never rejects: what a line throws is its outcome.
 */
export async function runLines(
  requests: readonly CertificateRequest[],
  line: (request: CertificateRequest, context: LineContext) => Promise<LineResult>,
  options: RunOptions,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const waiting = requests.entries();
  // Those that start together are all expected before the first of them begins, so that no batch leaves without them.
  const first = requests.slice(0, options.jobs).map(() => options.gathering.join());
  const work = async (): Promise<void> => {
    for (const [at, request] of waiting) {
      outcomes[at] = await runLine(request, first[at] ?? options.gathering.join(), line, options);
    }
  };
  await Promise.all(first.map(work));
  return outcomes;
}

async function runLine(
  request: CertificateRequest,
  member: Member,
  line: (request: CertificateRequest, context: LineContext) => Promise<LineResult>,
  { clock, signal, emitFor }: RunOptions,
): Promise<Outcome> {
  const stages: StageTime[] = [];
  const show = emitFor(request.name);
  const begun = new Map<string, number>();
  const emit: Emit = (event) => {
    if (event.type !== 'stage') return show(event);
    if (event.state === 'begin') {
      begun.set(event.stage, clock.now());
      return show(event);
    }
    const milliseconds = event.milliseconds ?? clock.now() - (begun.get(event.stage) ?? clock.now());
    stages.push({ stage: event.stage, milliseconds });
    show({ ...event, milliseconds });
  };
  try {
    signal.throwIfAborted();
    return { name: request.name, stages, ...(await line(request, { emit, member, signal })) };
  } catch (error) {
    return { name: request.name, stages, state: 'failed', error };
  } finally {
    member.done('present');
    member.done('clean-up');
  }
}
