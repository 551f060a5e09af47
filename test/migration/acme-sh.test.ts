/** What acme.sh's folder holds, and how its settings are options here. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { isTscertError } from '../../src/base/errors.js';
import { readAcmeSh } from '../../src/migration/acme-sh.js';
import { acmeShAround, acmeShHook, acmeShLosses, acmeShOptions, renewAfterOf } from '../../src/migration/acme-sh-options.js';
import { acmeShProof } from '../../src/migration/acme-sh-proof.js';
import { ACMESH_SCRIPTS } from '../../src/migration/dns-codes.js';
import { type ForeignAccount, type ForeignCertificate, isBroken, type Proof } from '../../src/migration/holdings.js';
import { checkOwnOptions } from '../../src/request/config.js';
import { withFolder } from '../store/support.js';
import { base64Setting, issueForeign, newKey, put, putAcmeShAccount, putAcmeShDomain, settingLines } from '../support/foreign.js';
import { RUNS } from '../support/property.js';
import { servers, skipUnless } from '../support/servers.js';

const help = { providers: ['route53', 'alidns', 'exec', 'acmesh', 'manual'] };
const NONE = new Map<string, string>();

const settingsOf = (settings: Readonly<Record<string, string>>): Map<string, string> => new Map(Object.entries(settings));
const around = (general = NONE) => ({ home: '/root/.acme.sh', general, providers: help.providers });
const proofOf = (
  webroot: string,
  names: readonly string[] = ['a.test'],
  more: Readonly<Record<string, string>> = {},
  general = NONE,
): Proof => acmeShProof(settingsOf({ Le_Webroot: webroot, ...more }), names, around(general));

describe('how acme.sh proves names', () => {
  const cf = { provider: 'acmesh:dns_cf', ACMESH_HOME: '/root/.acme.sh' };
  const cases: readonly (readonly [string, readonly string[], Proof['options']])[] = [
    ['no', ['a.test'], { http: ['standalone'] }],
    ['alpn', ['a.test'], { tlsAlpn: true }],
    ['/var/www', ['a.test', 'b.test'], { http: ['webroot:/var/www'] }],
    ['dns_aws', ['a.test', '*.a.test'], { dns: ['route53'] }],
    ['dns_ali', ['a.test'], { dns: ['alidns'] }],
    ['dns_cf', ['a.test', '*.a.test'], { dns: [cf] }],
    ['dns', ['a.test'], { dns: ['manual'] }],
    ['dns_cf,dns_cf', ['a.test', 'b.test'], { dns: [cf] }],
    ['dns_cf,dns_aws', ['a.test', '*.b.test', 'c.test'], { dns: [{ ...cf, zone: 'a.test' }, 'route53@b.test', 'route53@c.test'] }],
    ['dns_cf,,no', ['a.test', '*.a.test', 'b.test'], { dns: [{ ...cf, zone: 'a.test' }], http: ['standalone'] }],
    ['no,alpn', ['a.test', 'b.test'], { http: ['standalone'], tlsAlpn: true }],
  ];
  for (const [webroot, names, options] of cases)
    test(`${webroot} for ${names.join(',')}`, () => assert.deepEqual(proofOf(webroot, names), { options, losses: [] }));

  test('with ports of its own', () => {
    assert.deepEqual(proofOf('no', ['a.test'], { Le_HTTPPort: '8080' }).options, { http: ['standalone:8080'] });
    assert.deepEqual(proofOf('alpn', ['a.test'], { Le_TLSPort: '8443' }).options, { tlsAlpn: 8443 });
    assert.deepEqual(proofOf('no', ['a.test'], { Le_HTTPPort: 'x' }).options, { http: ['standalone'] });
  });

  test('what is not done here is told', () => {
    assert.match(proofOf('nginx:/etc/nginx.conf').losses.join(), /its mode "nginx", and tscert does not: say --http webroot:DIR/);
    assert.match(proofOf('stateless').losses.join(), /its mode "stateless"/);
    assert.match(proofOf('dns_persist').losses.join(), /dns-persist-01/);
    assert.match(proofOf('').losses.join(), /a way that is not known/);
    assert.match(proofOf('/a,/b', ['a.test', 'b.test']).losses.join(), /in 2 places, and tscert uses one, "webroot:\/a"/);
  });

  test('the variables of its own providers are named, and their values are not', () => {
    const general = settingsOf({ Ali_Key: 'PlantedSecret', Ali_Secret: 'PlantedSecret', AWS_ACCESS_KEY_ID: 'PlantedSecret' });
    assert.deepEqual(proofOf('dns_ali', ['a.test'], {}, general).losses, [
      'its DNS credentials stay in "/root/.acme.sh/account.conf": set ALIBABA_CLOUD_ACCESS_KEY_ID (Ali_Key) and ALIBABA_CLOUD_ACCESS_KEY_SECRET (Ali_Secret) where tscert runs',
    ]);
    assert.deepEqual(proofOf('dns_aws', ['a.test'], {}, general).losses, [
      'its DNS credentials stay in "/root/.acme.sh/account.conf": set AWS_ACCESS_KEY_ID where tscert runs',
    ]);
  });
});

test('what of its settings is an option', () => {
  const all = settingsOf({
    Le_Preferred_Chain: 'Root',
    Le_Certificate_Profile: 'short',
    Le_OCSP_Staple: '1',
    Le_ForceNewDomainKey: '1',
    Le_Valid_To: '+2d',
    Le_RenewalDays: '-7',
  });
  assert.deepEqual(acmeShOptions(all, settingsOf({ CA_BUNDLE: '/etc/ca.pem' })), {
    reuseKey: false,
    mustStaple: true,
    preferredChain: 'Root',
    profile: 'short',
    notAfter: '2d',
    renewBefore: '7d',
    caBundle: '/etc/ca.pem',
  });
  assert.deepEqual(acmeShOptions(settingsOf({ Le_RenewalDays: '40', Le_Preferred_Chain: '' }), NONE), { reuseKey: true });
  assert.deepEqual(
    ['40', '-7', '', '0', 'x'].map((days) => renewAfterOf(settingsOf({ Le_RenewalDays: days }))),
    [40 * 86_400_000, undefined, undefined, undefined, undefined],
  );
});

test('what is lost is told', () => {
  const settings = settingsOf({
    Le_DeployHook: 'haproxy,ssh',
    Le_Valid_To: '2027-01-01T00:00:00Z',
    Le_ExtKeyUse: 'clientAuth',
    Le_PFXPassword: 'PlantedSecret',
    Le_LocalAddress: '192.0.2.1',
  });
  assert.deepEqual(acmeShLosses(settings, settingsOf({ HTTPS_INSECURE: '1' })), [
    'acme.sh deploys it by its scripts haproxy,ssh, and tscert does not: say --deploy-hook',
    'acme.sh asks for a fixed end of its validity (--valid-to), and tscert for none',
    'acme.sh asks for extended key usages, and tscert leaves them to the CA',
    'acme.sh also writes PKCS#12, and tscert does not',
    'acme.sh listens at one address or one kind of them, and tscert at all',
    'acme.sh does not check the certificate of its ACME server (--insecure), and tscert does: give the root with --ca-bundle',
  ]);
});

test('what is run around an issuance knows its name', () => {
  const settings = settingsOf({ Le_Domain: '*.a.test', Le_PreHook: 'systemctl stop x', Le_PostHook: 'echo $Le_Domain' });
  assert.deepEqual(acmeShAround(settings), { around: { pre: 'systemctl stop x', post: "export Le_Domain='*.a.test'; echo $Le_Domain" } });
  assert.deepEqual(acmeShAround(settingsOf({ Le_PreHook: '', Le_PostHook: '' })), {});
});

test('installed files and the reload are one deploy hook, which /bin/sh runs', () =>
  withFolder(async (folder) => {
    const at = (name: string): string => path.join(folder, name);
    for (const name of ['cert', 'chain', 'fullchain', 'key']) await put(at(`new/${name}`), `${name}\n`);
    await put(at("it's"), '');
    const hook = acmeShHook(
      settingsOf({
        Le_Domain: '*.a.test',
        Le_RealCertPath: at('both'),
        Le_RealCACertPath: at('both'),
        Le_RealKeyPath: at('my key'),
        Le_RealFullChainPath: at("it's"),
        Le_ReloadCmd: 'cat $CERT_FULLCHAIN_PATH; echo "$Le_Domain" # done',
        Le_RenewHook: 'echo renewed',
      }),
    );
    const env = {
      TSCERT_CERT: at('new/cert'),
      TSCERT_CHAIN: at('new/chain'),
      TSCERT_FULLCHAIN: at('new/fullchain'),
      TSCERT_KEY: at('new/key'),
    };
    const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', hook ?? 'false'], {
      env: { PATH: process.env.PATH ?? '', ...env },
      encoding: 'utf8',
    });
    assert.deepEqual([status, stdout, stderr], [0, 'fullchain\n*.a.test\nrenewed\n', '']);
    const texts = await Promise.all(['both', 'my key', "it's"].map((name) => readFile(at(name), 'utf8')));
    assert.deepEqual(texts, ['cert\nchain\n', 'key\n', 'fullchain\n']);
    assert.equal(acmeShHook(settingsOf({ Le_ReloadCmd: 'systemctl reload nginx' })), 'systemctl reload nginx');
    assert.equal(acmeShHook(settingsOf({ Le_RealKeyPath: 'no', Le_ReloadCmd: '' })), undefined);
  }));

test('any settings give options that can be kept, and no secret', () => {
  const marked = 'PlantedSecret5d0e';
  const keys = [
    ...[
      'Le_Webroot',
      'Le_Alt',
      'Le_HTTPPort',
      'Le_TLSPort',
      'Le_Preferred_Chain',
      'Le_Certificate_Profile',
      'Le_OCSP_Staple',
      'Le_Valid_To',
    ],
    ...[
      'Le_RenewalDays',
      'Le_ForceNewDomainKey',
      'Le_RealCertPath',
      'Le_RealKeyPath',
      'Le_RealCACertPath',
      'Le_ReloadCmd',
      'Le_RenewHook',
      'CA_BUNDLE',
    ],
  ];
  const field = fc.constantFrom('no', 'dns', 'alpn', 'dns_cf', 'dns_aws', '/srv', 'nginx:', '', 'x', '+1d', '-3', '40', '0', '1', '80');
  const value = fc.oneof(
    fc.string(),
    field,
    fc.array(field, { maxLength: 4 }).map((fields) => fields.join(',')),
  );
  const settings = fc.dictionary(fc.constantFrom(...keys), value, { noNullPrototype: true }).map((values) => {
    const secrets = {
      Le_PFXPassword: marked,
      CA_EAB_HMAC_KEY: marked,
      AWS_ACCESS_KEY_ID: marked,
      AWS_SECRET_ACCESS_KEY: marked,
      Le_PreHook: marked,
    };
    return settingsOf({ ...values, ...secrets });
  });
  const names = fc.array(fc.oneof(fc.constantFrom('a.test', '*.b.test', '192.0.2.1', 'ü.test'), fc.string()), { maxLength: 4 });
  fc.assert(
    fc.property(settings, settings, names, (own, general, list) => {
      const hook = acmeShHook(own);
      const proof = acmeShProof(own, list, around(general));
      const options = { ...acmeShOptions(own, general), ...(hook === undefined ? {} : { deployHook: hook }), ...proof.options };
      assert.deepEqual(checkOwnOptions(options, 'f'), options);
      assert.ok(!JSON.stringify([options, proof.losses, acmeShLosses(own, general)]).includes(marked));
    }),
    { numRuns: RUNS },
  );
});

describe("acme.sh's folder", () => {
  const certificatesOf = async (folder: string): Promise<ForeignCertificate[]> =>
    (await readAcmeSh(folder, help)).certificates.map((held) => {
      if (isBroken(held)) throw held.error;
      return held;
    });
  const accountsOf = async (folder: string): Promise<readonly ForeignAccount[]> =>
    (await readAcmeSh(folder, help)).accounts.map((held) => {
      if (isBroken(held)) throw held.error;
      return held;
    });

  test('an ECC certificate has its plain name, unless an RSA one has it', () =>
    withFolder(async (folder) => {
      const issued = issueForeign({ names: ['*.a.test', 'a.test'] });
      const settings = { Le_Alt: 'a.test', Le_Webroot: 'dns_cf', Le_ReloadCmd: base64Setting("echo 'it is done'"), Le_RenewalDays: '40' };
      await putAcmeShDomain(folder, '*.a.test', issued, { settings });
      await putAcmeShAccount(folder, { settings: { CA_EAB_KEY_ID: 'kid-1', CA_EAB_HMAC_KEY: 'PlantedSecret' } });
      const [one, ...others] = await certificatesOf(folder);
      assert.deepEqual(others, []);
      assert.deepEqual(one, {
        name: '*.a.test',
        origin: '*.a.test_ecc',
        privateKey: issued.keyPem,
        certificates: `${issued.leaf}\n${issued.chain}`,
        server: 'https://ca.test:14000/dir',
        account: 'ca.test/dir',
        names: ['*.a.test', 'a.test'],
        options: { reuseKey: true, deployHook: "echo 'it is done'" },
        renewAfter: 40 * 86_400_000,
        proof: { options: { dns: [{ provider: 'acmesh:dns_cf', ACMESH_HOME: folder }] }, losses: [] },
        losses: [],
      });
      await putAcmeShDomain(folder, '*.a.test', issued, { ecc: false });
      assert.deepEqual(
        (await certificatesOf(folder)).map(({ name, origin }) => [name, origin]),
        [
          ['*.a.test', '*.a.test'],
          ['*.a.test_ecc', '*.a.test_ecc'],
        ],
      );
      const [account] = await accountsOf(folder);
      const { privateKey: _, ...rest } = account ?? assert.fail();
      assert.deepEqual(rest, {
        id: 'ca.test/dir',
        server: 'https://ca.test:14000/dir',
        email: 'admin@example.com',
        url: 'https://ca.test:14000/my-account/a',
        eab: 'kid-1',
      });
    }));

  test('the URL of an account whose key was changed is not taken', () =>
    withFolder(async (folder) => {
      await putAcmeShDomain(folder, 'a.test', issueForeign({ names: ['a.test'] }));
      await putAcmeShAccount(folder, { settings: { CA_KEY_HASH: 'other' } });
      const [account] = await accountsOf(folder);
      assert.deepEqual([account?.id, account?.url], ['ca.test/dir', undefined]);
    }));

  test('certificates and the account key that were moved elsewhere are found', () =>
    withFolder(async (folder) => {
      const [home, certs] = [path.join(folder, 'home'), path.join(folder, 'certs')];
      await putAcmeShDomain(certs, 'a.test', issueForeign({ names: ['a.test'] }));
      await putAcmeShAccount(home);
      const key = newKey().export({ type: 'pkcs8', format: 'pem' }).toString();
      await put(path.join(folder, 'account.key'), key);
      await put(path.join(home, 'account.conf'), settingLines({ CERT_HOME: certs, ACCOUNT_KEY_PATH: path.join(folder, 'account.key') }));
      assert.deepEqual(
        (await certificatesOf(home)).map(({ name }) => name),
        ['a.test'],
      );
      assert.equal((await accountsOf(home))[0]?.privateKey, key);
    }));

  test('what cannot be read is told, and stops no other', () =>
    withFolder(async (folder) => {
      for (const name of ['a.test', 'b.test', 'c.test']) await putAcmeShDomain(folder, name, issueForeign({ names: [name] }));
      await rm(path.join(folder, 'b.test_ecc/b.test.cer'));
      await rm(path.join(folder, 'c.test_ecc/c.test.key'));
      await putAcmeShAccount(folder);
      await put(path.join(folder, 'ca/ca.test/dir/account.key'), 'PlantedSecret');
      await put(path.join(folder, 'ca/acme.zerossl.com/v2/DV90/ca.conf'), '');
      const { certificates, accounts } = await readAcmeSh(folder, help);
      const words = [...certificates, ...accounts].map((held) => (isBroken(held) ? held.error.message.replaceAll(folder, 'DIR') : 'good'));
      assert.deepEqual(words, [
        'good',
        'Cannot take over "b.test": acme.sh has issued no certificate ("DIR/b.test_ecc/b.test.cer" is not there)',
        'Cannot take over "c.test": its key is not there ("DIR/c.test_ecc/c.test.key"); one issued for a CSR is issued with --csr',
        'Cannot read "DIR/ca/acme.zerossl.com/v2/DV90/account.key": there is no such file or folder',
        'Cannot read the private key: there is none',
      ]);
      await assert.rejects(readAcmeSh(path.join(folder, 'ca/ca.test/dir'), help), (error) => isTscertError(error, 'usage'));
    }));
});

test('the scripts that stand for providers of others are there', { skip: skipUnless('acme.sh') }, () => {
  const folder = servers('acme.sh')['acme.sh'] ?? '';
  for (const script of [...Object.values(ACMESH_SCRIPTS), 'dns_aws', 'dns_ali'])
    assert.ok(existsSync(path.join(folder, 'dnsapi', `${script}.sh`)), script);
});
