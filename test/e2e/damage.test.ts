/**
 * `renew` over records that are damaged, each kind of them: it is healed or refused with a word, never dropped in silence, and one damaged
 * certificate never stops the others. The same for a clock that is wrong by days, and a folder that is read-only.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFile, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type AcmeWorld, startAcmeWorld } from '../support/acme-world.js';
import type { Finished } from '../support/command.js';
import { skipUnless } from '../support/servers.js';

const SHIFT = { NODE_OPTIONS: `--import ${new URL('../support/clock-shift.js', import.meta.url).href}` };
const DAY = 86_400_000;
const [BAD, GOOD] = ['bad.example.com', 'good.example.com'];

describe('renew over what is damaged', { skip: skipUnless('pebble') }, () => {
  let world: AcmeWorld;
  before(async () => {
    world = await startAcmeWorld({ pebble: { alwaysValid: true } });
    const flags = [...world.flags, '--dns-check', 'none', '--deploy-hook', 'true'];
    for (const [name, email] of [
      [BAD, 'bad@example.com'],
      [GOOD, 'good@example.com'],
    ] as const) {
      const { code, stderr } = await world.run(['issue', '-d', name, ...flags, '--email', email]);
      assert.equal(code, 0, stderr);
    }
  });
  after(() => world.close());

  /** As cron runs it: with the flags that were kept. */
  const renew = (...args: readonly string[]): Promise<Finished> => world.run(['renew', ...args], { TSCERT_EMAIL: '' });
  const at = (...parts: readonly string[]): string => path.join(world.folder, ...parts);
  const record = (kind: string, key: string): string => at('state', kind, `${encodeURIComponent(key)}.json`);
  const generations = async (name: string): Promise<string[]> => (await readdir(at('archive', name))).sort();
  const issued = (): number => world.pebble.log().match(/Issued certificate serial/g)?.length ?? 0;
  /** Makes both due. */
  const damageChains = async (): Promise<void> => {
    for (const name of [BAD, GOOD]) await writeFile(at('live', name, 'chain.pem'), 'lost');
  };

  /** Damages a file while `use` runs, and puts it back. */
  const damaged = async (file: string, content: string, use: () => Promise<void>): Promise<void> => {
    const aside = `${at('..')}/aside`;
    const isThere = await copyFile(file, aside).then(
      () => true,
      () => false,
    );
    await writeFile(file, content);
    try {
      await use();
    } finally {
      if (isThere) await rename(aside, file);
      else await rm(file, { force: true });
    }
  };

  const accountOf = async (email: string): Promise<string> => {
    for (const file of await readdir(at('accounts'))) {
      if ((await readFile(at('accounts', file), 'utf8')).includes(email)) return at('accounts', file);
    }
    throw assert.fail(`no account of ${email}`);
  };

  /** What stands in the place of a record: cut off, of another kind, of a version to come. Each reader's own test has all of them. */
  const cutOff = (key: string): string => `{"key":${JSON.stringify(key)}`;
  const nonsense = (key: string): string => JSON.stringify({ key, value: 'nonsense' });
  const later = (key: string): string => JSON.stringify({ key, value: { version: 99 } });

  const others = async (finished: Finished, words: RegExp): Promise<void> => {
    assert.equal(finished.code, 3, finished.stderr);
    assert.match(finished.stderr, words);
    assert.match(finished.stderr, /2 certificates: 1 renewed, 1 failed\n$/);
    assert.match(finished.stdout, /good\.example\.com is issued/);
    assert.deepEqual(world.txtSets(), []);
  };

  for (const [what, kind, key, content] of [
    ['the journal of an order', 'journal', BAD, nonsense(BAD)],
    ['how it was asked for', 'ledger', `given:${BAD}`, later(`given:${BAD}`)],
  ] as const) {
    test(`${what}: refused with its place, and left as it is; the other one is renewed`, async () => {
      const before = await generations(BAD);
      await damaged(record(kind, key), content, async () => {
        await others(await renew('--force'), /error: bad\.example\.com: cannot (read|tell) .*bad\.example\.com/);
        assert.equal(await readFile(record(kind, key), 'utf8'), content);
      });
      assert.deepEqual(await generations(BAD), before);
      // Once it is put back, all goes on.
      assert.equal((await renew('--force', '--quiet')).code, 0);
    });
  }

  test('what is remembered of it: refused with its place, and left as it is, until somebody forces it', async () => {
    const key = `certificate:${BAD}`;
    await damageChains();
    await damaged(record('ledger', key), cutOff(key), async () => {
      await others(await renew(), /error: bad\.example\.com: cannot read .*certificate%3Abad\.example\.com\.json/);
      assert.equal(await readFile(record('ledger', key), 'utf8'), cutOff(key));
    });
    await writeFile(record('ledger', key), '{');
    assert.equal((await renew('--force', '--quiet')).code, 0);
    assert.equal(JSON.parse(await readFile(record('ledger', key), 'utf8')).value.counts.issued, 1);
  });

  test('what was deployed: healed with a word, and both certificates are renewed', async () => {
    await damaged(record('ledger', `deploy:${BAD}`), '{"key":', async () => {
      const { code, stderr } = await renew('--force');
      assert.equal(code, 0, stderr);
      assert.match(
        stderr,
        /bad\.example\.com: warning: Cannot read the record ".*deploy%3Abad\.example\.com\.json": .* it is deployed everywhere once more/,
      );
      assert.match(stderr, /2 certificates: 2 renewed\n$/);
    });
  });

  test('an account: refused with its place; the certificate of another account is renewed', async () => {
    const file = await accountOf('bad@example.com');
    await damaged(file, cutOff(path.basename(file, '.json')), async () =>
      others(await renew('--force'), /error: bad\.example\.com: cannot read the record ".*accounts/),
    );
  });

  test('the cached directory, and everything else in the cache: healed', async () => {
    for (const file of await readdir(at('state/cache'))) await writeFile(at('state/cache', file), '{"key":');
    const { code, stderr } = await renew('--force');
    assert.equal(code, 0, stderr);
    for (const file of await readdir(at('state/cache'))) JSON.parse(await readFile(at('state/cache', file), 'utf8'));
  });

  test('which generations were revoked, and what a hold says: no hindrance', async () => {
    await damaged(record('ledger', `revoked:${BAD}`), '{', async () => {
      const { code, stderr } = await renew('--force');
      assert.equal(code, 0, stderr);
    });
  });

  test('each file of the certificate itself: renewed with a word', async () => {
    for (const file of ['privkey.pem', 'meta.json']) {
      await writeFile(at('live', BAD, file), 'lost');
      const { code, stderr } = await renew();
      assert.equal(code, 0, `${file}: ${stderr}`);
      assert.match(stderr, new RegExp(`bad\\.example\\.com: issue: MissingData: .*${file.replace('.', '\\.')}`));
      assert.match(stderr, /2 certificates: 1 renewed, 1 not due\n$/);
    }
  });

  test('a live link that is not ours is refused, and stays; the other one is renewed', async () => {
    const link = at('live', BAD);
    const aside = at('..', 'link');
    await rename(link, aside);
    execFileSync('ln', ['-s', '/etc', link]);
    try {
      await others(
        await renew('--force'),
        /error: bad\.example\.com: cannot load the certificate "bad\.example\.com": .* points at "\/etc"/,
      );
    } finally {
      await rm(link);
      await rename(aside, link);
    }
    assert.equal((await renew('--force', '--quiet')).code, 0);
  });

  test('a clock that is days ahead, or behind, costs no order, and nothing that was stored by it hinders afterwards', async () => {
    for (const days of [3, -100]) {
      const before = [issued(), await generations(BAD)];
      const wrong = await world.run(['renew', '--force'], { ...SHIFT, CLOCK_SHIFT: String(days * DAY) });
      assert.equal(wrong.code, 1, `${days} days: ${wrong.stderr}`);
      assert.match(wrong.stderr, /cannot trust the clock of this machine: it says \S+, and the ACME server says \S+/);
      assert.deepEqual([issued(), await generations(BAD)], before);
      const right = await renew();
      assert.equal(right.code, 0, `after ${days} days: ${right.stderr}`);
      assert.match(right.stderr, /2 certificates: 2 not due\n$/);
    }
    // All that is kept comes from the future now.
    const ahead = Date.now() / 1_000 + 30 * 86_400;
    for (const place of ['state/ledger', 'state/cache', 'state/locks', `archive/${BAD}`, 'accounts']) {
      for (const file of await readdir(at(place))) await utimes(at(place, file), ahead, ahead);
    }
    const forced = await renew('--force');
    assert.equal(forced.code, 0, forced.stderr);
    assert.match(forced.stderr, /2 certificates: 2 renewed\n$/);
  });

  test('a disk where no byte fits costs no order, and leaves what is there', async () => {
    const before = [issued(), await generations(BAD), await generations(GOOD)];
    const { code, stderr } = await world.run(['renew', '--force'], {}, { fileLimit: 0 });
    assert.equal(code, 1, stderr);
    assert.match(stderr, /error: bad\.example\.com: cannot write .*: a file may not become that large here/);
    assert.deepEqual([issued(), await generations(BAD), await generations(GOOD)], before);
    assert.match((await renew()).stderr, /2 certificates: 2 not due\n$/);
  });

  test('a folder that is read-only is told with its reason; nothing is ordered', async (t) => {
    try {
      execFileSync('mount', ['--bind', world.folder, world.folder], { stdio: 'pipe' });
    } catch {
      return t.skip('a mount needs root: run the tests as root to see a read-only disk');
    }
    try {
      execFileSync('mount', ['-o', 'remount,ro,bind', world.folder]);
      const before = issued();
      const nothing = await world.run(['renew']);
      assert.equal(nothing.code, 0, nothing.stderr);
      assert.match(
        nothing.stderr,
        /warning: Cannot write the record ".*": the file system is mounted read-only\n.*2 certificates: 2 not due\n$/,
      );
      const { code, stderr } = await world.run(['renew', '--force']);
      assert.equal(code, 1, stderr);
      assert.match(stderr, /error: good\.example\.com: cannot write the lock file ".*": the file system is mounted read-only/);
      assert.match(stderr, /2 certificates: 2 failed\n$/);
      const back = await world.run(['rollback', GOOD]);
      assert.equal(back.code, 1, back.stderr);
      const plan = await world.run(['plan']);
      assert.equal(plan.code, 0, plan.stderr);
      assert.equal(issued(), before);
    } finally {
      execFileSync('umount', [world.folder]);
    }
  });
});
