/** What goes wrong at AWS, in words that say what to do, and what is tried again by whom. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, afterEach, before, describe, test } from 'node:test';
import { TscertError } from '../../../src/base/errors.js';
import { createRoute53 } from '../../../src/dns/providers/route53.js';
import type { PolicyDocument } from '../../emulators/route53/index.js';
import { createVirtualClock, realClock } from '../../support/clock.js';
import { adding, KEY, type Route53World, removing, startRoute53World, ZONE } from '../../support/route53-world.js';

const { signal } = new AbortController();
const record = { name: '_acme-challenge.example.com', value: 'mine' };
const allBut = (action: string): PolicyDocument => ({
  Version: '2012-10-17',
  Statement: [
    { Effect: 'Allow', Action: 'route53:*', Resource: '*' },
    { Effect: 'Deny', Action: action, Resource: '*' },
  ],
});

/** Checks the failure and gives it back; no failure ever holds the secret. */
async function failure(work: Promise<unknown> | undefined, code: TscertError['code']): Promise<TscertError> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof TscertError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, /^Cannot .+: .+[^.]$/s);
    assert.ok(!`${error.message} ${JSON.stringify(error.data)}`.includes(KEY.secretAccessKey));
    return error;
  }
  throw new Error('it did not fail');
}

describe('route53, when AWS refuses', () => {
  let world: Route53World;
  afterEach(() => world.close());

  for (const [action, resource, run] of [
    ['route53:ListHostedZonesByName', '*', 'zones'],
    ['route53:ChangeResourceRecordSets', 'arn:aws:route53:::hostedzone/ZEXAMPLE', 'change'],
    ['route53:ListResourceRecordSets', 'arn:aws:route53:::hostedzone/ZEXAMPLE', 'read'],
    ['route53:GetChange', /^arn:aws:route53:::change\/C/, 'settled'],
  ] as const) {
    test(`names the permission that is missing: ${action}`, async () => {
      world = await startRoute53World({
        credentials: [
          { ...KEY, policy: allBut(action) },
          { ...KEY, accessKeyId: 'AKIAOTHER' },
        ],
      });
      const provider = await world.provider({ clock: { ...realClock, sleep: async () => undefined } });
      if (run === 'read') {
        const other = await world.provider({ credentials: { ...KEY, accessKeyId: 'AKIAOTHER' } });
        await other.change(ZONE, adding({ ...record, value: 'theirs' }), signal);
      }
      if (run === 'settled') await provider.change(ZONE, adding(record), signal);
      const work =
        run === 'zones'
          ? provider.zones?.([record.name], signal)
          : run === 'settled'
            ? provider.settled?.(ZONE, signal)
            : provider.change(ZONE, adding(record), signal);
      const error = await failure(work, 'provider-denied');
      assert.equal(error.data.action, action);
      assert.ok(error.message.includes(action));
      if (typeof resource === 'string') assert.equal(error.data.resource, resource);
      else assert.match(String(error.data.resource), resource);
      assert.notEqual(error.data.transient, true);
    });
  }

  test('says that the credentials are wrong or too old', async () => {
    const session = { ...KEY, sessionToken: 'token', expires: Date.now() - 1 };
    world = await startRoute53World({ credentials: [session] });
    for (const [credentials, word] of [
      [{ ...KEY, sessionToken: 'token' }, /ExpiredToken/],
      [{ ...KEY, accessKeyId: 'AKIAUNKNOWN' }, /InvalidClientTokenId/],
    ] as const) {
      const provider = await world.provider({ credentials });
      const error = await failure(provider.zones?.([record.name], signal), 'provider-denied');
      assert.match(error.message, word);
    }
  });

  test('says that the signature does not match', async () => {
    world = await startRoute53World();
    const provider = await world.provider({ credentials: { ...KEY, secretAccessKey: 'not it' } });
    assert.match((await failure(provider.change(ZONE, adding(record), signal), 'provider-denied')).message, /SignatureDoesNotMatch/);
  });

  test('repairs a clock that is an hour off', async () => {
    world = await startRoute53World({ now: () => Date.now() + 3_600_000 });
    await (await world.provider()).change(ZONE, adding(record), signal);
    assert.deepEqual(world.values(record.name), ['mine']);
  });

  test('calls throttling and prior requests transient, for the one who backs off', async () => {
    world = await startRoute53World({ throttle: { capacity: 0, refill: 0 } });
    const throttled = await failure((await world.provider()).change(ZONE, adding(record), signal), 'provider-failed');
    assert.deepEqual([throttled.data.transient, throttled.data.throttled], [true, true]);
    assert.ok(world.emulator.calls().total <= 2, 'the SDK does not back off on its own');
    await world.close();
    world = await startRoute53World({ insyncAfter: 60_000, priorRequest: true });
    const provider = await world.provider();
    await provider.change(ZONE, adding(record), signal);
    const prior = await failure(provider.change(ZONE, removing(record), signal), 'provider-failed');
    assert.equal(prior.data.transient, true);
    assert.notEqual(prior.data.throttled, true);
  });

  test('calls failures of the service and of the network transient', async () => {
    world = await startRoute53World();
    const fault = { status: 500, code: 'InternalFailure', message: 'oops' };
    world.emulator.inject(fault, fault);
    const provider = await world.provider();
    const error = await failure(provider.change(ZONE, adding(record), signal), 'provider-failed');
    assert.deepEqual([error.data.transient, error.data.status], [true, 500]);
    await world.emulator.stop();
    assert.equal((await failure(provider.change(ZONE, adding(record), signal), 'provider-failed')).data.transient, true);
  });

  test('finds its value standing when only the answer was lost', async () => {
    world = await startRoute53World();
    world.emulator.inject({
      action: 'ChangeResourceRecordSets',
      status: 503,
      code: 'ServiceUnavailable',
      message: 'lost',
      afterwards: true,
    });
    await (await world.provider()).change(ZONE, adding(record), signal);
    assert.deepEqual(world.values(record.name), ['mine']);
  });

  test('takes other refusals for final', async () => {
    world = await startRoute53World();
    const error = await failure(
      (await world.provider()).change(ZONE, adding({ name: '_acme-challenge.evilexample.com', value: 'x' }), signal),
      'provider-failed',
    );
    assert.match(error.message, /not permitted in zone/);
    assert.notEqual(error.data.transient, true);
  });

  test('stops at once when told to', async () => {
    world = await startRoute53World();
    const controller = new AbortController();
    const reason = new TscertError('interrupted', 'Cannot go on: stopped');
    world.emulator.onCall(() => {
      controller.abort(reason);
      return new Promise(() => undefined);
    });
    await assert.rejects((await world.provider()).change(ZONE, adding(record), controller.signal), (error) => error === reason);
  });
});

describe('route53 waits for INSYNC', () => {
  const start = async (options: Parameters<typeof startRoute53World>[0]) => {
    const clock = createVirtualClock(Date.now());
    const world = await startRoute53World({ now: clock.now, ...options });
    const provider = await world.provider({ clock: { now: clock.now, sleep: (ms) => clock.advance(ms) } });
    await provider.change(ZONE, adding(record), signal);
    return { clock, world, provider, began: clock.now() };
  };

  test('and asks close together at first', async () => {
    const { clock, world, provider, began } = await start({ insyncAfter: 30_000 });
    await provider.settled?.(ZONE, signal);
    assert.ok(clock.now() - began <= 35_000);
    assert.ok(world.emulator.calls().GetChange <= 7);
    await provider.settled?.(ZONE, signal);
    assert.ok(world.emulator.calls().GetChange <= 7, 'what has arrived is not asked about again');
    await world.close();
  });

  test('for two minutes, and leaves the rest to the self check', async () => {
    const { clock, world, provider, began } = await start({ insyncAfter: 3_600_000 });
    await provider.settled?.(ZONE, signal);
    assert.equal(clock.now() - began, 120_000);
    assert.ok(world.emulator.calls().GetChange <= 10);
    await world.close();
  });

  test('through throttling, and not at all where nothing was changed', async () => {
    const { world, provider } = await start({ insyncAfter: 2_000 });
    const fault = { action: 'GetChange', status: 400, code: 'Throttling', message: 'Rate exceeded' } as const;
    world.emulator.inject(fault, fault);
    await provider.settled?.(ZONE, signal);
    assert.equal(world.emulator.calls().ChangeResourceRecordSets, 1);
    world.emulator.resetCalls();
    await provider.settled?.({ name: 'other.test', id: 'ZOTHER' }, signal);
    assert.equal(world.emulator.calls().total, 0);
    await world.close();
  });
});

describe('route53 finds credentials', () => {
  const saved = { ...process.env };
  let world: Route53World;
  before(async () => {
    world = await startRoute53World({
      credentials: [KEY, { accessKeyId: 'ASIAROLE', secretAccessKey: 'role-secret', sessionToken: 'role-token' }],
    });
    Object.assign(process.env, {
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_SHARED_CREDENTIALS_FILE: '/nonexistent/credentials',
      AWS_CONFIG_FILE: '/nonexistent/config',
    });
  });
  afterEach(() => {
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE', 'AWS_ENDPOINT_URL_STS']) delete process.env[name];
  });
  after(async () => {
    for (const name of Object.keys(process.env)) if (!(name in saved)) delete process.env[name];
    await world.close();
  });
  const options = () => ({ endpoint: world.emulator.endpoint, clock: realClock, random: () => 0.5 });

  test('nowhere, and says where it looked', async () => {
    const provider = await createRoute53(options());
    const error = await failure(provider.zones?.([record.name], signal), 'credentials-missing');
    assert.match(error.message, /AWS_ACCESS_KEY_ID.*AWS_PROFILE.*instance role/);
    const named = await createRoute53({ ...options(), profile: 'absent' });
    assert.match((await failure(named.zones?.([record.name], signal), 'credentials-missing')).message, /the profile "absent"/);
  });

  test('in the environment', async () => {
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: KEY.accessKeyId, AWS_SECRET_ACCESS_KEY: KEY.secretAccessKey });
    const provider = await createRoute53(options());
    assert.deepEqual(await provider.zones?.([record.name], signal), [ZONE]);
  });

  test('not in a profile that does not exist, and the SDK says nothing on its own', async (t) => {
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: KEY.accessKeyId, AWS_SECRET_ACCESS_KEY: KEY.secretAccessKey, AWS_PROFILE: 'absent' });
    const words = ['log', 'info', 'warn', 'error', 'debug'] as const;
    const mocks = words.map((word) => t.mock.method(console, word, () => undefined));
    const provider = await createRoute53(options());
    const error = await failure(provider.zones?.([record.name], signal), 'credentials-missing');
    assert.match(error.message, /not read when AWS_PROFILE is set/);
    assert.deepEqual(
      mocks.flatMap((mock) => mock.mock.calls.map((call) => call.arguments)),
      [],
    );
  });

  test('of a role, by those of another', async () => {
    let asked = '';
    const sts = createServer((request, response) => {
      request.on('data', (chunk) => {
        asked += String(chunk);
      });
      request.on('end', () => {
        response.setHeader('Content-Type', 'text/xml');
        response.end(
          `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>role-secret</SecretAccessKey><SessionToken>role-token</SessionToken><Expiration>${new Date(Date.now() + 3_600_000).toISOString()}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
        );
      });
    });
    await new Promise<void>((resolve) => sts.listen(0, '127.0.0.1', resolve));
    process.env.AWS_ENDPOINT_URL_STS = `http://127.0.0.1:${(sts.address() as AddressInfo).port}`;
    const provider = await createRoute53({
      ...options(),
      credentials: KEY,
      roleArn: 'arn:aws:iam::123456789012:role/dns',
      externalId: 'ours',
    });
    assert.deepEqual(await provider.zones?.([record.name], signal), [ZONE]);
    const form = new URLSearchParams(asked);
    assert.deepEqual(
      ['Action', 'RoleArn', 'RoleSessionName', 'ExternalId'].map((field) => form.get(field)),
      ['AssumeRole', 'arn:aws:iam::123456789012:role/dns', 'tscert', 'ours'],
    );
    sts.closeAllConnections();
    sts.close();
  });
});
