/**
 * Proves control of the names of one order (RFC 8555 §7.5): presents all challenges together, tells the CA of each as soon as
 * it checks out, and asks for the order, not for each authorization, until it is decided.
 */
import { setMaxListeners } from 'node:events';
import { isTscertError, TscertError } from '../base/errors.js';
import type { Stage } from '../base/events.js';
import type { Member } from '../base/gathering.js';
import type { Json } from '../base/json.js';
import { withoutWildcard } from '../base/names.js';
import { readObject } from './answer.js';
import {
  type Authorization,
  awaitOrder,
  type Failure,
  type Order,
  type OrderContext,
  orderInvalid,
  readAuthorizationAt,
  readOrderAt,
} from './order.js';
import type { Scheduler } from './scheduler.js';
import type { Challenge, Solver, SolverContext, SolverPicker } from './solver.js';
import { beginStage } from './stage.js';

const PLACE_POLL = 500;

/** Where challenges are written down before they are presented. */
export interface ChallengeJournal {
  add(challenges: readonly Challenge[]): Promise<void>;
  remember(challenge: Challenge, note: Json): Promise<void>;
}

export interface SolveContext extends OrderContext {
  readonly picker: SolverPicker;
  readonly scheduler: Scheduler;
  readonly journal: ChallengeJournal;
  readonly member: Member;
  /** How long the CA may take to decide once it has been told of every challenge, in milliseconds. */
  readonly limit: number;
}

/** One challenge with all that belongs to it. */
interface Task {
  readonly challenge: Challenge;
  readonly solver: Solver;
  /** Of the challenge at the server. */
  readonly url: string;
  readonly authorization: string;
}

/**
 * Resolves with the order once it is no longer pending (or was not to begin with). What was presented stays: clean-up is the
 * caller's, out of the journal.
 * @throws {TscertError} `order-invalid` with every name's reason, `solver-missing`, `order-timeout`, and what the solvers throw;
 * `manual-pending` only after all other challenges have gone as far as they can
 */
export async function solveOrder(order: Order, context: SolveContext): Promise<Order> {
  try {
    if (order.status !== 'pending') return order;
    const authorizations = await Promise.all(order.authorizations.map((url) => readAuthorizationAt(url, context)));
    checkAuthorizations(order, authorizations);
    const dead = authorizations.filter(({ status }) => status !== 'pending' && status !== 'valid');
    if (dead.length > 0) throw orderInvalid(order, dead.map(failureOf));
    const pending = authorizations.filter(({ status }) => status === 'pending');
    const tasks = await Promise.all(pending.map((authorization) => taskFor(authorization, context)));
    for (const task of tasks) tell(task, 'queued', context);
    const release = await context.scheduler.claim(
      tasks.map((task) => task.challenge),
      () => context.member.done('present'),
      context.signal,
    );
    try {
      return await prove(order, tasks, context);
    } finally {
      await release();
    }
  } finally {
    context.member.done('present');
  }
}

/** @throws {TscertError} `identifiers-differ` for an authorization of a name that the order is not for: nothing is proven for others */
function checkAuthorizations({ url, identifiers }: Order, authorizations: readonly Authorization[]): void {
  const asked = new Set(identifiers.map(({ type, value }) => `${type} ${withoutWildcard(value.toLowerCase())}`));
  const stranger = authorizations.find(({ identifier: { type, value } }) => !asked.has(`${type} ${withoutWildcard(value.toLowerCase())}`));
  if (stranger === undefined) return;
  const { value } = stranger.identifier;
  throw new TscertError(
    'identifiers-differ',
    `Cannot go on with the order: the server wants "${value}" proven, which is none of its names`,
    {
      data: { url, asked: identifiers.map((one) => one.value), got: value },
    },
  );
}

async function taskFor(authorization: Authorization, { picker, signer }: SolveContext): Promise<Task> {
  const { wildcard } = authorization;
  const { type, value } = authorization.identifier;
  const identifier = type === 'dns' || type === 'ip' ? ({ type, value } as const) : undefined;
  const offered = authorization.challenges.filter(({ token }) => token !== undefined).map((challenge) => challenge.type);
  const solver = identifier && picker(identifier, wildcard, offered);
  const chosen = authorization.challenges.find((challenge) => challenge.type === solver?.type);
  if (identifier === undefined || solver === undefined || chosen?.token === undefined) {
    const name = wildcard ? `*.${value}` : value;
    const why = `the server offers ${offered.join(', ') || 'no challenge'}, and no solver for that is set up for this name`;
    throw new TscertError('solver-missing', `Cannot prove control of "${name}": ${why}`, { data: { identifier: name, offered } });
  }
  const { keyAuthorization, digest } = await signer.keyAuthorization(chosen.token);
  const challenge: Challenge = { type: solver.type, identifier, wildcard, token: chosen.token, keyAuthorization, digest };
  return { challenge, solver, url: chosen.url, authorization: authorization.url };
}

/** Takes all challenges from scheduled to the CA's decision. */
async function prove(order: Order, tasks: readonly Task[], context: SolveContext): Promise<Order> {
  const stop = new AbortController();
  const signal = AbortSignal.any([context.signal, stop.signal]);
  // Every challenge of the line listens.
  setMaxListeners(0, signal);
  const line: SolveContext = { ...context, signal };
  const solverContext: SolverContext = {
    signal,
    emit: context.emit,
    remember: (challenge, note) => context.journal.remember(challenge, note),
  };
  for (const task of tasks) tell(task, 'scheduled', context);
  await context.journal.add(tasks.map((task) => task.challenge));

  const stages = stagesOf(tasks.length, context);
  const places = createPlaces(line);
  let failure: unknown;
  let unfinished: unknown;
  const follow = async (task: Task): Promise<void> => {
    try {
      await task.solver.present(task.challenge, solverContext);
      tell(task, 'presented', context);
      stages.presented();
      await task.solver.check?.(task.challenge, solverContext);
      tell(task, 'checked', context);
      stages.checked();
      await places.enter(task);
      await accept(task, line);
      tell(task, 'accepted', context);
    } catch (error) {
      if (isTscertError(error, 'manual-pending')) unfinished ??= error;
      else {
        failure ??= error;
        stop.abort(error);
      }
    }
  };
  try {
    const all = tasks.map(follow);
    context.member.done('present');
    await Promise.all(all);
    if (failure !== undefined) throw await whyInvalid(order, failure, context);
    if (unfinished !== undefined) throw unfinished;
    const { limit } = context;
    const decided = await awaitOrder(order.url, { while: ['pending'], limit, what: 'the validation of the names' }, context);
    if (decided.status === 'invalid') throw orderInvalid(decided, await collectFailures(decided, context));
    for (const task of tasks) tell(task, 'valid', context);
    stages.validated();
    return decided;
  } finally {
    stop.abort(new TscertError('internal', 'Cannot go on with the challenges: the line is over'));
    places.leave();
  }
}

/** When a challenge was refused because another one made the order invalid, that one's reason is the one to tell. */
async function whyInvalid(order: Order, failure: unknown, context: SolveContext): Promise<unknown> {
  if (context.signal.aborted || !isTscertError(failure, 'acme-problem')) return failure;
  const now = await readOrderAt(order.url, context).catch(() => order);
  return now.status === 'invalid' ? orderInvalid(now, await collectFailures(now, context)) : failure;
}

/**
 * Tells the CA that a challenge is ready (RFC 8555 §7.5.1). A refusal, or an answer that is no challenge, counts only when the
 * challenge is not under way all the same: the answer to an earlier try may have been lost.
 */
async function accept(task: Task, context: SolveContext): Promise<void> {
  const doing = `ask for the validation of "${nameOf(task.challenge)}"`;
  try {
    readObject(await context.signer.post(task.url, {}, { doing, action: 'accept_challenge', signal: context.signal }), doing);
  } catch (error) {
    if (!isTscertError(error, 'acme-problem') && !isTscertError(error, 'response-invalid')) throw error;
    const { status, challenges } = await readAuthorizationAt(task.authorization, context);
    const own = challenges.find(({ url }) => url === task.url);
    if (status !== 'valid' && own?.status !== 'processing' && own?.status !== 'valid') throw error;
  }
}

/**
 * The places of one line with the scheduler. While others wait for a place, the line's own authorizations are asked for, oldest
 * first, and give theirs back as soon as they are decided.
 */
function createPlaces(context: SolveContext): { enter(task: Task): Promise<void>; leave(): void } {
  const { scheduler, clock, signal } = context;
  let held: { readonly task: Task; readonly free: () => void }[] = [];
  let watching = false;

  async function watch(): Promise<void> {
    watching = true;
    try {
      while (!signal.aborted && held.length > 0) {
        await clock.sleep(PLACE_POLL, signal);
        for (const place of scheduler.isCrowded() ? held : []) {
          const { status } = await readAuthorizationAt(place.task.authorization, context);
          if (status === 'pending') break;
          place.free();
          held = held.filter((other) => other !== place);
        }
      }
    } catch {
      // The line itself meets the same failure when it asks for the order.
    } finally {
      watching = false;
    }
  }

  return {
    async enter(task) {
      const free = await scheduler.place(signal);
      held.push({ task, free });
      if (!watching) void watch();
    },
    leave() {
      for (const { free } of held) free();
      held = [];
    },
  };
}

/** Every authorization of an invalid order that is not valid, with the CA's reason; those still pending are given back. */
async function collectFailures(order: Order, context: SolveContext): Promise<Failure[]> {
  const all = await Promise.all(order.authorizations.map((url) => readAuthorizationAt(url, context).catch(() => undefined)));
  const known = all.filter((authorization) => authorization !== undefined);
  await deactivateAll(known, context);
  const failed = known.filter(({ status }) => status !== 'valid' && status !== 'pending');
  for (const authorization of failed) {
    const { identifier, type } = failureOf(authorization);
    context.emit({
      type: 'challenge',
      identifier,
      challenge: type ?? 'none',
      state: authorization.status === 'expired' ? 'expired' : 'invalid',
    });
  }
  return failed.map(failureOf);
}

/** Every authorization of an order that nobody goes on with, given back. */
export async function giveBackOrder({ authorizations }: Order, context: OrderContext): Promise<void> {
  const all = await Promise.all(authorizations.map((url) => readAuthorizationAt(url, context).catch(() => undefined)));
  await deactivateAll(
    all.filter((authorization) => authorization !== undefined),
    context,
  );
}

/**
 * Gives pending authorizations back (RFC 8555 §7.5.2), so that they do not count against the account. Those with a challenge that
 * the CA looks at already are left to its decision, which ends them too. Failures are passed over.
 */
async function deactivateAll(all: readonly Authorization[], { signer, signal }: OrderContext): Promise<void> {
  const doing = 'deactivate an authorization';
  const idle = all.filter(({ status, challenges }) => status === 'pending' && challenges.every((one) => one.status === 'pending'));
  await Promise.all(
    idle.map(({ url }) =>
      signer.post(url, { status: 'deactivated' }, { doing, action: 'revoke_authorization', signal }).catch(() => undefined),
    ),
  );
}

function failureOf(authorization: Authorization): Failure {
  const tried =
    authorization.challenges.find(({ error }) => error !== undefined) ??
    authorization.challenges.find(({ status }) => status === 'invalid');
  const { value } = authorization.identifier;
  const problem = tried?.error ?? { type: 'about:blank', detail: `the authorization is ${authorization.status}` };
  return {
    identifier: authorization.wildcard ? `*.${value}` : value,
    ...(tried === undefined ? {} : { type: tried.type }),
    problem,
  };
}

/** The stages present, check and validate of a line; its challenges go through them side by side. */
function stagesOf(count: number, context: SolveContext): { presented(): void; checked(): void; validated(): void } {
  let toPresent = count;
  let toCheck = count;
  let end = beginStage(count > 0 ? 'present' : 'validate', context);
  const next = (stage: Stage): void => {
    end();
    end = beginStage(stage, context);
  };
  return {
    presented: () => {
      if (--toPresent === 0) next('check');
    },
    checked: () => {
      if (--toCheck === 0) next('validate');
    },
    validated: () => end(),
  };
}

function nameOf({ wildcard, identifier }: Challenge): string {
  return wildcard ? `*.${identifier.value}` : identifier.value;
}

function tell(
  { challenge }: Task,
  state: 'queued' | 'scheduled' | 'presented' | 'checked' | 'accepted' | 'valid',
  { emit }: SolveContext,
): void {
  emit({ type: 'challenge', identifier: nameOf(challenge), challenge: challenge.type, state });
}
