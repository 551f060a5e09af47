/** Certificates in Secrets: issued there, looked at there, healed there, and taken over from there. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { makeBundle } from '../../contract/certificates.js';
import { reasonToIssue } from '../../kubernetes/secret/rules.js';
import { skipUnless } from '../../support/servers.js';
import { type ClusterWorld, type Room, startClusterWorld } from './world.js';

const skip = skipUnless('pebble', 'kubernetes', 'openssl');

describe('Secrets', { skip }, () => {
  let world: ClusterWorld;
  let room: Room;
  before(async () => {
    world = await startClusterWorld();
    room = await world.room('shop');
  });
  after(() => world?.close());

  const orders = (): number => world.acme.pebble.log().match(/Added order "/g)?.length ?? 0;
  // biome-ignore lint/suspicious/noExplicitAny: any JSON
  const text = (secret: any, key: string): string => Buffer.from(secret.data[key] ?? '', 'base64').toString();
  const flags = (): readonly string[] => world.acme.flags;
  const ok = async (running: Promise<{ code: number; stdout: string; stderr: string }>, code = 0) => {
    const done = await running;
    assert.equal(done.code, code, done.stdout + done.stderr);
    return done;
  };

  test('a certificate is issued into the Secret of its name, with nothing on disk', async () => {
    await ok(
      room.run(['issue', '-d', 'www.example.com', '--issuer-ref', 'ClusterIssuer/letsencrypt', '--key-type', 'rsa2048', ...flags()]),
    );
    const secret = await room.secret('www.example.com');
    assert.equal(secret.type, 'kubernetes.io/tls');
    assert.deepEqual(Object.keys(secret.data).sort(), ['tls.crt', 'tls.key']);
    assert.deepEqual(
      secret.metadata.managedFields.map(({ manager, operation }: { manager: string; operation: string }) => [manager, operation]),
      [['tscert', 'Apply']],
    );
    const issuerRef = { name: 'letsencrypt', kind: 'ClusterIssuer' };
    assert.equal(reasonToIssue(secret, { name: 'www.example.com', issuerRef, dnsNames: ['www.example.com'] }, Date.now()), undefined);
    assert.equal(room.usesDisk(), false);
    assert.deepEqual(await room.all('leases'), []);
    const kinds = (await room.all('secrets')).map(({ type }) => type).sort();
    assert.deepEqual(
      [...new Set(kinds)],
      ['kubernetes.io/tls', 'tscert.io/accounts', 'tscert.io/cache', 'tscert.io/certificate', 'tscert.io/generation', 'tscert.io/ledger'],
    );
    const before = orders();
    const { stderr } = await ok(
      room.run(['issue', '-d', 'www.example.com', '--issuer-ref', 'ClusterIssuer/letsencrypt', '--key-type', 'rsa2048', ...flags()]),
    );
    assert.equal(orders(), before, stderr);
  });

  test('what looks at certificates looks there', async () => {
    assert.match((await ok(room.run(['list']))).stdout, /^www\.example\.com +www\.example\.com .* ready/m);
    assert.match((await ok(room.run(['status', 'www.example.com']))).stdout, /secret www\.example\.com/);
    assert.match((await ok(room.run(['metrics']))).stdout, /certmanager_certificate_ready_status\{.*name="www\.example\.com".*\} 1/);
    assert.match((await ok(room.run(['plan']))).stdout, /^www\.example\.com: not due: renews [^;]*$/m);
    assert.match((await ok(room.run(['renew']))).stderr, /1 certificate: 1 not due/);
    const seen = await ok(room.run(['inspect', 'secret:shop/www.example.com', '--json']));
    assert.deepEqual(
      JSON.parse(seen.stdout).objects.map(({ type }: { type: string }) => type),
      ['certificate', 'certificate', 'private-key'],
    );
    assert.match((await ok(room.run(['inspect', 'secret:none']), 1)).stderr, /cannot read the Secret "shop\/none": it is not there/);
    assert.match(
      (await ok(room.run(['ocsp-check', 'secret:www.example.com', '--no-crl', '--offline']), 13)).stdout,
      /secret:www\.example\.com/,
    );
    assert.match((await ok(room.run(['verify', 'www.example.com']))).stdout, /✔/);
  });

  test('what was changed or removed by somebody is noticed, and written again without a new certificate', async () => {
    const [before, serial] = [orders(), new X509Certificate(text(await room.secret('www.example.com'), 'tls.crt')).serialNumber];
    const other = makeBundle('other.test');
    const data = (texts: Record<string, string>) => ({
      data: Object.fromEntries(Object.entries(texts).map(([key, value]) => [key, Buffer.from(value).toString('base64')])),
    });
    const harm: Readonly<Record<string, () => Promise<void>>> = {
      DoesNotExist: () => room.remove('www.example.com'),
      MissingData: () => room.change('www.example.com', data({ 'tls.key': '' })),
      InvalidKeyPair: () => room.change('www.example.com', data({ 'tls.key': other.privateKey })),
      InvalidCertificate: () => room.change('www.example.com', data({ 'tls.crt': 'nothing' })),
      SecretMismatch: () => room.change('www.example.com', data({ 'tls.crt': other.certificate, 'tls.key': other.privateKey })),
      IncorrectIssuer: () => room.change('www.example.com', { metadata: { annotations: { 'cert-manager.io/issuer-name': 'x' } } }),
      SecretTemplateMismatch: () => room.change('www.example.com', { metadata: { labels: { 'controller.cert-manager.io/fao': 'no' } } }),
    };
    for (const [reason, act] of Object.entries(harm)) {
      await act();
      assert.match(
        (await ok(room.run(['plan']))).stdout,
        new RegExp(`; secret www\\.example\\.com is written again: ${reason}, it`),
        reason,
      );
      await ok(room.run(['renew']));
      const secret = await room.secret('www.example.com');
      const leaf = new X509Certificate(text(secret, 'tls.crt'));
      assert.equal(leaf.serialNumber, serial, reason);
      assert.equal(secret.metadata.annotations['cert-manager.io/issuer-name'], 'letsencrypt');
      assert.match((await ok(room.run(['plan']))).stdout, /: not due: renews [^;]*$/m);
    }
    assert.equal(orders(), before);
  });

  test('what others set on the Secret stays theirs', async () => {
    await room.change('www.example.com', {
      metadata: { labels: { team: 'web' }, annotations: { note: 'mine' } },
      data: { 'ca.crt': 'eA==', 'keystore.jks': 'eA==' },
    });
    await ok(room.run(['renew', '--force']));
    const { metadata, data } = await room.secret('www.example.com');
    assert.equal(metadata.labels.team, 'web');
    assert.equal(metadata.annotations.note, 'mine');
    assert.deepEqual(Object.keys(data).sort(), ['ca.crt', 'keystore.jks', 'tls.crt', 'tls.key']);
    const { stderr } = await ok(
      room.run(['issue', '-d', 'www.example.com', '--key-type', 'rsa2048', '--secret-label', 'team=ops', ...flags()]),
      4,
    );
    assert.match(stderr, /its \.metadata\.labels\.team is kept by "[^"]+" with another value/);
    assert.equal((await room.secret('www.example.com')).metadata.labels.team, 'web');
  });

  test('several Secrets, with a template; a type that does not fit, and a Secret of somebody else, are told', async () => {
    await world.room('other');
    await world.cluster.ask('POST', '/api/v1/namespaces/shop/secrets', { metadata: { name: 'opaque' }, type: 'Opaque' });
    const { privateKey, certificate } = makeBundle('theirs.test');
    const data = { 'tls.crt': Buffer.from(certificate).toString('base64'), 'tls.key': Buffer.from(privateKey).toString('base64') };
    await world.cluster.ask('POST', '/api/v1/namespaces/shop/secrets?fieldManager=kubectl-create', {
      ...{ metadata: { name: 'theirs' }, type: 'kubernetes.io/tls', data },
    });
    // What can be told before anything is ordered is.
    const before = orders();
    const refused = await ok(room.run(['issue', '-d', 'opaque.example.com', '--secret', 'opaque', ...flags()]), 1);
    assert.match(
      refused.stderr,
      /cannot write a certificate into the Secret "shop\/opaque": it is there already and of the type "Opaque", which nobody/,
    );
    assert.equal(orders(), before);
    const secrets = ['a-tls', 'other/b-tls', 'other/c-tls@test', 'theirs'].flatMap((place) => ['--secret', place]);
    const template = ['--secret-label', 'app.kubernetes.io/part-of=shop', '--secret-annotation', 'example.com/note=one, two'];
    const { stderr } = await ok(room.run(['issue', '-d', 'many.example.com', '--jobs', '1', ...secrets, ...template, ...flags()]), 4);
    assert.match(
      stderr,
      /it is there already and kept by "kubectl-create"; remove it, .*kubectl annotate secret -n shop theirs tscert\.io\/issued-for=/,
    );
    assert.equal((await room.secret('theirs')).data['tls.crt'], data['tls.crt']);
    for (const [namespace, name] of [
      ['shop', 'a-tls'],
      ['other', 'b-tls'],
      ['other', 'c-tls'],
    ]) {
      const { body } = await world.cluster.ask('GET', `/api/v1/namespaces/${namespace}/secrets/${name}`);
      assert.equal(body.metadata.labels['app.kubernetes.io/part-of'], 'shop');
      assert.equal(body.metadata.annotations['example.com/note'], 'one, two');
      assert.deepEqual(new X509Certificate(text(body, 'tls.crt')).subjectAltName, 'DNS:many.example.com');
    }
    // What is told helps.
    await room.change('theirs', { metadata: { annotations: { 'tscert.io/issued-for': '' } } });
    const then = orders();
    await ok(room.run(['renew', 'many.example.com']));
    assert.equal(text(await room.secret('theirs'), 'tls.crt'), text(await room.secret('a-tls'), 'tls.crt'));
    assert.equal(orders(), then);
  });

  test('a good certificate in a Secret is taken over: of another tscert, and of cert-manager for the same issuer', async () => {
    const disk = (label: string) => ({ TSCERT_STORE: 'disk', TSCERT_DIR: `${room.env.TSCERT_DIR}-${label}` });
    const issue = (label: string, more: readonly string[] = []) =>
      room.run(['issue', '-d', 'move.example.com', '--secret', 'move-tls', ...more, ...flags()], disk(label));
    await ok(issue('one'));
    const first = await room.secret('move-tls');
    const before = orders();
    const { stderr } = await ok(issue('two'));
    assert.match(stderr, /the certificate in the Secret "shop\/move-tls" is good: it is taken over/);
    assert.equal(orders(), before);
    // As cert-manager leaves it: its own annotations, its own field manager, nothing of ours.
    await room.remove('move-tls');
    const annotations = Object.fromEntries(Object.entries(first.metadata.annotations).filter(([key]) => !key.startsWith('tscert.io/')));
    const issuer = {
      'cert-manager.io/issuer-name': 'le',
      'cert-manager.io/issuer-kind': 'Issuer',
      'cert-manager.io/issuer-group': 'cert-manager.io',
    };
    const theirs = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'move-tls', annotations: { ...annotations, ...issuer, 'cert-manager.io/certificate-name': 'move.example.com' } },
      type: 'kubernetes.io/tls',
      data: first.data,
    };
    const place = '/api/v1/namespaces/shop/secrets/move-tls?fieldManager=cert-manager-certificates-issuing&force=true';
    await world.cluster.ask('PATCH', place, theirs, { type: 'application/apply-patch+yaml' });
    // Without an issuer it is nobody's word that this is the CA that is wanted.
    const doubtful = await ok(issue('three'), 4);
    assert.match(doubtful.stderr, /is not taken over: IncorrectIssuer, it does not say that it is of the CA that is wanted/);
    assert.equal(orders(), before + 1);
    await room.remove('move-tls');
    await world.cluster.ask('PATCH', place, theirs, { type: 'application/apply-patch+yaml' });
    const moved = await ok(issue('four', ['--issuer-ref', 'le']));
    assert.match(moved.stderr, /is good: it is taken over/);
    assert.equal(orders(), before + 1);
    const now = await room.secret('move-tls');
    assert.equal(now.data['tls.crt'], first.data['tls.crt']);
    assert.equal(
      reasonToIssue(now, { name: 'move.example.com', issuerRef: { name: 'le' }, dnsNames: ['move.example.com'], key: 'ec256' }, Date.now()),
      undefined,
    );
    // Another certificate does not get it: two would overwrite each other for ever.
    const args = ['issue', '-d', 'more.example.com', '--secret', 'move-tls', '--issuer-ref', 'le', ...flags()];
    const other = await ok(room.run(args, disk('five')), 1);
    assert.match(other.stderr, /it belongs to the certificate "move\.example\.com"; name another Secret, or remove it/);
    assert.equal(orders(), before + 1);
  });
});
