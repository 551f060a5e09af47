/** What certbot's folder holds, and how its renewal configurations are options here. */
import assert from 'node:assert/strict';
import { chmod, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { isTscertError, TscertError } from '../../src/base/errors.js';
import { certbotOptions, readCertbot } from '../../src/migration/certbot.js';
import { certbotProof } from '../../src/migration/certbot-proof.js';
import { type ForeignAccount, type ForeignCertificate, isBroken, type Proof } from '../../src/migration/holdings.js';
import { parseIni, type Section } from '../../src/migration/ini.js';
import { readPrivateKey } from '../../src/pki/key-reader.js';
import { checkOwnOptions } from '../../src/request/config.js';
import { withFolder } from '../store/support.js';
import { issueForeign, newKey, put, putCertbotAccount, putLineage } from '../support/foreign.js';
import { RUNS } from '../support/property.js';

const PROVIDERS = ['route53', 'alidns', 'rfc2136', 'exec', 'acmesh', 'manual'];
const help = { providers: PROVIDERS };
const NO_HOOKS = { pre: [], deploy: [], post: [] };

const paramsOf = (lines: string): Section => parseIni(lines, 'f');
const proofOf = (lines: string, credentials?: Section | TscertError): Proof => certbotProof(paramsOf(lines), PROVIDERS, credentials);

async function only(folder: string): Promise<ForeignCertificate> {
  const [held, ...others] = (await readCertbot(folder, help)).certificates;
  assert.ok(held !== undefined && others.length === 0);
  if (isBroken(held)) throw held.error;
  return held;
}

describe('how certbot proves names', () => {
  const cases: readonly (readonly [string, Proof['options']])[] = [
    ['authenticator = standalone', { http: ['standalone'] }],
    ['authenticator = standalone\nhttp01_port = 8080', { http: ['standalone:8080'] }],
    ['authenticator = standalone\nhttp01_port = None', { http: ['standalone'] }],
    ['authenticator = webroot\nwebroot_path = /var/www,\n[[webroot_map]]\na.test = /srv/a\nb.test = /srv/a', { http: ['webroot:/srv/a'] }],
    ['authenticator = webroot\nwebroot_path = /var/www,', { http: ['webroot:/var/www'] }],
    ['authenticator = dns-route53', { dns: ['route53'] }],
    ['authenticator = certbot-dns-route53:dns-route53', { dns: ['route53'] }],
    ['authenticator = manual\npref_challs = dns-01,', { dns: ['manual'] }],
  ];
  for (const [lines, options] of cases)
    test(lines.replaceAll('\n', '; '), () =>
      assert.deepEqual(proofOf(lines.replace('[[', '[').replace(']]', ']')), { options, losses: [] }),
    );

  const lost: readonly (readonly [string, RegExp])[] = [
    ['authenticator = nginx', /plugin "nginx", and tscert does not: say --http webroot:DIR/],
    ['authenticator = dns-cloudflare', /"cloudflare", which tscert does not have: say --dns acmesh:dns_cf /],
    ['authenticator = dns-nobody', /"nobody", which tscert does not have: say --dns acmesh:dns_xx /],
    ['authenticator = dns-acmesh', /"acmesh", which tscert does not have/],
    ['authenticator = dns-constructor', /"constructor", which tscert does not have/],
    ['authenticator = manual', /manual plugin/],
    ['authenticator = manual\npref_challs = dns-01,\nmanual_auth_hook = /x', /speak another protocol: say --dns exec/],
    ['authenticator = webroot\nwebroot_path = relative,', /names no webroot/],
    ['authenticator = standalone\nhttp01_port = 0', /is no port/],
    ['server = x', /names no authenticator/],
  ];
  for (const [lines, words] of lost)
    test(`${lines.replaceAll('\n', '; ')} is lost`, () => {
      const { options, losses } = proofOf(lines);
      assert.deepEqual(options, {});
      assert.equal(losses.length, 1);
      assert.match(losses[0] ?? '', words);
    });

  test('of several webroots one is taken, and that is told', () => {
    const { options, losses } = proofOf('authenticator = webroot\n[webroot_map]\na.test = /srv/a\nb.test = /srv/b');
    assert.deepEqual(options, { http: ['webroot:/srv/a'] });
    assert.match(losses.join(), /in 2 webroots, and tscert uses one, "\/srv\/a"/);
  });

  test('rfc2136 has its server and its key, and where the secret belongs', () => {
    const ini = (algorithm: string): Section =>
      paramsOf(
        `dns_rfc2136_server = 192.0.2.1\ndns_rfc2136_port = 5353\ndns_rfc2136_name = k.\ndns_rfc2136_secret = PlantedSecret\n${algorithm}`,
      );
    const whole = proofOf('authenticator = dns-rfc2136', ini('dns_rfc2136_algorithm = HMAC-SHA512'));
    assert.deepEqual(whole.options.dns, [
      { provider: 'rfc2136', RFC2136_NAMESERVER: '192.0.2.1:5353', RFC2136_TSIG_KEY: 'k.', RFC2136_TSIG_ALGORITHM: 'hmac-sha512' },
    ]);
    assert.deepEqual(whole.losses, [
      "the secret of its TSIG key stays in certbot's credentials (dns_rfc2136_secret): set RFC2136_TSIG_SECRET where tscert runs",
    ]);
    assert.match(proofOf('authenticator = dns-rfc2136', ini('')).losses.join(), /is for hmac-md5, and tscert signs with hmac-sha256/);
    const none = proofOf('authenticator = dns-rfc2136');
    assert.deepEqual(none.options, { dns: ['rfc2136'] });
    assert.match(none.losses.join(), /names no credentials: set RFC2136_NAMESERVER, /);
    const broken = proofOf('authenticator = dns-rfc2136', new TscertError('file-unreadable', 'Cannot read "/x": permission denied'));
    assert.match(broken.losses.join(), /^cannot read "\/x": permission denied: set RFC2136_NAMESERVER, /);
    assert.ok(!JSON.stringify([whole, none, broken]).includes('PlantedSecret'));
  });
});

test('what of a configuration is an option', () => {
  const params =
    'reuse_key = True\nmust_staple = True\npreferred_chain = "A, B"\nrequired_profile = one\npreferred_profile = two\nrenew_hook = systemctl reload x';
  assert.deepEqual(certbotOptions(paramsOf('renew_before_expiry = 30 days'), paramsOf(params), NO_HOOKS), {
    reuseKey: true,
    mustStaple: true,
    preferredChain: 'A, B',
    profile: 'one',
    renewBefore: '30d',
    deployHook: 'systemctl reload x',
  });
  assert.deepEqual(certbotOptions(paramsOf(''), paramsOf('reuse_key = False\nrenew_hook = None'), NO_HOOKS), {});
  assert.deepEqual(
    certbotOptions(paramsOf(''), paramsOf("deploy_hook = '''a; b'''"), { ...NO_HOOKS, deploy: ['/h/one', "/h/it's"] }).deployHook,
    `/h/one && '/h/it'\\''s' && (a; b\n)`,
  );
});

test('any configuration gives options that can be kept, and no secret', () => {
  const marked = 'PlantedSecret77aa';
  const key = fc.constantFrom(
    ...['authenticator', 'http01_port', 'webroot_path', 'pref_challs', 'manual_auth_hook', 'reuse_key', 'must_staple', 'preferred_chain'],
    ...[
      'required_profile',
      'renew_hook',
      'renew_before_expiry',
      'dns_rfc2136_server',
      'dns_rfc2136_port',
      'dns_rfc2136_name',
      'dns_rfc2136_algorithm',
    ],
  );
  const text = fc.oneof(
    fc.string(),
    fc.constantFrom(
      'standalone',
      'webroot',
      'manual',
      'dns-rfc2136',
      'dns-route53',
      'dns-x',
      'dns-',
      'True',
      '80',
      '/srv',
      'dns-01',
      '30 days',
      '0 days',
    ),
  );
  const value = fc.oneof(text, fc.array(text, { maxLength: 3 }));
  const section = fc.dictionary(key, value, { noNullPrototype: true }).map((values): Section => {
    const map = new Map<string, string | readonly string[]>(Object.entries(values));
    map.set('dns_rfc2136_secret', marked);
    return { values: map, sections: new Map([['webroot_map', { values: map, sections: new Map() }]]) };
  });
  fc.assert(
    fc.property(section, section, fc.array(fc.string({ minLength: 1 }), { maxLength: 2 }), (conf, params, deploy) => {
      const options = certbotOptions(conf, params, { ...NO_HOOKS, deploy });
      const proof = certbotProof(params, PROVIDERS, conf);
      const all = { ...options, ...proof.options };
      assert.deepEqual(checkOwnOptions(all, 'f'), all);
      assert.ok(!JSON.stringify({ ...proof, options: { ...proof.options, http: [] } }).includes(marked));
    }),
    { numRuns: RUNS },
  );
});

test('a folder as certbot writes it', () =>
  withFolder(async (folder) => {
    const accountKey = newKey();
    const account = await putCertbotAccount(folder, { key: accountKey });
    const issued = issueForeign({ names: ['a.test', '*.a.test'] });
    await putLineage(folder, {
      name: 'a.test',
      issued,
      account,
      params: ['authenticator = dns-route53', 'installer = nginx', 'pre_hook = x', 'autorenew = False'],
    });
    await put(path.join(folder, 'renewal-hooks/deploy/10-reload'), '#!/bin/sh\n');
    await put(path.join(folder, 'renewal-hooks/deploy/20-no-program'), '');
    await put(path.join(folder, 'renewal-hooks/post/x'), '#!/bin/sh\n');
    await chmod(path.join(folder, 'renewal-hooks/deploy/10-reload'), 0o755);
    await chmod(path.join(folder, 'renewal-hooks/post/x'), 0o755);
    await put(path.join(folder, 'cli.ini'), '# email = no@x.test\n email = Ops@X.test\n');
    const certificate = await only(folder);
    assert.equal(certificate.server, 'https://ca.test:14000/dir');
    assert.equal(certificate.privateKey, issued.key.export({ type: 'pkcs8', format: 'pem' }));
    assert.equal(certificate.certificates, `${issued.leaf}\n${issued.chain}`);
    assert.deepEqual(certificate.options, { deployHook: path.join(folder, 'renewal-hooks/deploy/10-reload') });
    assert.deepEqual(certificate.around, { pre: 'x', post: path.join(folder, 'renewal-hooks/post/x') });
    assert.deepEqual(certificate.losses, [
      'its deploy hook runs the scripts in renewal-hooks/deploy where they are: keep them',
      "certbot's plugin \"nginx\" puts the certificate into a server's configuration: point the server at tscert's files, and say --deploy-hook to have it reloaded",
      'certbot does not renew it by itself (autorenew), and tscert renew does',
    ]);
    const [one, ...others] = (await readCertbot(folder, help)).accounts as readonly ForeignAccount[];
    assert.deepEqual(others, []);
    assert.equal(one?.id, certificate.account);
    assert.equal(one?.server, 'https://ca.test:14000/dir');
    assert.equal(one?.email, 'Ops@x.test');
    assert.equal(one?.url, `https://ca.test:14000/my-account/${account.slice(0, 8)}`);
    assert.ok(readPrivateKey(one?.privateKey ?? '').equals(accountKey));
  }));

test('what cannot be read is told under its name, and stops no other', () =>
  withFolder(async (folder) => {
    const params = ['authenticator = standalone'];
    const account = await putCertbotAccount(folder);
    const lineage = (name: string): Promise<void> => putLineage(folder, { name, issued: issueForeign({ names: [name] }), account, params });
    for (const name of ['good.test', 'no-key.test', 'loop.test', 'broken.test', 'large.test', 'pipe.test']) await lineage(name);
    await rm(path.join(folder, 'archive/no-key.test/privkey1.pem'));
    await rm(path.join(folder, 'live/loop.test/privkey.pem'));
    await symlink('privkey.pem', path.join(folder, 'live/loop.test/privkey.pem'));
    await put(path.join(folder, 'renewal/broken.test.conf'), 'a = "');
    await put(path.join(folder, 'renewal/empty.test.conf'), '');
    await writeFile(path.join(folder, 'archive/large.test/privkey1.pem'), 'x'.repeat(1_100_000));
    await rm(path.join(folder, 'live/pipe.test/privkey.pem'));
    await mkdir(path.join(folder, 'live/pipe.test/privkey.pem'));
    await put(path.join(folder, 'accounts/ca.test/other/abc/private_key.json'), '{"kty":"oct","k":"PlantedSecret"}');
    await put(path.join(folder, 'accounts/ca.test/other/def/private_key.json'), 'PlantedSecret');
    await put(path.join(folder, 'accounts/ca test/other/private_key.json'), '{}');
    await symlink('.', path.join(folder, 'accounts/ca.test/round'));
    const { certificates, accounts } = await readCertbot(folder, help);
    const told = [...certificates, ...accounts].map((held) => (isBroken(held) ? `${held.name}: ${held.error.message}` : 'good'));
    const words = told.map((text) => text.replaceAll(folder, 'DIR'));
    assert.deepEqual(words.slice(0, 9), [
      'broken.test: Cannot read "DIR/renewal/broken.test.conf": line 1: its value has no closing quote',
      'empty.test: Cannot read "DIR/renewal/empty.test.conf": it has no section [renewalparams]',
      'good',
      'large.test: Cannot read "DIR/live/large.test/privkey.pem": it is too large (1100000 bytes)',
      'loop.test: Cannot read "DIR/live/loop.test/privkey.pem": its symbolic links lead in a circle',
      'no-key.test: Cannot read "DIR/live/no-key.test/privkey.pem": there is no such file or folder',
      'pipe.test: Cannot read "DIR/live/pipe.test/privkey.pem": it is a folder',
      'account ca test/other: Cannot read the account "DIR/accounts/ca test/other": its path is that of no server',
      'account ca.test/other/abc: Cannot read the private key of the account: it is no JSON Web Key of a kind that is known',
    ]);
    assert.match(words[9] ?? '', /^account ca\.test\/other\/def: Cannot read "DIR\/.*private_key\.json": it is no JSON$/);
    assert.deepEqual(words.slice(10), ['good'], 'the one that certificates use');
    assert.ok(!words.join().includes('PlantedSecret'));
  }));

test('a folder of somebody else is refused', () =>
  withFolder(async (folder) => {
    await assert.rejects(readCertbot(folder, help), (error) => {
      assert.ok(isTscertError(error, 'usage'));
      assert.match(error.message, /^Cannot import from ".*": there is no folder "renewal" in it, as certbot makes it$/);
      return true;
    });
  }));
