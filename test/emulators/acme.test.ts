/** Each rule of the ACME emulator that a wrong client trips over, shown to trip one that signs by itself and bends what it sends. */
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, type KeyObject, sign, X509Certificate } from 'node:crypto';
import { beforeEach, describe, test } from 'node:test';
import { isTscertError } from '../../src/base/errors.js';
import { type GeneralName, parseName } from '../../src/base/names.js';
import { type CsrSpec, createCsr } from '../../src/pki/csr.js';
import { createVirtualClock, type VirtualClock } from '../support/clock.js';
import { type Answered, type Bend, createJwsClient, type JwsClient, newKey, publicJwk } from '../support/jws-client.js';
import { type IssuedCertificate, immediately, usualWindow } from './acme/certificates.js';
import { type AcmeEmulator, type AcmeEmulatorOptions, createAcmeEmulator, createNetwork } from './acme/index.js';

const [SECOND, MINUTE, HOUR, DAY] = [1_000, 60_000, 3_600_000, 86_400_000];

let clock: VirtualClock;
let ca: AcmeEmulator;
let client: JwsClient;
let urls: Readonly<Record<string, string>>;
/** What the server's resolver sees; an Error is thrown. */
let dns: Map<string, readonly string[] | Error>;

async function start(options: Partial<AcmeEmulatorOptions> = {}): Promise<void> {
  clock = createVirtualClock();
  dns = new Map();
  ca = createAcmeEmulator({
    clock,
    random: () => 0.5,
    txt: (name) => {
      const values = dns.get(name) ?? [];
      if (values instanceof Error) throw values;
      return values;
    },
    ...options,
  });
  client = createJwsClient(ca.connect(), ca.directory);
  urls = await client.urls();
  await register(client);
}

async function register(one: JwsClient): Promise<void> {
  const answer = await one.post(urls.newAccount ?? '', { termsOfServiceAgreed: true });
  assert.equal(answer.status, 201, answer.text);
  one.kid = answer.headers.location;
}

async function stranger(address = '192.0.2.1'): Promise<JwsClient> {
  const other = createJwsClient(ca.connect(address), ca.directory);
  await register(other);
  return other;
}

function refused(answer: Answered, status: number, problem: string, detail: RegExp): void {
  assert.deepEqual([answer.status, answer.problem], [status, problem], answer.text);
  assert.match(String(answer.json.detail), detail);
  assert.equal(answer.json.status, status);
}

const text = (value: unknown): string => String(value);
const first = (value: unknown): string => text((value as unknown[])[0]);
const identifiers = (names: readonly string[]) => names.map((value) => ({ type: 'dns', value }));
const order = (names: readonly string[], more: object = {}, by = client): Promise<Answered> =>
  by.post(urls.newOrder ?? '', { identifiers: identifiers(names), ...more });

function csrFor(
  names: readonly (string | GeneralName)[],
  { key = newKey(), ...more }: Partial<CsrSpec> & { key?: KeyObject } = {},
): string {
  const spec = { names: names.map((name) => (typeof name === 'string' ? parseName(name) : name)), ...more };
  return createCsr(spec, key).der.toString('base64url');
}

/** Puts what a challenge wants into the zone. */
async function present(authorization: string, by = client): Promise<string> {
  const { json } = await by.post(authorization, null);
  const [challenge] = json.challenges as { url: string; token: string }[];
  const jwk = publicJwk(by.key);
  const thumbprint = createHash('sha256')
    .update(JSON.stringify({ crv: jwk.crv, kty: jwk.kty, x: jwk.x, y: jwk.y }))
    .digest('base64url');
  const digest = createHash('sha256').update(`${challenge?.token}.${thumbprint}`).digest('base64url');
  const name = `_acme-challenge.${(json.identifier as { value: string }).value}`;
  const standing = dns.get(name) ?? [];
  dns.set(name, [...(standing instanceof Error ? [] : standing), digest]);
  return challenge?.url ?? '';
}

async function prove(made: Answered, by = client): Promise<void> {
  for (const authorization of made.json.authorizations as string[]) {
    const { json } = await by.post(authorization, null);
    if (json.status === 'valid') continue;
    assert.equal((await by.post(await present(authorization, by), {})).status, 200);
  }
  await clock.advance(0);
}

/** From an order to its certificate. */
async function issue(names: readonly string[], more: object = {}, by = client): Promise<IssuedCertificate> {
  const made = await order(names, more, by);
  assert.equal(made.status, 201, made.text);
  await prove(made, by);
  const sent = await by.post(text(made.json.finalize), { csr: csrFor(names) });
  assert.equal(sent.json.status, 'valid', sent.text);
  const issued = ca.ledger.findLast((entry) => entry.kind === 'issued');
  assert.ok(issued?.kind === 'issued');
  return issued.certificate;
}

/** Lets a validation of this name fail. */
async function fail(name: string, by = client): Promise<Answered> {
  const made = await order([name], {}, by);
  if (made.status !== 201) return made;
  const { json } = await by.post(first(made.json.authorizations), null);
  await by.post((json.challenges as { url: string }[])[0]?.url ?? '', {});
  await clock.advance(0);
  return by.post(text(made.headers.location), null);
}

beforeEach(() => start());

describe('signed requests', () => {
  const other = newKey();
  const der = (signed: Buffer, key: KeyObject): Buffer => sign('sha256', signed, key);
  const rsa1024 = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
  const jwk = (key: KeyObject): Bend => ({ header: { kid: undefined, jwk: publicJwk(key) } });
  const cases: Readonly<Record<string, readonly [bend: Bend, status: number, problem: string, detail: RegExp]>> = {
    'no content type': [{ http: { 'content-type': undefined } }, 400, 'malformed', /No Content-Type header on POST/],
    'plain JSON': [{ http: { 'content-type': 'application/json' } }, 400, 'malformed', /Invalid Content-Type header on POST/],
    'a nonce beside the JWS': [{ http: { 'replay-nonce': 'x' } }, 400, 'malformed', /should NOT contain Replay-Nonce/],
    'no JSON': [{ body: 'protected=x' }, 400, 'malformed', /Parse error reading JWS/],
    'no JWS': [{ body: '[]' }, 400, 'malformed', /Parse error reading JWS/],
    'an unprotected header': [{ jws: { header: { kid: 'x' } } }, 400, 'malformed', /"header" field not allowed/],
    'several signatures': [{ jws: { signatures: [] } }, 400, 'malformed', /"signatures" field not allowed/],
    'no signature': [{ jws: { signature: undefined } }, 400, 'malformed', /Parse error reading JWS/],
    'an empty signature': [{ jws: { signature: '' } }, 400, 'malformed', /POST JWS not signed/],
    'base64 with padding': [{ jws: { payload: 'e30=' } }, 400, 'malformed', /Parse error reading JWS/],
    'a critical extension': [{ header: { crit: ['b64'], b64: false } }, 400, 'malformed', /Parse error reading JWS/],
    'the algorithm none': [{ header: { alg: 'none' } }, 400, 'badSignatureAlgorithm', /unsupported algorithm "none"/],
    'a MAC': [{ header: { alg: 'HS256' } }, 400, 'badSignatureAlgorithm', /unsupported algorithm "HS256"/],
    'the algorithm of another curve': [{ header: { alg: 'ES384' } }, 400, 'malformed', /does not match expected algorithm "ES256"/],
    'a signature of another key': [
      { signature: (signed) => sign('sha256', signed, { key: other, dsaEncoding: 'ieee-p1363' }) },
      400,
      'malformed',
      /verification error/,
    ],
    'a signature in DER': [{ signature: der }, 400, 'malformed', /JWS verification error/],
    'another payload than the one signed': [{ jws: { payload: 'e30' } }, 400, 'malformed', /JWS verification error/],
    'no nonce': [{ header: { nonce: undefined } }, 400, 'badNonce', /invalid anti-replay nonce/],
    'a nonce of its own': [{ header: { nonce: 'abc' } }, 400, 'badNonce', /invalid anti-replay nonce/],
    'no URL': [{ header: { url: undefined } }, 400, 'malformed', /parameter 'url' required/],
    'another URL': [{ header: { url: 'https://ca.test/acme/new-order?' } }, 400, 'malformed', /'url' incorrect/],
    'neither key nor account': [{ header: { kid: undefined } }, 400, 'malformed', /No Key ID in JWS header/],
    'key and account': [{ header: { jwk: publicJwk(other) } }, 400, 'malformed', /mutually exclusive/],
    'a key instead of the account': [jwk(other), 400, 'malformed', /No Key ID in JWS header/],
    'an account of another server': [{ header: { kid: 'https://other.test/acme/acct/1' } }, 400, 'malformed', /invalid account URL/],
    'an account that is no number': [{ header: { kid: 'https://ca.test/acme/acct/x' } }, 400, 'malformed', /Malformed account ID/],
    'an account that is not there': [{ header: { kid: 'https://ca.test/acme/acct/9' } }, 400, 'accountDoesNotExist', /not found/],
    'a body without end': [{ body: JSON.stringify({ protected: 'a'.repeat(50_000) }) }, 403, 'unauthorized', /too large/],
  };
  for (const [what, [bend, status, problem, detail]] of Object.entries(cases)) {
    test(`${what} is refused`, async () => {
      refused(await client.post(urls.newOrder ?? '', { identifiers: identifiers(['a.test']) }, bend), status, problem, detail);
      assert.ok(!ca.ledger.some(({ kind }) => kind === 'order'));
    });
  }

  test('a payload that is no JSON object is refused, and one where none belongs', async () => {
    refused(await client.post(urls.newOrder ?? '', 'nothing'), 400, 'malformed', /did not parse as JSON/);
    refused(await client.post(urls.newOrder ?? '', '[]'), 400, 'malformed', /did not parse as JSON/);
    refused(await client.post(urls.newOrder ?? '', null), 400, 'malformed', /Error unmarshaling JSON/);
    const made = await order(['a.test']);
    refused(await client.post(text(made.headers.location), {}), 400, 'malformed', /must have an empty payload/);
  });

  test('nothing of an account is read without a signature', async () => {
    const made = await order(['a.test']);
    for (const url of [made.headers.location, first(made.json.authorizations), client.kid]) {
      refused(await client.get(text(url)), 405, 'malformed', /Method not allowed/);
    }
    refused(await client.get('https://ca.test/nowhere'), 404, 'malformed', /not found/);
  });

  test('a nonce is good once; a refusal brings the next one', async () => {
    const nonce = await client.nonce();
    assert.equal((await order(['a.test'], {})).status, 201);
    const post = (header: Record<string, unknown>): Promise<Answered> =>
      client.post(urls.newOrder ?? '', { identifiers: identifiers(['b.test']) }, { header });
    assert.equal((await post({ nonce })).status, 201);
    const again = await post({ nonce });
    refused(again, 400, 'badNonce', /invalid anti-replay nonce/);
    assert.equal((await post({ nonce: again.headers['replay-nonce'] })).status, 201);
  });

  test('a new account is signed by its own key, public, P-256 or P-384, RSA of 2048 bits or more', async () => {
    const make = (key: KeyObject, bend: Bend = {}): Promise<Answered> =>
      createJwsClient(ca.connect(), ca.directory, key).post(urls.newAccount ?? '', { termsOfServiceAgreed: true }, bend);
    const key = newKey();
    refused(await make(key, { header: { jwk: undefined, kid: client.kid } }), 400, 'malformed', /No embedded JWK/);
    refused(await make(key, { header: { jwk: key.export({ format: 'jwk' }) } }), 400, 'malformed', /Invalid JWK/);
    refused(await make(key, { header: { jwk: { ...publicJwk(key), x: 'AAAA' } } }), 400, 'malformed', /Invalid JWK/);
    const es512 = (signed: Buffer, own: KeyObject): Buffer => sign('sha512', signed, { key: own, dsaEncoding: 'ieee-p1363' });
    refused(await make(newKey('P-521'), { header: { alg: 'ES512' }, signature: es512 }), 400, 'badPublicKey', /not taken/);
    const rs256 = (signed: Buffer, own: KeyObject): Buffer => sign('sha256', signed, own);
    refused(await make(rsa1024, { header: { alg: 'RS256' }, signature: rs256 }), 400, 'badPublicKey', /not taken/);
    const es384 = (signed: Buffer, own: KeyObject): Buffer => sign('sha384', signed, { key: own, dsaEncoding: 'ieee-p1363' });
    assert.equal((await make(newKey('P-384'), { header: { alg: 'ES384' }, signature: es384 })).status, 201);
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    assert.equal((await make(rsa, { header: { alg: 'RS256' }, signature: rs256 })).status, 201);
  });
});

describe('accounts', () => {
  const make = (payload: object, key = newKey()): Promise<Answered> =>
    createJwsClient(ca.connect(), ca.directory, key).post(urls.newAccount ?? '', payload);

  test('need agreement and plain contacts, and are found again by their key', async () => {
    refused(await make({}), 400, 'malformed', /must agree to terms of service/);
    refused(await make({ onlyReturnExisting: true }), 400, 'accountDoesNotExist', /No account exists with the provided key/);
    const agreed = { termsOfServiceAgreed: true };
    refused(await make({ ...agreed, contact: 'mailto:a@a.test' }), 400, 'malformed', /unmarshaling/);
    refused(await make({ ...agreed, contact: ['tel:1'] }), 400, 'unsupportedContact', /mailto/);
    refused(await make({ ...agreed, contact: ['mailto:a@a.test?subject=x'] }), 400, 'invalidContact', /unparsable/);
    const known = await make({ onlyReturnExisting: true }, client.key);
    assert.deepEqual([known.status, known.headers.location], [200, client.kid]);
  });

  test('change their contact and end; nobody else may', async () => {
    const other = await stranger();
    const own = text(client.kid);
    refused(await other.post(own, null), 403, 'unauthorized', /did not match account key/);
    refused(await client.post(own, { status: 'revoked' }), 400, 'malformed', /invalid status "revoked"/);
    assert.deepEqual((await client.post(own, { contact: ['mailto:b@a.test'] })).json.contact, ['mailto:b@a.test']);
    assert.equal((await client.post(own, { status: 'deactivated' })).json.status, 'deactivated');
    refused(await client.post(own, null), 403, 'unauthorized', /not valid, has status "deactivated"/);
    refused(await make({ termsOfServiceAgreed: true }, client.key), 403, 'unauthorized', /exists but is deactivated/);
  });

  test('get another key only by both keys', async () => {
    const url = urls.keyChange ?? '';
    const next = newKey();
    const nextClient = createJwsClient(ca.connect(), ca.directory, next);
    const payload = { account: client.kid, oldKey: publicJwk(client.key) };
    const inner = (bend: Bend = {}, content: object = payload) =>
      nextClient.sign(url, content, { ...bend, header: { nonce: undefined, ...bend.header } });
    refused(await client.post(url, await inner({ header: { kid: client.kid, jwk: undefined } })), 400, 'malformed', /No embedded JWK/);
    refused(await client.post(url, await inner({ header: { nonce: 'x' } })), 400, 'malformed', /must not have a nonce/);
    refused(await client.post(url, await inner({ header: { url: client.kid } })), 400, 'malformed', /does not match inner JWS 'url'/);
    refused(await client.post(url, await inner({ jws: { payload: 'e30' } })), 400, 'malformed', /does not verify/);
    refused(
      await client.post(url, await inner({}, { ...payload, account: 'https://ca.test/acme/acct/7' })),
      400,
      'malformed',
      /specified Account/,
    );
    refused(await client.post(url, await inner({}, { ...payload, oldKey: publicJwk(next) })), 400, 'malformed', /old key field/);
    const other = await stranger();
    const taken = await other.sign(url, payload, { header: { nonce: undefined, kid: undefined, jwk: publicJwk(other.key) } });
    refused(await client.post(url, taken), 409, 'conflict', /already in use/);
    assert.equal((await client.post(url, await inner())).status, 200);
    refused(await client.post(text(client.kid), null), 400, 'malformed', /JWS verification error/);
    nextClient.kid = client.kid;
    assert.equal((await nextClient.post(text(client.kid), null)).status, 200);
  });
});

describe('orders', () => {
  test('are for well-formed DNS names, under a known profile, without dates', async () => {
    const cases: readonly (readonly [payload: object, problem: string, detail: RegExp])[] = [
      [{}, 'malformed', /did not specify any identifiers/],
      [{ identifiers: [] }, 'malformed', /did not specify any identifiers/],
      [{ identifiers: [{ type: 'ip', value: '192.0.2.1' }] }, 'unsupportedIdentifier', /unsupported identifier: type "ip"/],
      [{ identifiers: identifiers(['']) }, 'malformed', /empty identifier/],
      [{ identifiers: identifiers(['192.0.2.1']) }, 'rejectedIdentifier', /value is an IP address/],
      [{ identifiers: identifiers(['test']) }, 'rejectedIdentifier', /at least one dot/],
      [{ identifiers: identifiers(['a.test.']) }, 'rejectedIdentifier', /ends in a dot/],
      [{ identifiers: identifiers(['a..test']) }, 'rejectedIdentifier', /two dots in a row/],
      [{ identifiers: identifiers(['a_b.test']) }, 'rejectedIdentifier', /invalid character/],
      [{ identifiers: identifiers(['bücher.test']) }, 'rejectedIdentifier', /invalid character/],
      [{ identifiers: identifiers(['a.*.test']) }, 'rejectedIdentifier', /invalid wildcard/],
      [{ identifiers: identifiers(['a*.a.test']) }, 'rejectedIdentifier', /invalid wildcard/],
      [{ identifiers: identifiers(['*.test']) }, 'rejectedIdentifier', /wildcard for an ICANN TLD/],
      [{ identifiers: identifiers([`${'a'.repeat(64)}.test`]) }, 'rejectedIdentifier', /longer than 63 bytes/],
      [{ identifiers: identifiers([`${'a.'.repeat(10)}test`]) }, 'rejectedIdentifier', /more than 10 labels/],
      [{ identifiers: identifiers([`${`${'a'.repeat(60)}.`.repeat(5)}test`]) }, 'rejectedIdentifier', /longer than 253 bytes/],
      [{ identifiers: identifiers(['www.a.test', '*.a.test']) }, 'malformed', /redundant with a wildcard/],
      [{ identifiers: identifiers(['a.test']), notAfter: '2027-01-01T00:00:00Z' }, 'malformed', /not supported/],
      [{ identifiers: identifiers(['a.test']), profile: 'tlsclient' }, 'invalidProfile', /not recognized/],
      [
        { identifiers: identifiers(Array.from({ length: 26 }, (_, at) => `n${at}.a.test`)), profile: 'shortlived' },
        'malformed',
        /more than 25/,
      ],
    ];
    for (const [payload, problem, detail] of cases) refused(await client.post(urls.newOrder ?? '', payload), 400, problem, detail);
    assert.ok(!ca.ledger.some(({ kind }) => kind === 'order'));
  });

  test('go from pending over ready and processing to valid, and each step only then', async () => {
    await start({ validationDelay: () => 2 * SECOND, issuanceDelay: () => 4 * SECOND });
    const made = await order(['*.a.test', 'A.test', 'a.test']);
    const [url, finalize] = [text(made.headers.location), text(made.json.finalize)];
    assert.deepEqual(made.json.identifiers, identifiers(['*.a.test', 'a.test']), 'in lower case, sorted, once');
    const status = async (): Promise<unknown> => (await client.post(url, null)).json.status;
    assert.equal(await status(), 'pending');
    const csr = csrFor(['*.a.test', 'a.test']);
    refused(await client.post(finalize, { csr }), 403, 'orderNotReady', /\("pending"\)/);
    const [wild, plain] = made.json.authorizations as [string, string];
    assert.equal((await client.post(wild, null)).json.wildcard, true);
    assert.deepEqual((await client.post(wild, null)).json.identifier, { type: 'dns', value: 'a.test' });
    for (const one of [wild, plain]) {
      const challenge = await present(one);
      assert.equal((await client.post(challenge, null)).json.status, 'pending', 'a POST-as-GET starts nothing');
      assert.equal((await client.post(challenge, {})).json.status, 'processing');
      assert.equal((await client.post(challenge, {})).json.status, 'processing', 'a second response is no second validation');
    }
    await clock.advance(2 * SECOND - 1);
    assert.equal(await status(), 'pending');
    await clock.advance(1);
    assert.equal(await status(), 'ready');
    assert.equal(ca.ledger.filter(({ kind }) => kind === 'validation').length, 2);
    assert.equal((await client.post((await present(plain)) ?? '', {})).json.status, 'valid', 'a response to what is valid changes nothing');
    const sent = await client.post(finalize, { csr });
    assert.deepEqual([sent.status, sent.json.status, sent.headers['retry-after']], [200, 'processing', '3']);
    refused(await client.post(finalize, { csr }), 403, 'orderNotReady', /\("processing"\)/);
    await clock.advance(4 * SECOND);
    assert.equal(await status(), 'valid');
    refused(await client.post(finalize, { csr }), 403, 'orderNotReady', /\("valid"\)/);
  });

  test('are of their account alone', async () => {
    const other = await stranger();
    const made = await order(['a.test']);
    const [authorization, id] = [first(made.json.authorizations), text(made.headers.location).split('/').at(-1)];
    const challenge = await present(authorization);
    refused(await other.post(text(made.headers.location), null), 404, 'malformed', /No order found for account ID 1/);
    refused(await other.post(`https://ca.test/acme/order/2/${id}`, null), 404, 'malformed', /No order for ID/);
    refused(await other.post(text(made.json.finalize), { csr: csrFor(['a.test']) }), 400, 'malformed', /Mismatched account ID/);
    refused(await other.post(authorization, null), 403, 'unauthorized', /doesn't match/);
    refused(await other.post(challenge, {}), 403, 'unauthorized', /doesn't match/);
    refused(await client.post('https://ca.test/acme/order/1/77', null), 404, 'malformed', /No order/);
    refused(await client.post('https://ca.test/acme/authz/1/77', null), 404, 'malformed', /No such authorization/);
    refused(await client.post('https://ca.test/acme/chall/1/1/abc', {}), 404, 'malformed', /No such challenge/);
  });

  test('expire with the first of their authorizations: an hour for the profiles of 45 and 6 days, a week for the classic one', async () => {
    for (const [profile, limit] of [
      ['tlsserver', HOUR],
      ['shortlived', HOUR],
      ['classic', 7 * DAY],
    ] as const) {
      const made = await order([`${profile}.test`], { profile });
      const authorization = first(made.json.authorizations);
      const challenge = await present(authorization);
      await clock.advance(limit);
      assert.equal((await client.post(text(made.headers.location), null)).json.status, 'pending');
      await clock.advance(SECOND);
      assert.equal((await client.post(text(made.headers.location), null)).json.status, 'invalid');
      refused(await client.post(authorization, null), 404, 'malformed', /Expired authorization/);
      refused(await client.post(challenge, {}), 404, 'malformed', /Expired authorization/);
      refused(await client.post(text(made.json.finalize), { csr: csrFor(['x.test']) }), 403, 'orderNotReady', /invalid/);
    }
  });

  test('stand until they are decided: the same names get the same order, unless the profile is another', async () => {
    const one = await order(['a.test', 'b.test']);
    assert.equal((await order(['b.test', 'a.test'])).headers.location, one.headers.location);
    assert.notEqual((await order(['a.test', 'b.test'], { profile: 'tlsserver' })).headers.location, one.headers.location);
    const other = await stranger();
    assert.notEqual((await order(['a.test', 'b.test'], {}, other)).headers.location, one.headers.location);
    await fail('c.test');
    const failed = ca.ledger.findLast((entry) => entry.kind === 'order');
    assert.notEqual((await order(['c.test'])).headers.location, `https://ca.test/acme/order/1/${failed?.kind === 'order' && failed.order}`);
  });

  test('prove each name anew, unless valid authorizations are handed out again', async () => {
    await issue(['a.test'], { profile: 'tlsserver' });
    assert.equal((await order(['a.test'], { profile: 'tlsserver' })).json.status, 'pending');
    await start({ reuse: true });
    await issue(['a.test'], { profile: 'tlsserver' });
    assert.equal((await order(['a.test'])).json.status, 'pending', 'not those of another profile');
    const again = await order(['a.test'], { profile: 'tlsserver' });
    assert.equal(again.json.status, 'ready');
    await client.post(text(again.json.finalize), { csr: csrFor(['a.test']) });
    await clock.advance(6 * HOUR + SECOND);
    assert.equal((await order(['a.test'], { profile: 'tlsserver' })).json.status, 'pending', 'an hour before they expire');
  });
});

describe('validations', () => {
  const failure = async (name: string): Promise<readonly [unknown, unknown, unknown]> => {
    const made = await order([name]);
    const authorization = first(made.json.authorizations);
    const { json } = await client.post(authorization, null);
    await client.post((json.challenges as { url: string }[])[0]?.url ?? '', {});
    await clock.advance(0);
    const after = (await client.post(authorization, null)).json;
    const [challenge] = after.challenges as { url: string; status: string; error: { type: string; detail: string } }[];
    assert.deepEqual([after.status, challenge?.status], ['invalid', 'invalid']);
    refused(await client.post(challenge?.url ?? '', {}), 400, 'malformed', /authorization must be pending/);
    refused(await client.post(text(made.json.finalize), { csr: csrFor([name]) }), 403, 'orderNotReady', /\("invalid"\)/);
    return [(await client.post(text(made.headers.location), null)).json.status, challenge?.error.type, challenge?.error.detail];
  };
  const type = (name: string): string => `urn:ietf:params:acme:error:${name}`;

  test('fail without the record, with a wrong one, and when DNS does not answer', async () => {
    assert.deepEqual(await failure('none.test'), ['invalid', type('unauthorized'), 'No TXT record found at _acme-challenge.none.test']);
    dns.set('_acme-challenge.wrong.test', ['wrong', 'more']);
    const wrong = 'Incorrect TXT record "wrong" (and 1 more) found at _acme-challenge.wrong.test';
    assert.deepEqual(await failure('wrong.test'), ['invalid', type('unauthorized'), wrong]);
    dns.set('_acme-challenge.mute.test', new Error('SERVFAIL'));
    assert.deepEqual(await failure('mute.test'), [
      'invalid',
      type('dns'),
      'DNS problem: SERVFAIL looking up TXT for _acme-challenge.mute.test',
    ]);
  });

  test('look when their time has come, not before', async () => {
    await start({ validationDelay: () => MINUTE });
    const made = await order(['a.test']);
    await client.post(await present(first(made.json.authorizations)), {});
    dns.clear();
    await clock.advance(MINUTE);
    assert.equal((await client.post(text(made.headers.location), null)).json.status, 'invalid');
  });

  test('an authorization that is given back makes its order invalid, and nothing is validated any more', async () => {
    await start({ validationDelay: () => MINUTE });
    const made = await order(['a.test']);
    const authorization = first(made.json.authorizations);
    refused(await client.post(authorization, { status: 'valid' }), 400, 'malformed', /Invalid status value/);
    await client.post(await present(authorization), {});
    assert.equal((await client.post(authorization, { status: 'deactivated' })).json.status, 'deactivated');
    await clock.advance(MINUTE);
    assert.equal((await client.post(text(made.headers.location), null)).json.status, 'invalid');
    assert.ok(!ca.ledger.some(({ kind }) => kind === 'validation'));
  });
});

describe('certificates', () => {
  test('are for the CSR that names what was ordered, signed by a key that CAs take', async () => {
    const made = await order(['a.test', 'b.test']);
    await prove(made);
    const names = ['a.test', 'b.test'];
    const send = (csr: unknown): Promise<Answered> => client.post(text(made.json.finalize), { csr });
    refused(await send(undefined), 400, 'malformed', /unmarshaling finalize/);
    refused(await send('+/+/'), 400, 'malformed', /unmarshaling finalize/);
    refused(await send('AAAA'), 400, 'malformed', /parsing certificate request/);
    refused(await send(csrFor(['a.test'])), 403, 'unauthorized', /does not specify same identifiers/);
    refused(await send(csrFor([...names, 'c.test'])), 403, 'unauthorized', /does not specify same identifiers/);
    refused(await send(csrFor(names, { commonName: 'c.test' })), 403, 'unauthorized', /does not specify same identifiers/);
    refused(await send(csrFor([])), 400, 'badCSR', /at least one identifier/);
    refused(await send(csrFor([...names, { type: 'ip', value: '192.0.2.1' }])), 400, 'badCSR', /names of other kinds/);
    refused(await send(csrFor(names, { mustStaple: true })), 403, 'unauthorized', /must-staple/);
    refused(await send(csrFor(names, { key: client.key })), 400, 'malformed', /must be different than account key/);
    refused(await send(csrFor(names, { key: generateKeyPairSync('ed25519').privateKey })), 400, 'badCSR', /unsupported key type/);
    refused(await send(csrFor(names, { key: newKey('P-521') })), 400, 'badCSR', /unsupported key type/);
    const bent = Buffer.from(csrFor(names), 'base64url');
    bent.writeUInt8((bent.at(-1) ?? 0) ^ 1, bent.length - 1);
    refused(await send(bent.toString('base64url')), 400, 'badCSR', /invalid signature/);
    assert.equal((await send(csrFor(names, { commonName: 'a.test' }))).json.status, 'valid');
  });

  test('end in the root, live as long as their profile says, and are handed to their account alone', async () => {
    const other = await stranger();
    for (const [profile, hours] of [
      ['classic', 2_160],
      ['tlsserver', 1_080],
      ['shortlived', 160],
    ] as const) {
      const issued = await issue(['a.test', '*.a.test'], { profile });
      const url = `https://ca.test/acme/cert/${issued.serial}`;
      const answer = await client.post(url, null);
      assert.equal(answer.headers['content-type'], 'application/pem-certificate-chain');
      const [leaf, intermediate] = answer.text.split(/(?<=-----END CERTIFICATE-----\n)/).map((pem) => new X509Certificate(pem));
      const root = new X509Certificate(ca.root);
      assert.ok(leaf !== undefined && intermediate !== undefined);
      assert.ok(leaf.checkIssued(intermediate) && leaf.verify(intermediate.publicKey) && intermediate.verify(root.publicKey));
      assert.equal(leaf.subjectAltName, 'DNS:*.a.test, DNS:a.test');
      assert.equal(Date.parse(leaf.validTo) + SECOND - Date.parse(leaf.validFrom), hours * HOUR);
      assert.equal(Date.parse(leaf.validFrom), clock.now() - HOUR);
      refused(await other.post(url, null), 403, 'unauthorized', /did not issue specified certificate/);
    }
    refused(await client.post('https://ca.test/acme/cert/03ab', null), 404, 'malformed', /Certificate not found/);
  });

  test('are revoked by their account or their key, once, for a reason that Let’s Encrypt takes', async () => {
    const key = newKey();
    const names = ['a.test'];
    const made = await order(names);
    await prove(made);
    await client.post(text(made.json.finalize), { csr: csrFor(names, { key }) });
    const entry = ca.ledger.findLast((one) => one.kind === 'issued');
    assert.ok(entry?.kind === 'issued');
    const certificate = entry.certificate.der.toString('base64url');
    const revoke = (by: JwsClient, payload: object): Promise<Answered> => by.post(urls.revokeCert ?? '', payload);
    refused(await revoke(client, {}), 400, 'malformed', /parse revoke request/);
    refused(await revoke(client, { certificate: 'AAAA' }), 404, 'malformed', /No such certificate/);
    refused(await revoke(client, { certificate, reason: 2 }), 400, 'badRevocationReason', /disallowed revocation reason: 2/);
    refused(await revoke(await stranger(), { certificate }), 403, 'unauthorized', /does not control/);
    const keyed = (one: KeyObject): JwsClient => createJwsClient(ca.connect(), ca.directory, one);
    refused(await revoke(keyed(newKey()), { certificate }), 403, 'unauthorized', /does not control/);
    assert.equal((await revoke(keyed(key), { certificate, reason: 1 })).status, 200);
    refused(await revoke(client, { certificate }), 400, 'alreadyRevoked', /already revoked/);
    const { json } = await client.get(`${urls.renewalInfo}/${entry.certificate.id}`);
    assert.equal(Date.parse(text((json.suggestedWindow as { end: string }).end)), clock.now() - HOUR / 2);
    const second = await issue(['b.test']);
    await clock.advance(91 * DAY);
    refused(await revoke(client, { certificate: second.der.toString('base64url') }), 403, 'unauthorized', /expired/);
  });
});

describe('renewal information', () => {
  test('is two hundredths of the lifetime around two thirds of it, or around half of six days', () => {
    const window = (lifetime: number): number[] => {
      const { start, end } = usualWindow({ notBefore: 0, notAfter: lifetime - SECOND });
      return [start, end].map((one) => Math.round((one / lifetime) * 1_000) / 1_000);
    };
    assert.deepEqual(window(90 * DAY), [0.657, 0.677]);
    assert.deepEqual(window(45 * DAY), [0.657, 0.677]);
    assert.deepEqual(window(160 * HOUR), [0.49, 0.51]);
  });

  test('is read by the certificate id, without a signature, and again after some six hours', async () => {
    const issued = await issue(['a.test']);
    const read = (id: string): Promise<Answered> => client.get(`${urls.renewalInfo}/${id}`);
    const answer = await read(issued.id);
    const { start, end } = usualWindow(issued);
    const window = { start: new Date(start).toISOString().replace('.000', ''), end: new Date(end).toISOString().replace('.000', '') };
    assert.deepEqual(answer.json, { suggestedWindow: window });
    assert.equal(answer.headers['retry-after'], String(6 * 3_600));
    const [keyId = '', serial = ''] = issued.id.split('.');
    refused(await read(''), 400, 'malformed', /Invalid path/);
    refused(await read(serial), 400, 'malformed', /Invalid path/);
    refused(await read(`${issued.id}.x`), 400, 'malformed', /Invalid path/);
    refused(await read(`${keyId}=.${serial}`), 400, 'malformed', /not base64url-encoded/);
    refused(await read(`AAAA.${serial}`), 404, 'malformed', /did not match a known issuer/);
    refused(await read(`${keyId}.AAAA`), 404, 'malformed', /Requested certificate was not found/);
    assert.equal(new X509Certificate(issued.der).serialNumber.toLowerCase(), Buffer.from(serial, 'base64url').toString('hex'));
  });

  test('moves for a certificate, with a reason', async () => {
    const issued = await issue(['a.test']);
    ca.move(issued, immediately(clock.now(), 'https://ca.test/incident'));
    const { json } = await client.get(`${urls.renewalInfo}/${issued.id}`);
    assert.equal(json.explanationURL, 'https://ca.test/incident');
    assert.ok(Date.parse(text((json.suggestedWindow as { end: string }).end)) < clock.now());
  });

  test('an order replaces a certificate of its account with a name in common, once', async () => {
    const issued = await issue(['a.test', 'b.test']);
    const replaces = issued.id;
    const [keyId = ''] = replaces.split('.');
    refused(await order(['a.test'], { replaces: 'x' }), 400, 'malformed', /'replaces' field :: Invalid path/);
    refused(await order(['a.test'], { replaces: 7 }), 400, 'malformed', /Unable to unmarshal/);
    refused(await order(['a.test'], { replaces: 'AAAA.AAAA' }), 404, 'malformed', /did not match a known issuer/);
    refused(await order(['a.test'], { replaces: `${keyId}.AAAA` }), 404, 'malformed', /no current certificate with serial/);
    refused(await order(['a.test'], { replaces }, await stranger()), 403, 'unauthorized', /did not request the certificate/);
    refused(await order(['c.test'], { replaces }), 400, 'malformed', /do not match any identifiers/);
    const made = await order(['a.test', 'c.test'], { replaces });
    assert.deepEqual([made.status, made.json.replaces], [201, replaces]);
    refused(await order(['b.test'], { replaces }), 409, 'alreadyReplaced', /already has a replacement order/);
    await client.post(first(made.json.authorizations), { status: 'deactivated' });
    const next = await order(['b.test'], { replaces });
    assert.equal(next.status, 201, 'the order before it is invalid');
    await prove(next);
    await client.post(text(next.json.finalize), { csr: csrFor(['b.test']) });
    await clock.advance(8 * DAY);
    refused(await order(['a.test'], { replaces }), 409, 'alreadyReplaced', /already has a replacement order/);
    const issuedThen = ca.ledger.findLast((entry) => entry.kind === 'issued');
    assert.ok(issuedThen?.kind === 'issued');
    assert.deepEqual([issuedThen.replaces, issued.isReplaced], [issued.serial, true]);
  });
});

describe('limits', () => {
  const limited = (answer: Answered, detail: RegExp, retryAfter: number): void => {
    refused(answer, 429, 'rateLimited', detail);
    const seconds = Number(answer.headers['retry-after']);
    assert.ok(seconds >= retryAfter && seconds <= Math.ceil(retryAfter * 1.03), `retry after ${seconds} s`);
  };

  test('300 new orders in three hours, then one every 36 seconds', async () => {
    await start({ edge: false });
    for (let at = 0; at < 300; at++) assert.equal((await order([`a${at}.d${at}.test`])).status, 201);
    limited(
      await order(['next.test']),
      /^too many new orders \(300\) from this account in the last 3h0m0s, retry after 2026-11-22 00:00:36 UTC: see/,
      36,
    );
    assert.equal((await order(['next.test'], {}, await stranger())).status, 201, 'another account has its own');
    await clock.advance(36 * SECOND);
    assert.equal((await order(['next.test'])).status, 201);
    limited(await order(['later.test']), /too many new orders/, 36);
    await clock.advance(3 * HOUR);
    for (let at = 0; at < 300; at++) assert.equal((await order([`b${at}.d${at}.test`])).status, 201);
    limited(await order(['end.test']), /too many new orders/, 36);
  });

  test('50 certificates of one domain in seven days, by whatever account, then one every 202 minutes', async () => {
    await start({ edge: false });
    for (let at = 0; at < 50; at++) await issue([`n${at}.a.test`]);
    limited(await order(['more.a.test']), /too many certificates \(50\) already issued for "a.test" in the last 168h0m0s/, 12_096);
    limited(await order(['more.a.test', 'b.test'], {}, await stranger()), /already issued for "a.test"/, 12_096);
    assert.equal((await order(['n0.a.test'])).status, 201, 'a renewal of the same names is exempt');
    assert.equal((await order(['more.b.test'])).status, 201);
    await clock.advance(12_096 * SECOND);
    await issue(['more.a.test']);
    limited(await order(['most.a.test']), /too many certificates \(50\)/, 12_096);
    await clock.advance(121 * DAY);
    assert.equal((await order(['n1.a.test'])).status, 201);
    const last = ca.ledger.findLast((entry) => entry.kind === 'order');
    assert.ok(last?.kind === 'order' && last.exempt === undefined, 'after 120 days it is a renewal no more');
  });

  test('5 certificates of the same names in seven days, renewals too, then one every 33.6 hours', async () => {
    for (let at = 0; at < 5; at++) await issue(['a.test', 'b.test']);
    limited(
      await order(['b.test', 'a.test']),
      /too many certificates \(5\) already issued for this exact set of identifiers in the last 168h0m0s/,
      120_960,
    );
    assert.equal((await order(['a.test'])).status, 201);
    await clock.advance(120_960 * SECOND);
    await issue(['a.test', 'b.test']);
    limited(await order(['a.test', 'b.test']), /exact set of identifiers/, 120_960);
  });

  test('an order that replaces within the window is exempt from all of them; outside of it, it is not', async () => {
    const issued: IssuedCertificate[] = [];
    for (let at = 0; at < 5; at++) issued.push(await issue(['a.test']));
    const last = issued.at(-1);
    assert.ok(last !== undefined);
    limited(await order(['a.test'], { replaces: last.id }), /exact set of identifiers/, 120_960);
    ca.move(last, { start: clock.now(), end: clock.now() + HOUR });
    const made = await order(['a.test'], { replaces: last.id });
    const entry = ca.ledger.findLast((one) => one.kind === 'order');
    assert.ok(made.status === 201 && entry?.kind === 'order' && entry.exempt === 'ari');
  });

  test('5 failed validations of a name in an hour, then one every 12 minutes; a given back one counts', async () => {
    for (let at = 0; at < 4; at++) assert.equal((await fail('a.test')).json.status, 'invalid');
    const made = await order(['a.test']);
    await client.post(first(made.json.authorizations), { status: 'deactivated' });
    limited(await order(['a.test']), /too many failed authorizations \(5\) for "a.test" in the last 1h0m0s/, 720);
    limited(await order(['b.test', 'a.test']), /too many failed authorizations \(5\) for "a.test"/, 720);
    assert.equal((await order(['b.test'])).status, 201);
    assert.equal((await order(['a.test'], {}, await stranger())).status, 201);
    await clock.advance(720 * SECOND);
    assert.equal((await fail('a.test')).json.status, 'invalid');
    limited(await order(['a.test']), /too many failed authorizations/, 720);
  });

  test('a name that fails for ever is paused, with a link for a person; a success in between begins anew', async () => {
    await start({ limits: { failuresUntilPause: { burst: 3, count: 1, period: DAY } } });
    for (let at = 0; at < 3; at++) assert.equal((await fail('a.test')).status, 200);
    await issue(['a.test']);
    for (let at = 0; at < 4; at++) {
      assert.equal((await fail('a.test')).status, 200, 'not paused yet');
      await clock.advance(HOUR);
    }
    const answer = await order(['a.test', 'b.test']);
    refused(
      answer,
      429,
      'rateLimited',
      /^Your account is temporarily prevented from requesting certificates for a\.test and possibly others\. Please visit: https:\/\/ca\.test\/sfe\/v1\/unpause\?jwt=\S+$/,
    );
    assert.equal(answer.headers['retry-after'], undefined);
    assert.equal((await order(['b.test'])).status, 201);
    await clock.advance(30 * DAY);
    refused(await order(['a.test']), 429, 'rateLimited', /temporarily prevented/);
    ca.unpause(1);
    await issue(['a.test']);
  });

  test('by Let’s Encrypt’s own number a name is paused by the 1,153rd failure in a row', async () => {
    await start({ limits: { failuresPerName: { burst: 10_000, count: 10_000, period: HOUR } } });
    for (let at = 0; at < 1_153; at++) {
      assert.equal((await fail('a.test')).status, 200);
      await clock.advance(40 * SECOND);
    }
    refused(await order(['a.test']), 429, 'rateLimited', /temporarily prevented/);
  });

  test('10 new accounts of an address in three hours, then one every 18 minutes', async () => {
    const make = (address: string): Promise<Answered> =>
      createJwsClient(ca.connect(address), ca.directory).post(urls.newAccount ?? '', { termsOfServiceAgreed: true });
    for (let at = 0; at < 10; at++) {
      assert.equal((await make('192.0.2.7')).status, 201);
      await clock.advance(SECOND);
    }
    limited(await make('192.0.2.7'), /too many new registrations \(10\) from this IP address in the last 3h0m0s/, 1_070);
    assert.equal((await make('192.0.2.8')).status, 201);
    await clock.advance(18 * MINUTE);
    assert.equal((await make('192.0.2.7')).status, 201);
  });

  test('requests that come too fast get a 503 at the edge, each address and kind for itself', async () => {
    for (let at = 0; at < 125; at++) assert.equal((await client.post(text(client.kid), null)).status, 200);
    const answer = await client.post(text(client.kid), null);
    assert.deepEqual([answer.status, answer.headers['retry-after'], answer.problem], [503, '1', undefined]);
    assert.equal((await order(['a.test'])).status, 201);
    await clock.advance(SECOND);
    for (let at = 0; at < 125; at++) assert.equal((await client.post(text(client.kid), null)).status, 200);
    for (let at = 0; at < 10; at++) assert.equal((await client.get(urls.newNonce ?? '')).status, 204);
    assert.equal((await client.get(urls.newNonce ?? '')).status, 503);
    assert.equal((await createJwsClient(ca.connect('192.0.2.9'), ca.directory).get(urls.newNonce ?? '')).status, 204);
  });

  test('can be left out', async () => {
    await start({ limits: 'none', edge: false });
    for (let at = 0; at < 310; at++) await order([`n${at}.a.test`]);
    for (let at = 0; at < 7; at++) await fail('a.test');
    for (let at = 0; at < 7; at++) await issue(['b.test']);
    assert.ok(!ca.ledger.some((entry) => entry.kind === 'refused'));
  });
});

describe('faults', () => {
  test('last as long as they say, for the requests that they are about', async () => {
    const from = clock.now() + HOUR;
    ca.fail({ kind: 'unreachable', from, to: from + HOUR });
    await clock.advance(HOUR - 1);
    assert.equal((await order(['a.test'])).status, 201);
    await clock.advance(1);
    await assert.rejects(order(['b.test']), (error) => isTscertError(error, 'network') && error.data.phase === 'connect');
    await clock.advance(HOUR);
    assert.equal((await order(['b.test'])).status, 201);
    const to = clock.now() + HOUR;
    ca.fail({ kind: 'status', status: 503, retryAfter: 90, from: clock.now(), to, on: ({ path }) => path.endsWith('/new-order') });
    const answer = await order(['c.test']);
    assert.deepEqual([answer.status, answer.headers['retry-after']], [503, '90']);
    assert.equal((await client.post(text(client.kid), null)).status, 200);
    ca.fail({
      kind: 'problem',
      status: 429,
      type: 'rateLimited',
      detail: 'busy',
      retryAfter: 60,
      from: clock.now(),
      to,
      on: ({ path }) => path === '/acme/revoke-cert',
    });
    refused(await client.post(urls.revokeCert ?? '', {}), 429, 'rateLimited', /busy/);
  });

  test('an answer that is lost was acted on', async () => {
    ca.fail({ kind: 'lost', from: clock.now(), to: clock.now() + 1, on: ({ path }) => path.endsWith('/new-order') });
    await assert.rejects(order(['a.test']), (error) => isTscertError(error, 'network') && error.data.sent === true);
    assert.ok(ca.ledger.some(({ kind }) => kind === 'order'));
  });

  test('a share of good nonces is refused', async () => {
    let chance = 0.5;
    await start({ badNonces: 0.2, random: () => chance });
    assert.equal((await order(['a.test'])).status, 201);
    chance = 0.1;
    refused(await order(['b.test']), 400, 'badNonce', /invalid anti-replay nonce/);
  });

  test('a request takes its time, and ends when it is aborted', async () => {
    await start();
    ca = createAcmeEmulator({ clock, random: () => 0.5, txt: () => [], roundTrip: 50 });
    const begin = clock.now();
    await clock.until(createJwsClient(ca.connect(), ca.directory).urls());
    assert.equal(clock.now() - begin, 50);
    const stop = new AbortController();
    const request = ca.connect().request({ method: 'GET', url: ca.directory, signal: stop.signal });
    stop.abort(new Error('stop'));
    await assert.rejects(request, /stop/);
    assert.equal(clock.sleepers(), 0);
  });

  test('several servers make a network, in which no other host has an address', async () => {
    const staging = createAcmeEmulator({ clock, random: () => 0.5, txt: () => [], origin: 'https://staging.test' });
    const http = createNetwork(
      { origin: 'https://ca.test', http: ca.connect() },
      { origin: 'https://staging.test', http: staging.connect() },
    );
    const read = (url: string) => http.request({ method: 'GET', url, signal: AbortSignal.timeout(10_000) });
    assert.match((await read(staging.directory)).body.toString(), /https:\/\/staging.test\/acme\/new-order/);
    assert.match((await read(ca.directory)).body.toString(), /https:\/\/ca.test\/acme\/new-order/);
    await assert.rejects(
      read('https://elsewhere.test/directory'),
      (error) => isTscertError(error, 'network') && error.data.phase === 'dns',
    );
  });
});
