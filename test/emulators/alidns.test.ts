import assert from 'node:assert/strict';
import { createHash, createHmac, randomUUID } from 'node:crypto';
import { test } from 'node:test';
import * as core from '@alicloud/openapi-core';
import { type AlidnsEmulator, type AlidnsEmulatorOptions, startAlidnsEmulator } from './alidns/index.js';

const KEY = { accessKeyId: 'LTAI5tEmulatorKey', accessKeySecret: 'emulator-secret' };
const { default: Client, $OpenApiUtil } = core.default;

async function withEmulator(options: Partial<AlidnsEmulatorOptions>, body: (emulator: AlidnsEmulator) => Promise<void>): Promise<void> {
  const emulator = await startAlidnsEmulator({ domains: [{ name: 'example.com' }], credentials: [KEY], ...options });
  try {
    await body(emulator);
  } finally {
    await emulator.stop();
  }
}

type Query = Readonly<Record<string, string | number>>;

/** A call as a naive program makes it: straight through the vendor's SDK. */
async function naive(
  emulator: AlidnsEmulator,
  action: string,
  query: Query,
  key: { accessKeyId: string; accessKeySecret: string; securityToken?: string; signatureAlgorithm?: string } = KEY,
): Promise<Record<string, unknown>> {
  const client = new Client(new $OpenApiUtil.Config({ ...key, endpoint: new URL(emulator.endpoint).host, protocol: 'HTTP' }));
  const params = new $OpenApiUtil.Params({
    action,
    version: '2015-01-09',
    protocol: 'HTTPS',
    pathname: '/',
    method: 'POST',
    authType: 'AK',
    style: 'RPC',
    reqBodyType: 'formData',
    bodyType: 'json',
  });
  const request = new $OpenApiUtil.OpenApiRequest({ query: $OpenApiUtil.default.query({ ...query }) });
  const answer = await client.callApi(params, request, {} as Parameters<typeof client.callApi>[2]);
  return answer.body as Record<string, unknown>;
}

async function codeOf(call: Promise<unknown>): Promise<unknown> {
  try {
    await call;
    return 'OK';
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
}

const recordsIn = (body: Record<string, unknown>): Record<string, unknown>[] =>
  (body.DomainRecords as { Record: Record<string, unknown>[] }).Record;

/** An own ACS3 client whose every part can be bent. */
async function raw(
  emulator: AlidnsEmulator,
  bend: { headers?: Record<string, string>; unsigned?: Record<string, string>; search?: string },
) {
  const { host } = new URL(emulator.endpoint);
  const headers: Record<string, string> = {
    host,
    'x-acs-action': 'DescribeDomains',
    'x-acs-version': '2015-01-09',
    'x-acs-date': new Date().toISOString().replace(/\.\d+/, ''),
    'x-acs-signature-nonce': randomUUID(),
    'x-acs-content-sha256': createHash('sha256').digest('hex'),
    ...bend.headers,
  };
  const names = Object.keys(headers).sort();
  const canonical = [
    'POST',
    '/',
    '',
    ...names.map((name) => `${name}:${headers[name]}`),
    '',
    names.join(';'),
    headers['x-acs-content-sha256'],
  ];
  const toSign = `ACS3-HMAC-SHA256\n${createHash('sha256').update(canonical.join('\n')).digest('hex')}`;
  const signature = createHmac('sha256', KEY.accessKeySecret).update(toSign).digest('hex');
  const { host: _host, ...sent } = headers;
  const response = await fetch(`${emulator.endpoint}/${bend.search ?? ''}`, {
    method: 'POST',
    headers: {
      ...sent,
      ...bend.unsigned,
      authorization: `ACS3-HMAC-SHA256 Credential=${KEY.accessKeyId},SignedHeaders=${names.join(';')},Signature=${signature}`,
    },
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

test('signatures of ACS3 and of RPC are accepted, and neither with a wrong secret', async () => {
  await withEmulator({}, async (emulator) => {
    for (const version of [{}, { signatureAlgorithm: 'v2' }]) {
      const odd = "a b+c*d'~!(é)%/&=?";
      const { RecordId } = await naive(
        emulator,
        'AddDomainRecord',
        { DomainName: 'example.com', RR: 'odd', Type: 'TXT', Value: odd },
        { ...KEY, ...version },
      );
      assert.deepEqual(
        emulator.records('example.com').map(({ Value }) => Value),
        [odd],
      );
      await naive(emulator, 'DeleteDomainRecord', { RecordId: String(RecordId) }, { ...KEY, ...version });
      const wrong = { ...KEY, accessKeySecret: 'another', ...version };
      assert.equal(await codeOf(naive(emulator, 'DescribeDomains', {}, wrong)), 'SignatureDoesNotMatch');
      const unknown = { ...KEY, accessKeyId: 'LTAI5tNobody', ...version };
      assert.equal(await codeOf(naive(emulator, 'DescribeDomains', {}, unknown)), 'InvalidAccessKeyId.NotFound');
    }
  });
});

test('a request that is old, sent twice, changed on its way or signed in part is refused', async () => {
  await withEmulator({}, async (emulator) => {
    assert.equal((await raw(emulator, {})).status, 200);
    const code = async (bend: Parameters<typeof raw>[1]) => (await raw(emulator, bend)).body.Code;
    assert.equal(await code({ headers: { 'x-acs-date': '2020-01-01T00:00:00Z' } }), 'InvalidTimeStamp.Expired');
    assert.equal(
      await code({ headers: { 'x-acs-date': new Date(Date.now() + 3_600_000).toISOString().replace(/\.\d+/, '') } }),
      'InvalidTimeStamp.Expired',
    );
    const nonce = { 'x-acs-signature-nonce': 'the-same-one' };
    assert.equal((await raw(emulator, { headers: nonce })).status, 200);
    assert.equal(await code({ headers: nonce }), 'SignatureNonceUsed');
    assert.equal(await code({ search: '?KeyWord=added-by-a-proxy' }), 'SignatureDoesNotMatch');
    assert.equal(await code({ unsigned: { 'x-acs-security-token': 'slipped-in' } }), 'IncompleteSignature');
    assert.equal(
      await code({ headers: { 'x-acs-content-sha256': createHash('sha256').update('else').digest('hex') } }),
      'SignatureDoesNotMatch',
    );
    assert.equal(await code({ headers: { 'x-acs-action': 'DropEverything' } }), 'InvalidAction.NotFound');
    assert.equal(await code({ headers: { 'x-acs-version': '2020-01-01' } }), 'InvalidVersion');
    assert.deepEqual(Object.keys((await raw(emulator, { headers: nonce })).body).sort(), [
      'Code',
      'HostId',
      'Message',
      'Recommend',
      'RequestId',
    ]);
  });
});

test('a temporary key wants its token, the right one, and in time', async () => {
  const token = { accessKeyId: 'STS.emulator', accessKeySecret: 'sts-secret', securityToken: 'CAIS-token' };
  const ended = { accessKeyId: 'STS.ended', accessKeySecret: 'sts-secret', securityToken: 'CAIS-ended', expires: Date.now() - 1 };
  await withEmulator({ credentials: [KEY, token, ended] }, async (emulator) => {
    const ask = (key: typeof KEY & { securityToken?: string }) => codeOf(naive(emulator, 'DescribeDomains', {}, key));
    assert.equal(await ask(token), 'OK');
    assert.equal(await ask({ accessKeyId: token.accessKeyId, accessKeySecret: token.accessKeySecret }), 'MissingSecurityToken');
    assert.equal(await ask({ ...token, securityToken: 'CAIS-forged' }), 'InvalidSecurityToken.Malformed');
    assert.equal(await ask({ ...token, securityToken: 'CAIS-ended' }), 'InvalidSecurityToken.MismatchWithAccessKey');
    assert.equal(await ask({ ...ended }), 'InvalidSecurityToken.Expired');
    assert.equal(await ask({ ...KEY, securityToken: 'CAIS-token' }), 'InvalidSecurityToken.Malformed');
  });
});

test('trap: a search by RRKeyWord finds records of others, so that a clean-up by it deletes them', async () => {
  await withEmulator({}, async (emulator) => {
    const mine = emulator.plant('example.com', { RR: '_acme-challenge', Type: 'TXT', Value: 'mine' });
    const foreign = emulator.plant('example.com', { RR: '_acme-challenge.www', Type: 'TXT', Value: 'theirs' });
    const fuzzy = recordsIn(await naive(emulator, 'DescribeDomainRecords', { DomainName: 'example.com', RRKeyWord: '_acme-challenge' }));
    assert.deepEqual(
      fuzzy.map(({ RecordId }) => RecordId),
      [mine, foreign],
    );
    const exact = recordsIn(await naive(emulator, 'DescribeSubDomainRecords', { SubDomain: '_acme-challenge.example.com' }));
    assert.deepEqual(
      exact.map(({ RecordId }) => RecordId),
      [mine],
    );
  });
});

test('trap: DeleteSubDomainRecords takes the values of others along', async () => {
  await withEmulator({}, async (emulator) => {
    for (const Value of ['mine', 'of a parallel order']) emulator.plant('example.com', { RR: '_acme-challenge', Type: 'TXT', Value });
    await naive(emulator, 'DeleteSubDomainRecords', { DomainName: 'example.com', RR: '_acme-challenge', Type: 'TXT' });
    assert.deepEqual(emulator.records('example.com'), []);
  });
});

test('trap: the registered domain is not the longest one, and what is written into it is not served', async () => {
  const domains = [{ name: 'example.com.cn' }, { name: 'sub.example.com.cn' }];
  await withEmulator({ domains }, async (emulator) => {
    const split = await naive(emulator, 'GetMainDomainName', { InputString: '_acme-challenge.sub.example.com.cn' });
    assert.deepEqual([split.DomainName, split.RR], ['example.com.cn', '_acme-challenge.sub']);
    await naive(emulator, 'AddDomainRecord', { DomainName: 'example.com.cn', RR: '_acme-challenge.sub', Type: 'TXT', Value: 'lost' });
    assert.deepEqual(await txt(emulator, '_acme-challenge.sub.example.com.cn'), []);
    await naive(emulator, 'AddDomainRecord', { DomainName: 'sub.example.com.cn', RR: '_acme-challenge', Type: 'TXT', Value: 'found' });
    assert.deepEqual(await txt(emulator, '_acme-challenge.sub.example.com.cn'), ['found']);
    const look = (query: Query) =>
      naive(emulator, 'DescribeSubDomainRecords', { SubDomain: '_acme-challenge.sub.example.com.cn', ...query });
    assert.deepEqual(
      recordsIn(await look({})).map(({ Value }) => Value),
      ['lost'],
      'without DomainName the wrong domain is looked into',
    );
    assert.deepEqual(
      recordsIn(await look({ DomainName: 'sub.example.com.cn' })).map(({ Value }) => Value),
      ['found'],
    );
  });
});

test('trap: internationalized domains are shown in U-labels, which no comparison with an A-label finds', async () => {
  await withEmulator({ domains: [{ name: 'xn--bcher-kva.example' }] }, async (emulator) => {
    const body = await naive(emulator, 'DescribeDomains', {});
    const [domain] = (body.Domains as { Domain: Record<string, unknown>[] }).Domain;
    assert.deepEqual([domain?.DomainName, domain?.PunyCode], ['bücher.example', 'xn--bcher-kva.example']);
    assert.equal((await naive(emulator, 'DescribeDomains', { KeyWord: 'xn--bcher' })).TotalCount, 0);
  });
});

test('trap: a list is cut after 20, and no page is longer than the service allows', async () => {
  const domains = Array.from({ length: 130 }, (_, at) => ({ name: `zone-${at}.example` }));
  await withEmulator({ domains }, async (emulator) => {
    const page = async (query: Query) => (await naive(emulator, 'DescribeDomains', query)).Domains as { Domain: unknown[] };
    assert.equal((await page({})).Domain.length, 20);
    assert.equal((await page({ PageSize: 100, PageNumber: 2 })).Domain.length, 30);
    assert.equal((await page({ PageSize: 100, PageNumber: 3 })).Domain.length, 0);
    assert.equal(await codeOf(page({ PageSize: 101 })), 'InvalidParameter');
    assert.equal(await codeOf(page({ PageNumber: 0 })), 'InvalidParameter');
    assert.equal(
      await codeOf(naive(emulator, 'DescribeSubDomainRecords', { SubDomain: 'zone-1.example', PageSize: 101 })),
      'InvalidParameter',
    );
  });
});

test('what stands twice, is not there, belongs to others or is locked is refused with the real codes', async () => {
  const other = { accessKeyId: 'LTAI5tOther', accessKeySecret: 'other', account: '2' };
  const domains = [
    {
      name: 'example.com',
      records: [
        { RR: 'locked', Type: 'TXT', Value: 'v', Locked: true },
        { RR: 'alias', Type: 'CNAME', Value: 'a.example' },
      ],
    },
    { name: 'foreign.example', account: '2' },
  ];
  await withEmulator({ domains, credentials: [KEY, other] }, async (emulator) => {
    const add = (query: Query) =>
      codeOf(naive(emulator, 'AddDomainRecord', { DomainName: 'example.com', RR: 'a', Type: 'TXT', Value: 'v', ...query }));
    const drop = (RecordId: string) => codeOf(naive(emulator, 'DeleteDomainRecord', { RecordId }));
    assert.equal(await add({}), 'OK');
    assert.equal(await add({}), 'DomainRecordDuplicate');
    assert.equal(await add({ Value: 'V' }), 'OK');
    assert.equal(await add({ RR: 'alias' }), 'DomainRecordConflict');
    assert.equal(await add({ TTL: 60 }), 'DomainRecordDuplicate');
    assert.equal(await add({ TTL: 60, Value: 'short' }), 'QuotaExceeded.TTL');
    assert.equal(await add({ TTL: 86_401, Value: 'long' }), 'QuotaExceeded.TTL');
    assert.equal(await add({ DomainName: 'foreign.example' }), 'IncorrectDomainUser');
    assert.equal(await add({ DomainName: 'nowhere.example' }), 'InvalidDomainName.NoExist');
    assert.equal(await add({ DomainName: 'com' }), 'InvalidDomainName.Format');
    assert.equal(await add({ RR: '' }), 'MissingRR');
    assert.equal(await add({ RR: '.leading' }), 'InvalidParameter');
    assert.equal(await drop(emulator.plant('foreign.example', { RR: 'a', Type: 'TXT', Value: 'v' })), 'DomainRecordNotBelongToUser');
    assert.equal(await drop('1'), 'DomainRecordNotBelongToUser');
    const [locked] = emulator.records('example.com');
    assert.equal(await drop(locked?.RecordId ?? ''), 'DomainRecordLocked');
    const [mine] = emulator
      .records('example.com')
      .filter(({ Value }) => Value === 'v')
      .slice(-1);
    assert.equal(await drop(mine?.RecordId ?? ''), 'OK');
    assert.equal(await drop(mine?.RecordId ?? ''), 'DomainRecordNotBelongToUser');
    assert.equal(emulator.records('foreign.example').length, 1);
  });
});

test('a RAM user may do what his policy allows, on the domains that it names', async () => {
  const policy = {
    Statement: [
      { Effect: 'Allow', Action: 'alidns:*', Resource: 'acs:alidns:*:*:domain/example.com' },
      { Effect: 'Deny', Action: ['alidns:Delete*'], Resource: '*' },
    ],
  };
  const domains = [{ name: 'example.com' }, { name: 'other.example' }];
  await withEmulator({ domains, credentials: [{ ...KEY, policy }] }, async (emulator) => {
    const add = (DomainName: string) => codeOf(naive(emulator, 'AddDomainRecord', { DomainName, RR: 'a', Type: 'TXT', Value: 'v' }));
    assert.equal(await add('example.com'), 'OK');
    assert.equal(await add('other.example'), 'Forbidden.RAM');
    assert.equal(await codeOf(naive(emulator, 'DescribeDomains', {})), 'Forbidden.RAM');
    const RecordId = emulator.records('example.com')[0]?.RecordId ?? '';
    assert.equal(await codeOf(naive(emulator, 'DeleteDomainRecord', { RecordId })), 'Forbidden.RAM');
  });
});

test('trap: a client that does not come again is thrown out by the flow control', async () => {
  let time = 0;
  await withEmulator({ throttle: { perSecond: 2, burst: 3, now: () => time } }, async (emulator) => {
    const burst = () => Promise.all(Array.from({ length: 5 }, () => codeOf(naive(emulator, 'DescribeDomains', {}))));
    assert.deepEqual((await burst()).sort(), ['OK', 'OK', 'OK', 'Throttling.User', 'Throttling.User']);
    time += 1_000;
    assert.deepEqual((await burst()).filter((code) => code === 'OK').length, 2);
    assert.deepEqual(emulator.calls(), { DescribeDomains: 10 });
  });
});

test('name servers serve what was written, each after its own lag', async () => {
  let time = 1_000_000;
  const servers = [{ address: '127.0.0.1' }, { address: '127.0.0.2', lag: 5_000 }];
  const emulator = await startAlidnsEmulator({ domains: [{ name: 'example.com' }], credentials: [KEY], dns: { servers }, now: () => time });
  try {
    emulator.plant('example.com', { RR: '@', Type: 'TXT', Value: 'at the apex' });
    const id = emulator.plant('example.com', { RR: '_acme-challenge', Type: 'TXT', Value: 'value' });
    const both = async () => [await txt(emulator, '_acme-challenge.example.com', 0), await txt(emulator, '_acme-challenge.example.com', 1)];
    assert.deepEqual(await both(), [['value'], []]);
    time += 5_000;
    assert.deepEqual(await both(), [['value'], ['value']]);
    assert.deepEqual(await txt(emulator, 'example.com'), ['at the apex']);
    time = Date.now();
    await naive(emulator, 'DeleteDomainRecord', { RecordId: id });
    assert.deepEqual(await both(), [[], ['value']]);
    time += 5_000;
    assert.deepEqual(await both(), [[], []]);
  } finally {
    await emulator.stop();
  }
});

async function txt(emulator: AlidnsEmulator, name: string, server = 0): Promise<string[]> {
  const { Resolver } = await import('node:dns/promises');
  const resolver = new Resolver({ timeout: 2_000 });
  resolver.setServers([emulator.dns.addresses[server] ?? '']);
  try {
    return (await resolver.resolveTxt(name)).map((parts) => parts.join(''));
  } catch (error) {
    if (['ENODATA', 'ENOTFOUND'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}
