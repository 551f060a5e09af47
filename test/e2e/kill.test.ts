/**
 * kill -9 at every step of the main line (each write to disk and each request, before and after), and at random times. The next run of
 * the same command must end well, with the key and the order of the first, and leave nothing behind.
 *
 * KILL_POINTS says how many steps are tried (spread over the run; those of journal and store always), KILL_SEED chooses the random times.
 */
import assert from 'node:assert/strict';
import { readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type AcmeWorld, startAcmeWorld } from '../support/acme-world.js';
import { KILLER } from '../support/command.js';
import { type MixedWorld, startMixedWorld } from '../support/mixed-world.js';
import { skipUnless } from '../support/servers.js';
import { verifyFiles } from '../support/verify.js';

const POINTS = Number(process.env.KILL_POINTS ?? 78);
const RANDOM = Math.ceil(POINTS / 5);
const SEED = Number(process.env.KILL_SEED ?? 1);
const SIDE_BY_SIDE = 3;

/** Runs that are killed in a world, each with names and a folder of its own. */
interface Trials {
  /** All steps of a run that nobody disturbs. */
  steps(label: string): Promise<string[]>;
  /** A run that is killed at a step, or `delay` milliseconds after its start, and what the next one makes of it. */
  killed(label: string, at: { readonly step: number; readonly of: number } | { readonly delay: number }): Promise<void>;
}

interface TrialsOptions {
  readonly world: AcmeWorld;
  readonly roots: string;
  readonly flags: readonly string[];
  domainsOf(label: string): readonly string[];
  /** TXT values that stand for these names anywhere. */
  standing(domains: readonly string[]): Promise<readonly string[]>;
}

function createTrials({ world, roots, flags, domainsOf, standing }: TrialsOptions): Trials {
  const place = (label: string) => {
    const domains = domainsOf(label);
    const folder = path.join(world.folder, '..', label);
    const trace = path.join(world.folder, '..', `${label}.trace`);
    return { domains, folder, trace, args: ['issue', '-d', domains.join(','), '--name', label, ...flags, '--dir', folder] };
  };

  const recover = async (label: string): Promise<void> => {
    const { args, trace, folder, domains } = place(label);
    const { code, stderr } = await world.run(args, { ...KILLER, KILL_TRACE: trace });
    assert.equal(code, 0, stderr);
    await verifyFiles(path.join(folder, 'live', label), domains, roots);
    const finalized = (await linesOf(trace)).filter((line) => line.startsWith('before POST /finalize-order/'));
    assert.equal(new Set(finalized).size, 1, `orders finalized: ${finalized.join(', ')}`);
    assert.deepEqual(await standing(domains), []);
    assert.deepEqual(await leftovers(folder), []);
    assert.deepEqual(await readdir(path.join(folder, 'archive', label)), ['0001']);
    await rm(folder, { recursive: true });
  };

  return {
    async steps(label) {
      const { args, trace } = place(label);
      const { code, stderr } = await world.run(args, { ...KILLER, KILL_TRACE: trace });
      assert.equal(code, 0, stderr);
      return linesOf(trace);
    },
    async killed(label, at) {
      const { args, trace } = place(label);
      const run = world.start(args, { ...KILLER, KILL_TRACE: trace, ...('step' in at ? { KILL_AT: String(at.step) } : {}) });
      const timer = 'step' in at ? undefined : setTimeout(() => run.kill('SIGKILL'), at.delay);
      const { code } = await run.finished;
      clearTimeout(timer);
      // The order of what goes side by side is not the same each time, and a run may be some steps shorter.
      if ('step' in at && at.step < at.of - 20) assert.equal(code, -1);
      await recover(label);
    },
  };
}

/** Does all of it, some side by side, and fails with every failure. */
async function all(attempts: readonly (readonly [string, () => Promise<void>])[]): Promise<void> {
  const failures: string[] = [];
  const waiting = attempts.values();
  const work = async (): Promise<void> => {
    for (const [what, attempt] of waiting) {
      await attempt().catch((error: unknown) => failures.push(`${what}: ${error instanceof Error ? error.message : error}`));
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, work));
  assert.deepEqual(failures, []);
}

/** Kills runs at these of their steps. */
async function killAt(points: readonly number[], line: readonly string[], trials: Trials): Promise<void> {
  await all(
    points.map((step) => [`killed at step ${step}, ${line[step - 1]}`, () => trials.killed(`step${step}`, { step, of: line.length })]),
  );
}

describe('kill -9', { skip: skipUnless('pebble') }, () => {
  let world: AcmeWorld;
  let trials: Trials;
  before(async () => {
    world = await startAcmeWorld({ pebble: { retryAfter: { authz: 1, order: 1 } } });
    trials = createTrials({
      world,
      roots: await world.rootFile(),
      flags: world.flags,
      domainsOf: (label) => [`${label}.example.com`, `*.${label}.example.com`],
      standing: async ([name = '']) => world.txtSets().filter((set) => set.includes(name)),
    });
  });
  after(() => world.close());

  test('at every step of the journal and the store, and at many between', async () => {
    const line = await trials.steps('whole');
    const points = choose(line, POINTS);
    assert.ok(points.length >= Math.min(POINTS, line.length));
    await killAt(points, line, trials);
  });

  test('at random times', async () => {
    const random = randomFrom(SEED);
    const delays = Array.from({ length: RANDOM }, () => Math.round(random() * 1_500));
    await all(delays.map((delay, at) => [`killed after ${delay} ms`, () => trials.killed(`random${at}`, { delay })]));
  });
});

describe('kill -9 with names at several providers', { skip: skipUnless('pebble', 'bind', 'acme.sh') }, () => {
  let world: MixedWorld;
  let trials: Trials;
  before(async () => {
    world = await startMixedWorld({ pebble: { retryAfter: { authz: 1, order: 1 } } });
    const providers = ['route53@example.com', 'alidns@example.net', 'rfc2136@example.org', 'exec@exec.test'];
    trials = createTrials({
      world,
      roots: await world.rootFile(),
      flags: providers.flatMap((provider) => ['--dns', provider]),
      domainsOf: (label) => ['example.com', 'example.net', 'example.org', 'exec.test'].map((zone) => `${label}.${zone}`),
      standing: async (domains) => {
        // Other trials are under way; of BIND only these names are asked.
        const own = new RegExp(`^_acme-challenge\\.${domains[0]?.split('.')[0]}(?!\\w)`);
        return (await world.standing(domains)).filter((value) => !value.startsWith('_acme-challenge.') || own.test(value));
      },
    });
  });
  after(() => world.close());

  test('at some steps between the order and its end', async () => {
    const line = await trials.steps('whole');
    const from = line.findIndex((step) => step.startsWith('after POST /order-plz'));
    const count = Math.ceil(POINTS / 6);
    const points = Array.from({ length: count }, (_, at) => from + 1 + Math.floor((at * (line.length - from)) / count));
    await killAt(points, line, trials);
  });
});

/** Numbers of steps, counted from 1: those of journal and store, and others in between until there are `count`. */
function choose(line: readonly string[], count: number): number[] {
  const all = line.map((_, at) => at + 1);
  const chosen = new Set(all.filter((at) => /(rename|unlink|symlink) .*(journal|archive|accounts)/.test(line[at - 1] ?? '')));
  const rest = all.filter((at) => !chosen.has(at));
  const wanted = Math.max(0, Math.min(rest.length, count - chosen.size));
  for (let at = 0; at < wanted; at++) chosen.add(rest[Math.floor((at * rest.length) / wanted)] ?? 1);
  return [...chosen].sort((a, b) => a - b);
}

/** Everything below a data folder that should not outlive a run: temporary files, locks, journals. */
async function leftovers(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .filter((file) => path.basename(file).startsWith('.') || /state\/(locks|journal)\/./.test(file));
}

async function linesOf(file: string): Promise<string[]> {
  return (await readFile(file, 'utf8')).trimEnd().split('\n');
}

/** Park and Miller's generator: the same numbers for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
