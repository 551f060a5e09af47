/** Units and cron lines as text: what they allow, how they quote, and that systemd itself has nothing to say about them. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { isTscertError } from '../../src/base/errors.js';
import { crontab } from '../../src/cli/schedule/crontab.js';
import { isOwn, type ScheduleFile } from '../../src/cli/schedule/file.js';
import { checkSystemd, enableUnit, enabling } from '../../src/cli/schedule/install.js';
import { ALL_NEEDS, type Needs, needsOf } from '../../src/cli/schedule/needs.js';
import { renewUnits, type UnitOptions, watchUnits } from '../../src/cli/schedule/units.js';
import { createClock, type System } from '../../src/cli/system.js';
import { requestFor } from '../flow/generations.js';
import { servers, skipUnless } from '../support/servers.js';

const run = promisify(execFile);
const NOTHING: Needs = { ports: false, hooks: false, folders: [] };
const PACKAGED = { node: '/usr/bin/node', script: '/usr/lib/node_modules/tscert/bin/tscert.js' };

/** The values of a key in a unit. */
function valuesOf(text: string, key: string): string[] {
  return text.split('\n').flatMap((line) => (line.startsWith(`${key}=`) ? [line.slice(key.length + 1)] : []));
}

function unitOptions(more: Partial<UnitOptions> = {}): UnitOptions {
  return {
    command: { node: process.execPath, script: '/opt/tscert.js', args: ['renew', '--dir', '/etc/tscert'] },
    dataFolder: '/etc/tscert',
    user: 'root',
    needs: NOTHING,
    ...more,
  };
}

const textOf = ([service]: readonly ScheduleFile[]): string => service?.text ?? '';

describe('units', () => {
  test('allow nothing that is not needed', () => {
    const text = textOf(renewUnits(unitOptions()));
    assert.deepEqual(valuesOf(text, 'CapabilityBoundingSet'), ['']);
    assert.deepEqual(valuesOf(text, 'ProtectSystem'), ['strict']);
    assert.deepEqual(valuesOf(text, 'ReadWritePaths'), ['/etc/tscert']);
    assert.deepEqual(valuesOf(text, 'NoNewPrivileges'), ['yes']);
  });

  test('allow ports below 1024 by one capability, which another user gets with the process', () => {
    const needs = { ...NOTHING, ports: true };
    const root = textOf(watchUnits(unitOptions({ needs })));
    assert.deepEqual(valuesOf(root, 'CapabilityBoundingSet'), ['CAP_NET_BIND_SERVICE']);
    assert.deepEqual(valuesOf(root, 'AmbientCapabilities'), []);
    const other = textOf(watchUnits(unitOptions({ needs, user: 'tscert' })));
    assert.deepEqual(valuesOf(other, 'CapabilityBoundingSet'), ['CAP_NET_BIND_SERVICE']);
    assert.deepEqual(valuesOf(other, 'AmbientCapabilities'), ['CAP_NET_BIND_SERVICE']);
    assert.deepEqual(valuesOf(other, 'User'), ['tscert']);
  });

  test("allow hooks what they need, and root's rights over others' files to root alone", () => {
    const needs: Needs = { ports: false, hooks: true, folders: ['/etc/haproxy', '/srv/my site'] };
    const root = textOf(renewUnits(unitOptions({ needs })));
    assert.deepEqual(valuesOf(root, 'ProtectSystem'), ['full']);
    assert.deepEqual(valuesOf(root, 'ReadWritePaths'), ['/etc/tscert /etc/haproxy "/srv/my site"']);
    assert.match(valuesOf(root, 'CapabilityBoundingSet')[0] ?? '', /CAP_CHOWN CAP_DAC_OVERRIDE/);
    assert.deepEqual(valuesOf(textOf(renewUnits(unitOptions({ needs, user: 'tscert' }))), 'CapabilityBoundingSet'), ['']);
  });

  test('escape what systemd would expand, and refuse what it reads in more than one way', () => {
    const args = ['renew', '--dir', '/srv/100% $HOME'];
    const text = textOf(renewUnits(unitOptions({ command: { ...PACKAGED, args }, dataFolder: '/srv/100% $HOME' })));
    assert.deepEqual(valuesOf(text, 'ExecStart'), [
      '/usr/bin/node /usr/lib/node_modules/tscert/bin/tscert.js renew --dir "/srv/100%% $$HOME"',
    ]);
    assert.deepEqual(valuesOf(text, 'ReadWritePaths'), ['"/srv/100%% $HOME"']);
    assert.deepEqual(valuesOf(text, 'EnvironmentFile'), ['-/srv/100%% $HOME/environment']);
    for (const bad of ['/a"b', "/a'b", '/a\\b', '/a\nExecStart=/bin/sh']) {
      assert.throws(
        () => renewUnits(unitOptions({ dataFolder: bad })),
        (error) => isTscertError(error, 'usage'),
      );
      assert.throws(
        () => crontab({ command: { ...PACKAGED, args: [bad] }, host: 'a' }),
        (error) => isTscertError(error, 'usage'),
      );
    }
  });

  test('are known again, and a change of a person too', () => {
    for (const { text } of renewUnits(unitOptions())) {
      assert.ok(isOwn(text));
      assert.ok(!isOwn(`${text}Nice=10\n`));
      assert.ok(!isOwn(text.replace('tscert', 'other')));
    }
    assert.ok(!isOwn('[Unit]\n'));
    assert.ok(!isOwn(''));
  });

  test('of examples/systemd are the printed ones', async () => {
    const watch = { ...PACKAGED, args: ['watch', '--dir', '/etc/tscert'] };
    const renew = { ...PACKAGED, args: ['renew', '--dir', '/etc/tscert'] };
    const files = [
      ...renewUnits(unitOptions({ command: renew, needs: ALL_NEEDS })),
      ...watchUnits(unitOptions({ command: watch, needs: ALL_NEEDS })),
    ];
    for (const { name, text } of files) {
      const file = path.join('examples/systemd', name);
      if (process.env.EXAMPLES === 'write') await writeFile(file, text);
      assert.equal(await readFile(file, 'utf8'), text, file);
    }
  });
});

describe('systemd-analyze', { skip: skipUnless('systemd') }, () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'tscert-units-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const analyze = async (...args: readonly string[]) => {
    const program = servers('systemd')['systemd-analyze'] ?? '';
    const ended = await run(program, args).then(
      (output) => ({ code: 0, ...output }),
      (error: { code: number; stdout: string; stderr: string }) => error,
    );
    return { code: ended.code, words: `${ended.stdout}${ended.stderr}` };
  };
  const write = async (files: readonly ScheduleFile[]): Promise<string[]> => {
    const paths = files.map(({ name }) => path.join(folder, name));
    for (const { name, text } of files) await writeFile(path.join(folder, name), text);
    return paths;
  };
  /** Tenths of the exposure that is still well. */
  const WELL = 31;
  const exposure = (file: string) => analyze('security', '--offline=true', '--no-pager', `--threshold=${WELL}`, file);

  test('verify says nothing, and the exposure is low, whatever is needed', async () => {
    const cases: Partial<UnitOptions>[] = [
      {},
      { needs: ALL_NEEDS },
      { needs: { ports: true, hooks: false, folders: ['/srv/my site', '/srv/100%'] }, user: 'daemon' },
    ];
    for (const more of cases) {
      const files = await write([...renewUnits(unitOptions(more)), ...watchUnits(unitOptions(more))]);
      assert.deepEqual(await analyze('verify', ...files), { code: 0, words: '' });
      for (const file of files.filter((name) => name.endsWith('.service'))) {
        const { code, words } = await exposure(file);
        assert.equal(code, 0, words.trimEnd().split('\n').at(-1));
      }
    }
  });

  test('finds the program by a path with spaces, percent signs and dollars', async () => {
    const place = path.join(folder, 'a b %h $PATH');
    await mkdir(place);
    await symlink(process.execPath, path.join(place, 'node'));
    const command = { node: path.join(place, 'node'), script: path.join(place, 'tscert.js'), args: ['renew'] };
    assert.deepEqual(await analyze('verify', ...(await write(renewUnits(unitOptions({ command }))))), { code: 0, words: '' });
    await rm(path.join(place, 'node'));
    assert.match((await analyze('verify', ...(await write(renewUnits(unitOptions({ command })))))).words, /is not executable/);
  });

  test('would say something about a unit that is wrong or open', async () => {
    const [service] = renewUnits(unitOptions());
    const text = service?.text ?? '';
    const wrong = await write([{ name: 'tscert-wrong.service', text: text.replace('NoNewPrivileges=', 'NoNewPrivilege=') }]);
    assert.match((await analyze('verify', ...wrong)).words, /Unknown key (name )?'NoNewPrivilege'/);
    const open = await write([{ name: 'tscert-open.service', text: text.slice(0, text.indexOf('CapabilityBoundingSet')) }]);
    assert.equal((await exposure(open[0] ?? '')).code, 1);
  });

  test('reads the calendar of the timer as twice a day', async () => {
    const [, timer] = renewUnits(unitOptions());
    const { code, words } = await analyze('calendar', '--iterations=2', ...valuesOf(timer?.text ?? '', 'OnCalendar'));
    assert.equal(code, 0, words);
    assert.match(words, /00:00:00[\s\S]*12:00:00|12:00:00[\s\S]*00:00:00/);
  });
});

describe('systemctl', () => {
  test('is called to enable, and to restart what was another one before', () => {
    const file = '/etc/systemd/system/tscert-watch.service';
    const start = [['daemon-reload'], ['enable', '--now', 'x.service']];
    assert.deepEqual(enabling('x.service', [{ file, state: 'written' }]), start);
    assert.deepEqual(enabling('x.service', [{ file, state: 'replaced' }]), [...start, ['restart', 'x.service']]);
  });

  test('is given each call in its order; what it says when it fails is told', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'tscert-systemctl-'));
    const log = path.join(folder, 'log');
    const program = async (text: string): Promise<void> => {
      await writeFile(path.join(folder, 'systemctl'), `#!/bin/sh\n${text}\n`);
      await chmod(path.join(folder, 'systemctl'), 0o755);
    };
    const system: Pick<System, 'env' | 'clock'> = { env: { PATH: `${folder}:${process.env.PATH}` }, clock: createClock() };
    const call = () => enableUnit(system as System, enabling('x.timer', []), new AbortController().signal);
    try {
      await program(`echo "$*" >> ${log}`);
      await call();
      assert.equal(await readFile(log, 'utf8'), 'daemon-reload\nenable --now x.timer\n');
      await program('echo "Unit x.timer is masked." >&2; exit 1');
      await assert.rejects(call(), (error) => isTscertError(error, 'schedule-failed') && /daemon-reload.*is masked/.test(error.message));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  test('is not called where systemd does not run', () => {
    assert.throws(
      () => checkSystemd('x.timer', '/tmp/nowhere/system'),
      (error) => isTscertError(error, 'schedule-failed'),
    );
    assert.doesNotThrow(() => checkSystemd('x.timer', '/tmp'));
  });
});

describe('a cron line', () => {
  const lineOf = (text: string): string => text.trimEnd().split('\n').at(-1) ?? '';
  const command = { ...PACKAGED, args: ['renew', '--quiet', '--dir', '/srv/100% mine'] };

  test('runs twice a day, twelve hours apart, never at a full or half hour, and not everywhere at once', () => {
    const times = new Set<string>();
    for (let at = 0; at < 500; at++) {
      const line = lineOf(crontab({ command, host: `host-${at}` }).text);
      const [, minute, first, second] = /^(\d+) (\d+),(\d+) \* \* \* /.exec(line) ?? [];
      assert.ok(Number(minute) < 60 && Number(minute) % 30 !== 0, line);
      assert.equal(Number(second) - Number(first), 12, line);
      times.add(`${minute} ${first}`);
      assert.equal(lineOf(crontab({ command, host: `host-${at}` }).text), line);
    }
    assert.ok(times.size > 300, `${times.size} different times of 696`);
  });

  test("names the user in /etc/cron.d, and not in a crontab of one's own", () => {
    assert.match(lineOf(crontab({ command, host: 'a', user: 'root' }).text), /\* \* \* root \/usr\/bin\/node /);
    assert.match(lineOf(crontab({ command, host: 'a' }).text), /\* \* \* \/usr\/bin\/node /);
  });

  test('gives the program its arguments as they are, after cron and the shell have read it', async () => {
    const args = ['renew', '--dir', '/srv/100% $HOME *;#&', 'plain%20'];
    const probe = { node: process.execPath, script: '-p', args: ['JSON.stringify(process.argv.slice(1))', ...args] };
    const line = lineOf(crontab({ command: probe, host: 'a' }).text).replace(/^(\S+ ){5}/, '');
    // An unescaped percent sign would be a line feed (crontab(5)); some crons take the backslash away, some leave it to the shell.
    assert.doesNotMatch(line, /(?<!\\)%/);
    for (const read of [line.replaceAll('\\%', '%'), line]) {
      assert.deepEqual(JSON.parse((await run('/bin/sh', ['-c', read])).stdout), args);
    }
  });

  test('refuses an address that would be another line', () => {
    assert.match(crontab({ command, host: 'a', mailto: 'admin@example.com' }).text, /^MAILTO=admin@example\.com$/m);
    assert.throws(
      () => crontab({ command, host: 'a', mailto: 'a@b\n* * * * * root evil' }),
      (error) => isTscertError(error, 'usage'),
    );
  });
});

test('the folder of a staple is written, and nothing is run for it', () => {
  const request = requestFor({ revocation: { check: true, allowPrivate: false, staple: '/etc/nginx/ocsp/www.der' } });
  assert.deepEqual(needsOf([request], '/'), { ports: false, hooks: false, folders: ['/etc/nginx/ocsp'] });
});
