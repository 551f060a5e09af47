/**
 * kill -9 in the middle of a deployment: what a service reads is the old file or the new one, whole; the next run of the same command
 * brings the certificate everywhere, without an order, and leaves nothing behind.
 *
 * KILL_POINTS, as in kill.test.ts, says how many steps are tried: a quarter of them.
 */
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { stringify } from 'yaml';
import { type AcmeWorld, startAcmeWorld } from '../support/acme-world.js';
import { KILLER } from '../support/command.js';
import { skipUnless } from '../support/servers.js';
import { startNginx, type TlsServer } from '../support/tls-servers.js';

const POINTS = Math.ceil(Number(process.env.KILL_POINTS ?? 78) / 4);
const NAME = 'www.example.com';

describe('kill -9 in a deployment', { skip: skipUnless('pebble', 'nginx') }, () => {
  let world: AcmeWorld;
  let server: TlsServer;
  const at = (...parts: string[]): string => path.join(world.folder, '..', ...parts);
  before(async () => {
    world = await startAcmeWorld();
    const { code, stderr } = await world.run(['issue', '-d', NAME, ...world.flags]);
    assert.equal(code, 0, stderr);
    const part = (file: string): string => path.join(world.folder, 'live', NAME, file);
    server = await startNginx(at('nginx'), { certificate: part('fullchain.pem'), key: part('privkey.pem') });
  });
  after(async () => {
    await server?.stop();
    await world?.close();
  });

  /** A deployment that was not done yet: another path is another target. */
  async function prepare(label: string) {
    const folder = at(label);
    const file = path.join(folder, 'www.pem');
    await mkdir(folder);
    await writeFile(file, 'old');
    const deploy = [
      { file, content: 'combined', owner: `${process.getuid?.()}`, mode: '0640' },
      { command: `echo ran >> '${folder}/log'` },
      { nginx: { config: server.config } },
    ];
    await writeFile(path.join(folder, 'tscert.yaml'), stringify({ certificates: [{ domains: NAME, deploy, probe: server.address }] }));
    const run = (env: Record<string, string>) => world.run(['renew', '--config', path.join(folder, 'tscert.yaml')], { ...KILLER, ...env });
    const trace = path.join(folder, 'trace');
    return { folder, file, run, trace, steps: async () => (await readFile(trace, 'utf8')).trimEnd().split('\n') };
  }

  /** What must stand when a run is over. */
  async function check({ folder, file }: { folder: string; file: string }): Promise<void> {
    const whole = (await world.live(NAME, 'fullchain.pem')) + (await world.live(NAME, 'privkey.pem'));
    assert.equal(await readFile(file, 'utf8'), whole);
    assert.equal((await stat(file)).mode & 0o7777, 0o640);
    assert.match(await readFile(path.join(folder, 'log'), 'utf8'), /^(ran\n){1,2}$/);
    assert.deepEqual(
      (await readdir(folder)).filter((name) => name.startsWith('.')),
      [],
    );
    const record = await readFile(path.join(world.folder, 'state/ledger', `deploy%3A${NAME}.json`), 'utf8');
    const { targets } = (JSON.parse(record) as { value: { targets: { title: string; state: string }[] } }).value;
    assert.deepEqual(
      targets.map(({ title, state }) => `${title}: ${state}`),
      [`file ${file}: done`, 'hook echo: done', `nginx ${server.config}: done`, `probe ${server.address}: done`],
    );
  }

  test('at its steps, from the first target to the last', async () => {
    // What only a first run does (the CA is asked for its advice) would shift the steps of those that follow.
    assert.equal((await (await prepare('first')).run({})).code, 0);
    const whole = await prepare('whole');
    const { code, stderr } = await whole.run({ KILL_TRACE: whole.trace });
    assert.equal(code, 0, stderr);
    await check(whole);
    const line = await whole.steps();
    const [first, last] = [
      line.findIndex((step) => step.includes('whole/.www.pem')),
      line.findLastIndex((step) => step.includes('deploy%3A')),
    ];
    assert.ok(first >= 0 && line.some((step) => step === 'after run nginx'), line.join('\n'));
    const count = Math.min(POINTS, last - first);
    const points = Array.from({ length: count }, (_, nth) => first + 1 + Math.floor((nth * (last - first)) / count));
    const orders = world.pebble.log().match(/Added order "/g)?.length;
    const serving = await server.served();
    for (const point of points) {
      const what = `step ${point}, ${line[point - 1]}`;
      const trial = await prepare(`step${point}`);
      const killed = await trial.run({ KILL_AT: String(point) });
      assert.equal(killed.code, -1, `${what}: it was not killed`);
      const text = await readFile(trial.file, 'utf8');
      assert.ok(text === 'old' || text.endsWith('-----END PRIVATE KEY-----\n'), what);
      assert.equal(await server.served(), serving);
      const next = await trial.run({});
      assert.equal(next.code, 0, `${what}: ${next.stderr}`);
      await check(trial);
      // And nothing is left to do.
      const again = await trial.run({ KILL_TRACE: trial.trace });
      assert.equal(again.code, 0, what);
      assert.ok(!(await trial.steps()).some((step) => step.includes(' run ') || step.includes('www.pem')), what);
    }
    assert.equal(world.pebble.log().match(/Added order "/g)?.length, orders);
  });
});
