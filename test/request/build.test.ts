import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ErrorCode, isTscertError } from '../../src/base/errors.js';
import { type BuildHelp, buildDnsOptions, buildRequests } from '../../src/request/build.js';
import { checkOwnOptions, parseConfig } from '../../src/request/config.js';
import type { OwnOptions } from '../../src/request/options.js';

const NOW = Date.parse('2026-11-22T09:00:00Z');

const help: BuildHelp = {
  now: NOW,
  directoriesOf: ({ server, staging }) => ({ directory: `https://${server}${staging ? '-staging' : ''}/directory` }),
  readCsr: (file) => ({ names: [{ type: 'dns', value: `${file}.example` }] }),
};

const options = (value: unknown): OwnOptions => checkOwnOptions(value, 'the test');
const refuses = (code: ErrorCode, words: RegExp, run: () => unknown): void =>
  assert.throws(run, (error) => isTscertError(error, code) && words.test(error.message));

const FILE = `
server: zerossl
email: Admin@Example.com
agreeTos: true
dns: [route53, "acmesh:dns_cf@example.org"]
dnsResolver: ["192.0.2.53"]
certificates:
  - name: www
    domains: [example.com, "*.example.com"]
  - domains: [example.org]
    keyType: rsa2048
    http: webroot:/var/www
    deployHook: systemctl reload nginx
`;

test('every certificate of the configuration file takes the rest from its top', () => {
  const [www, org] = buildRequests({}, parseConfig(FILE, 'tscert.yaml'), help);
  assert.equal(www?.name, 'www');
  assert.deepEqual(
    www?.spec.names.map(({ value }) => value),
    ['example.com', '*.example.com'],
  );
  assert.deepEqual(www?.issuer, { kind: 'acme', directory: 'https://zerossl/directory', email: 'Admin@example.com', agreeTos: true });
  assert.deepEqual(www?.solvers, [
    { type: 'dns-01', provider: 'route53' },
    { type: 'dns-01', provider: 'acmesh:dns_cf', zone: 'example.org' },
  ]);
  assert.equal(org?.name, 'example.org');
  assert.equal(org?.key.type, 'rsa2048');
  assert.deepEqual(org?.deploy, [{ kind: 'command', command: 'systemctl reload nginx', timeout: 600_000 }]);
});

test('an entry that says how names are proven replaces the ways of the top, it does not join them', () => {
  const [, org] = buildRequests({}, parseConfig(FILE, 'tscert.yaml'), help);
  assert.deepEqual(org?.solvers, [{ type: 'http-01', webroot: '/var/www' }]);
});

test('flags stand before the file, and -d makes a certificate of its own', () => {
  const built = buildRequests(
    options({ domains: 'a.example, b.example', server: 'google', staging: true }),
    parseConfig(FILE, 'tscert.yaml'),
    help,
  );
  assert.equal(built.length, 1);
  assert.equal(built[0]?.name, 'a.example');
  assert.equal(built[0]?.issuer.directory, 'https://google-staging/directory');
  assert.equal(built[0]?.issuer.email, 'Admin@example.com');
});

test('--name alone picks the entry of that name', () => {
  assert.deepEqual(
    buildRequests(options({ name: 'example.org' }), parseConfig(FILE, 'f'), help).map(({ name }) => name),
    ['example.org'],
  );
  refuses('usage', /it has "www", "example\.org"/, () => buildRequests(options({ name: 'wwww' }), parseConfig(FILE, 'f'), help));
});

test('the same name twice is one name', () => {
  assert.equal(buildRequests(options({ domains: ['example.com', 'EXAMPLE.com.'] }), {}, help)[0]?.spec.names.length, 1);
});

test('requests that contradict themselves are refused', () => {
  refuses('usage', /no -d NAME/, () => buildRequests({}, {}, help));
  refuses('usage', /-d and from --csr/, () => buildRequests(options({ domains: 'a.b', csr: 'x' }), {}, help));
  refuses('usage', /go together/, () => buildRequests(options({ domains: 'a.b', eabKid: 'x' }), {}, help));
  refuses('request-invalid', /none of the names/, () => buildRequests(options({ domains: 'a.b', cn: 'c.d' }), {}, help));
  refuses('request-invalid', /that is over/, () => buildRequests(options({ domains: 'a.b', notAfter: '2020-01-01T00:00:00Z' }), {}, help));
  refuses('request-invalid', /standalone, standalone:PORT/, () => buildRequests(options({ domains: 'a.b', http: 'nginx' }), {}, help));
  refuses('request-invalid', /ports are 1 to 65535/, () => buildRequests(options({ domains: 'a.b', http: 'standalone:99999' }), {}, help));
  refuses('request-invalid', /the kinds are/, () => buildRequests(options({ domains: 'a.b', keyType: 'dsa' }), {}, help));
  refuses('request-invalid', /percentages/, () => buildRequests(options({ domains: 'a.b', renewBefore: '0%' }), {}, help));
  refuses('config-invalid', /under the name "a\.b"/, () =>
    buildRequests({}, parseConfig('certificates: [{domains: a.b}, {domains: [a.b, c.d]}]', 'f'), help),
  );
});

test('an unknown key is refused with its path and the nearest known one', () => {
  refuses('config-invalid', /certificates\[1\]\.keytype is no known key \(did you mean keyType\?\)/, () =>
    parseConfig('certificates: [{domains: [a.b]}, {keytype: x}]', 'f'),
  );
  refuses('config-invalid', /dnsresolver is no known key \(did you mean dnsResolver\?\)/, () => parseConfig('dnsresolver: 1.1.1.1', 'f'));
});

test('a value of the wrong kind is refused with its path, and broken YAML with its line', () => {
  refuses('config-invalid', /agreeTos must be true or false/, () => parseConfig('agreeTos: maybe', 'f'));
  refuses('config-invalid', /email is empty/, () => parseConfig('email: ""', 'f'));
  refuses('config-invalid', /line 2/, () => parseConfig('a: [1\nb: 2', 'f'));
});

test('provider settings stand beside the provider, secrets by reference', () => {
  const [request] = buildRequests(
    {},
    parseConfig(
      'dns: {provider: rfc2136, zone: example.com, RFC2136_TSIG_SECRET: {file: /etc/tsig}}\ncertificates: [{domains: example.com}]',
      'f',
    ),
    help,
  );
  assert.deepEqual(request?.solvers, [
    { type: 'dns-01', provider: 'rfc2136', zone: 'example.com', settings: { RFC2136_TSIG_SECRET: { file: '/etc/tsig' } } },
  ]);
});

test('name servers get their port, IPv6 its brackets, a zone its place', () => {
  assert.deepEqual(
    buildDnsOptions(
      options({
        dnsResolver: ['192.0.2.1', '[2001:db8::1]:5353', '2001:db8::2', 'ns.example:54'],
        dnsNameserver: '127.0.0.1:5300@example.com',
      }),
    ),
    {
      resolvers: ['192.0.2.1:53', '[2001:db8::1]:5353', '[2001:db8::2]:53', 'ns.example:54'],
      nameservers: [{ address: '127.0.0.1:5300', zone: 'example.com' }],
      check: 'authoritative',
      timeout: 300_000,
    },
  );
});

test('how revocation is looked at: asked, at public addresses, unless something else is said; each staple in a file of its own', () => {
  const [plain, own] = buildRequests(
    {},
    parseConfig(
      'certificates: [{ domains: [a.test] }, { domains: [b.test], revocationCheck: false, allowPrivate: true, staple: /etc/b.ocsp }]',
      'f',
    ),
    help,
  );
  assert.equal(plain?.revocation, undefined);
  assert.deepEqual(own?.revocation, { check: false, allowPrivate: true, staple: '/etc/b.ocsp' });
  const [asked] = buildRequests({ domains: ['a.test'], allowPrivate: true }, {}, help);
  assert.deepEqual(asked?.revocation, { check: true, allowPrivate: true });
  const build = (text: string) => () => buildRequests({}, parseConfig(text, 'f'), help);
  const both = 'staple: /etc/one.ocsp\ncertificates: [{ domains: [a.test] }, { domains: [b.test] }]';
  refuses('config-invalid', /Cannot keep the staples of "a\.test" and "b\.test" in one file "\/etc\/one\.ocsp"/, build(both));
  refuses(
    'request-invalid',
    /keep the staple in the file "a\.ocsp": it wants an absolute path/,
    build('certificates: [{ domains: [a.test], staple: a.ocsp }]'),
  );
  refuses('request-invalid', /"\/etc\/": it is a folder/, build('certificates: [{ domains: [a.test], staple: /etc/ }]'));
});
