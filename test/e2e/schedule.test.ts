/** `schedule` as people run it: printed, installed, and never over what somebody else wrote. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Finished, tscert } from '../support/command.js';

describe('tscert schedule', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'tscert-schedule-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const data = () => path.join(folder, 'my data 100%');
  const to = (name: string) => path.join(folder, name);
  const schedule = (...args: readonly string[]): Promise<Finished> => tscert(['schedule', ...args], { env: { TSCERT_DIR: data() } });

  test('prints the units of what is there: more where more is needed', async () => {
    await mkdir(data());
    const config = path.join(data(), 'tscert.yaml');
    const units = async (text: string): Promise<string> => {
      await writeFile(config, text);
      const { code, stdout, stderr } = await schedule('systemd', '--user', 'root');
      assert.deepEqual([code, stderr], [0, '']);
      return stdout;
    };
    const plain = await units('dns: route53\ncertificates: [{ domains: [example.com] }]\n');
    assert.match(plain, /^# \/etc\/systemd\/system\/tscert-renew\.service\n# Made by/);
    assert.match(plain, /\n# \/etc\/systemd\/system\/tscert-renew\.timer\n/);
    assert.match(plain, /^CapabilityBoundingSet=$/m);
    assert.match(plain, /^ProtectSystem=strict$/m);
    assert.match(plain, /^ExecStart=\S+ \S+\/bin\/tscert\.js renew --dir "\S+my data 100%%"$/m);
    assert.match(
      await units('http: standalone\ncertificates: [{ domains: [example.com] }]\n'),
      /^CapabilityBoundingSet=CAP_NET_BIND_SERVICE$/m,
    );
    const webroot = await units('http: webroot:/srv/web\ncertificates: [{ domains: [example.com] }]\n');
    assert.match(webroot, /^ReadWritePaths="\S+my data 100%%" \/srv\/web$/m);
    assert.match(webroot, /^ProtectSystem=full$/m);
    const hook = await units('dns: route53\ndeployHook: systemctl reload nginx\ncertificates: [{ domains: [example.com] }]\n');
    assert.match(hook, /^CapabilityBoundingSet=CAP_CHOWN .*CAP_SETUID$/m);
    await rm(config);
    // Nobody knows what is to come.
    const empty = await schedule('systemd', '--watch', '--listen', '127.0.0.1:9500', '--user', 'tscert', '--write', '/etc/haproxy');
    assert.match(empty.stdout, /^AmbientCapabilities=CAP_NET_BIND_SERVICE$/m);
    assert.match(empty.stdout, /tscert\.js watch --listen 127\.0\.0\.1:9500 --dir /);
    assert.match(empty.stdout, /^ReadWritePaths=.* \/etc\/haproxy$/m);
  });

  test('installs them, leaves them when they are right, and says what comes next', async () => {
    await mkdir(to('units'));
    const first = await schedule('systemd', '--install', '--to', to('units'), '--user', 'root');
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stderr, /tscert-renew\.service: written\n.*tscert-renew\.timer: written\n/);
    assert.match(first.stderr, /next: systemctl daemon-reload && systemctl enable --now tscert-renew\.timer\n$/);
    assert.deepEqual((await readdir(to('units'))).sort(), ['tscert-renew.service', 'tscert-renew.timer']);
    const again = await schedule('systemd', '--install', '--to', to('units'), '--user', 'root');
    assert.doesNotMatch(again.stderr, /written|next/);
    const other = await schedule('systemd', '--install', '--to', to('units'), '--user', 'tscert', '--json');
    const document = JSON.parse(other.stdout);
    assert.deepEqual(
      document.files.map(({ state }: { state: string }) => state),
      ['replaced', 'unchanged'],
    );
    assert.deepEqual(document.next.at(-1), 'systemctl restart tscert-renew.timer');
  });

  test('never writes over what another wrote or changed, unless it is forced; and then nothing of it', async () => {
    const service = path.join(to('units'), 'tscert-renew.service');
    const timer = path.join(to('units'), 'tscert-renew.timer');
    const changed = (await readFile(timer, 'utf8')).replace('12h', '1h');
    await writeFile(timer, changed);
    const before = await readFile(service, 'utf8');
    const refused = await schedule('systemd', '--install', '--to', to('units'), '--user', 'root');
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /cannot write ".*tscert-renew\.timer": it was changed since tscert wrote it\n.*--force/);
    assert.equal(await readFile(timer, 'utf8'), changed);
    assert.equal(await readFile(service, 'utf8'), before);
    await writeFile(service, '[Service]\nExecStart=/bin/true\n');
    const foreign = await schedule('systemd', '--install', '--to', to('units'));
    assert.match(foreign.stderr, /cannot write ".*tscert-renew\.service": another file is there/);
    const forced = await schedule('systemd', '--install', '--to', to('units'), '--force');
    assert.equal(forced.code, 0, forced.stderr);
    assert.notEqual(await readFile(timer, 'utf8'), changed);
    assert.deepEqual((await readdir(to('units'))).sort(), ['tscert-renew.service', 'tscert-renew.timer']);
  });

  test('a folder that is not there is an error, and so is what cannot go together', async () => {
    const { code, stderr } = await schedule('systemd', '--install', '--to', to('nowhere'));
    assert.equal(code, 1, stderr);
    assert.match(stderr, /cannot write ".*nowhere\/tscert-renew\.service"/);
    for (const [args, words] of [
      [['systemd', '--enable', '--to', to('units')], /cannot use --enable with --to/],
      [['systemd', '--no-listen'], /without --watch/],
      [['systemd', '--user', 'a b'], /no name of a user/],
      [['systemd', '--allow', 'everything'], /it wants ports or hooks/],
      [['cron', '--mailto', 'a b'], /cannot send mail/],
    ] as const) {
      const refused = await schedule(...args);
      assert.deepEqual([refused.code, refused.stdout], [2, ''], refused.stderr);
      assert.match(refused.stderr, words);
    }
  });

  test('the line of cron does what it says', async () => {
    await mkdir(to('cron.d'));
    const { code, stderr } = await schedule('cron', '--install', '--to', to('cron.d'), '--user', 'root', '--mailto', 'admin@example.com');
    assert.equal(code, 0, stderr);
    assert.match(stderr, /cron\.d\/tscert: written\n$/);
    const text = await readFile(path.join(to('cron.d'), 'tscert'), 'utf8');
    assert.match(text, /^MAILTO=admin@example\.com$/m);
    const line = text.trimEnd().split('\n').at(-1) ?? '';
    const [, command = ''] = /^\d+ \d+,\d+ \* \* \* root (.*)$/.exec(line) ?? [];
    const ran = spawnSync('/bin/sh', ['-c', command.replaceAll('\\%', '%')], { encoding: 'utf8', env: {} });
    assert.deepEqual([ran.status, ran.stdout, ran.stderr], [0, '', '']);
  });
});
