/** What lego's folder holds, in the layouts of lego 4 and 5, and what the configuration that lego 5 keeps says. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { isTscertError } from '../../src/base/errors.js';
import { type ForeignAccount, type ForeignCertificate, isBroken, type MigrationHelp } from '../../src/migration/holdings.js';
import { readLego } from '../../src/migration/lego.js';
import { type LegoEntry, parseLegoConfig } from '../../src/migration/lego-config.js';
import { checkOwnOptions } from '../../src/request/config.js';
import { withFolder } from '../store/support.js';
import { DIRECTORY, issueForeign, put, putLego4Account, putLego5Account, putLegoCertificate } from '../support/foreign.js';
import { RUNS } from '../support/property.js';

const PROVIDERS = ['route53', 'exec', 'acmesh', 'manual'];
const help: MigrationHelp = { providers: PROVIDERS };

async function certificatesIn(folder: string, more: Partial<MigrationHelp> = {}): Promise<ForeignCertificate[]> {
  return (await readLego(folder, { ...help, ...more })).certificates.map((held) => {
    if (isBroken(held)) throw held.error;
    return held;
  });
}

async function accountsIn(folder: string, more: Partial<MigrationHelp> = {}): Promise<ForeignAccount[]> {
  return (await readLego(folder, { ...help, ...more })).accounts.map((held) => {
    if (isBroken(held)) throw held.error;
    return held;
  });
}

describe('lego 4', () => {
  test('certificates and accounts of a server that somebody names', () =>
    withFolder(async (folder) => {
      const issued = issueForeign({ names: ['*.a.test'] });
      await putLegoCertificate(folder, '_.a.test', issued, { domain: '*.a.test', certUrl: 'https://ca.test:14000/certZ/1' });
      await putLego4Account(folder, { email: 'admin@a.test' });
      await putLego4Account(folder, { email: '' });
      await assert.rejects(certificatesIn(folder), (error) => {
        assert.ok(isTscertError(error, 'request-invalid'));
        assert.equal(
          error.message,
          'Cannot take over "_.a.test": lego keeps no URL of its ACME server, but that it is at "ca.test_14000"; say --server URL',
        );
        return true;
      });
      await assert.rejects(
        certificatesIn(folder, { server: 'https://other.test/dir' }),
        /and "https:\/\/other\.test\/dir" is not there; say/,
      );
      const [one, ...others] = await certificatesIn(folder, { server: DIRECTORY });
      assert.deepEqual(others, []);
      assert.deepEqual(one, {
        name: '_.a.test',
        origin: '*.a.test',
        privateKey: issued.keyPem,
        certificates: `${issued.leaf}${issued.chain}\n${issued.chain}`,
        server: DIRECTORY,
        account: 'ca.test_14000/admin@a.test',
        options: {},
        proof: { options: {}, losses: [] },
        losses: ['lego keeps no word of its account: of admin@a.test, noemail@example.com the first is taken; --email says another'],
      });
      const accounts = await accountsIn(folder, { server: DIRECTORY });
      assert.deepEqual(
        accounts.map(({ privateKey, ...rest }) => [privateKey.split('\n', 1)[0], rest]),
        [
          [
            '-----BEGIN PRIVATE KEY-----',
            { id: 'ca.test_14000/admin@a.test', server: DIRECTORY, email: 'admin@a.test', url: 'https://ca.test:14000/my-account/4' },
          ],
          [
            '-----BEGIN PRIVATE KEY-----',
            { id: 'ca.test_14000/noemail@example.com', server: DIRECTORY, url: 'https://ca.test:14000/my-account/4' },
          ],
        ],
      );
    }));

  test('a public CA is known by its host; --email picks one of several accounts', () =>
    withFolder(async (folder) => {
      const certUrl = 'https://acme-v02.api.letsencrypt.org/acme/cert/1';
      await putLegoCertificate(folder, 'a.test', issueForeign({ names: ['a.test'] }), { domain: 'a.test', certUrl });
      for (const email of ['a@a.test', 'b@a.test']) await putLego4Account(folder, { host: 'acme-v02.api.letsencrypt.org', email });
      const [one] = await certificatesIn(folder, { email: 'B@a.test' });
      assert.equal(one?.server, 'https://acme-v02.api.letsencrypt.org/directory');
      assert.equal(one?.account, 'acme-v02.api.letsencrypt.org/b@a.test');
      assert.deepEqual(one?.losses, []);
    }));

  test('a certificate without its bundle, its JSON or its issuer is whole; one without its key is not', () =>
    withFolder(async (folder) => {
      const issued = issueForeign({ names: ['a.test'] });
      await putLegoCertificate(folder, 'a.test', issued);
      const at = (extension: string): string => path.join(folder, `certificates/a.test${extension}`);
      await rm(at('.json'));
      await rm(at('.issuer.crt'));
      const [one] = await certificatesIn(folder, { server: DIRECTORY });
      assert.deepEqual([one?.name, one?.origin, one?.server], ['a.test', 'a.test', DIRECTORY]);
      await rm(at('.key'));
      await assert.rejects(certificatesIn(folder, { server: DIRECTORY }), (error) => {
        assert.ok(isTscertError(error, 'key-invalid'));
        assert.match(
          error.message,
          /its key is not there \(".*a\.test\.key"\); a certificate that lego had for a CSR is issued with --csr$/,
        );
        return true;
      });
    }));
});

describe('lego 5', () => {
  const CONFIG = {
    accounts: { me: { server: 'x', email: 'ops@a.test', eab: { kid: 'kid', hmacKey: 'PlantedSecret' } } },
    challenges: {
      one: { http: { address: ':5002' } },
      two: { tls: { address: '192.0.2.1:443' } },
      three: { dns: { provider: 'route53', envFile: '/etc/env' } },
      four: { http: { webroot: '/var/www' } },
    },
    certificates: {
      foo: {
        domains: ['a.test', 'b.test'],
        challenge: 'one',
        account: 'me',
        preferredChain: 'Root',
        profile: 'short',
        mustStaple: true,
        enableCommonName: true,
        renew: { days: 10, reuseKey: true },
        pfx: { password: 'PlantedSecret' },
      },
      bar: { domains: ['c.test'], challenge: 'three', account: 'me' },
    },
    hooks: { deploy: { command: "/opt/hook.sh  it's $HOME" }, pre: { command: 'x' } },
  };
  const entryOf = (config: unknown, id: string): LegoEntry | undefined =>
    parseLegoConfig(stringify(config), 'f').certificate(id, PROVIDERS);

  test('a folder that was filled from the command line', () =>
    withFolder(async (folder) => {
      const resource = {
        id: 'a.test',
        domains: ['a.test', 'b.test'],
        profile: 'short',
        certUrl: 'https://ca.test:14000/certZ/1',
        origin: 'command',
      };
      await putLegoCertificate(folder, 'a.test', issueForeign({ names: ['a.test', 'b.test'] }), resource);
      await putLego5Account(folder, 'admin@a.test', { email: 'admin@a.test' });
      const [one] = await certificatesIn(folder);
      const { privateKey: _, certificates: __, ...rest } = one ?? assert.fail();
      assert.deepEqual(rest, {
        name: 'a.test',
        origin: 'a.test',
        server: DIRECTORY,
        account: 'ca.test_14000/admin@a.test',
        names: ['a.test', 'b.test'],
        options: { profile: 'short' },
        proof: { options: {}, losses: [] },
        losses: [],
      });
      const [account] = await accountsIn(folder);
      assert.deepEqual([account?.url, account?.email], ['https://ca.test:14000/my-account/5', 'admin@a.test']);
    }));

  test('a folder that was filled by a configuration file', () =>
    withFolder(async (folder) => {
      await putLegoCertificate(folder, 'foo', issueForeign({ names: ['a.test', 'b.test'] }), {
        id: 'foo',
        certUrl: 'https://ca.test:14000/certZ/1',
      });
      await putLego5Account(folder, 'me', { email: 'ops@a.test' });
      await putLego5Account(folder, 'an-other', { email: 'other@a.test' });
      await put(path.join(folder, '.lego.bck.yaml'), stringify(CONFIG));
      const [one] = await certificatesIn(folder);
      assert.equal(one?.account, 'ca.test_14000/me');
      assert.deepEqual(one?.options, {
        preferredChain: 'Root',
        profile: 'short',
        mustStaple: true,
        reuseKey: true,
        cn: 'a.test',
        renewBefore: '10d',
        deployHook:
          'LEGO_HOOK_CERT_NAME="$TSCERT_NAME" LEGO_HOOK_CERT_PATH="$TSCERT_FULLCHAIN" LEGO_HOOK_CERT_KEY_PATH="$TSCERT_KEY" ' +
          `LEGO_HOOK_ISSUER_CERT_PATH="$TSCERT_CHAIN" /opt/hook.sh 'it'\\''s' '$HOME'`,
      });
      assert.deepEqual(one?.proof, { options: { http: ['standalone:5002'] }, losses: [] });
      assert.deepEqual(one?.around, { pre: 'x' });
      assert.deepEqual(one?.losses, ['lego writes a PKCS#12 file beside it, and tscert does not']);
      assert.ok(!JSON.stringify(one).includes('PlantedSecret'));
      await put(path.join(folder, '.lego.bck.yaml'), 'eab: "PlantedSecret');
      const { losses } = await readLego(folder, help);
      assert.deepEqual(losses, [`Cannot read "${folder}/.lego.bck.yaml": it is no YAML: how certificates were asked for is not known`]);
    }));

  test('how names are proven', () => {
    const proofOf = (challenge: unknown) =>
      entryOf({ challenges: { x: challenge }, certificates: { a: { challenge: 'x' } } }, 'a')?.proof ?? assert.fail();
    assert.deepEqual(proofOf({ http: {} }), { options: { http: ['standalone'] }, losses: [] });
    assert.deepEqual(proofOf({ http: { webroot: '/var/www' } }), { options: { http: ['webroot:/var/www'] }, losses: [] });
    assert.deepEqual(proofOf({ tls: { address: ':8443' } }), { options: { tlsAlpn: 8443 }, losses: [] });
    assert.deepEqual(proofOf(CONFIG.challenges.two), {
      options: { tlsAlpn: true },
      losses: ['lego listens at "192.0.2.1:443", and tscert at all addresses'],
    });
    assert.deepEqual(proofOf(CONFIG.challenges.three), {
      options: { dns: ['route53'] },
      losses: ['lego reads the settings of "route53" from "/etc/env": set them where tscert runs'],
    });
    for (const [challenge, words] of [
      [{ http: { webroot: 'www' } }, /relative path/],
      [{ http: { s3Bucket: 'x' } }, /memcached or S3/],
      [{ http: { address: 'x' } }, /names no port/],
      [{ http: { address: ':99999' } }, /names no port/],
      [{ dns: { provider: 'cloudflare' } }, /"cloudflare", which tscert does not have/],
      [{ dnsPersist: {} }, /dns-persist-01/],
    ] as const) {
      const { options, losses } = proofOf(challenge);
      assert.deepEqual(options, {});
      assert.match(losses.join(), words);
    }
    assert.deepEqual(entryOf(CONFIG, 'nobody'), undefined);
    assert.deepEqual(entryOf(CONFIG, 'constructor'), undefined);
  });

  test('any configuration gives options that can be kept, or config-invalid, and no secret', () => {
    const marked = 'PlantedSecret19cc';
    const scalar = fc.oneof(
      fc.string(),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.constantFrom(':80', 'h:81', '/srv', 'route53', 'x', 'a', 'a.test', './hook', 'a b', '10', 10),
    );
    const keys = [
      ...['certificates', 'challenges', 'a', 'x', 'hooks', 'deploy', 'command', 'challenge', 'http', 'tls', 'dns', 'dnsPersist', 'address'],
      ...[
        'webroot',
        'provider',
        'envFile',
        'renew',
        'days',
        'reuseKey',
        'domains',
        'enableCommonName',
        'mustStaple',
        'profile',
        'preferredChain',
        'csr',
        'pfx',
      ],
    ];
    const value = fc.letrec<{ any: unknown }>((tie) => ({
      any: fc.oneof(
        { maxDepth: 5, depthIdentifier: 'any' },
        scalar,
        fc.array(tie('any'), { maxLength: 2 }),
        fc.dictionary(fc.constantFrom(...keys), tie('any'), { maxKeys: 4 }),
      ),
    })).any;
    const likely = fc.tuple(value, value, value).map(([entry, challenge, hooks]) => ({
      certificates: { a: { challenge: 'x', ...(typeof entry === 'object' ? entry : {}) } },
      challenges: { x: challenge },
      hooks,
      eab: { hmacKey: marked },
    }));
    const text = fc.oneof(
      { weight: 3, arbitrary: likely.map((one) => stringify(one)) },
      { weight: 1, arbitrary: value.map((one) => stringify(one) ?? '') },
      { weight: 1, arbitrary: fc.string() },
    );
    let good = 0;
    fc.assert(
      fc.property(text, (one) => {
        let entry: LegoEntry | undefined;
        try {
          entry = parseLegoConfig(one, 'f').certificate('a', PROVIDERS);
        } catch (error) {
          assert.ok(isTscertError(error, 'config-invalid'), String(error));
          assert.equal(error.message, 'Cannot read "f": it is no YAML');
          return;
        }
        if (entry === undefined) return;
        good++;
        const options = { ...entry.options, ...entry.proof.options };
        assert.deepEqual(checkOwnOptions(options, 'f'), options);
        assert.ok(!JSON.stringify(entry).includes(marked));
      }),
      { numRuns: RUNS },
    );
    assert.ok(good > 0, 'none was good');
  });
});

test('accounts and certificates that cannot be read are told, and stop no others', () =>
  withFolder(async (folder) => {
    await putLegoCertificate(folder, 'a.test', issueForeign({ names: ['a.test'] }));
    await put(path.join(folder, 'certificates/b.test.crt'), 'PlantedSecret');
    await put(path.join(folder, 'certificates/b.test.key'), 'PlantedSecret');
    await put(path.join(folder, 'certificates/b.test.json'), 'PlantedSecret');
    await putLego5Account(folder, 'me', { email: 'me@a.test' });
    await put(path.join(folder, 'accounts/ca.test_14000/none/account.json'), '[]');
    await put(path.join(folder, 'accounts/ca.test_14000/bad/account.json'), '{"email":7,"registration":{"uri":"http://x"}}');
    await put(path.join(folder, 'accounts/ca.test_14000/bad/bad.key'), 'PlantedSecret');
    const { certificates, accounts } = await readLego(folder, help);
    const words = [...certificates, ...accounts].map((held) => (isBroken(held) ? held.error.message.replaceAll(folder, 'DIR') : 'good'));
    assert.deepEqual(words, [
      'good',
      'Cannot read "DIR/certificates/b.test.json": it is no JSON',
      'Cannot read the private key: there is none',
      'good',
      'Cannot read "DIR/accounts/ca.test_14000/none/none.key": there is no such file or folder',
    ]);
    await assert.rejects(readLego(path.join(folder, 'certificates'), help), (error) => isTscertError(error, 'usage'));
  }));
