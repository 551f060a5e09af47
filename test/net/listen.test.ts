import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type ListenOptions, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { isTscertError } from '../../src/base/errors.js';
import { listen } from '../../src/net/listen.js';
import { findPortOwner } from '../../src/net/port-owner.js';

const numRuns = Number(process.env.TSCERT_TEST_FUZZ ?? 2000);

/** A server on a system that answers `listen` at some hosts with this code. */
function refusing(code: string, hosts: readonly string[]): Server {
  const server = createServer();
  const real = server.listen.bind(server);
  const fake = (options: ListenOptions): Server => {
    if (!hosts.includes(options.host ?? '')) return real(options);
    process.nextTick(() => server.emit('error', Object.assign(new Error(`listen ${code}`), { code })));
    return server;
  };
  return Object.assign(server, { listen: fake });
}

async function close(server: Server): Promise<void> {
  server.close();
  await once(server, 'close');
}

test('listens on all addresses, and on IPv4 alone where there is no IPv6', async () => {
  const both = createServer();
  const hosts = (await listen(both, 0)).map(({ host }) => host);
  assert.equal((both.address() as AddressInfo).address, '::');
  assert.ok(hosts.includes('127.0.0.1'));
  await close(both);
  for (const code of ['EAFNOSUPPORT', 'EADDRNOTAVAIL']) {
    const four = refusing(code, ['::']);
    const places = await listen(four, 0);
    const { address, port } = four.address() as AddressInfo;
    assert.equal(address, '0.0.0.0');
    assert.deepEqual(places, [{ host: '127.0.0.1', port }]);
    await close(four);
  }
});

test('a port below 1024 that is denied is told apart from one in use', async () => {
  await assert.rejects(listen(refusing('EACCES', ['::']), 80), (error) => {
    assert.ok(isTscertError(error, 'port-denied'));
    assert.deepEqual(error.data, { port: 80, code: 'EACCES' });
    assert.match(error.message, /port 80: ports below 1024 are for root and programs with CAP_NET_BIND_SERVICE/);
    return true;
  });
  await assert.rejects(
    listen(refusing('EMFILE', ['::']), 8080),
    (error) => isTscertError(error, 'network') && error.data.code === 'EMFILE',
  );
});

const line = (port: string, state: string, inode: string): string =>
  `   0: 00000000:${port} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0 100 0 0 10 0\n`;

async function withProc(tcp: string, tcp6: string, run: (proc: string) => Promise<void>): Promise<void> {
  const proc = await mkdtemp(path.join(tmpdir(), 'tscert-proc-'));
  try {
    await mkdir(path.join(proc, 'net'));
    await writeFile(path.join(proc, 'net/tcp'), tcp);
    await writeFile(path.join(proc, 'net/tcp6'), tcp6);
    for (const [pid, name, inode] of [
      ['17', 'nginx', '4711'],
      ['18', 'other', '4712'],
    ] as const) {
      await mkdir(path.join(proc, pid, 'fd'), { recursive: true });
      await writeFile(path.join(proc, pid, 'comm'), `${name}\n`);
      await symlink('/dev/null', path.join(proc, pid, 'fd/0'));
      await symlink(`socket:[${inode}]`, path.join(proc, pid, 'fd/3'));
    }
    await run(proc);
  } finally {
    await rm(proc, { recursive: true, force: true });
  }
}

test('finds the process that listens on a port, not one that is merely connected from it', async () => {
  await withProc(line('0050', '01', '4712') + line('0051', '0A', '4712'), line('0050', '0A', '4711'), async (proc) => {
    assert.deepEqual(await findPortOwner(80, proc), { pid: 17, name: 'nginx' });
    assert.deepEqual(await findPortOwner(81, proc), { pid: 18, name: 'other' });
    assert.equal(await findPortOwner(8080, proc), undefined);
  });
  await withProc(line('0050', '0A', '9'), '', async (proc) => assert.equal(await findPortOwner(80, proc), undefined));
  assert.equal(await findPortOwner(80, '/nonexistent'), undefined);
});

test('whatever stands in the tables of /proc, nothing is thrown', async () => {
  const proc = await mkdtemp(path.join(tmpdir(), 'tscert-proc-'));
  await mkdir(path.join(proc, 'net'));
  const table = fc
    .array(fc.oneof(fc.string(), fc.constantFrom(line('0050', '0A', ''), line('0050', '0A', '](['), ' :0050 x 0A', '\n')))
    .map((parts) => parts.join(''));
  try {
    await fc.assert(
      fc.asyncProperty(table, async (text) => {
        await writeFile(path.join(proc, 'net/tcp'), text);
        assert.equal(await findPortOwner(80, proc), undefined);
      }),
      { numRuns: Math.ceil(numRuns / 4) },
    );
  } finally {
    await rm(proc, { recursive: true, force: true });
  }
});
