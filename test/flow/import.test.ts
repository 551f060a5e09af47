/** Moving in: what is taken, what stays, and what a second run does. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, test } from 'node:test';
import { accountName } from '../../src/acme/account-record.js';
import { directoryFor, findAuthority } from '../../src/acme/authorities.js';
import { isTscertError, TscertError } from '../../src/base/errors.js';
import { readGiven } from '../../src/flow/given.js';
import { type Imported, type ImportedCertificate, type ImportParts, importHoldings } from '../../src/flow/import.js';
import { planCertificate } from '../../src/flow/plan.js';
import type { ForeignAccount, ForeignCertificate, Holdings } from '../../src/migration/holdings.js';
import { createCertificate, readCertificate } from '../../src/pki/certificate.js';
import { encodePrivateKey } from '../../src/pki/key.js';
import { type BuildHelp, buildIssuer, buildRequests } from '../../src/request/build.js';
import type { ConfigOptions, OwnOptions } from '../../src/request/options.js';
import { readLedger } from '../../src/store/ledger.js';
import { createMemoryStore } from '../../src/store/memory.js';
import type { Store } from '../../src/store/store.js';
import { createVirtualClock } from '../support/clock.js';
import { DIRECTORY, type IssuedSpec, issueForeign, newKey } from '../support/foreign.js';

const DAY = 86_400_000;
const buildHelp: BuildHelp = {
  now: Date.now(),
  directoriesOf({ server, keyType = 'ec256' }) {
    const authority = findAuthority(server);
    return { directory: authority === undefined ? server : directoryFor(authority, keyType) };
  },
  readCsr: () => assert.fail('no CSR is read'),
};

function foreign(spec: Partial<IssuedSpec> = {}, changes: Partial<ForeignCertificate> = {}): ForeignCertificate {
  const { keyPem, leaf, chain } = issueForeign({ names: ['a.test', '*.a.test'], ...spec });
  return {
    name: 'a.test',
    origin: 'a.test',
    privateKey: keyPem,
    certificates: leaf + chain,
    server: DIRECTORY,
    account: 'one',
    options: {},
    proof: { options: { dns: ['route53'] }, losses: [] },
    losses: [],
    ...changes,
  };
}

function accountOf(changes: Partial<ForeignAccount> = {}): ForeignAccount {
  return {
    id: 'one',
    server: DIRECTORY,
    email: 'ops@a.test',
    url: 'https://ca.test:14000/acct/1',
    privateKey: encodePrivateKey(newKey()),
    ...changes,
  };
}

/** A store to move into. */
function createWorld({ config = {} }: { readonly config?: ConfigOptions } = {}) {
  const clock = createVirtualClock();
  // The certificates of these tests are made by the machine's clock.
  const now = { now: () => Date.now() };
  const store = createMemoryStore({ clock });
  const usual = accountOf();
  const build = (given: OwnOptions) => {
    const [request] = buildRequests(given, config, buildHelp);
    return request ?? assert.fail();
  };
  const take = (holdings: Partial<Holdings>, changes: Partial<ImportParts> = {}): Promise<Imported> =>
    importHoldings(
      { certificates: [], accounts: [], losses: [], ...holdings },
      {
        tool: 'certbot',
        store,
        clock: now,
        signal: new AbortController().signal,
        said: {},
        fallback: {},
        build,
        issuerOf: (options) => buildIssuer(options, config, buildHelp),
        force: false,
        dryRun: false,
        allAccounts: true,
        ...changes,
      },
    );
  const one = async (certificate: ForeignCertificate, changes?: Partial<ImportParts>): Promise<ImportedCertificate> =>
    (await take({ certificates: [certificate], accounts: [usual] }, changes)).certificates[0] ?? assert.fail();
  /** What `plan` says. */
  const plan = async (name = 'a.test'): Promise<string> => {
    const given = (await readGiven(name, store)) ?? assert.fail('it is not known how it was asked for');
    const found = await planCertificate({ ...build(given), name }, { store, clock: now });
    return found.state === 'due' ? found.due.reason : found.state;
  };
  return { store, take, one, plan };
}

function lossesOf(one: ImportedCertificate): readonly string[] {
  if (one.state === 'failed') throw one.error;
  return one.losses;
}

async function failsWith(promise: Promise<ImportedCertificate>, code: TscertError['code'], words: RegExp): Promise<void> {
  const one = await promise;
  assert.ok(one.state === 'failed' && isTscertError(one.error), one.state);
  assert.match(one.error.message, words);
  assert.equal(one.error.code, code);
}

async function generationsOf(store: Store): Promise<string | undefined> {
  return (await store.load('a.test'))?.generation;
}

describe('what is taken', () => {
  test('key, leaf, chain, account, and how it was asked for; it is not due', async () => {
    const { store, take, plan } = createWorld();
    const certificate = foreign(
      {},
      { options: { reuseKey: true, preferredChain: 'Root', deployHook: 'true' }, around: { pre: 'stop', post: 'start' } },
    );
    const account = accountOf({ eab: 'kid' });
    const { certificates, accounts } = await take({ certificates: [certificate], accounts: [account] });
    assert.deepEqual(
      certificates.map(({ name, origin, state }) => [name, origin, state]),
      [['a.test', 'a.test', 'taken']],
    );
    assert.deepEqual(accounts, [
      { id: 'one', state: 'taken', directory: DIRECTORY, email: 'ops@a.test', url: 'https://ca.test:14000/acct/1' },
    ]);
    const stored = (await store.load('a.test')) ?? assert.fail();
    assert.match(stored.privateKey ?? '', /^-----BEGIN PRIVATE KEY-----/);
    assert.equal(stored.certificate + stored.chain, certificate.certificates);
    assert.deepEqual(await readGiven('a.test', store), {
      server: DIRECTORY,
      email: 'ops@a.test',
      agreeTos: true,
      name: 'a.test',
      domains: ['a.test', '*.a.test'],
      keyType: 'ec256',
      reuseKey: true,
      preferredChain: 'Root',
      deployHook: 'true',
      preHook: 'stop',
      postHook: 'start',
      dns: ['route53'],
    });
    assert.deepEqual(await store.get('accounts', accountName({ directory: DIRECTORY, email: 'ops@a.test' })), {
      version: 1,
      directory: DIRECTORY,
      email: 'ops@a.test',
      url: 'https://ca.test:14000/acct/1',
      key: account.privateKey,
      eab: 'kid',
    });
    assert.equal(await plan(), 'kept');
    const { events } = await readLedger('a.test', store);
    assert.deepEqual(
      events.map(({ type, reason, message }) => [type, reason, message]),
      [['Normal', 'Imported', 'Taken over from certbot, which calls it "a.test"']],
    );
  });

  test('what was said goes before the tool, the environment after it; ways of proving stay together', async () => {
    const { store, one } = createWorld();
    const said = { email: 'me@a.test', http: ['standalone'] };
    const fallback = {
      email: 'env@a.test',
      tlsAlpn: true,
      probe: 'a.test:443',
      server: 'https://env.test/',
      name: 'env',
      cn: 'env',
      dnsResolver: ['192.0.2.1'],
    };
    await one(foreign({ names: ['a.test'] }), { said, fallback });
    const { email, http, dns, tlsAlpn, probe, server, name, cn, dnsResolver } = (await readGiven('a.test', store)) ?? {};
    assert.deepEqual(
      [email, http, dns, tlsAlpn, probe, server, name, cn, dnsResolver],
      ['me@a.test', ['standalone'], undefined, undefined, 'a.test:443', DIRECTORY, 'a.test', undefined, ['192.0.2.1']],
    );
  });

  test('a public CA has its short name, where this leads to the same directory', async () => {
    const { store, take, plan } = createWorld();
    const at = (name: string, server: string): ForeignCertificate => foreign({}, { name, server });
    await take({
      certificates: [
        at('a.test', 'https://acme-v02.api.letsencrypt.org/directory'),
        at('b.test', 'https://acme.ssl.com/sslcom-dv-ecc'),
        at('c.test', 'https://acme.ssl.com/sslcom-dv-rsa'),
      ],
    });
    const servers = await Promise.all(['a.test', 'b.test', 'c.test'].map(async (name) => (await readGiven(name, store))?.server));
    assert.deepEqual(servers, ['letsencrypt', 'sslcom', 'https://acme.ssl.com/sslcom-dv-rsa']);
    assert.deepEqual(await Promise.all(['a.test', 'b.test', 'c.test'].map(plan)), ['kept', 'kept', 'kept']);
  });

  test('must-staple is asked for again, but not of a CA that signs it no more', async () => {
    const { store, one, plan } = createWorld();
    assert.deepEqual(lossesOf(await one(foreign({ mustStaple: true }))), []);
    assert.equal((await readGiven('a.test', store))?.mustStaple, true);
    assert.equal(await plan(), 'kept');
    const letsEncrypt = foreign(
      { mustStaple: true },
      { name: 'b.test', server: 'https://acme-v02.api.letsencrypt.org/directory', options: { mustStaple: true } },
    );
    assert.deepEqual(lossesOf(await one(letsEncrypt)), ['its CA signs no must-staple any more: it is not asked for again']);
    assert.equal((await readGiven('b.test', store))?.mustStaple, undefined);
    assert.equal(await plan('b.test'), 'kept');
  });

  test('days after the beginning become a time before the end, where the certificate lives that long', async () => {
    const { store, one } = createWorld();
    await one(foreign({}, { renewAfter: 40 * DAY }));
    await one(foreign({ days: 6 }, { name: 'b.test', renewAfter: 40 * DAY }));
    assert.deepEqual(
      [(await readGiven('a.test', store))?.renewBefore, (await readGiven('b.test', store))?.renewBefore],
      ['1200h', undefined],
    );
  });

  test('names of all kinds are asked for as what they are', async () => {
    const { store, one, plan } = createWorld();
    await one(foreign({ names: ['a.test', 'ip:192.0.2.1', 'ip:2001:db8::1', 'email:me@a.test'] }));
    assert.deepEqual((await readGiven('a.test', store))?.domains, ['a.test', '192.0.2.1', '2001:db8::1', 'me@a.test']);
    assert.equal(await plan(), 'kept');
  });

  test('a key of a kind that tscert does not make is taken, and replaced at the next renewal', async () => {
    const { store, one, plan } = createWorld();
    const key = generateKeyPairSync('rsa', { modulusLength: 2_056 }).privateKey;
    const losses = lossesOf(await one(foreign({ key })));
    assert.deepEqual(losses, ['its key is of a kind that tscert does not make (RSA 2056): the next renewal makes one of kind ec256']);
    assert.equal((await readGiven('a.test', store))?.keyType, undefined);
    assert.equal(await plan(), 'SecretMismatch');
  });

  test('one that has expired is taken, and is due', async () => {
    const { one, plan } = createWorld();
    const losses = lossesOf(await one(foreign({ notBefore: Date.now() - 100 * DAY })));
    assert.equal(losses.length, 1);
    assert.match(losses[0] ?? '', /^it has expired at .*: the next tscert renew gets a new one$/);
    assert.equal(await plan(), 'Expired');
  });

  test('what is not known is told', async () => {
    const { one } = createWorld();
    const none = { options: {}, losses: [] };
    const around = { pre: 'PlantedSecret', post: 'PlantedSecret' };
    assert.deepEqual(lossesOf(await one(foreign({}, { proof: none, names: ['a.test'], losses: ['x'], around }), { tool: 'lego' })), [
      'x',
      'lego keeps no word of how its names are proven: say --dns PROVIDER, --http HOW or --tls-alpn, or it cannot be renewed',
      'lego was asked for other names than it holds: those that it holds are renewed',
    ]);
    const named = foreign({}, { name: 'b.test', names: ['*.A.test', 'a.test.'], proof: { options: {}, losses: ['y'] } });
    assert.deepEqual(lossesOf(await one(named, { said: { http: ['standalone'] } })), ['its wildcard can be proven by --dns alone']);
  });

  test('the configuration file says how names are proven where nobody else does', async () => {
    const { one } = createWorld({ config: { dns: ['route53'] } });
    assert.deepEqual(lossesOf(await one(foreign({}, { proof: { options: {}, losses: [] } }))), []);
  });
});

describe('what cannot be taken', () => {
  test('is told, and stops no other', async () => {
    const { store, take } = createWorld();
    const broken = { name: 'broken.test', error: new TscertError('file-unreadable', 'Cannot read "/x": permission denied') };
    const { certificates } = await take({ certificates: [broken, foreign({}, { privateKey: 'x' }), foreign({}, { name: 'good.test' })] });
    assert.deepEqual(
      certificates.map(({ name, state }) => [name, state]),
      [
        ['broken.test', 'failed'],
        ['a.test', 'failed'],
        ['good.test', 'taken'],
      ],
    );
    assert.deepEqual(await store.list(), ['good.test']);
  });

  test('another key, a chain that does not build, a key that is locked', async () => {
    const { store, one } = createWorld();
    const other = issueForeign({ names: ['a.test'] });
    await failsWith(
      one(foreign({}, { privateKey: other.keyPem })),
      'certificate-mismatch',
      /^Cannot take over "a\.test": its key belongs to none of its certificates$/,
    );
    const stranger = createCertificate(
      {
        names: [],
        commonName: 'Stranger',
        isCa: true,
        serialNumber: Buffer.from([1]),
        notBefore: new Date(0),
        notAfter: new Date(Date.now() + DAY),
      },
      newKey(),
    ).pem;
    const good = issueForeign({ names: ['a.test'] });
    await failsWith(
      one(foreign({}, { privateKey: good.keyPem, certificates: good.leaf + good.chain + stranger })),
      'chain-invalid',
      /^Cannot take over "a\.test": "Stranger" has not issued any of the others$/,
    );
    const locked = good.key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }).toString();
    await failsWith(one(foreign({}, { privateKey: locked })), 'key-passphrase', /it is encrypted/);
    await failsWith(one(foreign({}, { certificates: '' })), 'certificate-mismatch', /none of its certificates/);
    await failsWith(one(foreign({ notBefore: Date.now() + DAY })), 'certificate-mismatch', /it is not valid before/);
    assert.deepEqual(await store.list(), []);
  });

  test('a server that is none, options that cannot be, a name that is no folder', async () => {
    const { one } = createWorld();
    const { server: _, ...nowhere } = foreign();
    await failsWith(one(nowhere), 'config-invalid', /certbot keeps no URL of an ACME server for it/);
    await failsWith(one(foreign({}, { options: { renewBefore: 'x' } })), 'request-invalid', /the duration "x"/);
    await failsWith(one(foreign({}, { name: '../x' })), 'name-invalid', /"\.\.\/x"/);
  });
});

describe('a second run', () => {
  test('takes nothing twice', async () => {
    const { store, take } = createWorld();
    const holdings = { certificates: [foreign({}, { losses: ['x'] })], accounts: [accountOf()] };
    await take(holdings);
    const { certificates, accounts } = await take(holdings);
    assert.deepEqual([certificates[0]?.state, accounts[0]?.state, await generationsOf(store)], ['here', 'here', '0001']);
    assert.deepEqual(lossesOf(certificates[0] ?? assert.fail()), [], 'it was told before');
  });

  test('finishes one that was cut off before it was known how to renew it', async () => {
    const { store, take, plan } = createWorld();
    const holdings = { certificates: [foreign()], accounts: [accountOf()] };
    await take(holdings);
    await store.delete('ledger', 'given:a.test');
    const { certificates } = await take(holdings);
    assert.equal(certificates[0]?.state, 'updated');
    assert.equal(await plan(), 'kept');
  });

  test('changes how it is renewed only when somebody says so', async () => {
    const { store, take } = createWorld();
    const holdings = { certificates: [foreign({ names: ['a.test'] })], accounts: [accountOf()] };
    await take(holdings);
    const own = { ...(await readGiven('a.test', store)), deployHook: 'mine', probe: 'a.test:443' };
    await store.put('ledger', 'given:a.test', { version: 1, options: own });
    assert.equal((await take(holdings)).certificates[0]?.state, 'here');
    assert.deepEqual(await readGiven('a.test', store), own);
    const [one] = (await take(holdings, { said: { http: ['standalone'], probe: 'b.test:443' } })).certificates;
    assert.equal(one?.state, 'updated');
    const { dns, http, deployHook, probe } = (await readGiven('a.test', store)) ?? {};
    assert.deepEqual([dns, http, deployHook, probe], [undefined, ['standalone'], 'mine', 'b.test:443']);
    assert.ok(one.request.solvers[0]?.type === 'http-01', 'what is told is what is kept');
    assert.equal((await take(holdings, { force: true })).certificates[0]?.state, 'updated');
    assert.deepEqual((await readGiven('a.test', store))?.dns, ['route53']);
    assert.equal(await generationsOf(store), '0001');
  });

  test('leaves a newer certificate, and refuses to replace an older one', async () => {
    const { store, one } = createWorld();
    const [older, newer] = [foreign({ notBefore: Date.now() - 2 * DAY }), foreign()];
    await one(older);
    await failsWith(
      one(newer),
      'file-exists',
      /^Cannot take over "a\.test": another certificate is stored under this name \(valid until .*\); --force puts this one in its place$/,
    );
    assert.equal((await one(newer, { force: true })).state, 'taken');
    const stored = await one(older);
    assert.ok(stored.state === 'newer');
    assert.equal(
      stored.notAfter,
      readCertificate((await store.load('a.test'))?.certificate ?? '').notAfter.getTime(),
      'what is told is what is stored',
    );
    assert.equal(await generationsOf(store), '0002');
    assert.equal((await one(older, { force: true })).state, 'taken');
  });

  test('what is damaged is replaced by force alone', async () => {
    const { store, one } = createWorld();
    const damaged: Store = {
      ...store,
      load: () => Promise.reject(new TscertError('store-damaged', 'Cannot load "a.test": cert.pem is missing')),
    };
    await failsWith(
      one(foreign(), { store: damaged }),
      'store-damaged',
      /cert\.pem is missing; --force puts this certificate in its place$/,
    );
    assert.equal((await one(foreign(), { store: damaged, force: true })).state, 'taken');
  });
});

describe('accounts', () => {
  test('one that is there is never replaced, and that is told', async () => {
    const { store, take } = createWorld();
    const [first, second] = [accountOf(), accountOf({ url: 'https://ca.test:14000/acct/2' })];
    await take({ accounts: [first] });
    const { certificates, accounts } = await take({ certificates: [foreign()], accounts: [second] }, { force: true });
    assert.equal(accounts[0]?.state, 'other');
    assert.deepEqual(lossesOf(certificates[0] ?? assert.fail()), [
      'another account of its server and e-mail is here already: the next renewal goes with that one',
    ]);
    const kept = await store.get('accounts', accountName({ directory: DIRECTORY, email: 'ops@a.test' }));
    assert.equal((kept as { url?: string } | undefined)?.url, first.url);
  });

  test('without an e-mail of its own it is kept under that of the configuration: renewals find it there', async () => {
    const { store, take } = createWorld({ config: { email: 'conf@a.test' } });
    const { email: _, ...nameless } = accountOf();
    await take({ certificates: [foreign()], accounts: [nameless] });
    assert.ok((await store.get('accounts', accountName({ directory: DIRECTORY, email: 'conf@a.test' }))) !== undefined);
    assert.equal((await readGiven('a.test', store))?.email, undefined);
  });

  test('one that cannot be read leaves its certificate to a new account', async () => {
    const { take } = createWorld();
    const broken = { name: 'account one', error: new TscertError('key-invalid', 'Cannot read the private key: there is none') };
    const { certificates, accounts } = await take({
      certificates: [foreign(), foreign({}, { name: 'b.test', account: 'nobody' })],
      accounts: [broken],
    });
    assert.deepEqual(
      accounts.map(({ id, state }) => [id, state]),
      [['one', 'failed']],
    );
    assert.deepEqual(certificates.map(lossesOf), [
      ['its account cannot be taken over: the next renewal makes one'],
      ['certbot keeps no account for it: the next renewal makes one'],
    ]);
  });

  test('those of no certificate are taken when all are asked for', async () => {
    const { take } = createWorld();
    const other = accountOf({ id: 'two', server: 'https://other.test/dir', email: 'two@a.test' });
    const holdings = { certificates: [foreign()], accounts: [accountOf(), other] };
    assert.deepEqual(
      (await take(holdings, { allAccounts: false, dryRun: true })).accounts.map(({ id }) => id),
      ['one'],
    );
    assert.deepEqual(
      (await take(holdings)).accounts.map(({ id, directory, email }) => [id, directory, email]),
      [
        ['one', DIRECTORY, 'ops@a.test'],
        ['two', 'https://other.test/dir', 'two@a.test'],
      ],
    );
  });
});

test('a dry run tells the same and writes nothing', async () => {
  const { store, take } = createWorld();
  const holdings = { certificates: [foreign({}, { losses: ['x'] })], accounts: [accountOf()] };
  const untouched = {
    ...store,
    save: () => assert.fail(),
    put: () => assert.fail(),
    lock: () => assert.fail(),
    probe: () => assert.fail(),
  } as Store;
  const { certificates, accounts } = await take(holdings, { store: untouched, dryRun: true });
  assert.deepEqual([certificates[0]?.state, accounts[0]?.state, lossesOf(certificates[0] ?? assert.fail())], ['taken', 'taken', ['x']]);
  await take(holdings);
  const again = await take(holdings, {
    store: { ...untouched, load: store.load, get: store.get },
    dryRun: true,
    said: { email: 'x@a.test' },
  });
  assert.equal(again.certificates[0]?.state, 'updated');
});

test('a signal ends it between two certificates', async () => {
  const { store, take } = createWorld();
  const abort = new AbortController();
  const reason = new TscertError('interrupted', 'Interrupted');
  const build: ImportParts['build'] = (given) => {
    abort.abort(reason);
    return buildRequests(given, {}, buildHelp)[0] ?? assert.fail();
  };
  await assert.rejects(
    take({ certificates: [foreign(), foreign({}, { name: 'b.test' })] }, { signal: abort.signal, build }),
    (error) => error === reason,
  );
  assert.ok((await store.list()).length <= 1);
});
