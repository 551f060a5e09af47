/** `list`, `status`, `verify` and `metrics` over what `issue` and `renew` have left. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createServer, type Server } from 'node:tls';
import { type AcmeWorld, startAcmeWorld } from '../support/acme-world.js';
import { commandEnvironment } from '../support/command.js';
import { whyNoPebble } from '../support/pebble.js';
import { complaintsAbout } from '../support/promtool.js';
import { skipUnless } from '../support/servers.js';

const noScript = spawnSync('script', ['--version']).status === 0 ? false : 'script of util-linux is not installed';

describe('looking', { skip: (await whyNoPebble()) || skipUnless('promtool') }, () => {
  let world: AcmeWorld;
  let server: Server;
  let address: string;
  let roots: string;
  const at = (...parts: readonly string[]): string => path.join(world.folder, ...parts);
  /** How many files there are below the data folder, and what they hold: looking changes none of them. */
  const snapshot = async (): Promise<string[]> => {
    const files = (await readdir(world.folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
    return Promise.all(
      files.map(async ({ parentPath, path: before, name }) => {
        const file = path.join(parentPath ?? before, name);
        return `${file} ${(await stat(file)).mtimeMs} ${(await readFile(file)).length}`;
      }),
    );
  };

  before(async () => {
    world = await startAcmeWorld();
    const run = async (code: number, ...args: readonly string[]): Promise<void> => {
      const ended = await world.run(args);
      assert.equal(ended.code, code, ended.stderr);
    };
    await run(0, 'issue', '-d', 'www.example.com', '-d', '*.example.com', '-d', 'a.example.com', '--name', 'www', '--dns', 'route53');
    await run(0, 'issue', '-d', 'due.example.com', '--dns', 'route53', '--renew-before', '89d');
    await run(0, 'issue', '-d', 'broken.example.com', '--dns', 'route53');
    await rm(at('archive/broken.example.com/0001/chain.pem'));
    server = createServer({ key: await world.live('www', 'privkey.pem'), cert: await world.live('www', 'fullchain.pem') });
    server.on('tlsClientError', () => undefined);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    address = `localhost:${(server.address() as AddressInfo).port}`;
    roots = await world.rootFile();
  });
  after(async () => {
    server.close();
    await world.close();
  });

  test('none of them changes anything, or asks anybody', async () => {
    const before = await snapshot();
    const lines = world.pebble.log().length;
    for (const args of [['list'], ['status', 'www', 'due.example.com'], ['verify', 'www'], ['metrics']]) await world.run(args);
    assert.deepEqual(await snapshot(), before);
    assert.equal(world.pebble.log().length, lines);
  });

  test('list shows every certificate in one line, plain in a pipe, and counts them', async () => {
    const { code, stdout, stderr } = await world.run(['list']);
    assert.equal(code, 0);
    const [title, ...lines] = stdout.trimEnd().split('\n');
    assert.match(title ?? '', /^NAME +NAMES +ISSUER +EXPIRES +RENEWS +STATE +LAST ERROR$/);
    assert.match(
      lines[0] ?? '',
      /^broken\.example\.com +broken\.example\.com +localhost:\d+ +- +- +damaged +cannot load the certificate .*chain\.pem is missing/,
    );
    assert.match(
      lines[1] ?? '',
      /^due\.example\.com +due\.example\.com +localhost:\d+ +\d{4}-\d\d-\d\d in \d+d +(in|[\d.]+)\b.* +(ready|due)$/,
    );
    assert.match(lines[2] ?? '', /^www +www\.example\.com \+2 +localhost:\d+ +\d{4}-\d\d-\d\d in (89|90)d +in (59|60)d +ready$/);
    assert.match(stderr, /^tscert: 3 certificates: 2 ready, 1 damaged\n$/);
    assert.ok(!stdout.includes('\u001b'));
    const quiet = await world.run(['list', '--quiet']);
    assert.deepEqual([quiet.stdout, quiet.stderr], [stdout, '']);
  });

  test('list --json is one document with a version', async () => {
    const { stdout, stderr } = await world.run(['list', '--json']);
    const { version, kind, certificates } = JSON.parse(stdout);
    assert.deepEqual([version, kind, stderr], [1, 'list', '']);
    assert.deepEqual(
      certificates.map(({ name, state }: { name: string; state: string }) => [name, state === 'damaged']),
      [
        ['broken.example.com', true],
        ['due.example.com', false],
        ['www', false],
      ],
    );
    const www = certificates[2];
    assert.deepEqual(www.names[1], { type: 'dns', value: '*.example.com' });
    assert.deepEqual(www.issuer, { kind: 'acme', name: world.pebble.directory });
    assert.ok(Date.parse(www.renewAt) < Date.parse(www.notAfter));
    assert.deepEqual(certificates[0].due.reason, 'MissingData');
  });

  test('on a terminal the list fits the line, with the state in its colour', { skip: noScript }, async () => {
    const screen = (columns: number, ...flags: readonly string[]): Promise<string> =>
      new Promise((resolve, reject) => {
        const words = [process.execPath, process.env.TSCERT_TEST_BIN ?? '', 'list', ...flags].map((word) => `'${word}'`).join(' ');
        const env = commandEnvironment({ ...world.env, SHELL: '/bin/sh', TERM: 'xterm' });
        execFile('script', ['-qec', `stty cols ${columns} && ${words}`, '/dev/null'], { env }, (error, text) =>
          error === null ? resolve(text.replaceAll('\r', '')) : reject(new Error(text)),
        );
      });
    const begin = '\u001b[';
    const wide = await screen(100);
    assert.ok(wide.includes(`${begin}32mready${begin}39m`) && wide.includes(`${begin}31mdamaged${begin}39m`), wide);
    for (const columns of [60, 100]) {
      const plain = await screen(columns, '--no-color');
      assert.ok(!plain.includes(begin));
      for (const line of plain.trimEnd().split('\n').slice(0, 4)) assert.ok([...line].length <= columns, `${columns}: ${line}`);
    }
  });

  test('status tells when it renews and who decides, what happened, and where things are', async () => {
    const { code, stdout } = await world.run(['status', 'www']);
    assert.equal(code, 0);
    for (const line of [
      /^www {2}ready$/m,
      /^ {4}conditions +Ready=True Ready: Certificate is up to date and has not expired$/m,
      /^ {4}names +www\.example\.com\n +\*\.example\.com\n +a\.example\.com$/m,
      /^ {4}issuer +localhost:\d+ \(acme https:/m,
      /^ {4}files +.*\/live\/www\/fullchain\.pem \(generation 0001\)$/m,
      /^ {4}decided by +a third of its lifetime before it ends$/m,
      /^ {4}in all +1 issued, 0 failed$/m,
      /^ {4}✔ Issuing {2}✔ Generated {2}✔ Requested {2}✔ Issued$/m,
      /^ {4}Normal +Requested +.* ago +Ordered the certificate "www" from its CA$/m,
    ]) {
      assert.match(stdout, line);
    }
    const both = await world.run(['status', 'www', 'broken.example.com', '--json']);
    const { certificates } = JSON.parse(both.stdout);
    assert.equal(certificates[0].name, 'broken.example.com');
    assert.match(certificates[0].trouble, /chain\.pem is missing/);
    assert.deepEqual(
      certificates[1].steps.map(({ step, state }: { step: string; state: string }) => `${step} ${state}`),
      ['Issuing done', 'Generated done', 'Requested done', 'Issued done'],
    );
    assert.equal(certificates[1].ledger.counts.issued, 1);
  });

  test('a name that is not known is a usage error with the nearest one', async () => {
    const { code, stderr } = await world.run(['status', 'wwv']);
    assert.equal(code, 2);
    assert.match(stderr, /cannot find the certificate "wwv".*\(did you mean www\?\)/);
    assert.equal((await world.run(['verify', 'wwv'])).code, 2);
  });

  test('verify checks what is stored, and that a server sends it', async () => {
    const good = await world.run(['verify', 'www', '--probe', address, '--roots', roots]);
    assert.equal(good.code, 0, good.stdout);
    assert.deepEqual(
      good.stdout
        .trimEnd()
        .split('\n')
        .map((line) => line.slice(0, 12).trimEnd()),
      ['✔ files', '✔ key', '✔ dates', '✔ chain', '✔ root', '– revocation', '✔ request', '✔ served'],
    );
    const unknown = await world.run(['verify', 'www']);
    assert.equal(unknown.code, 0, unknown.stdout);
    assert.match(unknown.stdout, /^– root .*--roots FILE$/m);
    const damaged = await world.run(['verify', 'broken.example.com']);
    assert.equal(damaged.code, 1);
    assert.match(damaged.stdout, /^✘ files +MissingData: .*chain\.pem is missing/m);
    const served = await world.run(['verify', 'due.example.com', '--probe', address, '--json']);
    assert.equal(served.code, 1);
    const { kind, ok, of, checks } = JSON.parse(served.stdout);
    assert.deepEqual([kind, ok, of], ['verify', false, 'stored']);
    assert.deepEqual(checks.at(-1).reason, 'IncorrectCertificate');
  });

  test('verify of a server tells name, chain, root, and which stored certificate it sends', async () => {
    const { code, stdout } = await world.run(['verify', address, '--roots', roots]);
    assert.equal(code, 1, 'the certificate is not for localhost');
    assert.match(stdout, /^✔ served +localhost:\d+ sends "www\.example\.com" by TLSv1\.3, serial number [0-9a-f]+$/m);
    assert.match(stdout, /^✘ host +IncorrectCertificate: the certificate does not hold the name "localhost"$/m);
    assert.match(stdout, /^✔ root +leads to "Pebble Root CA/m);
    assert.match(stdout, /^✔ stored +it is stored as "www" \(generation 0001\)$/m);
    const untrusted = await world.run(['verify', address], { TSCERT_CA_BUNDLE: '' });
    assert.match(untrusted.stdout, /^✘ root +IncorrectIssuer: no root that is known has issued "Pebble Intermediate CA/m);
    const down = await world.run(['verify', 'localhost:1']);
    assert.equal(down.code, 1);
    assert.match(down.stdout, /^✘ served +Unreachable: /);
    const noRoots = await world.run(['verify', address, '--roots', at('tscert.yaml')]);
    assert.equal(noRoots.code, 2, noRoots.stderr);
  });

  test('metrics hold what runs have counted, and promtool is content', async () => {
    const { code, stdout, stderr } = await world.run(['metrics']);
    assert.deepEqual([code, stderr], [0, '']);
    assert.deepEqual(complaintsAbout(stdout), []);
    const host = new URL(world.pebble.directory).host;
    const value = (start: string): number =>
      Number(
        stdout
          .split('\n')
          .find((line) => line.startsWith(start))
          ?.split(' ')
          .at(-1),
      );
    assert.equal(value('tscert_runs_total{command="issue",result="done"}'), 3);
    assert.equal(value('tscert_challenge_duration_seconds_count{type="dns-01",result="valid"}'), 5);
    const requests = (action: string, method: string, status: number): number =>
      value(
        `certmanager_http_acme_client_request_count{scheme="https",host="${host}",action="${action}",method="${method}",status="${status}"}`,
      );
    assert.equal(requests('discover', 'GET', 200), 1, 'the directory is kept between runs');
    assert.equal(requests('register_account', 'POST', 201), 1);
    assert.equal(requests('authorize_order', 'POST', 201), 3);
    assert.equal(requests('get_authorization', 'POST', 200), 5);
    assert.equal(requests('accept_challenge', 'POST', 200), 5);
    assert.equal(requests('create_order_cert', 'POST', 200), 3);
    assert.equal(requests('fetch_cert', 'POST', 200), 3);
    assert.ok(!stdout.includes('unnamed_action'), stdout);
  });

  test('a run in which nothing is due is counted too; a trial is not', async () => {
    const runs = async (): Promise<string | undefined> =>
      (await world.run(['metrics'])).stdout.split('\n').find((line) => line.startsWith('tscert_runs_total{command="renew",result="done"}'));
    await world.run(['renew', 'www']);
    assert.match((await runs()) ?? '', / 1$/);
    await world.run(['renew', 'www', '--dry-run']);
    assert.match((await runs()) ?? '', / 1$/);
  });

  test('metrics --out replaces the file in one step, readable for all, and leaves the old one when that fails', async () => {
    const file = path.join(path.dirname(world.folder), 'tscert.prom');
    await writeFile(file, 'old');
    await chmod(file, 0o600);
    const { code, stdout } = await world.run(['metrics', '--out', file]);
    assert.deepEqual([code, stdout], [0, '']);
    assert.deepEqual(complaintsAbout(await readFile(file, 'utf8')), []);
    assert.equal((await stat(file)).mode & 0o777, 0o644);
    const failed = await world.run(['metrics', '--out', path.join(file, 'x')]);
    assert.equal(failed.code, 1);
    assert.match(failed.stderr, /cannot write/);
  });

  test('a configuration that cannot be read costs the metrics a word and one number, not what is stored', async () => {
    await writeFile(at('tscert.yaml'), 'certificates: [{ domains: [x.example.com], dnss: [route53] }]\n');
    try {
      const { code, stdout, stderr } = await world.run(['metrics']);
      assert.equal(code, 0);
      assert.match(stderr, /warning: Cannot .*dnss/);
      assert.match(stdout, /^tscert_configuration_ok 0$/m);
      assert.match(stdout, /^certmanager_certificate_expiration_timestamp_seconds\{name="www".* 1\d{9}$/m);
      assert.deepEqual(complaintsAbout(stdout), []);
      assert.equal((await world.run(['list'])).code, 2);
    } finally {
      await rm(at('tscert.yaml'));
    }
  });

  test('what failed is remembered: how often, of which kind, and when it is tried again', async () => {
    await writeFile(at('tscert.yaml'), 'certificates: [{ domains: [x.nowhere.test], dns: [route53] }]\n');
    try {
      assert.equal((await world.run(['renew', 'x.nowhere.test'])).code, 1);
      const { stdout } = await world.run(['status', 'x.nowhere.test']);
      assert.match(stdout, /^x\.nowhere\.test {2}missing$/m);
      assert.match(stdout, /^ +Issuing=False Failed: Cannot .*nowhere\.test/m);
      assert.match(stdout, /^ {4}failures +1, .* ago\)$/m);
      assert.match(stdout, /^ {4}kind +provider: /m);
      assert.match(stdout, /^ {4}next attempt +not before \d{4}-/m);
      assert.match(stdout, /^ {4}✔ Issuing {2}.*✘ /m);
      assert.match(stdout, /^ {4}Warning +Failed +/m);
      const list = JSON.parse((await world.run(['list', '--json'])).stdout).certificates.at(-1);
      assert.deepEqual([list.name, list.state, list.failures], ['x.nowhere.test', 'missing', 1]);
      assert.match(list.lastError, /nowhere\.test/);
    } finally {
      await rm(at('tscert.yaml'));
    }
    const metrics = await world.run(['metrics']);
    assert.match(metrics.stdout, /^tscert_failures_total\{kind="provider",code="[a-z-]+"\} 1$/m);
    assert.match(metrics.stdout, /^tscert_runs_total\{command="renew",result="failed"\} 1$/m);
  });
});
