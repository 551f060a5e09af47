import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isTscertError } from '../../src/base/errors.js';
import { type BuildHelp, buildRequests } from '../../src/request/build.js';
import type { CertificateOptions, ConfigOptions } from '../../src/request/options.js';
import { buildSecrets, parseSecretPlace, secretNameOf } from '../../src/request/secrets.js';

const help = (inCluster: boolean): BuildHelp => ({
  now: 0,
  inCluster,
  directoriesOf: () => ({ directory: 'https://ca.test' }),
  readCsr: () => ({ names: [{ type: 'dns', value: 'csr.test' }] }),
});
const secretsOf = (own: CertificateOptions, config: ConfigOptions = {}, inCluster = false): string[] =>
  buildRequests(own, config, help(inCluster)).flatMap(({ deploy }) =>
    deploy.flatMap((target) => (target.kind === 'secret' ? [`${target.namespace ?? ''}/${target.name}@${target.context ?? ''}`] : [])),
  );

test('a place has a name, and may have a namespace and a context', () => {
  assert.deepEqual(parseSecretPlace('web-tls'), { name: 'web-tls' });
  assert.deepEqual(parseSecretPlace('shop/web.tls'), { namespace: 'shop', name: 'web.tls' });
  assert.deepEqual(parseSecretPlace('shop/web-tls@admin@prod'), { namespace: 'shop', name: 'web-tls', context: 'admin@prod' });
  assert.deepEqual(parseSecretPlace('web-tls@arn:aws:eks:x/y'), { name: 'web-tls', context: 'arn:aws:eks:x/y' });
  const bad = [
    '',
    '/',
    'a/',
    '/a',
    'a/b/c',
    'A',
    'a_b',
    '-a',
    'a-',
    '.a',
    'a..b',
    'a@',
    '../a',
    'Web/a',
    'a.b/c',
    `${'x'.repeat(64)}/a`,
    'x'.repeat(254),
  ];
  for (const text of bad) assert.throws(() => parseSecretPlace(text), { code: 'request-invalid' }, text);
});

test('whatever is written as a place, it is one or refused', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[a-z@./-]{0,20}$/)), (text) => {
      try {
        const { namespace, name, context } = parseSecretPlace(text);
        assert.equal(`${namespace === undefined ? '' : `${namespace}/`}${name}${context === undefined ? '' : `@${context}`}`, text);
        assert.doesNotMatch(`${namespace}${name}`, /[^a-z0-9.-]/);
      } catch (error) {
        assert.ok(isTscertError(error, 'request-invalid'));
      }
    }),
  );
});

test('an issuer is a name, with a kind and a group where they are not the usual', () => {
  const refOf = (issuerRef: string) => buildSecrets({ secret: ['x'], issuerRef }, 'www')[0]?.issuerRef;
  assert.deepEqual(refOf('le'), { name: 'le', kind: 'Issuer', group: 'cert-manager.io' });
  assert.deepEqual(refOf('clusterissuer/le'), { name: 'le', kind: 'ClusterIssuer', group: 'cert-manager.io' });
  assert.deepEqual(refOf('AWSPCAIssuer.awspca.cert-manager.io/x'), { name: 'x', kind: 'AWSPCAIssuer', group: 'awspca.cert-manager.io' });
  for (const text of ['/x', 'Kind/', 'a/b/c', 'Le', 'a b']) assert.throws(() => refOf(text), { code: 'request-invalid' }, text);
});

test('annotations and labels are pairs, and values may hold anything behind the first "="', () => {
  const [one] = buildSecrets({ secret: ['x'], secretAnnotation: ['a=b=c, d'], secretLabel: ['team='] }, '*.example.com');
  assert.deepEqual([one?.annotations, one?.labels, one?.certificateName], [{ a: 'b=c, d' }, { team: '' }, '_.example.com']);
  for (const text of ['a', '=b', 'cert-manager.io/issuer-name=x']) {
    assert.throws(() => buildSecrets({ secret: ['x'], secretAnnotation: [text] }, 'www'), { code: 'request-invalid' }, text);
  }
});

test('with everything in a cluster a certificate has the Secret of its name; elsewhere none, unless it is named', () => {
  const www = { domains: ['*.example.com'] };
  assert.deepEqual(secretsOf(www), []);
  assert.deepEqual(secretsOf(www, {}, true), ['/wildcard.example.com@']);
  assert.deepEqual(secretsOf({ ...www, secret: ['a/b@c', 'd'] }, {}, true), ['a/b@c', '/d@']);
  assert.deepEqual(secretsOf({ csr: 'x.csr' }, {}, true), []);
  assert.equal(secretNameOf('2001:db8::1'), '2001-db8-1');
  assert.throws(() => secretNameOf('a b'), { code: 'request-invalid' });
});

test('a key that is not here cannot be written, and no two certificates go into one Secret', () => {
  assert.throws(() => secretsOf({ csr: 'x.csr', secret: ['x'] }), { code: 'request-invalid' });
  const both = {
    certificates: [
      { domains: ['a.test'], secret: ['web/x'] },
      { domains: ['b.test'], secret: ['web/x'] },
    ],
  };
  assert.throws(
    () => secretsOf({}, both as ConfigOptions),
    /^TscertError: Cannot write both "a.test" and "b.test" into the Secret "web\/x"$/,
  );
});
