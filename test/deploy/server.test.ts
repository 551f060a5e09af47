/** Which programs are run for a server, in which order, and what their failures say; the programs are stand-ins that keep a log. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { createTarget } from '../../src/deploy/targets.js';
import type { TargetRequest } from '../../src/request/request.js';
import { withFolder } from '../store/support.js';
import { realClock } from '../support/clock.js';
import { bring, bringTo, deliveryOf, failure, partsOf } from './kit.js';

const delivery = deliveryOf('www.test');

interface Stage {
  readonly folder: string;
  readonly parts: ReturnType<typeof partsOf>;
  /** Puts a program into PATH: its name and arguments go to the log, then these lines of sh are run. */
  program(name: string, lines?: string): Promise<string>;
  bring(request: TargetRequest): Promise<unknown>;
  /** What was run since the last look. */
  log(): Promise<string[]>;
}

function onStage(play: (stage: Stage) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    const log = path.join(folder, 'log');
    const parts = partsOf({ environment: { PATH: `${folder}:/usr/bin:/bin`, AWS_SECRET_ACCESS_KEY: 'planted' } });
    await writeFile(log, '');
    await play({
      ...{ folder, parts },
      async program(name, lines = '') {
        const file = path.join(folder, name);
        await writeFile(file, `#!/bin/sh\necho "${name} $*" >> ${log}\n${lines}\n`);
        await chmod(file, 0o755);
        return file;
      },
      bring: (request) => bringTo(request, delivery, parts),
      async log() {
        const lines = (await readFile(log, 'utf8')).split('\n').slice(0, -1);
        await writeFile(log, '');
        return lines;
      },
    });
  });
}

const inactive = 'exit 3';
const active = (unit: string): string => `[ "$1" = reload ] || [ "$3" = ${unit} ] || exit 3`;

test('a unit of systemd that runs is reloaded by systemd, any other server by its own means', () =>
  onStage(async ({ program, bring, log }) => {
    await program('nginx');
    await program('apachectl');
    await program('systemctl', active('nginx'));
    await bring({ kind: 'nginx' });
    assert.deepEqual(await log(), ['nginx -t', 'systemctl is-active --quiet nginx', 'systemctl reload nginx']);
    await program('systemctl', active('httpd'));
    await bring({ kind: 'apache' });
    assert.deepEqual(await log(), [
      'apachectl configtest',
      'systemctl is-active --quiet apache2',
      'systemctl is-active --quiet httpd',
      'systemctl reload httpd',
    ]);
    await program('systemctl', inactive);
    await bring({ kind: 'nginx' });
    assert.deepEqual(await log(), ['nginx -t', 'systemctl is-active --quiet nginx', 'nginx -s reload']);
    await bring({ kind: 'apache' });
    assert.equal((await log()).at(-1), 'apachectl graceful');
  }));

test('one with a configuration of its own is not taken for the one that systemd runs, unless its unit is named', () =>
  onStage(async ({ program, bring, log }) => {
    const other = await program('openresty');
    await program('apachectl');
    await program('systemctl');
    await bring({ kind: 'nginx', config: '/srv/nginx.conf', program: other });
    assert.deepEqual(await log(), ['openresty -t -c /srv/nginx.conf', 'openresty -s reload -c /srv/nginx.conf']);
    await bring({ kind: 'apache', config: '/srv/httpd.conf' });
    assert.deepEqual(await log(), ['apachectl -f /srv/httpd.conf -t', 'apachectl -f /srv/httpd.conf -k graceful']);
    await bring({ kind: 'nginx', config: '/srv/nginx.conf', program: 'openresty', unit: 'openresty@web' });
    assert.deepEqual(await log(), ['openresty -t -c /srv/nginx.conf', 'systemctl reload openresty@web']);
  }));

test('a configuration that is refused is not reloaded, and the refusal is told', () =>
  onStage(async ({ folder, program, bring, log }) => {
    await program('nginx', 'echo "nginx: [emerg] unknown directive \\"serer\\"" >&2; exit 1');
    await program('systemctl');
    const { message, data } = await failure(bring({ kind: 'nginx' }));
    assert.equal(
      message,
      `Cannot deploy "www.test" to nginx: its configuration is refused by "${folder}/nginx -t": it ended with exit code 1, saying "nginx: [emerg] unknown directive "serer""`,
    );
    assert.equal(data.exitCode, 1);
    assert.deepEqual(await log(), ['nginx -t']);
  }));

test('a reload that fails is told, and so is a program that is missing', () =>
  onStage(async ({ program, bring }) => {
    await program('nginx', '[ "$1" = -t ] || { echo no pid >&2; exit 1; }');
    await program('systemctl', inactive);
    assert.match(
      (await failure(bring({ kind: 'nginx' }))).message,
      /: "\S+\/nginx -s reload" failed: it ended with exit code 1, saying "no pid"$/,
    );
    await program('systemctl', '[ "$1" = is-active ] || { echo timed out >&2; exit 1; }');
    assert.match((await failure(bring({ kind: 'nginx' }))).message, /: "systemctl reload nginx" failed: .*"timed out"$/);
    const missing = await failure(bring({ kind: 'nginx', program: 'no-such-server' }));
    assert.equal(missing.message, 'Cannot deploy "www.test" to nginx: there is no program "no-such-server"');
  }));

test('programs are found where cron does not look, and see no secret', () =>
  onStage(async ({ folder, program, parts, log }) => {
    await program('nginx', `env >> ${folder}/log`);
    await program('systemctl', inactive);
    const quiet = { ...parts, environment: { ...parts.environment, PATH: `${folder}:/bin` } };
    await bringTo({ kind: 'nginx' }, delivery, quiet);
    const seen = (await log()).join('\n');
    assert.match(seen, /^PATH=.*:\/bin:\/usr\/local\/sbin:\/usr\/sbin:\/sbin$/m);
    assert.doesNotMatch(seen, /planted/);
  }));

test('many certificates at once are one test and one reload, or two; each comes after their files', () =>
  onStage(async ({ folder, program, parts, log }) => {
    await program('haproxy', `ls ${folder} | grep -c pem >> ${folder}/log`);
    await program('systemctl');
    const targets = Array.from({ length: 40 }, (_, at) =>
      createTarget({ kind: 'haproxy', file: { path: path.join(folder, `${at}.pem`), content: ['fullchain', 'key'], mode: 0o600 } }, parts),
    );
    await Promise.all(targets.map((target) => bring(target, delivery)));
    const lines = await log();
    const tests = lines.filter((line) => line.startsWith('haproxy -c')).length;
    assert.ok(tests <= 4, `${tests} tests`);
    assert.equal(lines.filter((line) => line === 'systemctl reload haproxy').length, tests);
    assert.equal(lines.filter((line) => /^\d+$/.test(line)).at(-1), '40');
  }));

/** A process that is called haproxy, and does or does not take SIGUSR2. */
async function startNamesake(file: string, isMaster: boolean): Promise<ChildProcess> {
  const child = spawn(file, ['serve', isMaster ? 'master' : 'worker'], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout ?? child, 'data');
  return child;
}

test('HAProxy’s master is told to reload; what is none is left alone', () =>
  onStage(async ({ folder, program, bring, log }) => {
    const told = path.join(folder, 'told');
    await program('systemctl', inactive);
    const haproxy = await program(
      'haproxy',
      `[ "$1" = serve ] || exit 0; [ "$2" = worker ] || trap "touch ${told}" USR2; echo up; while :; do sleep 0.05; done`,
    );
    const pidFile = path.join(folder, 'pid');
    const pem = { path: path.join(folder, 'www.pem'), content: ['fullchain', 'key'], mode: 0o600 } as const;
    const request: TargetRequest = { kind: 'haproxy', file: pem, config: '/srv/haproxy.cfg', pidFile };
    const refused = async (reason: RegExp): Promise<void> => {
      const { message } = await failure(bring(request));
      assert.match(message, /^Cannot deploy "www\.test" to haproxy: it is no unit of systemd that runs, and /);
      assert.match(message, reason);
    };
    await refused(/pid" cannot be read: there is no such file or folder$/);
    for (const text of ['', 'many', '1 2', '0', '-1', '4194304999', String(process.pid)]) {
      await writeFile(pidFile, text);
      await refused(/pid" names no process of it$/);
    }
    const [worker, master] = [await startNamesake(haproxy, false), await startNamesake(haproxy, true)];
    try {
      await writeFile(pidFile, `${worker.pid}\n`);
      await refused(/its process \d+ is no master: start it with -W$/);
      await writeFile(pidFile, `${master.pid}\n`);
      await log();
      await bring(request);
      assert.deepEqual(await log(), ['haproxy -c -f /srv/haproxy.cfg']);
      while ((await stat(told).catch(() => undefined)) === undefined) await realClock.sleep(20);
      assert.deepEqual([worker.exitCode, worker.signalCode, master.exitCode], [null, null, null]);
      assert.equal(await readFile(pem.path, 'utf8'), delivery.stored.certificate + delivery.stored.privateKey);
    } finally {
      for (const child of [worker, master]) child.kill('SIGKILL');
    }
  }));

test('a target is told by what it does', () => {
  const titles = [
    { kind: 'nginx' },
    { kind: 'nginx', config: '/srv/nginx.conf' },
    { kind: 'haproxy' },
    { kind: 'haproxy', file: { path: '/srv/www.pem', content: ['key'], mode: 0o600 } },
    { kind: 'command', command: 'systemctl reload postfix', timeout: 1 },
    { kind: 'command', command: 'PASSWORD=secret curl https://example.com', timeout: 1 },
    { kind: 'probe', address: 'localhost:443' },
  ] as const;
  assert.deepEqual(
    titles.map((request) => createTarget(request, partsOf()).title),
    ['nginx', 'nginx /srv/nginx.conf', 'haproxy', 'haproxy /srv/www.pem', 'hook systemctl', 'hook', 'probe localhost:443'],
  );
  assert.equal(new Set(titles.map((request) => createTarget(request, partsOf()).id)).size, titles.length);
});
