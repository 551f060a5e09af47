/** What happens with a certificate once it is stored: targets, hooks around it, and a look at what is served. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import tls from 'node:tls';
import { type AcmeWorld, startAcmeWorld } from '../support/acme-world.js';
import { realClock } from '../support/clock.js';
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

  /** Puts stand-ins for the programs of servers in front of PATH; each keeps a line in the log. */
  async function standIns(...names: readonly string[]): Promise<{ env: Record<string, string>; log(): Promise<string[]> }> {
    const bin = file('bin');
    await mkdir(bin, { recursive: true });
    await writeFile(path.join(bin, 'log'), '');
    for (const name of names) {
      await writeFile(path.join(bin, name), `#!/bin/sh\necho "${name} $*" >> '${bin}/log'\n`);
      await chmod(path.join(bin, name), 0o755);
    }
    return {
      env: { PATH: `${bin}:${process.env.PATH}` },
      log: async () => (await readFile(path.join(bin, 'log'), 'utf8')).trimEnd().split('\n'),
    };
  }

  test('--deploy words bring it to servers, in their order, and a renewal from anywhere does the same', async () => {
    const { env, log } = await standIns('nginx', 'haproxy', 'systemctl');
    const combined = file('certs.pem');
    const { code, stderr } = await world.run(
      ['issue', '-d', 'words.example.com', ...world.flags, '--deploy', 'nginx', '--deploy', `haproxy:${combined}`],
      env,
    );
    assert.equal(code, 0, stderr);
    const once = [
      ...['nginx -t', 'systemctl is-active --quiet nginx', 'systemctl reload nginx'],
      ...['haproxy -c -f /etc/haproxy/haproxy.cfg', 'systemctl is-active --quiet haproxy', 'systemctl reload haproxy'],
    ];
    assert.deepEqual(await log(), once);
    const whole = async (): Promise<string> =>
      (await world.live('words.example.com', 'fullchain.pem')) + (await world.live('words.example.com', 'privkey.pem'));
    assert.equal(await readFile(combined, 'utf8'), await whole());
    assert.equal((await stat(combined)).mode & 0o7777, 0o600);
    assert.equal((await world.run(['renew', 'words.example.com', '--force'], env, { cwd: '/' })).code, 0);
    assert.deepEqual(await log(), [...once, ...once]);
    assert.equal(await readFile(combined, 'utf8'), await whole());
  });

  test('forty certificates of one server cost it a few reloads', async () => {
    const { env, log } = await standIns('nginx', 'systemctl');
    const certificates = Array.from({ length: 40 }, (_, at) => ({ domains: `many${at}.example.com` }));
    await writeFile(file('many.yaml'), JSON.stringify({ dns: 'route53', deploy: 'nginx', certificates }));
    const { code, stderr } = await world.run(['issue', '--config', file('many.yaml')], env);
    assert.equal(code, 0, stderr);
    const lines = await log();
    const reloads = lines.filter((line) => line === 'systemctl reload nginx').length;
    assert.ok(reloads >= 1 && reloads <= 20, `${reloads} reloads`);
    assert.equal(lines.filter((line) => line === 'nginx -t').length, reloads);
  });

  test('one target that fails stops neither the others nor the other certificates', async () => {
    const [good, log] = [file('good.pem'), file('several.log')];
    const deploy = [
      { file: file('none/www.pem') },
      { file: good, content: 'cert' },
      { command: 'exit 9' },
      { command: `echo x >> '${log}'` },
    ];
    const certificates = [{ domains: 'several.example.com', deploy }, { domains: 'other.example.com' }];
    await writeFile(file('several.yaml'), JSON.stringify({ dns: 'route53', certificates }));
    const args = ['issue', '--config', file('several.yaml'), '--json'];
    const first = await world.run(args);
    assert.equal(first.code, 4, first.stderr);
    const document = JSON.parse(first.stdout) as {
      certificates: { deployError?: { code: string; message: string; data: { targets: unknown } } }[];
    };
    const [several, other] = document.certificates;
    assert.equal(other?.deployError, undefined);
    assert.equal(several?.deployError?.code, 'hook-failed');
    assert.match(several.deployError.message, /^Cannot deploy "several\.example\.com" to 2 of its 4 targets: file .*; hook exit: /);
    assert.deepEqual(several.deployError.data.targets, [
      { title: `file ${file('none/www.pem')}`, reason: 'there is no such file or folder' },
      { title: 'hook exit', reason: 'it ended with exit code 9' },
    ]);
    assert.equal(await readFile(good, 'utf8'), await world.live('several.example.com', 'cert.pem'));
    assert.equal((await stat(good)).mode & 0o7777, 0o644);
    const before = orders();
    assert.equal((await world.run(args)).code, 4);
    // The file comes late: what stands behind it is run again.
    await mkdir(file('none'));
    assert.equal((await world.run(args)).code, 4);
    assert.equal(await readFile(log, 'utf8'), 'x\nx\n');
    assert.equal(orders(), before);
  });

  test('pre- and post-hooks are run once for a run that orders, and not by one that does not', async () => {
    const log = file('around.log');
    const says = (words: string): string => `echo "${words}" >> '${log}'`;
    const certificates = ['around1.example.com', 'around2.example.com'].map((domains) => ({ domains }));
    const hooks = { preHook: says('pre'), deployHook: says('deploy $TSCERT_NAME'), postHook: says('post $TSCERT_RESULT $RENEWED_DOMAINS') };
    await writeFile(file('around.yaml'), JSON.stringify({ dns: 'route53', ...hooks, certificates }));
    for (let times = 0; times < 2; times++) {
      const { code, stderr } = await world.run(['issue', '--config', file('around.yaml')]);
      assert.equal(code, 0, stderr);
    }
    const [first, ...rest] = (await readFile(log, 'utf8')).trimEnd().split('\n');
    assert.equal(first, 'pre');
    assert.deepEqual(rest.slice(0, 2).sort(), ['deploy around1.example.com', 'deploy around2.example.com']);
    assert.deepEqual(rest.slice(2), ['post issued around1.example.com around2.example.com']);
  });

  test('a pre-hook that fails costs no order, and is no failed deployment', async () => {
    const before = orders();
    const log = file('pre.log');
    const args = [
      'issue',
      '-d',
      'pre.example.com',
      ...world.flags,
      '--pre-hook',
      'echo in use >&2; exit 3',
      '--post-hook',
      `echo $TSCERT_RESULT > '${log}'`,
    ];
    const { code, stderr } = await world.run(args);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /cannot order anything after the pre-hook "echo in use >&2; exit 3": it ended with exit code 3, saying "in use"/);
    assert.equal(orders(), before);
    assert.equal(await readFile(log, 'utf8'), 'failed\n');
    assert.deepEqual(await readdir(path.join(world.folder, 'state/journal')), []);
  });

  test('a trial runs the hooks around an order, but deploys nothing', async () => {
    const log = file('trial.log');
    const around = (words: string): string => `echo ${words} $TSCERT_RESULT >> '${log}'`;
    const args = ['issue', '-d', 'trial.example.com', ...world.flags, '--dry-run', '--deploy-hook', 'exit 9'];
    const { code, stderr } = await world.run([...args, '--pre-hook', around('pre'), '--post-hook', around('post')]);
    assert.equal(code, 0, stderr);
    assert.equal(await readFile(log, 'utf8'), 'pre\npost tested\n');
  });

  test('what was stopped for a run is started when it is interrupted, and by the next one when it is killed', async () => {
    const log = file('stop.log');
    const hooks = ['--pre-hook', `echo stop >> '${log}'; sleep 30`, '--post-hook', `echo start >> '${log}'`];
    for (const signal of ['SIGINT', 'SIGKILL'] as const) {
      await writeFile(log, '');
      const name = `${signal.toLowerCase()}.example.com`;
      const run = world.start(['issue', '-d', name, ...world.flags, ...hooks]);
      while ((await readFile(log, 'utf8')) !== 'stop\n') await realClock.sleep(50);
      run.kill(signal);
      await run.finished;
      if (signal === 'SIGKILL') {
        const { code, stderr } = await world.run(['issue', '-d', name, ...world.flags, ...hooks.slice(2)]);
        assert.equal(code, 0, stderr);
      }
      assert.equal(await readFile(log, 'utf8'), 'stop\nstart\n');
    }
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
