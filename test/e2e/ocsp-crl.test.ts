/** `ocsp-check` by CRLs of `openssl ca -gencrl` over HTTP and in files: parts, changes, long ones, what is kept of them, and what is left out. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { type RevocationServer, startRevocationServer } from '../flow/revocation/world.js';
import { createCrl, largeSerialNumber, writeLargeCrl } from '../pki/crl-builder.js';
import { type GencrlSpec, gencrl } from '../pki/crl-openssl.js';
import { HOUR, ocspCa, ocspLeaf, TODAY } from '../pki/ocsp-world.js';
import { type Party, read, tmp, write } from '../pki/support.js';
import { type CommandOptions, tscert } from '../support/command.js';
import { withMount } from '../support/mount.js';
import { skipUnless } from '../support/servers.js';

/** At night a million: 49 MiB. */
const ENTRIES = Number(process.env.CRL_ENTRIES ?? 100_000);

describe('CRLs', { skip: skipUnless('openssl') }, () => {
  const root = mkdtempSync(path.join(tmpdir(), 'tscert-crl-'));
  let server: RevocationServer;
  let dir: string;
  before(async () => {
    server = await startRevocationServer();
  });
  beforeEach(() => {
    server.asked.splice(0);
    dir = mkdtempSync(path.join(root, 'dir-'));
  });
  after(async () => {
    await server.close();
    rmSync(root, { recursive: true, force: true });
  });

  let made = 0;
  const urlOf = (name: string): string => `${server.url}/${name}`;
  const check = async (ca: Party, leaves: readonly Party[], more: readonly string[] = [], options: CommandOptions = {}) => {
    const issuer = write(`crl-ca-${++made}.pem`, ca.pem);
    const targets = leaves.map((leaf, nth) => write(`crl-leaf-${nth}.pem`, leaf.pem));
    const args = ['ocsp-check', '--json', '--allow-private', '--dir', dir, '--issuer', issuer, ...more, ...targets];
    const { code, stdout, stderr } = await tscert(args, options);
    assert.notEqual(stdout, '', stderr);
    const document = JSON.parse(stdout);
    type One = {
      status: string;
      notes: string[];
      decidedBy?: { revocation?: { reason: string }; lists: { isDelta: boolean; source: { by: string } }[] };
      failures: { reason: string; message: string }[];
    };
    return { code, stderr, documents: (document.targets ?? [document]) as readonly One[] };
  };
  const list = (issuer: Party, spec: Partial<GencrlSpec> = {}): Buffer =>
    gencrl({ issuer, thisUpdate: new Date(TODAY - HOUR), nextUpdate: new Date(TODAY + 24 * HOUR), ...spec });
  const revokedAt = new Date(TODAY - 2 * HOUR);

  test('one that many certificates share is fetched once, then asked for only if it has changed; each reason', async () => {
    const ca = ocspCa('Shared');
    const reasons = ['keyCompromise', 'CACompromise', 'affiliationChanged', 'superseded', 'cessationOfOperation', 'certificateHold'];
    const spec = { crlUrls: [urlOf('shared.crl')] };
    const revoked = reasons.map((reason) => ocspLeaf(reason, ca, spec));
    const good = ocspLeaf('good', ca, spec);
    const lines = revoked.map(({ certificate: { serialNumber } }, nth) => ({ serialNumber, revokedAt, reason: reasons[nth] ?? '' }));
    const crl = list(ca, { revoked: lines });
    server.on('/shared.crl', ({ headers }) =>
      headers['if-none-match'] === '"1"' ? { status: 304 } : { body: crl, headers: { etag: '"1"' } },
    );
    for (const by of ['url', 'url'] as const) {
      const { code, documents } = await check(ca, [good, ...revoked]);
      assert.equal(code, 10);
      assert.deepEqual(
        documents.map(
          ({ status, decidedBy }) => `${status} ${decidedBy?.revocation?.reason?.toLowerCase()} ${decidedBy?.lists[0]?.source.by}`,
        ),
        [`good undefined ${by}`, ...reasons.map((reason) => `revoked ${reason.toLowerCase()} ${by}`)],
      );
    }
    assert.deepEqual(
      server.asked.map(({ headers }) => headers['if-none-match']),
      [undefined, '"1"'],
    );
    // The server is gone: what was kept holds, and says so; without a network too.
    server.on('/shared.crl', () => 'cut');
    for (const more of [[], ['--offline']]) {
      const { documents } = await check(ca, [good], more);
      assert.deepEqual([documents[0]?.status, documents[0]?.decidedBy?.lists[0]?.source.by], ['good', 'kept']);
    }
  });

  test('damaged in the cache, a cache that is a file, and a full disk: it is fetched, and never taken for good', async (t) => {
    const ca = ocspCa('Cached');
    const leaf = ocspLeaf('leaf', ca, { crlUrls: [urlOf('cached.crl')] });
    const crl = list(ca);
    server.on('/cached.crl', () => ({ body: crl }));
    assert.equal((await check(ca, [leaf])).code, 0);
    const folder = path.join(dir, 'state/cache/crl');
    const [name = ''] = readdirSync(folder);
    const whole = readFileSync(path.join(folder, name));
    for (const spoiled of [
      whole.subarray(0, -9),
      Buffer.from('garbage'),
      Buffer.alloc(0),
      Buffer.concat([whole.subarray(0, 4_096), list(ocspCa('Cached'))]),
    ]) {
      writeFileSync(path.join(folder, name), spoiled);
      server.asked.splice(0);
      assert.equal((await check(ca, [leaf])).code, 0);
      assert.equal(server.asked.length, 1);
    }
    server.on('/cached.crl', () => ({ status: 503 }));
    writeFileSync(path.join(folder, name), whole.subarray(0, -9));
    assert.equal((await check(ca, [leaf])).code, 1);
    server.on('/cached.crl', () => ({ body: crl }));
    rmSync(folder, { recursive: true });
    writeFileSync(folder, 'a file');
    assert.equal((await check(ca, [leaf])).code, 0);
    rmSync(folder);
    mkdirSync(folder);
    await withMount(t, ['-t', 'tmpfs', '-o', 'size=4k', 'tmpfs'], folder, async () => {
      const { code, stderr } = await check(ca, [leaf]);
      assert.deepEqual([code, stderr], [0, '']);
      assert.deepEqual(readdirSync(folder), []);
    });
  });

  test('a partition for this distribution point clears; one for another, for CAs, or for attributes does not', async () => {
    const ca = ocspCa('Parts');
    const own = (words: string): readonly string[] => [`issuingDistributionPoint = critical,@idp`, `[idp]`, ...words.split('; ')];
    for (const [nth, [words, expected]] of (
      [
        [(url: string) => `fullname = URI:${url}`, 'good'],
        [(url: string) => `fullname = URI:${url}; onlyuser = TRUE`, 'good'],
        [() => 'fullname = URI:http://ca.test/another.crl', 'scope-differs'],
        [() => 'onlyCA = TRUE', 'scope-differs'],
        [() => 'onlyAA = TRUE', 'scope-differs'],
        [() => 'onlysomereasons = keyCompromise, CACompromise', 'reasons-missing'],
        [() => 'indirectCRL = TRUE', 'indirect'],
      ] as const
    ).entries()) {
      const name = `part-${nth}.crl`;
      const leaf = ocspLeaf(`leaf ${nth}`, ca, { crlUrls: [urlOf(name)] });
      const crl = list(ca, { extensions: own(words(urlOf(name))) });
      server.on(`/${name}`, () => ({ body: crl }));
      const { documents } = await check(ca, [leaf]);
      assert.equal(documents[0]?.failures.at(-1)?.reason ?? documents[0]?.status, expected, words('URL'));
    }
  });

  test('parts for some reasons each are put together; what was named on the command line counts too', async () => {
    const ca = ocspCa('Reasons');
    const leaf = ocspLeaf('leaf', ca);
    const part = (name: string, reasons: string): string =>
      write(name, list(ca, { extensions: ['issuingDistributionPoint = critical,@idp', '[idp]', `onlysomereasons = ${reasons}`] }));
    const first = part('first.crl', 'keyCompromise, CACompromise');
    const rest = part(
      'rest.crl',
      'affiliationChanged, superseded, cessationOfOperation, certificateHold, privilegeWithdrawn, AACompromise',
    );
    assert.equal((await check(ca, [leaf], ['--crl', first])).code, 1);
    assert.equal((await check(ca, [leaf], ['--crl', first, '--crl', rest])).code, 0);
    const pem = write('both.pem', [first, rest].map((file) => pemOf(readFileSync(file))).join('\n'));
    assert.equal((await check(ca, [leaf], ['--crl', pem, '--offline'])).code, 0);
  });

  test('changes since are taken in: revoked, and taken off hold', async () => {
    const ca = ocspCa('Delta');
    const spec = { crlUrls: [urlOf('base.crl')] };
    const [fresh, held, good] = ['fresh', 'held', 'good'].map((name) => ocspLeaf(name, ca, spec));
    assert.ok(fresh && held && good);
    const line = ({ certificate: { serialNumber } }: Party, reason: string) => ({ serialNumber, revokedAt, reason });
    const freshest = `freshestCRL = URI:${urlOf('delta.crl')}`;
    const base = list(ca, { number: 1, revoked: [line(held, 'certificateHold')], extensions: [freshest] });
    const delta = list(ca, {
      number: 2,
      thisUpdate: new Date(TODAY - HOUR / 2),
      revoked: [line(held, 'removeFromCRL'), line(fresh, 'superseded')],
      extensions: ['2.5.29.27 = critical,DER:020101'],
    });
    server.on('/base.crl', () => ({ body: base }));
    server.on('/delta.crl', () => ({ body: delta }));
    const { documents } = await check(ca, [fresh, held, good]);
    assert.deepEqual(
      documents.map(({ status }) => status),
      ['revoked', 'good', 'good'],
    );
    // What was kept of it still holds; without it the base alone counts.
    server.on('/delta.crl', () => ({ status: 404 }));
    for (const expected of [
      ['revoked', 'good'],
      ['good', 'revoked'],
    ]) {
      const { documents: again } = await check(ca, [fresh, held]);
      assert.deepEqual(
        again.map(({ status }) => status),
        expected,
      );
      rmSync(path.join(dir, 'state'), { recursive: true });
    }
  });

  test('signed by another, out of date, of an unknown critical extension, negative and long serial numbers, LDAP', async () => {
    const ca = ocspCa('Odd');
    const negative = ocspLeaf('long', ca, { crlUrls: [urlOf('odd.crl')], serialNumber: Buffer.from(`7f${'ab'.repeat(19)}`, 'hex') });
    const crls = {
      good: list(ca),
      'signature-wrong': list(ocspCa('Odd')),
      'issuer-differs': list(ocspCa('Other')),
      expired: list(ca, { thisUpdate: new Date(TODAY - 9 * HOUR), nextUpdate: new Date(TODAY - HOUR) }),
      'extension-unknown': list(ca, { extensions: ['1.2.3.4 = critical,DER:0500'] }),
      revoked: list(ca, { revoked: [{ serialNumber: negative.certificate.serialNumber, revokedAt }] }),
    };
    for (const [expected, crl] of Object.entries(crls)) {
      server.on('/odd.crl', () => ({ body: crl }));
      rmSync(path.join(dir, 'state'), { recursive: true, force: true });
      const { documents } = await check(ca, [negative]);
      assert.equal(documents[0]?.failures.at(-1)?.reason ?? documents[0]?.status, expected);
    }
    const ldap = ocspLeaf('ldap', ca, { crlUrls: ['ldap://ca.example/cn=crl'] });
    const { code, documents } = await check(ca, [ldap]);
    assert.equal(code, 13);
    assert.match(documents[0]?.notes[0] ?? '', /"ldap:\/\/ca\.example\/cn=crl" was left out: CRLs are fetched by http and https only/);
  });

  test(`${ENTRIES} entries over HTTP and in a file, in a heap of 48 MB`, async () => {
    const then = Date.now() - 120 * HOUR;
    const dates = { notBefore: new Date(then - 48 * HOUR), notAfter: new Date(then + 2_400 * HOUR) };
    const ca = ocspCa('Large', dates);
    const serial = (n: number): Buffer => Buffer.from(largeSerialNumber(n).toString(16).padStart(32, '0'), 'hex');
    const spec = { ...dates, crlUrls: [urlOf('large.crl')] };
    const last = ocspLeaf('last', ca, { ...spec, serialNumber: serial(ENTRIES - 1) });
    const none = ocspLeaf('none', ca, { ...spec, serialNumber: serial(ENTRIES) });
    const file = tmp('large.crl');
    writeLargeCrl(file, ca, ENTRIES, then);
    const body = readFileSync(file);
    server.on('/large.crl', () => ({ body }));
    const at = ['--at', new Date(then).toISOString()];
    const env = { NODE_OPTIONS: '--max-old-space-size=48' };
    const kept = await check(ca, [last, none], ['--crl', file, ...at], { env });
    assert.deepEqual([kept.code, ...kept.documents.map(({ status }) => status)], [10, 'revoked', 'good']);
    // Out of date for today: a revocation counts all the same.
    const fetched = await check(ca, [last], [], { env });
    assert.deepEqual([fetched.code, fetched.documents[0]?.status], [10, 'revoked']);
  });

  test('a file that is no CRL, a folder, and one that is not there', async () => {
    const ca = ocspCa('Files');
    const leaf = write('files-leaf.pem', ocspLeaf('leaf', ca).pem);
    const run = (file: string) => tscert(['ocsp-check', '--dir', dir, '--issuer', write('files-ca.pem', ca.pem), '--crl', file, leaf]);
    const garbage = await run(write('garbage.crl', 'garbage'));
    assert.equal(garbage.code, 1);
    assert.match(garbage.stdout, /COULD NOT BE CHECKED[\s\S]*not used +file .*garbage\.crl: cannot read the CRL/);
    const cut = await run(write('cut.crl', createCrl({ issuer: ca }).subarray(0, -30)));
    assert.equal(cut.code, 1);
    assert.match((await run(dir)).stderr, /it is no file/);
    assert.match((await run('nowhere.crl')).stderr, /there is no such file/);
    assert.match((await run('ftp://ca.example/crl')).stderr, /only http and https are fetched/);
    assert.equal(read('garbage.crl'), 'garbage');
  });
});

function pemOf(der: Buffer): string {
  return `-----BEGIN X509 CRL-----\n${(der.toString('base64').match(/.{1,64}/g) ?? []).join('\n')}\n-----END X509 CRL-----\n`;
}
