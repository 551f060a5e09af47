/** http-01: a server of our own, and the folder of one that runs already. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type AcmeWorld, startAcmeWorld } from '../support/acme-world.js';
import { skipUnless } from '../support/servers.js';
import { verifyFiles } from '../support/verify.js';

describe('--http', { skip: skipUnless('pebble') }, () => {
  let world: AcmeWorld;
  let roots: string;
  before(async () => {
    world = await startAcmeWorld({ hosts: ['one.host.test', 'two.host.test', 'three.host.test'] });
    roots = await world.rootFile();
  });
  after(() => world.close());

  const serve = async (answer: (url: string) => Promise<Buffer>): Promise<http.Server> => {
    const server = http.createServer((request, response) => {
      answer(request.url ?? '').then(
        (content) => response.end(content),
        () => response.writeHead(404).end(),
      );
    });
    server.listen(world.pebble.httpPort, '127.0.0.1');
    await once(server, 'listening');
    return server;
  };
  const stop = async (server: http.Server): Promise<void> => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  };

  test('webroot proves names and addresses, and takes away its own files alone', async () => {
    const root = path.join(world.folder, '..', 'www');
    await mkdir(path.join(root, '.well-known/acme-challenge'), { recursive: true });
    await writeFile(path.join(root, '.well-known/acme-challenge/of-somebody-else'), 'here before');
    await writeFile(path.join(root, 'index.html'), 'hello');
    const server = await serve((url) => readFile(path.join(root, url)));
    try {
      const names = ['one.host.test', 'two.host.test', '127.0.0.1'];
      const { code, stderr } = await world.run(['issue', '-d', names.join(','), '--name', 'web', '--http', `webroot:${root}`]);
      assert.equal(code, 0, stderr);
      await verifyFiles(path.join(world.folder, 'live/web'), names, roots);
      assert.deepEqual(await readdir(path.join(root, '.well-known/acme-challenge')), ['of-somebody-else']);
      assert.deepEqual((await readdir(root)).sort(), ['.well-known', 'index.html']);
    } finally {
      await stop(server);
    }
  });

  const orders = (from: number): number =>
    world.pebble
      .log()
      .slice(from)
      .match(/Added order "/g)?.length ?? 0;

  test('a webroot that is not there is told before anything is ordered', async () => {
    const root = path.join(world.folder, '..', 'late');
    const args = ['issue', '-d', 'one.host.test', '--http', `webroot:${root}`];
    const from = world.pebble.log().length;
    const first = await world.run(args);
    assert.equal(first.code, 2, first.stderr);
    assert.match(first.stderr, /late": it does not exist/);
    assert.equal(orders(from), 0);
    await mkdir(root);
    const server = await serve((url) => readFile(path.join(root, url)));
    try {
      const second = await world.run(args);
      assert.equal(second.code, 0, second.stderr);
      assert.deepEqual(await readdir(root), []);
      assert.equal(orders(from), 1);
    } finally {
      await stop(server);
    }
  });

  test('a port that somebody has already is told, and by whom, before anything is ordered', async () => {
    const from = world.pebble.log().length;
    const server = await serve(async () => Buffer.from('somebody else'));
    try {
      const { code, stderr } = await world.run(['issue', '-d', 'two.host.test', '--http', `standalone:${world.pebble.httpPort}`]);
      assert.equal(code, 1, stderr);
      assert.match(stderr, new RegExp(`port ${world.pebble.httpPort}\\b.*${process.pid}`, 's'));
      assert.equal(orders(from), 0);
    } finally {
      await stop(server);
    }
  });

  test('a run that was killed with its server open is gone on with', async () => {
    const args = ['issue', '-d', 'three.host.test', '--http', `standalone:${world.pebble.httpPort}`];
    const run = world.start([...args, '--json']);
    await run.said(/"state":"presented"/);
    run.kill('SIGKILL');
    await run.finished;
    const { code, stderr } = await world.run(args);
    assert.equal(code, 0, stderr);
    await verifyFiles(path.join(world.folder, 'live/three.host.test'), ['three.host.test'], roots);
  });
});
