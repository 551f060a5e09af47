/** The terms of service of a CA: agreed to by option, asked for on a terminal alone, and once. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { type AcmeWorld, startAcmeWorld } from '../support/acme-world.js';
import { commandEnvironment } from '../support/command.js';
import { skipUnless } from '../support/servers.js';

const skip = skipUnless('pebble') || (spawnSync('script', ['--version']).status === 0 ? false : 'script of util-linux is not installed');

describe('terms of service', { skip }, () => {
  let world: AcmeWorld;
  before(async () => {
    world = await startAcmeWorld();
  });
  after(() => world.close());

  const args = (name: string): string[] => ['issue', '-d', `${name}.example.com`, '--dns', 'route53'];
  const accounts = (): number => world.pebble.log().match(/accounts in memory/g)?.length ?? 0;

  /** Runs the command on a terminal, where somebody types `line`; what the terminal showed, and the exit code. */
  const onTerminal = (words: readonly string[], line: string): Promise<{ code: number; screen: string }> =>
    new Promise((resolve) => {
      const quoted = [process.execPath, process.env.TSCERT_TEST_BIN ?? '', ...words].map((word) => `'${word}'`).join(' ');
      const env = commandEnvironment({ ...world.env, TSCERT_AGREE_TOS: '', SHELL: '/bin/sh', TERM: 'xterm' });
      const child = execFile('script', ['-qec', quoted, '/dev/null'], { env, cwd: `${world.folder}/..` }, (error, screen) => {
        resolve({ code: typeof error?.code === 'number' ? error.code : 0, screen });
      });
      let typed = false;
      child.stdout?.on('data', (text: string) => {
        if (typed || !text.includes('[y/N]')) return;
        typed = true;
        child.stdin?.write(`${line}\n`);
      });
    });

  test('without a terminal and without a word: exit code 2, and no account', async () => {
    const { code, stderr } = await world.run(args('none'), { TSCERT_AGREE_TOS: '' });
    assert.equal(code, 2, stderr);
    assert.match(stderr, /--agree-tos/);
    assert.equal(accounts(), 0);
  });

  test('on a terminal, a no ends with 2 and makes no account', async () => {
    const { code, screen } = await onTerminal(args('no'), 'n');
    assert.match(screen, /Do you agree to them\? \[y\/N\]/);
    assert.equal(code, 2, screen);
    assert.equal(accounts(), 0);
  });

  test('on a terminal, a yes makes the account, and nobody is asked again', async () => {
    const first = await onTerminal(args('yes'), 'y');
    assert.equal(first.code, 0, first.screen);
    assert.equal(accounts(), 1);
    const second = await onTerminal(args('again'), 'n');
    assert.equal(second.code, 0, second.screen);
    assert.doesNotMatch(second.screen, /Do you agree/);
    assert.equal(accounts(), 1);
  });
});
