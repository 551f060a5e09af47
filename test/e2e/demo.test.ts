/** The quick start of the README, as it is started there. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { whyNoPebble } from '../support/pebble.js';

const run = promisify(execFile);

describe('npm run demo', { skip: await whyNoPebble() }, () => {
  test('issues by the literal command, shows files, chain and times, and leaves nothing', async () => {
    const { stdout } = await run('npm', ['run', 'demo'], { maxBuffer: 1 << 24 });
    assert.match(stdout, /^\$ tscert issue -d example\.com -d '\*\.example\.com' --dns route53$/m);
    assert.match(stdout, /example\.com is issued in /);
    assert.match(stdout, /-rw-------.* privkey\.pem$/m);
    assert.match(stdout, /DNS:\*\.example\.com/);
    assert.match(stdout, /cert\.pem: OK$/m);
    assert.match(stdout, /TXT records left in the zone: none/);
    assert.match(stdout, /^Time: build [\d.]+ s, start the servers [\d.]+ s, issue [\d.]+ s/m);
    const folder = /TSCERT_DIR is \S+\/(tscert-demo-\w+)\//.exec(stdout)?.[1] ?? '';
    assert.match(folder, /^tscert-demo-/);
    assert.ok(!(await readdir(tmpdir())).includes(folder));
  });

  test('says which server cannot be had, and how to get it', async () => {
    // Nothing on PATH but Node.js: no openssl, and nobody to install it.
    const env = { PATH: '/nonexistent', HOME: '/nonexistent', TSCERT_TEST_CACHE: '/nonexistent/cache' };
    await assert.rejects(run(process.execPath, ['scripts/demo.mjs'], { env }), (error: { code: number; stderr: string }) => {
      assert.equal(error.code, 1);
      assert.match(error.stderr, /openssl cannot be had: .*apt-get install openssl/);
      assert.match(error.stderr, /nothing was started/);
      return true;
    });
  });
});
