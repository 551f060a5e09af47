/** What a person sees on a terminal while a certificate is issued. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type AcmeWorld, startAcmeWorld } from '../support/acme-world.js';
import { commandEnvironment } from '../support/command.js';
import { skipUnless } from '../support/servers.js';

const skip = skipUnless('pebble') || (spawnSync('script', ['--version']).status === 0 ? false : 'script of util-linux is not installed');

describe('on a terminal', { skip }, () => {
  let world: AcmeWorld;
  before(async () => {
    world = await startAcmeWorld({ route53: { dns: { servers: [{ address: '127.0.0.1', lag: 700 }] } } });
  });
  after(() => world.close());

  const issue = (name: string, env: Readonly<Record<string, string>>, ...flags: readonly string[]): Promise<string> =>
    new Promise((resolve, reject) => {
      const words = [process.execPath, process.env.TSCERT_TEST_BIN ?? '', 'issue', '-d', name, '--dns', 'route53', ...flags];
      const quoted = `stty cols 120 && ${words.map((word) => `'${word}'`).join(' ')}`;
      const all = commandEnvironment({ ...world.env, SHELL: '/bin/sh', TERM: 'xterm', ...env });
      execFile('script', ['-qec', quoted, '/dev/null'], { env: all, cwd: path.dirname(world.folder) }, (error, screen) => {
        if (error === null) resolve(screen);
        else reject(new Error(screen));
      });
    });
  const begin = '\u001b[';
  const withoutColour = (screen: string): string =>
    screen
      .split(begin)
      .join('\n')
      .replaceAll(/^[0-9;]*m/gm, '');

  test('each name shows its stage, which name server has its record, what is waited for, and how long each stage took', async () => {
    const seen = withoutColour(await issue('a.example.com', {}));
    assert.match(seen, /waiting until the challenges can be seen/);
    assert.match(seen, /a\.example\.com/);
    assert.match(seen, /presented/);
    assert.match(seen, /0 of 1 name servers have it; 127\.0\.0\.1:\d+ .*NXDOMAIN/);
    for (const stage of ['account', 'order', 'present', 'check', 'validate', 'finalize', 'download', 'store']) {
      assert.match(seen, new RegExp(`✔[\\s\\S]{0,20} ${stage} +[\\s\\S]{0,20}\\d\\.\\ds`), stage);
    }
    assert.match(seen, /a\.example\.com[\s\S]{0,10} is issued in \d/);
    assert.match(seen, /expires +\d{4}-/);
    assert.match(seen, /renews +\d{4}-/);
  });

  for (const [what, name, env, flags] of [
    ['NO_COLOR', 'variable', { NO_COLOR: '1' }, []],
    ['--no-color', 'flag', {}, ['--no-color']],
  ] as const) {
    test(`${what} leaves out colours, and nothing else`, async () => {
      const screen = await issue(`${name}.example.com`, env, ...flags);
      assert.ok(!/\[[0-9;]*m/.test(screen), JSON.stringify(screen));
      assert.match(screen, /is issued in \d/);
    });
  }
});
