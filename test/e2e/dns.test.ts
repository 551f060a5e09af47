/** `tscert dns` as users run it, against the Route53 emulator and BIND. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startRoute53Emulator } from '../emulators/route53/index.js';
import { startBind } from '../support/bind.js';
import { type Finished, type Started, startTscert, tscert } from '../support/command.js';
import { skipUnless } from '../support/servers.js';

const LEAST = { accessKeyId: 'AKIALEAST', secretAccessKey: 'least/secret+key=' };

async function policy(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await tscert(['dns', 'policy', ...args]);
  assert.equal(code, 0, stderr);
  return stdout;
}

describe('tscert dns', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'tscert-dns-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  /** An emulator whose one user has the rights of `policyText` alone. */
  async function withRoute53(
    options: { readonly policyText: string; readonly insyncAfter?: number },
    use: (world: { start(...args: string[]): Started; run(...args: string[]): Promise<Finished>; txt(): string[] }) => Promise<void>,
  ): Promise<void> {
    const route53 = await startRoute53Emulator({
      zones: [{ name: 'example.com' }, { name: 'example.org' }],
      credentials: [{ ...LEAST, policy: JSON.parse(options.policyText) }],
      dns: { servers: [{ address: '127.0.0.1' }] },
      ...(options.insyncAfter === undefined ? {} : { insyncAfter: options.insyncAfter }),
    });
    const dns = route53.dns.addresses[0] ?? '';
    const env = {
      AWS_ACCESS_KEY_ID: LEAST.accessKeyId,
      AWS_SECRET_ACCESS_KEY: LEAST.secretAccessKey,
      AWS_REGION: 'us-east-1',
      AWS_ENDPOINT_URL_ROUTE_53: route53.endpoint,
      TSCERT_DIR: folder,
      TSCERT_DNS_RESOLVER: dns,
      TSCERT_DNS_NAMESERVER: dns,
      TSCERT_DNS: 'route53',
    };
    const start = (...args: string[]): Started => startTscert(['dns', 'test', ...args], { env });
    try {
      await use({
        start,
        run: (...args) => start(...args).finished,
        txt: () =>
          route53
            .zones()
            .flatMap(({ id }) => route53.records(id))
            .filter(({ type }) => type === 'TXT')
            .map(({ name }) => name),
      });
    } finally {
      await route53.stop();
    }
  }

  test('the policy that is printed for route53 is enough for the test, and no record is left', async () => {
    await withRoute53({ policyText: await policy('route53', '--zone', 'example.com') }, async ({ run, txt }) => {
      const { code, stdout, stderr } = await run('-d', 'www.example.com', '-d', '*.example.com', '--json');
      assert.equal(code, 0, stderr);
      const document = JSON.parse(stdout);
      assert.deepEqual([document.version, document.kind], [1, 'dns-test']);
      assert.deepEqual(document.names, [
        { name: 'www.example.com', provider: 'route53', zone: 'example.com', record: '_acme-challenge.www.example.com' },
        { name: 'example.com', provider: 'route53', zone: 'example.com', record: '_acme-challenge.example.com' },
      ]);
      assert.deepEqual(Object.keys(document.steps), ['write', 'see', 'remove']);
      assert.deepEqual(txt(), []);
      const words = await run('--zone', 'example.com');
      assert.match(words.stdout, /_acme-challenge\.example\.com TXT, by route53 in the zone example\.com: seen at /);
    });
  });

  test('rights for another zone are not enough, which is an error with a hint', async () => {
    await withRoute53({ policyText: await policy('route53', '--zone', 'example.org') }, async ({ run, txt }) => {
      const { code, stderr } = await run('-d', 'www.example.com');
      assert.equal(code, 1);
      assert.match(stderr, /the IAM identity may not route53:ChangeResourceRecordSets on arn:aws/);
      assert.match(stderr, /tscert dns policy route53 --zone/);
      assert.deepEqual(txt(), []);
    });
  });

  const policyText = JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: 'route53:*', Resource: '*' }],
  });
  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) await sleep(20);
  };

  test('removes its value when it is interrupted', async () => {
    await withRoute53({ policyText, insyncAfter: 600_000 }, async ({ start, txt }) => {
      const started = start('-d', 'example.com');
      await until(() => txt().length > 0);
      started.kill('SIGINT');
      assert.equal((await started.finished).code, 130);
      assert.deepEqual(txt(), []);
    });
  });

  test('removes in the next test what a killed one left', async () => {
    await withRoute53({ policyText, insyncAfter: 600_000 }, async ({ start, run, txt }) => {
      const started = start('-d', 'example.com');
      await until(() => txt().length > 0);
      started.kill('SIGKILL');
      await started.finished;
      assert.equal(txt().length, 1);
      const { code, stderr } = await run('-d', 'example.com', '--dns-check', 'none');
      assert.equal(code, 0, stderr);
      assert.deepEqual(txt(), []);
    });
  });

  test('the grant that is printed for rfc2136 is enough for the test', { skip: skipUnless('bind') }, async () => {
    const printed = await policy('rfc2136', '--zone', 'example.com', '-d', 'www.example.com');
    const rule = /grant "tscert" (name \S+ TXT);/.exec(printed)?.[1] ?? '';
    const key = { name: 'least', algorithm: 'hmac-sha256', secret: Buffer.alloc(32, 7).toString('base64'), rules: [rule] };
    const bind = await startBind({ zones: ['example.com'], keys: [key] });
    const env = {
      RFC2136_NAMESERVER: bind.nameserver,
      RFC2136_TSIG_KEY: key.name,
      RFC2136_TSIG_SECRET: key.secret,
      RFC2136_TSIG_ALGORITHM: key.algorithm,
      TSCERT_DIR: folder,
      TSCERT_DNS_RESOLVER: bind.nameserver,
      TSCERT_DNS_NAMESERVER: bind.nameserver,
    };
    try {
      const { code, stdout, stderr } = await tscert(['dns', 'test', '-d', 'www.example.com', '--dns', 'rfc2136'], { env });
      assert.equal(code, 0, stderr);
      assert.match(stdout, /nothing was left behind/);
      assert.deepEqual(await bind.values('_acme-challenge.www.example.com'), []);
      const other = await tscert(['dns', 'test', '-d', 'example.com', '--dns', 'rfc2136'], { env });
      assert.equal(other.code, 1);
      assert.match(other.stderr, /REFUSED/);
    } finally {
      await bind.stop();
    }
  });

  test('the policies narrow to what is given', async () => {
    const narrow = JSON.parse(await policy('route53', '--zone', 'example.com', '--zone-id', 'Z123', '-d', '*.a.example.com'));
    const change = narrow.Statement.at(-1);
    assert.equal(change.Resource, 'arn:aws:route53:::hostedzone/Z123');
    assert.deepEqual(change.Condition['ForAllValues:StringEquals']['route53:ChangeResourceRecordSetsNormalizedRecordNames'], [
      '_acme-challenge.a.example.com',
    ]);
    assert.match(await policy('alidns', '--zone', 'example.com'), /alidns:AddDomainRecord/);
    assert.match(await policy('rfc2136', '--zone', 'example.com'), /grant "tscert" subdomain example\.com\. TXT;/);
  });

  for (const [args, words] of [
    [['policy', 'exec', '--zone', 'example.com'], /cannot print a policy for "exec"/],
    [['policy', 'route35', '--zone', 'example.com'], /did you mean route53\?/],
    [['policy', 'route53'], /there is no --zone/],
    [['policy', 'alidns', '--zone', 'example.com', '--zone-id', 'Z1'], /only route53/],
    [['policy', 'route53', '--zone', 'example.com', '-d', 'example.org'], /not in the zone/],
    [['test', '--dns', 'route53'], /no -d NAME and no --zone/],
    [['test', '-d', 'example.com', '--dns', 'manual'], /a person carries/],
    [['test', '-d', 'example.com'], /no DNS provider is set up/],
  ] as const) {
    test(`refuses: dns ${args.join(' ')}`, async () => {
      const { code, stderr } = await tscert(['dns', ...args], { env: { TSCERT_DIR: folder } });
      assert.equal(code, 2, stderr);
      assert.match(stderr, words);
    });
  }
});
