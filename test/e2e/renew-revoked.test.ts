/**
 * What `renew` and `watch` do with certificates that their CA has revoked, and with the staples of those it has not. Pebble's certificates
 * name a responder that answers with Pebble's own key.
 */
import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type CertificateContent, readCertificate } from '../../src/pki/certificate.js';
import { checkOcspResponse } from '../../src/pki/ocsp-verdict.js';
import { type RespondingCa, type RevocationServer, respondFor, startRevocationServer } from '../flow/revocation/world.js';
import { type AcmeWorld, startAcmeWorld } from '../support/acme-world.js';
import type { Finished } from '../support/command.js';
import { whyNoPebble } from '../support/pebble.js';

const HOUR = 3_600_000;

describe('revoked certificates', { skip: await whyNoPebble() }, () => {
  let server: RevocationServer;
  let world: AcmeWorld;
  let responder: Pick<RespondingCa, 'states' | 'answer'>;
  let issuer: CertificateContent;
  let staple: string;
  before(async () => {
    server = await startRevocationServer();
    world = await startAcmeWorld({ pebble: { alwaysValid: true, keyAlgorithm: 'rsa', ocspUrl: `${server.url}/pebble` } });
    const { certificate, key } = await world.pebble.intermediate();
    issuer = readCertificate(certificate);
    responder = respondFor(server, 'pebble', { certificate: issuer, key: createPrivateKey(key), now: Date.now(), hours: 72 });
    staple = path.join(world.folder, '..', 'a.ocsp');
  });
  after(async () => {
    await world.close();
    await server.close();
  });

  const issue = async (...args: readonly string[]): Promise<void> => {
    const { code, stderr } = await world.run(['issue', ...world.flags, '--dns-check', 'none', '--allow-private', ...args]);
    assert.equal(code, 0, stderr);
  };
  const stored = async (name: string): Promise<X509Certificate> => new X509Certificate(await world.live(name, 'cert.pem'));
  const serialOf = async (name: string): Promise<string> => (await stored(name)).serialNumber.toLowerCase();
  const keyOf = async (name: string): Promise<string> =>
    (await stored(name)).publicKey.export({ type: 'spki', format: 'der' }).toString('hex');
  const done = async (finished: Promise<Finished>): Promise<Finished> => {
    const one = await finished;
    assert.equal(one.code, 0, one.stderr);
    return one;
  };
  /** As if a day had gone by since these were asked about. */
  const makeDue = (...names: readonly string[]): void => {
    for (const name of names) {
      const file = path.join(world.folder, 'state/ledger', `${encodeURIComponent(`certificate:${name}`)}.json`);
      const record = JSON.parse(readFileSync(file, 'utf8'));
      record.value.revocationCheck.checkAt = new Date(Date.now() - HOUR).toISOString();
      writeFileSync(file, JSON.stringify(record));
    }
  };
  const stapled = async (name: string): Promise<string> => {
    const certificates = [readCertificate(await world.live(name, 'cert.pem'))];
    const checked = checkOcspResponse({ response: readFileSync(staple), certificates, issuer, now: Date.now() });
    return checked.verdict === 'answered' ? (checked.certificates[0]?.verdict ?? '') : checked.reason;
  };

  test('a staple is there before the deploy hook of a new certificate runs, and comes back when it has gone', async () => {
    const hook = `cp '${staple}' '${staple}.seen'`;
    await issue('-d', 'a.example.com', '--reuse-key', '--staple', staple, '--deploy-hook', hook);
    assert.deepEqual([await stapled('a.example.com'), readFileSync(`${staple}.seen`)], ['good', readFileSync(staple)]);
    const { stdout } = await done(world.run(['status', 'a.example.com']));
    assert.match(stdout, /^ {4}revocation {4}good by OCSP .* ago, asked again /m);
    assert.match(stdout, /^ {4}staple {8}\S+a\.ocsp, good until /m);
    rmSync(staple);
    const quiet = await done(world.run(['renew']));
    assert.match(quiet.stderr, /1 certificate: 1 not due/);
    assert.equal(await stapled('a.example.com'), 'good');
  });

  test('nobody is asked again before it is time; then one that was revoked is replaced with a new key, and a new staple', async () => {
    await issue('-d', 'b.example.com');
    await done(world.run(['renew']));
    server.asked.splice(0);
    await done(world.run(['renew']));
    assert.equal(server.asked.length, 0);
    const [before, key, other] = [await serialOf('a.example.com'), await keyOf('a.example.com'), await serialOf('b.example.com')];
    responder.states.set(before, { at: Date.now() - HOUR, reason: 1 });

    makeDue('a.example.com', 'b.example.com');
    await done(world.run(['plan']));
    assert.equal(server.asked.length, 0, 'plan asks nobody');

    const renewed = await done(world.run(['renew']));
    assert.match(renewed.stderr, /a\.example\.com: .*it was revoked at .* \(keyCompromise\), says the OCSP responder of its CA/);
    assert.match(renewed.stderr, /2 certificates: 1 renewed, 1 not due/);
    assert.notEqual(await serialOf('a.example.com'), before);
    assert.notEqual(await keyOf('a.example.com'), key, 'although its key was to be kept');
    assert.equal(await serialOf('b.example.com'), other);
    assert.equal(await stapled('a.example.com'), 'good');
    const verified = await world.run(['verify', 'a.example.com']);
    assert.match(verified.stdout, /^✔ revocation +it was not revoked, says OCSP/m);
  });

  test('a responder that fails is a note, and stops no renewal; switched off, nobody is asked', async () => {
    server.on('/pebble', () => 'cut');
    makeDue('a.example.com', 'b.example.com');
    const { stderr } = await done(world.run(['renew']));
    assert.match(stderr, /whether 2 certificates were revoked could not be told: /);
    assert.match(stderr, /2 certificates: 2 not due/);
    server.asked.splice(0);
    await issue('-d', 'c.example.com', '--no-revocation-check');
    await done(world.run(['renew', 'c.example.com']));
    assert.equal(server.asked.length, 0);
    server.on('/pebble', responder.answer);
  });

  test('watch replaces it too, at its first look', async () => {
    const config = path.join(world.folder, '..', 'watch.yaml');
    writeFileSync(config, 'dns: route53\ndnsCheck: none\nallowPrivate: true\ncertificates: [{ domains: [w.example.com] }]\n');
    await done(world.run(['issue', '--config', config]));
    const before = await serialOf('w.example.com');
    responder.states.set(before, { at: Date.now() - HOUR, reason: 4 });
    const watching = world.start(['watch', '--no-listen', '--config', config]);
    await watching.said(/w\.example\.com: issued: expires/);
    watching.kill('SIGTERM');
    assert.equal((await watching.finished).code, 0);
    assert.notEqual(await serialOf('w.example.com'), before);
    const { stdout } = await done(world.run(['status', 'w.example.com', '--config', config]));
    assert.match(stdout, /Revoked/);
  });
});
