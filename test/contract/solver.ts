/** What every Solver keeps (src/acme/solver.ts), whatever it does in the world. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Challenge, Solver, SolverContext } from '../../src/acme/solver.js';
import type { Event } from '../../src/base/events.js';
import type { Json } from '../../src/base/json.js';

/** One world in which solvers under test act. */
export interface SolverWorld {
  /** A solver of the same settings in the same world; called again it stands for a later process. */
  create(): Solver;
  /** The n-th challenge; all different, of different names. */
  challenge(n: number): Challenge;
  /** Looks as the CA would: true when the challenge would be found valid. */
  isTrue(challenge: Challenge): Promise<boolean>;
  /** What else stands in the world, compared before and after. */
  rest?(): Promise<unknown>;
  /** Called after each test. */
  end(): Promise<void>;
}

export interface RecordedContext extends SolverContext {
  readonly events: Event[];
  readonly notes: Map<string, Json>;
}

/** A context that keeps what it is told; `remember` may be replaced, to fail or to look around. */
export function recordedContext(options: Partial<Pick<SolverContext, 'signal' | 'remember'>> = {}): RecordedContext {
  const events: Event[] = [];
  const notes = new Map<string, Json>();
  return {
    signal: options.signal ?? new AbortController().signal,
    emit: (event) => events.push(event),
    events,
    notes,
    async remember(challenge, note) {
      await options.remember?.(challenge, note);
      // As the journal keeps it: what does not survive JSON is lost.
      notes.set(challenge.token, JSON.parse(JSON.stringify(note)) as Json);
    },
  };
}

/** A challenge of this type for a name, with values of the right form. */
export function exampleChallenge(type: Challenge['type'], value: string, seed: string): Challenge {
  const token = `token-${seed}_${'x'.repeat(24)}`;
  const keyAuthorization = `${token}.${'t'.repeat(43)}`;
  return {
    type,
    identifier: { type: 'dns', value },
    wildcard: false,
    token,
    keyAuthorization,
    digest: `digest-${seed}_${'d'.repeat(28)}`.slice(0, 43),
  };
}

/**
 * The suite.
 * @param outlives what a process presented stays when it dies (records, files), or goes with it (listeners)
 */
export function solverContract(
  name: string,
  start: () => Promise<SolverWorld>,
  { outlives, skip = false }: { outlives: boolean; skip?: string | false },
): void {
  const inWorld = (title: string, run: (world: SolverWorld) => Promise<void>): void => {
    test(title, async () => {
      const world = await start();
      try {
        await run(world);
      } finally {
        await world.end();
      }
    });
  };

  describe(`${name} keeps the solver contract`, { skip }, () => {
    inWorld('presents, checks and cleans up, and leaves the world as it was', async (world) => {
      const solver = world.create();
      const challenge = world.challenge(0);
      const context = recordedContext();
      const before = await world.rest?.();
      assert.equal(solver.type, challenge.type);
      assert.equal(await world.isTrue(challenge), false);
      await solver.present(challenge, context);
      await solver.check?.(challenge, context);
      assert.equal(await world.isTrue(challenge), true);
      await solver.cleanUp(challenge, context.notes.get(challenge.token), context);
      assert.equal(await world.isTrue(challenge), false);
      assert.deepEqual(await world.rest?.(), before);
      await solver.close?.();
    });

    inWorld('remembers before it changes anything, and changes nothing when that fails', async (world) => {
      const solver = world.create();
      const challenge = world.challenge(0);
      const before = await world.rest?.();
      const full = new Error('disk full');
      const remember = async (): Promise<void> => {
        assert.equal(await world.isTrue(challenge), false);
        assert.deepEqual(await world.rest?.(), before);
        throw full;
      };
      const context = recordedContext({ remember });
      await assert.rejects(solver.present(challenge, context), full);
      assert.equal(await world.isTrue(challenge), false);
      await solver.cleanUp(challenge, undefined, context);
      assert.deepEqual(await world.rest?.(), before);
      await solver.close?.();
    });

    inWorld('presents twice what it presents once', async (world) => {
      const solver = world.create();
      const challenge = world.challenge(0);
      const context = recordedContext();
      await solver.present(challenge, context);
      await solver.present(challenge, context);
      await solver.check?.(challenge, context);
      assert.equal(await world.isTrue(challenge), true);
      await solver.cleanUp(challenge, context.notes.get(challenge.token), context);
      assert.equal(await world.isTrue(challenge), false);
      await solver.close?.();
    });

    inWorld('holds several challenges, and takes back one without the others', async (world) => {
      const solver = world.create();
      const challenges = [0, 1, 2].map((n) => world.challenge(n));
      const [first, ...others] = challenges;
      assert.ok(first);
      const context = recordedContext();
      const before = await world.rest?.();
      await Promise.all(challenges.map((challenge) => solver.present(challenge, context)));
      await Promise.all(challenges.map((challenge) => solver.check?.(challenge, context)));
      for (const challenge of challenges) assert.equal(await world.isTrue(challenge), true);
      await solver.cleanUp(first, context.notes.get(first.token), context);
      assert.equal(await world.isTrue(first), false);
      for (const challenge of others) assert.equal(await world.isTrue(challenge), true);
      await Promise.all(others.map((challenge) => solver.cleanUp(challenge, context.notes.get(challenge.token), context)));
      for (const challenge of challenges) assert.equal(await world.isTrue(challenge), false);
      assert.deepEqual(await world.rest?.(), before);
      await solver.present(first, context);
      assert.equal(await world.isTrue(first), true, 'and can begin again');
      await solver.cleanUp(first, context.notes.get(first.token), context);
      await solver.close?.();
    });

    inWorld('cleans up twice, with and without a note, and what was never presented', async (world) => {
      const solver = world.create();
      const [challenge, stranger] = [world.challenge(0), world.challenge(1)];
      const context = recordedContext();
      const before = await world.rest?.();
      await solver.cleanUp(stranger, undefined, context);
      await solver.present(challenge, context);
      const note = context.notes.get(challenge.token);
      await solver.cleanUp(challenge, note, context);
      await solver.cleanUp(challenge, note, context);
      await solver.cleanUp(challenge, undefined, context);
      assert.deepEqual(await world.rest?.(), before);
      await solver.close?.();
      await solver.close?.();
    });

    inWorld('cleans up in a later process, by the note alone', async (world) => {
      const dead = world.create();
      const challenge = world.challenge(0);
      const context = recordedContext();
      const before = await world.rest?.();
      await dead.present(challenge, context);
      await dead.close?.();
      assert.equal(await world.isTrue(challenge), outlives);
      const later = world.create();
      const note = context.notes.get(challenge.token);
      await later.cleanUp(challenge, note, recordedContext());
      assert.equal(await world.isTrue(challenge), false);
      assert.deepEqual(await world.rest?.(), before);
      await later.cleanUp(challenge, note, recordedContext());
      await later.close?.();
    });

    inWorld('stops checking when it is told to', async (world) => {
      const solver = world.create();
      if (solver.check === undefined) return;
      const challenge = world.challenge(0);
      const context = recordedContext();
      await solver.present(challenge, context);
      const reason = new Error('enough');
      await assert.rejects(solver.check(challenge, { ...context, signal: AbortSignal.abort(reason) }), reason);
      await solver.cleanUp(challenge, context.notes.get(challenge.token), context);
      await solver.close?.();
    });
  });
}
