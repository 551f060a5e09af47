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
import { skipUnless } from '../support/servers.js';
import { verifyFiles } from '../support/verify.js';

const POINTS = Number(process.env.KILL_POINTS ?? 90);
const RANDOM = Math.ceil(POINTS / 5);
const SEED = Number(process.env.KILL_SEED ?? 1);
const SIDE_BY_SIDE = 3;

describe('kill -9', { skip: skipUnless('pebble') }, () => {
  let world: AcmeWorld;
  let roots: string;
  before(async () => {
    world = await startAcmeWorld({ pebble: { retryAfter: { authz: 1, order: 1 } } });
    roots = await world.rootFile();
  });
  after(() => world.close());

  const place = (label: string) => {
    const name = `${label}.example.com`;
    const folder = path.join(world.folder, '..', label);
    return {
      name,
      folder,
      trace: path.join(world.folder, '..', `${label}.trace`),
      args: ['issue', '-d', name, '-d', `*.${name}`, '--dns', 'route53', '--dir', folder],
    };
  };

  /** All steps of a run that nobody disturbs. */
  const steps = async (label: string): Promise<string[]> => {
    const { args, trace } = place(label);
    const { code, stderr } = await world.run(args, { ...KILLER, KILL_TRACE: trace });
    assert.equal(code, 0, stderr);
    return linesOf(trace);
  };

  /** After the kill: runs the same command again and looks at everything. */
  const recover = async (label: string): Promise<void> => {
    const { args, trace, folder, name } = place(label);
    const { code, stderr } = await world.run(args, { ...KILLER, KILL_TRACE: trace });
    assert.equal(code, 0, stderr);
    await verifyFiles(path.join(folder, 'live', name), [name, `*.${name}`], roots);
    const finalized = (await linesOf(trace)).filter((line) => line.startsWith('before POST /finalize-order/'));
    assert.equal(new Set(finalized).size, 1, `orders finalized: ${finalized.join(', ')}`);
    assert.deepEqual(
      world.txtSets().filter((set) => set.includes(name)),
      [],
    );
    assert.deepEqual(await leftovers(folder), []);
    assert.deepEqual(await readdir(path.join(folder, 'archive', name)), ['0001']);
    await rm(folder, { recursive: true });
  };

  const all = async (attempts: readonly (readonly [string, () => Promise<void>])[]): Promise<void> => {
    const failures: string[] = [];
    const waiting = attempts.values();
    const work = async (): Promise<void> => {
      for (const [what, attempt] of waiting) {
        await attempt().catch((error: unknown) => failures.push(`${what}: ${error instanceof Error ? error.message : error}`));
      }
    };
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, work));
    assert.deepEqual(failures, []);
  };

  test('at every step of the journal and the store, and at many between', async () => {
    const line = await steps('whole');
    const points = choose(line, POINTS);
    assert.ok(points.length >= Math.min(POINTS, line.length));
    await all(
      points.map((at) => [
        `killed at step ${at}, ${line[at - 1]}`,
        async () => {
          const label = `step${at}`;
          const { code } = await world.run(place(label).args, { ...KILLER, KILL_AT: String(at), KILL_TRACE: place(label).trace });
          // The order of what goes side by side is not the same each time, and a run may be a step shorter.
          if (at < line.length - 10) assert.equal(code, -1);
          await recover(label);
        },
      ]),
    );
  });

  test('at random times', async () => {
    const random = randomFrom(SEED);
    await all(
      Array.from({ length: RANDOM }, (_, at) => {
        const delay = Math.round(random() * 1_500);
        return [
          `killed after ${delay} ms`,
          async () => {
            const label = `random${at}`;
            const run = world.start(place(label).args, { ...KILLER, KILL_TRACE: place(label).trace });
            const timer = setTimeout(() => run.kill('SIGKILL'), delay);
            await run.finished;
            clearTimeout(timer);
            await recover(label);
          },
        ] as const;
      }),
    );
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
