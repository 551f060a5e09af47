/** `watch` as systemd and containers run it: against a real CA, with signals, a configuration that changes, and time that passes. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { type AcmeWorld, AWS_KEY, startAcmeWorld } from '../support/acme-world.js';
import { SKIPPER, type Started } from '../support/command.js';
import { whyNoPebble } from '../support/pebble.js';

/** Milliseconds that a record is hidden from the name servers where a run shall be met in its self check. */
const LAG = 700;
const MINUTE = 60_000;

interface Status {
  readonly configTrouble?: string;
  readonly lastPass?: string;
  readonly certificates: readonly {
    readonly name: string;
    readonly state: string;
    readonly certificate?: { readonly serialNumber: string };
  }[];
}

function get(url: string): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const request = http.get(url, { agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    request.once('error', reject);
  });
}

/** A watch that runs, with the address of its pages. */
interface Watching {
  readonly run: Started;
  readonly url: string;
  /** Asks until it is so. */
  until(what: (status: Status) => boolean): Promise<Status>;
}

async function startWatch(world: AcmeWorld, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Promise<Watching> {
  const free = net.createServer().listen(0, '127.0.0.1');
  await once(free, 'listening');
  const { port } = free.address() as net.AddressInfo;
  free.close();
  await once(free, 'close');
  const url = `http://127.0.0.1:${port}`;
  const run = world.start(['watch', '--listen', `127.0.0.1:${port}`, ...args], { ...SKIPPER, ...env });
  await run.said(/watching; status page at/);
  const look = async (): Promise<Status> => JSON.parse((await get(`${url}/status.json`)).body);
  return {
    run,
    url,
    async until(what) {
      for (let tries = 0; tries < 600; tries++) {
        const status = await look();
        if (what(status)) return status;
        await wait(100);
      }
      return assert.fail(`it never was so: ${JSON.stringify(await look())}`);
    },
  };
}

const stateOf = ({ certificates }: Status, name: string): string | undefined => certificates.find((one) => one.name === name)?.state;
const serialOf = ({ certificates }: Status, name: string) => certificates.find((one) => one.name === name)?.certificate?.serialNumber;

describe('tscert watch', { skip: await whyNoPebble() }, () => {
  let world: AcmeWorld;
  let watching: Watching;
  const configure = async (...domains: readonly string[]): Promise<void> => {
    await mkdir(world.folder, { recursive: true });
    const entries = domains.map((domain) => `  - domains: [${domain}]\n`).join('');
    await writeFile(path.join(world.folder, 'tscert.yaml'), `dns: route53\ncertificates:\n${entries}`);
  };
  before(async () => {
    world = await startAcmeWorld();
    await configure('a.example.com', 'nobody.example.org');
    watching = await startWatch(world, ['--verbose'], { SKIP_BY: String(11 * MINUTE) });
  });
  after(async () => {
    watching.run.kill('SIGKILL');
    await watching.run.finished;
    await world.close();
  });

  test('gets what is configured and missing; what fails does not end it', async () => {
    const status = await watching.until(({ certificates, lastPass }) => lastPass !== undefined && certificates.length === 2);
    assert.equal(stateOf(status, 'a.example.com'), 'ready');
    assert.equal(stateOf(status, 'nobody.example.org'), 'missing');
    await watching.run.said(/a\.example\.com: issued: expires .* renews /);
    await watching.run.said(/error: nobody\.example\.org: /);
    assert.equal(new X509Certificate(await world.live('a.example.com', 'cert.pem')).subjectAltName, 'DNS:a.example.com');
    assert.deepEqual(world.txtSets(), []);
  });

  test('serves health, metrics in the words of cert-manager, and the page', async () => {
    for (const place of ['/healthz', '/readyz']) assert.deepEqual(await get(watching.url + place), { status: 200, body: 'ok\n' });
    const { body } = await get(`${watching.url}/metrics`);
    assert.match(body, /^certmanager_certificate_ready_status\{name="a\.example\.com",.*condition="True"\} 1$/m);
    assert.match(body, /^certmanager_certificate_expiration_timestamp_seconds\{.*name="a\.example\.com".*\} 1\d{9}$/m);
    assert.match(body, /^tscert_runs_total\{command="watch",result="partly-failed"\} 1$/m);
    const page = await get(`${watching.url}/?refresh=60`);
    assert.equal(page.status, 200);
    assert.match(page.body, /1 of 2 need attention/);
    assert.match(page.body, /http-equiv="refresh" content="60"/);
    assert.equal((await get(`${watching.url}/etc/passwd`)).status, 404);
  });

  test('shows no secret', async () => {
    const key = (await world.live('a.example.com', 'privkey.pem')).split('\n')[1] ?? '';
    assert.ok(key.length > 20);
    for (const place of ['/', '/status.json', '/metrics', '/healthz', '/readyz']) {
      const { body } = await get(watching.url + place);
      for (const secret of [key, AWS_KEY.secretAccessKey, 'PRIVATE']) assert.ok(!body.includes(secret), place);
    }
  });

  test('SIGHUP reads the configuration again, and what is new in it is there soon', async () => {
    // The CA is asked about a.example.com in the pass that follows.
    const [start, end] = [10 * MINUTE, 10 * MINUTE + 1_000].map((ahead) => new Date(Date.now() + ahead).toISOString());
    const info = { suggestedWindow: { start, end }, explanationURL: 'https://ca.example/incident' };
    await world.pebble.setRenewalInfo(await world.live('a.example.com', 'cert.pem'), info);
    await configure('a.example.com', 'b.example.com');
    watching.run.kill('SIGHUP');
    await watching.run.said(/SIGHUP: the configuration was read again/);
    const status = await watching.until((one) => stateOf(one, 'b.example.com') === 'ready');
    assert.equal(stateOf(status, 'nobody.example.org'), undefined);
  });

  test('a configuration that cannot be understood changes nothing, and is told until it is mended', async () => {
    const file = path.join(world.folder, 'tscert.yaml');
    const good = await readFile(file, 'utf8');
    for (const [bad, words] of [
      ['dns: [', /line 1/],
      ['certificates: [{ domains: ["a b"] }]\ndns: route53\n', /a b/],
      ['dnss: route53\n', /dnss/],
    ] as const) {
      await writeFile(file, bad);
      watching.run.kill('SIGHUP');
      const status = await watching.until(({ configTrouble }) => configTrouble !== undefined && words.test(configTrouble));
      assert.match(status.configTrouble ?? '', /the one before stays in force/);
      assert.equal(stateOf(status, 'b.example.com'), 'ready');
      assert.equal((await get(`${watching.url}/readyz`)).status, 200);
      assert.match((await get(`${watching.url}/`)).body, /role="alert"/);
    }
    await writeFile(file, good);
    watching.run.kill('SIGHUP');
    const mended = await watching.until(({ configTrouble }) => configTrouble === undefined);
    assert.deepEqual(
      mended.certificates.map(({ state }) => state),
      ['ready', 'ready'],
    );
  });

  test('renews by itself when the time has come that the CA wants it, and nothing else', async () => {
    const before = await watching.until(({ certificates }) => certificates.length === 2);
    await watching.run.said(/next look at/);
    assert.match((await get(`${watching.url}/`)).body, /renews: <b>a\.example\.com<\/b> in (10|9)m/);
    watching.run.kill('SIGUSR2');
    await watching.run.said(/a\.example\.com: issue: Renewing: The CA advises/);
    const after = await watching.until((one) => serialOf(one, 'a.example.com') !== serialOf(before, 'a.example.com'));
    assert.equal(serialOf(after, 'b.example.com'), serialOf(before, 'b.example.com'));
    assert.deepEqual(world.txtSets(), []);
  });

  test('SIGTERM ends it when nothing is under way, with 0', async () => {
    watching.run.kill('SIGTERM');
    const { code, stdout, stderr } = await watching.run.finished;
    assert.deepEqual([code, stdout], [0, ''], stderr);
    assert.match(stderr, /SIGTERM: stopping; .*\n(.*\n)*tscert: stopped\n$/);
    await assert.rejects(get(watching.url), /ECONNREFUSED/);
  });
});

describe('tscert watch that is stopped while it works', { skip: await whyNoPebble() }, () => {
  let world: AcmeWorld;
  before(async () => {
    world = await startAcmeWorld({ route53: { dns: { servers: [{ address: '127.0.0.1', lag: LAG }] } } });
    await mkdir(world.folder, { recursive: true });
  });
  after(() => world.close());

  /** Started, and met in its self check. */
  const startAndMeet = async (name: string, ...args: readonly string[]): Promise<Started> => {
    await writeFile(path.join(world.folder, 'tscert.yaml'), `dns: route53\ncertificates: [{ domains: [${name}] }]\n`);
    const { run } = await startWatch(world, ['--json', ...args]);
    await run.said(/"stage":"check","state":"begin"/);
    return run;
  };
  const isStored = (name: string): Promise<boolean> =>
    world.live(name, 'cert.pem').then(
      () => true,
      () => false,
    );

  test('finishes what is under way; every line of its log is JSON', async () => {
    const run = await startAndMeet('finish.example.com');
    run.kill('SIGTERM');
    const { code, stdout, stderr } = await run.finished;
    assert.deepEqual([code, stdout], [0, ''], stderr);
    assert.ok(await isStored('finish.example.com'));
    assert.deepEqual(world.txtSets(), []);
    for (const line of stderr.trimEnd().split('\n')) assert.equal(JSON.parse(line).version, 1, line);
  });

  test('cleans up what does not end within --grace, and goes on with it the next time', async () => {
    const run = await startAndMeet('grace.example.com', '--grace', '50ms');
    run.kill('SIGINT');
    const { code, stderr } = await run.finished;
    assert.equal(code, 0, stderr);
    assert.equal(await isStored('grace.example.com'), false);
    assert.deepEqual(world.txtSets(), []);
    const { run: next, until } = await startWatch(world);
    await until((one) => stateOf(one, 'grace.example.com') === 'ready');
    next.kill('SIGTERM');
    assert.equal((await next.finished).code, 0);
  });

  test('ends at once at the second signal', async () => {
    const run = await startAndMeet('twice.example.com', '--grace', '10m');
    run.kill('SIGTERM');
    await run.said(/SIGTERM: stopping/);
    run.kill('SIGTERM');
    const { code, stderr } = await run.finished;
    assert.equal(code, 143, stderr);
    assert.match(stderr, /stopped at once/);
    const again = await world.run(['issue']);
    assert.equal(again.code, 0, again.stderr);
    assert.deepEqual(world.txtSets(), []);
  });
});

describe('tscert watch that cannot begin', { skip: await whyNoPebble() }, () => {
  let world: AcmeWorld;
  before(async () => {
    world = await startAcmeWorld();
    await mkdir(world.folder, { recursive: true });
  });
  after(() => world.close());

  test('says why: a configuration, an address, a port', async () => {
    await writeFile(path.join(world.folder, 'tscert.yaml'), 'certificates: nothing\n');
    const config = await world.run(['watch', '--no-listen']);
    assert.equal(config.code, 2, config.stderr);
    await writeFile(path.join(world.folder, 'tscert.yaml'), '');
    const address = await world.run(['watch', '--listen', 'nowhere']);
    assert.equal(address.code, 2, address.stderr);
    assert.match(address.stderr, /cannot listen at "nowhere"/);
    const taken = net.createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as net.AddressInfo;
    const busy = await world.run(['watch'], { TSCERT_LISTEN: `127.0.0.1:${port}` });
    taken.close();
    assert.equal(busy.code, 1, busy.stderr);
    assert.match(busy.stderr, new RegExp(`cannot listen on port ${port}`));
  });

  test('without anything to watch it waits, and tells what to do first', async () => {
    const { run, url, until } = await startWatch(world);
    await until(({ lastPass }) => lastPass !== undefined);
    assert.match((await get(url)).body, /No certificate yet/);
    run.kill('SIGTERM');
    assert.equal((await run.finished).code, 0);
  });
});
