/** Pre- and post-hooks around the orders of a run. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { isTscertError, TscertError } from '../../src/base/errors.js';
import type { Event } from '../../src/base/events.js';
import { createRunHooks } from '../../src/flow/hooks.js';
import type { Outcome } from '../../src/flow/outcome.js';
import type { CertificateRequest } from '../../src/request/request.js';
import { createMemoryStore } from '../../src/store/memory.js';
import { withFolder } from '../store/support.js';
import { realClock } from '../support/clock.js';

const never = new AbortController().signal;

function wants(name: string, hooks: Pick<CertificateRequest, 'preHook' | 'postHook'>): CertificateRequest {
  return {
    name,
    spec: { names: [{ type: 'dns', value: name }] },
    key: { type: 'ec256', reuse: false },
    issuer: { kind: 'acme', directory: 'https://ca.test/directory', agreeTos: true },
    solvers: [],
    deploy: [],
    ...hooks,
  };
}

const outcome = (name: string, rest: Record<string, unknown>): Outcome => ({ name, stages: [], ...rest }) as unknown as Outcome;
const issued = (name: string): Outcome => outcome(name, { state: 'issued' });
const failed = (name: string, error: unknown = new Error('no')): Outcome => outcome(name, { state: 'failed', error });

function createWorld(folder: string) {
  const records = createMemoryStore({ clock: realClock });
  const events: [string, Event][] = [];
  const log = path.join(folder, 'log');
  return {
    ...{ records, events },
    /** Those of one run. */
    start() {
      const environment = { PATH: process.env.PATH, AWS_SECRET_ACCESS_KEY: 'planted' };
      const emitFor = (name: string) => (event: Event) => void events.push([name, event]);
      const hooks = createRunHooks({ records, clock: realClock, environment, emitFor });
      return {
        before: (request: CertificateRequest, signal = never) => hooks.before(request, { emit: emitFor(request.name), signal }),
        after: hooks.after,
      };
    },
    log: async () => (await readFile(log, 'utf8').catch(() => '')).trim().split('\n'),
    /** A command that keeps a line. */
    says: (words: string) => `echo ${words} >> ${log}`,
  };
}

test('the same command is run once for all, before the first order and after the last', () =>
  withFolder(async (folder) => {
    const { start, log, says } = createWorld(folder);
    const both = { preHook: says('stop $TSCERT_EVENT $TSCERT_NAME'), postHook: says('start $TSCERT_EVENT $TSCERT_NAME') };
    const requests = [wants('a.test', both), wants('b.test', both), wants('c.test', { preHook: says('other') }), wants('d.test', both)];
    const { before, after } = start();
    await Promise.all(requests.slice(0, 3).map((request) => before(request)));
    assert.deepEqual((await log()).sort(), ['other', 'stop pre a.test']);
    const outcomes = [issued('a.test'), failed('b.test'), issued('c.test'), outcome('d.test', { state: 'kept' })];
    assert.deepEqual(await after(requests, outcomes), outcomes);
    assert.deepEqual((await log()).sort(), ['other', 'start post a.test b.test', 'stop pre a.test']);
    assert.deepEqual(await after(requests, outcomes), outcomes);
    assert.equal((await log()).length, 3);
  }));

test('a run that orders nothing runs none of them', () =>
  withFolder(async (folder) => {
    const { start, log, says } = createWorld(folder);
    const request = wants('a.test', { preHook: says('pre'), postHook: says('post') });
    const kept = [outcome('a.test', { state: 'kept' })];
    assert.deepEqual(await start().after([request], kept), kept);
    assert.deepEqual(await log(), ['']);
  }));

test('a post-hook sees what became of its certificates, and nothing secret', () =>
  withFolder(async (folder) => {
    const { start } = createWorld(folder);
    const seen = path.join(folder, 'seen');
    const requests = ['a.test', 'b.test', '*.c.test'].map((name) => wants(name, { postHook: `env > ${seen}` }));
    const { before, after } = start();
    for (const request of requests) await before({ ...request, name: request.name.replace('*', '_') });
    await after(requests, [issued('a.test'), failed('b.test'), outcome('*.c.test', { state: 'pending', reason: 'later' })]);
    const lines = (await readFile(seen, 'utf8')).split('\n');
    assert.deepEqual(lines.filter((line) => /^(TSCERT|RENEWED|FAILED|AWS)_/.test(line)).sort(), [
      'FAILED_DOMAINS=b.test',
      'RENEWED_DOMAINS=a.test',
      'TSCERT_DOMAINS=a.test b.test *.c.test',
      'TSCERT_EVENT=post',
      'TSCERT_NAME=a.test b.test *.c.test',
      'TSCERT_RESULT=failed',
    ]);
  }));

test('a pre-hook that fails fails every certificate that wants it, before an order; the post-hook is run all the same', () =>
  withFolder(async (folder) => {
    const { start, log, says } = createWorld(folder);
    const hooks = { preHook: `${says('pre')}; echo in use >&2; exit 3`, postHook: says('post') };
    const requests = [wants('a.test', hooks), wants('b.test', hooks)];
    const { before, after } = start();
    const results = await Promise.allSettled(requests.map((request) => before(request)));
    for (const result of results) {
      assert.ok(result.status === 'rejected' && isTscertError(result.reason, 'pre-hook-failed'));
      assert.match(result.reason.message, /^Cannot order anything after the pre-hook ".*": it ended with exit code 3, saying "in use"$/);
    }
    await after(requests, [failed('a.test'), failed('b.test')]);
    assert.deepEqual(await log(), ['pre', 'post']);
  }));

test('what a run that was killed has stopped is started by the next one, whatever that finds', () =>
  withFolder(async (folder) => {
    const { start, log, says } = createWorld(folder);
    const request = wants('a.test', { preHook: says('stop'), postHook: says('start') });
    await start().before(request);
    await start().after([request], [outcome('a.test', { state: 'kept' })]);
    await start().after([request], [outcome('a.test', { state: 'kept' })]);
    assert.deepEqual(await log(), ['stop', 'start']);
  }));

test('a certificate that another run has under way is that run’s business', () =>
  withFolder(async (folder) => {
    const { start, log, says } = createWorld(folder);
    const request = wants('a.test', { postHook: says('start') });
    const other = start();
    await other.before(request);
    await start().after([request], [failed('a.test', new TscertError('locked', 'Cannot lock it'))]);
    assert.deepEqual(await log(), ['']);
    await other.after([request], [issued('a.test')]);
    assert.deepEqual(await log(), ['start']);
    const bad = wants('../a', { postHook: says('start') });
    await start().after([bad], [failed('../a', new TscertError('name-invalid', 'Cannot store it'))]);
    assert.deepEqual(await log(), ['start']);
  }));

test('a post-hook that fails is told once, with a certificate that is good, and tried again by the next run', () =>
  withFolder(async (folder) => {
    const { start, log, says, events } = createWorld(folder);
    const hooks = { postHook: `${says('start')}; test $(wc -l < ${folder}/log) -gt 2` };
    const requests = ['a.test', 'b.test', 'c.test'].map((name) => wants(name, hooks));
    const { before, after } = start();
    for (const request of requests) await before(request);
    const [a, b, c] = await after(requests, [failed('a.test'), issued('b.test'), issued('c.test')]);
    assert.ok(a?.state === 'failed' && /^no$/.test((a.error as Error).message));
    assert.ok(b?.state === 'issued' && isTscertError(b.deployError, 'hook-failed'));
    assert.match((b.deployError as Error).message, /^Cannot end the run with the post-hook ".*": it ended with exit code 1$/);
    assert.ok(c?.state === 'issued' && c.deployError === undefined);
    // Nobody is left to tell it with.
    await start().after(requests.slice(0, 1), [failed('a.test')]);
    assert.match(JSON.stringify(events.at(-1)), /"a\.test",\{"type":"warning","message":"Cannot end the run/);
    const kept = requests.map(({ name }) => outcome(name, { state: 'kept' }));
    assert.deepEqual(await start().after(requests, kept), kept);
    assert.equal((await log()).length, 3);
  }));

test('a trial whose post-hook fails has not gone through', () =>
  withFolder(async (folder) => {
    const { start } = createWorld(folder);
    const request = wants('a.test', { postHook: 'exit 1' });
    const { before, after } = start();
    await before(request);
    const [result] = await after([request], [outcome('a.test', { state: 'tested' })]);
    assert.equal(result?.state, 'failed');
  }));

test('an interrupted run still starts what it has stopped', () =>
  withFolder(async (folder) => {
    const { start, log, says } = createWorld(folder);
    const request = wants('a.test', { preHook: says('stop'), postHook: says('start') });
    const stop = new AbortController();
    const { before, after } = start();
    await before(request, stop.signal);
    stop.abort(new Error('stopped'));
    await after([request], [failed('a.test', stop.signal.reason)]);
    assert.deepEqual(await log(), ['stop', 'start']);
  }));
