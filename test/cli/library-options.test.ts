/** The library's options are written out by hand, for programs have no valibot; here they are held against the one table. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CertificateEntry, Configuration } from '../../src/cli/library-options.js';
import { checkOptions } from '../../src/request/config.js';
import { CERTIFICATE_KEYS, type ConfigInput, RUN_KEYS } from '../../src/request/options.js';

type Entry = NonNullable<ConfigInput['certificates']>[number];

/** Does not compile unless each side has the keys of the other and every configuration that the parser takes fits the type. */
const sameKeys: [keyof Configuration, keyof CertificateEntry] extends [keyof ConfigInput, keyof Entry]
  ? [keyof ConfigInput, keyof Entry] extends [keyof Configuration, keyof CertificateEntry]
    ? true
    : false
  : false = true;
const fits = (input: ConfigInput): Configuration => input;

test('what the types of the library allow, the parser takes', () => {
  const entry: Required<CertificateEntry> = {
    domains: ['example.com'],
    name: 'www',
    server: 'letsencrypt',
    issuer: 'acme',
    signer: 'example.com/internal',
    usage: ['server auth'],
    expiration: '30d',
    staging: true,
    stagingServer: 'https://staging.example/directory',
    email: 'admin@example.com',
    agreeTos: true,
    eabKid: 'kid',
    eabHmac: { env: 'HMAC' },
    eabHmacFile: 'hmac',
    profile: 'shortlived',
    preferredChain: 'Root',
    notAfter: '30d',
    dns: ['route53', { provider: 'rfc2136', zone: 'example.com', RFC2136_TTL: 60, RFC2136_TSIG_SECRET: { file: 'secret' } }],
    http: 'standalone',
    tlsAlpn: 8443,
    keyType: 'ec256',
    reuseKey: false,
    key: 'key.pem',
    csr: 'server.csr',
    mustStaple: false,
    revocationCheck: true,
    allowPrivate: false,
    staple: '/etc/nginx/www.ocsp',
    secret: ['web/shop-tls@prod', 'other-tls'],
    issuerRef: 'ClusterIssuer/letsencrypt',
    secretAnnotation: 'example.com/team=web',
    secretLabel: ['team=web'],
    cn: 'example.com',
    renewBefore: '33%',
    deploy: [
      'nginx',
      { file: '/srv/www.pem', content: 'fullchain+key', owner: 'root:root', mode: '0640' },
      { command: 'true', timeout: '2m' },
      { nginx: { program: 'nginx', config: '/srv/nginx.conf', unit: 'nginx' } },
      { apache: {} },
      { haproxy: { file: false, pidFile: '/run/haproxy.pid' } },
    ],
    keepGenerations: 10,
    keepAge: '90d',
    deployHook: 'true',
    probe: 'localhost:443',
    preHook: 'true',
    postHook: 'true',
  };
  const { domains: _, ...defaults } = entry;
  const configuration: Required<Configuration> = {
    ...defaults,
    dnsResolver: '192.0.2.53',
    dnsNameserver: ['192.0.2.1@example.com'],
    dnsCheck: 'recursive',
    dnsTimeout: '5m',
    caBundle: 'ca.pem',
    jobs: 10,
    challenges: 20,
    certificates: [entry],
  };
  assert.ok(sameKeys);
  assert.equal(checkOptions(fits(configuration as ConfigInput), 'the options').jobs, 10);
  assert.deepEqual(Object.keys(entry).sort(), [...CERTIFICATE_KEYS].sort());
  assert.deepEqual(
    Object.keys(configuration).sort(),
    [...CERTIFICATE_KEYS.filter((key) => key !== 'domains'), ...RUN_KEYS, 'certificates'].sort(),
  );
});
