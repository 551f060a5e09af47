/** What happens with a certificate once it is stored: hooks, and a look at what is served. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import tls from 'node:tls';
import { type AcmeWorld, startAcmeWorld } from '../support/acme-world.js';
import { skipUnless } from '../support/servers.js';

describe('deployment', { skip: skipUnless('pebble') }, () => {
  let world: AcmeWorld;
  before(async () => {
    world = await startAcmeWorld();
  });
  after(() => world.close());

  const file = (name: string): string => path.join(world.folder, '..', name);
  const orders = (): number => world.pebble.log().match(/Added order "/g)?.length ?? 0;

  test('a hook runs once for a certificate, sees what it is about and no secret of a provider', async () => {
    const seen = file('seen');
    const args = [
      'issue',
      '-d',
      'hook.example.com',
      '-d',
      '*.hook.example.com',
      ...world.flags,
      '--deploy-hook',
      `env >> '${seen}'; echo x >> '${seen}.times'`,
    ];
    for (let times = 0; times < 2; times++) {
      const { code, stderr } = await world.run(args);
      assert.equal(code, 0, stderr);
    }
    assert.equal(await readFile(`${seen}.times`, 'utf8'), 'x\n');
    const env = await readFile(seen, 'utf8');
    assert.doesNotMatch(env, /AWS_|AKIAWORLD|world\/secret/);
    const live = path.join(world.folder, 'live/hook.example.com');
    for (const line of [
      `TSCERT_KEY=${live}/privkey.pem`,
      `TSCERT_FULLCHAIN=${live}/fullchain.pem`,
      `RENEWED_LINEAGE=${live}`,
      'TSCERT_NAME=hook.example.com',
    ]) {
      assert.ok(env.split('\n').includes(line), `${line} in ${env}`);
    }
    assert.match(env, /^RENEWED_DOMAINS=hook\.example\.com \*\.hook\.example\.com$/m);
  });

  test('a hook that fails ends with 4 and its words; the next run tries it again, without an order', async () => {
    const args = [
      'issue',
      '-d',
      'fails.example.com',
      ...world.flags,
      '--deploy-hook',
      `test -e '${file('may')}' || { echo not yet >&2; exit 7; }`,
    ];
    const first = await world.run(args);
    assert.equal(first.code, 4, first.stderr);
    assert.match(first.stderr, /exit code 7.*not yet/s);
    assert.match(first.stdout, /is issued/);
    const before = orders();
    assert.equal((await world.run(args)).code, 4);
    await writeFile(file('may'), '');
    const third = await world.run(args);
    assert.equal(third.code, 0, third.stderr);
    assert.equal(orders(), before);
  });

  test('another hook for the same certificate is run, without an order', async () => {
    const before = orders();
    const { code, stderr } = await world.run([
      'issue',
      '-d',
      'fails.example.com',
      ...world.flags,
      '--deploy-hook',
      `echo y > '${file('other')}'`,
    ]);
    assert.equal(code, 0, stderr);
    assert.equal(await readFile(file('other'), 'utf8'), 'y\n');
    assert.equal(orders(), before);
  });

  test('--probe waits until a real server serves the new certificate', async () => {
    const live = path.join(world.folder, 'live/probe.example.com');
    let certificate: { key: string; cert: string } | undefined;
    let looks = 0;
    const server = tls.createServer({
      SNICallback: (_name, done) => done(null, certificate && tls.createSecureContext(certificate)),
    });
    server.on('tlsClientError', () => {
      looks++;
      void Promise.all([readFile(`${live}/privkey.pem`, 'utf8'), readFile(`${live}/fullchain.pem`, 'utf8')]).then(([key, cert]) => {
        if (looks >= 2) certificate = { key, cert };
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const target = `localhost:${(server.address() as AddressInfo).port}`;
      const { code, stderr } = await world.run(['issue', '-d', 'probe.example.com', ...world.flags, '--probe', target]);
      assert.equal(code, 0, stderr);
      assert.ok(looks >= 2);
    } finally {
      server.close();
    }
  });
});
