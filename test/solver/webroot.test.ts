import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import type { Challenge } from '../../src/acme/solver.js';
import { isTscertError } from '../../src/base/errors.js';
import { createWebroot } from '../../src/solver/http-01/webroot.js';
import { exampleChallenge, recordedContext, solverContract } from '../contract/solver.js';

const CHALLENGES = path.join('.well-known', 'acme-challenge');
const challengeOf = (n: number): Challenge => exampleChallenge('http-01', `n${n}.example.com`, String(n));

/** Every file with its text, every folder. */
async function tree(directory: string): Promise<Record<string, string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const named = entries.map(async (entry) => {
    const file = path.join(entry.parentPath, entry.name);
    return [path.relative(directory, file), entry.isFile() ? await readFile(file, 'utf8') : 'folder'] as const;
  });
  return Object.fromEntries((await Promise.all(named)).sort());
}

async function withRoot(run: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(path.join(tmpdir(), 'tscert-webroot-'));
  try {
    await run(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

for (const [title, prepare] of [
  ['an empty webroot', async () => {}],
  [
    'a webroot in use',
    async (directory: string) => {
      await mkdir(path.join(directory, CHALLENGES), { recursive: true });
      await writeFile(path.join(directory, 'index.html'), 'hello');
      await writeFile(path.join(directory, CHALLENGES, 'foreign'), 'of another client');
    },
  ],
] as const) {
  solverContract(
    `http-01 webroot in ${title}`,
    async () => {
      const directory = await mkdtemp(path.join(tmpdir(), 'tscert-webroot-'));
      await prepare(directory);
      return {
        create: () => createWebroot({ directory }),
        challenge: challengeOf,
        isTrue: async ({ token, keyAuthorization }) =>
          (await readFile(path.join(directory, CHALLENGES, token), 'utf8').catch(() => undefined)) === keyAuthorization,
        rest: () => tree(directory),
        end: () => rm(directory, { recursive: true, force: true }),
      };
    },
    { outlives: true },
  );
}

test('files and folders can be read by the web server, whatever the umask', () =>
  withRoot(async (directory) => {
    const before = process.umask(0o077);
    try {
      await createWebroot({ directory }).present(challengeOf(0), recordedContext());
    } finally {
      process.umask(before);
    }
    const modeOf = async (file: string): Promise<number> => (await stat(path.join(directory, file))).mode & 0o777;
    assert.equal(await modeOf('.well-known'), 0o755);
    assert.equal(await modeOf(CHALLENGES), 0o755);
    assert.equal(await modeOf(path.join(CHALLENGES, challengeOf(0).token)), 0o644);
  }));

test('a foreign file of the same name is neither overwritten nor removed', () =>
  withRoot(async (directory) => {
    const { token } = challengeOf(0);
    const file = path.join(directory, CHALLENGES, token);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, 'foreign');
    const solver = createWebroot({ directory });
    const context = recordedContext();
    await assert.rejects(
      solver.present(challengeOf(0), context),
      (error) => isTscertError(error, 'file-exists') && error.data.path === file,
    );
    await solver.cleanUp(challengeOf(0), context.notes.get(token), context);
    assert.equal(await readFile(file, 'utf8'), 'foreign');
    assert.match(context.events.map((event) => (event.type === 'warning' ? event.message : '')).join(), /was left there/);
  }));

test('a file that a killed run left half written is completed, and removed', () =>
  withRoot(async (directory) => {
    const challenge = challengeOf(0);
    const file = path.join(directory, CHALLENGES, challenge.token);
    const solver = createWebroot({ directory });
    const context = recordedContext();
    await solver.present(challenge, context);
    await writeFile(file, challenge.keyAuthorization.slice(0, 10));
    await createWebroot({ directory }).present(challenge, recordedContext());
    assert.equal(await readFile(file, 'utf8'), challenge.keyAuthorization);
    await writeFile(file, challenge.keyAuthorization.slice(0, 10));
    await createWebroot({ directory }).cleanUp(challenge, context.notes.get(challenge.token) ?? null, context);
    assert.deepEqual(await tree(directory), {});
  }));

test('a folder that holds something else by now stays', () =>
  withRoot(async (directory) => {
    const solver = createWebroot({ directory });
    const context = recordedContext();
    await solver.present(challengeOf(0), context);
    await writeFile(path.join(directory, '.well-known', 'security.txt'), 'Contact: x');
    await solver.cleanUp(challengeOf(0), context.notes.get(challengeOf(0).token), context);
    assert.deepEqual(await tree(directory), { '.well-known': 'folder', '.well-known/security.txt': 'Contact: x' });
  }));

test('a webroot that does not exist or is no folder is refused before anything is remembered', () =>
  withRoot(async (directory) => {
    const file = path.join(directory, 'file');
    await writeFile(file, '');
    for (const wrong of [path.join(directory, 'missing'), file]) {
      const context = recordedContext();
      await assert.rejects(createWebroot({ directory: wrong }).present(challengeOf(0), context), (error) =>
        isTscertError(error, 'config-invalid'),
      );
      assert.equal(context.notes.size, 0);
    }
  }));

test('a webroot that cannot be written is said to be so', () =>
  withRoot(async (directory) => {
    await writeFile(path.join(directory, '.well-known'), 'a file in the way');
    const present = createWebroot({ directory }).present(challengeOf(0), recordedContext());
    await assert.rejects(present, (error) => isTscertError(error, 'file-unwritable'));
  }));

test('a token or a note that points outside the webroot reaches nothing there', () =>
  withRoot(async (directory) => {
    const root = path.join(directory, 'root');
    await mkdir(root);
    const victim = path.join(directory, 'victim');
    await writeFile(victim, '');
    const solver = createWebroot({ directory: root });
    const context = recordedContext();
    const evil = { ...challengeOf(0), token: '../../../victim' };
    await assert.rejects(solver.present(evil, context), (error) => isTscertError(error, 'response-invalid'));
    const note = { kind: 'webroot', directory: root, made: ['..', '../victim'], sha256: 'x' };
    await assert.rejects(solver.cleanUp(evil, note, context), (error) => isTscertError(error, 'response-invalid'));
    await solver.cleanUp(challengeOf(0), note, context);
    assert.deepEqual(await readdir(directory), ['root', 'victim']);
  }));
