/** Who may call: signatures, their age, session tokens and policies. Wrong clients are refused with AWS's codes. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { GetChangeCommand, ListHostedZonesByNameCommand } from '@aws-sdk/client-route-53';
import { createPlainClient, type PlainKey, txtSet } from '../support/route53-client.js';
import { type PolicyDocument, type Route53Emulator, startRoute53Emulator } from './route53/index.js';

const key = { accessKeyId: 'AKIATEST', secretAccessKey: 'secret/of+the=test' };
const session = { accessKeyId: 'ASIATEST', secretAccessKey: 'other', sessionToken: 'token/+=' };
const policed = { accessKeyId: 'AKIAPOLICED', secretAccessKey: 'third' };
const NAME = '_acme-challenge.example.com';

const policy: PolicyDocument = {
  Version: '2012-10-17',
  Statement: [
    { Effect: 'Allow', Action: 'route53:List*', Resource: '*' },
    {
      Effect: 'Allow',
      Action: ['route53:ChangeResourceRecordSets'],
      Resource: 'arn:aws:route53:::hostedzone/Z1',
      Condition: {
        'ForAllValues:StringEquals': {
          'route53:ChangeResourceRecordSetsRecordTypes': 'TXT',
          'route53:ChangeResourceRecordSetsActions': ['CREATE'],
        },
        'ForAllValues:StringLike': { 'route53:ChangeResourceRecordSetsNormalizedRecordNames': ['_acme-challenge.*'] },
      },
    },
    { Effect: 'Deny', Action: 'route53:ListResourceRecordSets', Resource: 'arn:aws:route53:::hostedzone/Z2' },
  ],
};

describe('the Route53 emulator lets in', () => {
  let emulator: Route53Emulator;
  let offset = 0;
  const expires = Date.now() + 3_600_000;
  before(async () => {
    emulator = await startRoute53Emulator({
      zones: [
        { name: 'example.com', id: 'Z1' },
        { name: 'example.net', id: 'Z2' },
      ],
      credentials: [key, { ...session, expires }, { ...policed, policy }],
      now: () => Date.now() + offset,
    });
  });
  after(() => emulator.stop());
  beforeEach(() => {
    offset = 0;
  });

  const list = async (credentials: PlainKey, region?: string): Promise<unknown> => {
    const { client } = createPlainClient(emulator.endpoint, credentials, region);
    return client.send(new ListHostedZonesByNameCommand({ DNSName: 'ex*mple.com' })).finally(() => client.destroy());
  };
  const refusal =
    (name: string, message = /./) =>
    (error: Error) => {
      assert.equal(error.name, name);
      assert.match(error.message, message);
      return true;
    };

  test('a right signature, and one with a session token', async () => {
    await list(key);
    await list(session);
  });

  test('no wrong secret, unknown key, wrong or absent session token, other region', async () => {
    await assert.rejects(list({ ...key, secretAccessKey: 'wrong' }), refusal('SignatureDoesNotMatch'));
    await assert.rejects(list({ ...key, accessKeyId: 'AKIAOTHER' }), refusal('InvalidClientTokenId'));
    await assert.rejects(list({ ...session, sessionToken: 'stale' }), refusal('InvalidClientTokenId'));
    await assert.rejects(
      list({ accessKeyId: session.accessKeyId, secretAccessKey: session.secretAccessKey }),
      refusal('InvalidClientTokenId'),
    );
    await assert.rejects(list(key, 'eu-central-1'), refusal('SignatureDoesNotMatch', /valid region/));
  });

  test('no session token after its end', async () => {
    offset = 3_600_001;
    const { client } = createPlainClient(emulator.endpoint, session);
    // The client's clock goes with the service's: only the token is too old.
    client.config.systemClockOffset = offset;
    await assert.rejects(client.send(new ListHostedZonesByNameCommand({})), refusal('ExpiredToken'));
    client.destroy();
  });

  test('no request older or newer than five minutes', async () => {
    offset = 299_000;
    await list(key);
    for (offset of [302_000, -302_000]) await assert.rejects(list(key), refusal('RequestExpired', /within 300 secs/));
  });

  test('no request that is not signed, or signed in part', async () => {
    const url = `${emulator.endpoint}/2013-04-01/hostedzonesbyname`;
    const unsigned = await fetch(url);
    assert.equal(unsigned.status, 403);
    assert.match(await unsigned.text(), /<Code>MissingAuthenticationToken<\/Code>/);
    const broken = await fetch(url, { headers: { Authorization: 'AWS4-HMAC-SHA256 Credential=x' } });
    assert.match(await broken.text(), /<Code>IncompleteSignature<\/Code>/);
  });

  test('no request whose path, query, body or signed header was changed on its way', async () => {
    const { client, send } = createPlainClient(emulator.endpoint, key);
    let tamper: (request: { path: string; query: Record<string, unknown>; body?: unknown; headers: Record<string, string> }) => void = () =>
      undefined;
    client.middlewareStack.add(
      (next) => (args) => {
        tamper(args.request as Parameters<typeof tamper>[0]);
        return next(args);
      },
      // After signing.
      { step: 'finalizeRequest', priority: 'low', name: 'tamper' },
    );
    const call = (): Promise<unknown> => client.send(new ListHostedZonesByNameCommand({ DNSName: 'example.com' }));
    await call();
    tamper = (request) => {
      request.query.dnsname = 'example.org';
    };
    await assert.rejects(call(), refusal('SignatureDoesNotMatch'));
    tamper = (request) => {
      request.headers['x-amz-user-agent'] = 'other';
    };
    await assert.rejects(call(), refusal('SignatureDoesNotMatch'));
    tamper = (request) => {
      request.headers['x-amz-security-token'] = 'unsigned';
    };
    await assert.rejects(call(), refusal('InvalidClientTokenId'));
    tamper = (request) => {
      request.body = String(request.body).replace('mine', 'evil');
    };
    const set = txtSet(NAME, ['"mine"']);
    await assert.rejects(send('Z1', { Action: 'CREATE', ResourceRecordSet: set }), refusal('XAmzContentSHA256Mismatch'));
    client.destroy();
  });

  test('no action, zone, name, type or kind of change that the policy does not allow', async () => {
    const { client, send, sets } = createPlainClient(emulator.endpoint, policed);
    await client.send(new ListHostedZonesByNameCommand({}));
    await sets('Z1');
    await send('Z1', { Action: 'CREATE', ResourceRecordSet: txtSet(NAME, ['"x"']) });
    const denied = (action: string, resource: string) =>
      refusal(
        'AccessDenied',
        new RegExp(`user/akiapoliced is not authorized to perform: route53:${action} on resource: arn:aws:route53:::${resource} because`),
      );
    await assert.rejects(sets('Z2'), denied('ListResourceRecordSets', 'hostedzone/Z2'));
    await assert.rejects(client.send(new GetChangeCommand({ Id: 'C1' })), denied('GetChange', 'change/C1'));
    const change = (zone: string, Action: 'CREATE' | 'DELETE', set: ReturnType<typeof txtSet>): Promise<unknown> =>
      assert.rejects(send(zone, { Action, ResourceRecordSet: set }), denied('ChangeResourceRecordSets', `hostedzone/${zone}`));
    await change('Z2', 'CREATE', txtSet('_acme-challenge.example.net', ['"x"']));
    await change('Z1', 'DELETE', txtSet(NAME, ['"x"']));
    await change('Z1', 'CREATE', txtSet('www.example.com', ['"x"']));
    await change('Z1', 'CREATE', { ...txtSet(NAME, ['192.0.2.1']), Type: 'A' });
    client.destroy();
  });
});
