import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { SECRET, type SecretObject } from '../../../src/kubernetes/secret/object.js';
import { checkTemplate, driftOf, readTlsSecret, type TlsParts, type TlsSettings, tlsSecretOf } from '../../../src/kubernetes/secret/tls.js';
import { encodePrivateKey } from '../../../src/pki/key.js';
import { authority, keyOf, NOW, type Party, party } from '../../pki/support.js';
import { type CertManagerCertificate, reasonToIssue } from './rules.js';

const root = authority('Root');
const middle = authority('Middle', root);
const place = { namespace: 'web', name: 'shop-tls' };
const issuerRef = { name: 'letsencrypt', kind: 'ClusterIssuer', group: 'cert-manager.io' };
const settings: TlsSettings = { certificateName: 'shop', issuerRef, annotations: {}, labels: {} };
const meta = { issuer: 'https://ca.test', request: { usages: null } };
const all = [
  { type: 'dns', value: 'shop.example.com' },
  { type: 'dns', value: '*.shop.example.com' },
  { type: 'ip', value: '192.0.2.1' },
  { type: 'ip', value: '2001:db8::1' },
  { type: 'uri', value: 'spiffe://example.com/a,b' },
  { type: 'email', value: 'ops@example.com' },
] as const;
const shop = party('shop.example.com', middle, {
  key: keyOf('rsa2048'),
  names: all,
  subject: { organizations: ['Example, Inc.', 'Other "X"'], countries: ['DE'], serialNumber: '42', streetAddresses: [' Main'] },
});
const partsOf = (leaf: Party, more: Partial<TlsParts> = {}): TlsParts => ({
  ...{ privateKey: encodePrivateKey(leaf.key), certificate: leaf.pem, chain: middle.pem + root.pem },
  ...more,
});
const asLive = (draft: unknown): SecretObject => SECRET.parse(JSON.parse(JSON.stringify(draft)));
const fingerprint = (leaf: Party): string => createHash('sha256').update(leaf.certificate.der).digest('hex');

describe('a certificate as a Secret', () => {
  const draft = tlsSecretOf(place, partsOf(shop), settings, { meta });
  const data = draft.data as Record<string, string>;

  test('it has leaf and chain without the root, the key, and no authority unless one is known', () => {
    assert.equal(draft.type, 'kubernetes.io/tls');
    assert.deepEqual(Object.keys(data).sort(), ['tls.crt', 'tls.key']);
    assert.equal(Buffer.from(data['tls.crt'] ?? '', 'base64').toString(), shop.pem + middle.pem);
    assert.equal(Buffer.from(data['tls.key'] ?? '', 'base64').toString(), encodePrivateKey(shop.key));
    const known = tlsSecretOf(place, partsOf(shop, { ca: root.pem }), settings, { meta });
    assert.equal(Buffer.from((known.data as Record<string, string>)['ca.crt'] ?? '', 'base64').toString(), root.pem);
  });

  test('a certificate that signed itself is the leaf all the same', () => {
    const { data: own } = tlsSecretOf(place, { ...partsOf(root), chain: '' }, settings, { meta });
    assert.equal(Buffer.from((own as Record<string, string>)['tls.crt'] ?? '', 'base64').toString(), root.pem);
  });

  test("it has cert-manager's annotations and label, lists as Go writes CSV", () => {
    const { 'tscert.io/issued-for': facts = '', ...annotations } = draft.metadata.annotations ?? {};
    assert.deepEqual(annotations, {
      'cert-manager.io/certificate-name': 'shop',
      'cert-manager.io/issuer-name': 'letsencrypt',
      'cert-manager.io/issuer-kind': 'ClusterIssuer',
      'cert-manager.io/issuer-group': 'cert-manager.io',
      'cert-manager.io/common-name': 'shop.example.com',
      'cert-manager.io/alt-names': 'shop.example.com,*.shop.example.com',
      'cert-manager.io/ip-sans': '192.0.2.1,2001:db8::1',
      'cert-manager.io/uri-sans': '"spiffe://example.com/a,b"',
      'cert-manager.io/email-sans': 'ops@example.com',
      'cert-manager.io/subject-organizations': '"Other ""X""","Example, Inc."',
      'cert-manager.io/subject-countries': 'DE',
      'cert-manager.io/subject-streetaddresses': '" Main"',
      'cert-manager.io/subject-serialnumber': '42',
    });
    assert.deepEqual(JSON.parse(facts).meta, meta);
    assert.deepEqual(draft.metadata.labels, { 'controller.cert-manager.io/fao': 'true' });
  });

  test('the four that cert-manager keeps empty are there for a certificate with no such names', () => {
    const bare = party('', middle, { commonName: undefined, names: [{ type: 'email', value: 'a@example.com' }] } as never);
    const { annotations = {} } = tlsSecretOf(place, partsOf(bare), { ...settings, issuerRef: undefined }, { meta }).metadata;
    assert.deepEqual(
      Object.keys(annotations).sort(),
      ['alt-names', 'common-name', 'email-sans', 'ip-sans', 'uri-sans']
        .map((key) => `cert-manager.io/${key}`)
        .concat('tscert.io/issued-for'),
    );
    assert.equal(annotations['cert-manager.io/alt-names'], '');
  });

  test('a key of another certificate is refused before anything is written', () => {
    const wrong = partsOf(shop, { privateKey: encodePrivateKey(middle.key) });
    assert.throws(() => tlsSecretOf(place, wrong, settings, { meta }), { code: 'certificate-mismatch' });
    assert.throws(() => tlsSecretOf(place, partsOf(shop, { privateKey: 'x' }), settings, { meta }), { code: 'key-invalid' });
    assert.throws(() => tlsSecretOf(place, partsOf(shop, { certificate: '' }), settings, { meta }), { code: 'certificate-mismatch' });
  });
});

describe('every step of the chain by which cert-manager decides whether to issue', () => {
  const wanted: CertManagerCertificate = {
    name: 'shop',
    issuerRef: { name: 'letsencrypt', kind: 'ClusterIssuer' },
    commonName: 'shop.example.com',
    dnsNames: ['*.shop.example.com', 'shop.example.com'],
    ipAddresses: ['2001:db8::1', '192.0.2.1'],
    uris: ['spiffe://example.com/a,b'],
    emailAddresses: ['ops@example.com'],
  };
  const written = asLive(tlsSecretOf(place, partsOf(shop), settings, { meta }));
  test('adopts what we write', () => assert.equal(reasonToIssue(written, wanted, NOW), undefined));

  const others: readonly (readonly [string, Partial<CertManagerCertificate>])[] = [
    ['IncorrectIssuer', { issuerRef: { name: 'other', kind: 'ClusterIssuer' } }],
    ['IncorrectIssuer', { issuerRef: { name: 'letsencrypt' } }],
    ['IncorrectIssuer', { issuerRef: { name: 'letsencrypt', kind: 'ClusterIssuer', group: 'x.io' } }],
    ['IncorrectCertificate', { name: 'other' }],
    ['SecretMismatch', { key: 'ec256' }],
    ['RequestChanged', { dnsNames: ['shop.example.com'] }],
    ['RequestChanged', { ipAddresses: [] }],
    ['RequestChanged', { uris: [] }],
    ['RequestChanged', { emailAddresses: [] }],
  ];
  for (const [reason, change] of others) {
    test(`${reason} for ${JSON.stringify(change)}`, () => assert.equal(reasonToIssue(written, { ...wanted, ...change }, NOW), reason));
  }
  test('and issues what it must: gone, empty, without an issuer, or in its last third', () => {
    assert.equal(reasonToIssue(undefined, wanted, NOW), 'DoesNotExist');
    assert.equal(reasonToIssue({ ...written, data: { ...written.data, 'tls.key': '' } }, wanted, NOW), 'MissingData');
    const alone = asLive(tlsSecretOf(place, partsOf(shop), { ...settings, issuerRef: undefined }, { meta }));
    assert.equal(reasonToIssue(alone, wanted, NOW), 'IncorrectIssuer');
    assert.equal(reasonToIssue(written, wanted, NOW + 61 * 86_400_000), 'Renewing');
  });
});

describe('a Secret that stands in the cluster', () => {
  const written = asLive(tlsSecretOf(place, partsOf(shop), settings, { meta }));
  const changed = (data: Record<string, string | undefined>, annotations: Record<string, string | undefined> = {}): SecretObject =>
    asLive({
      ...written,
      metadata: { ...written.metadata, annotations: { ...written.metadata.annotations, ...annotations } },
      data: {
        ...written.data,
        ...Object.fromEntries(Object.entries(data).map(([key, text]) => [key, text && Buffer.from(text).toString('base64')])),
      },
    });
  const drift = (secret: SecretObject | undefined, more: Partial<TlsSettings> = {}) =>
    driftOf(place, secret, fingerprint(shop), { ...settings, ...more });

  test('is read as it was written', () => {
    const reading = readTlsSecret(written);
    assert.ok(reading.state === 'good');
    assert.deepEqual(reading.meta, meta);
    assert.equal(reading.leaf.pem, shop.pem);
    assert.equal(drift(written), undefined);
  });

  const other = party('other.example.com', middle);
  const cases: readonly (readonly [string, () => SecretObject | undefined, Partial<TlsSettings>?])[] = [
    ['DoesNotExist', () => undefined],
    ['MissingData', () => changed({ 'tls.key': undefined })],
    ['MissingData', () => changed({ 'tls.crt': '' })],
    ['InvalidCertificate', () => changed({ 'tls.crt': 'nothing' })],
    ['InvalidCertificate', () => changed({ 'tls.crt': shop.pem.replace('MII', 'MIJ') })],
    ['InvalidKeyPair', () => changed({ 'tls.key': 'nothing' })],
    ['InvalidKeyPair', () => changed({ 'tls.key': encodePrivateKey(middle.key) })],
    ['InvalidKeyPair', () => changed({ 'tls.crt': middle.pem + shop.pem })],
    ['SecretMismatch', () => changed({ 'tls.crt': other.pem, 'tls.key': encodePrivateKey(other.key) })],
    ['SecretMismatch', () => changed({ 'tls.crt': shop.pem })],
    ['SecretMismatch', () => changed({}, { 'tscert.io/issued-for': undefined })],
    ['SecretMismatch', () => changed({}, { 'tscert.io/issued-for': '{}' })],
    ['IncorrectIssuer', () => changed({}, { 'cert-manager.io/issuer-name': 'x' })],
    ['SecretTemplateMismatch', () => changed({}, { 'cert-manager.io/alt-names': '' })],
    ['SecretTemplateMismatch', () => written, { labels: { team: 'web' } }],
    ['SecretTemplateMismatch', () => written, { annotations: { note: 'x' } }],
  ];
  for (const [at, [reason, secret, more]] of cases.entries()) {
    test(`${reason} (${at})`, () => assert.equal(drift(secret(), more)?.reason, reason));
  }
  test('what others added is theirs', () => {
    const more = changed({ 'keystore.jks': 'x', 'ca.crt': root.pem }, { theirs: 'x' });
    assert.equal(drift(more), undefined);
  });
});

test("a template may not set what is cert-manager's or ours, nor what no object can have", () => {
  const refused: readonly (readonly ['annotation' | 'label', Record<string, string>])[] = [
    ['annotation', { 'cert-manager.io/issuer-name': 'x' }],
    ['label', { 'controller.cert-manager.io/fao': 'false' }],
    ['annotation', { 'tscert.io/issued-for': '{}' }],
    ['annotation', { '': 'x' }],
    ['annotation', { 'a/b/c': 'x' }],
    ['annotation', { 'Upper.Case/x': 'x' }],
    ['label', { team: 'two words' }],
    ['label', { team: 'x'.repeat(64) }],
    ['label', { ['x'.repeat(64)]: 'x' }],
  ];
  for (const [what, pairs] of refused) assert.throws(() => checkTemplate(what, pairs), { code: 'request-invalid' }, JSON.stringify(pairs));
  checkTemplate('annotation', { 'cert-manager.io/allow-direct-injection': 'true', 'example.com/note': 'any text, really', plain: '' });
  checkTemplate('label', { 'app.kubernetes.io/name': 'shop', team: '' });
});
