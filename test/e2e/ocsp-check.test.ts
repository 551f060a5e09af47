/** `ocsp-check` against real responders of openssl over HTTP, and against ones that no honest CA has. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { errorReply, type RespondingCa, type RevocationServer, respondingCa, startRevocationServer } from '../flow/revocation/world.js';
import { criticalExtension, forge } from '../pki/ocsp-forge.js';
import { answer, type Files, files, HOUR, indexLine, OCSP_KINDS, ocspCa, ocspDelegate, ocspLeaf, TODAY } from '../pki/ocsp-world.js';
import { keyOf, type Party, type PartySpec, write } from '../pki/support.js';
import { tscert } from '../support/command.js';
import { freePort } from '../support/free-port.js';
import { type OpensslServer, startOpenssl } from '../support/openssl-server.js';
import { skipUnless } from '../support/servers.js';

const dir = mkdtempSync(path.join(tmpdir(), 'tscert-ocsp-'));
const started: OpensslServer[] = [];
after(() => {
  for (const server of started) server.stop();
  rmSync(dir, { recursive: true, force: true });
});

interface Document {
  readonly target: string;
  readonly status: string;
  readonly standing: string;
  readonly decidedBy?: {
    readonly kind: string;
    readonly revocation?: { readonly reason?: string; readonly at: string };
    readonly signedBy?: { readonly role: string };
  };
  readonly failures: readonly { readonly reason: string; readonly message: string }[];
}

/** Runs `ocsp-check --json` on certificates of one or many CAs in one run; gives one document each, and the exit code. */
async function check(leaves: readonly Party[], issuers: readonly Party[], ...more: readonly string[]) {
  const targets = leaves.map((leaf, nth) => write(`leaf-${nth}.pem`, leaf.pem));
  const issuer = issuers.flatMap((ca, nth) => ['--issuer', write(`issuer-${nth}.pem`, ca.pem)]);
  const { code, stdout, stderr } = await tscert(['ocsp-check', '--json', '--allow-private', '--dir', dir, ...more, ...issuer, ...targets]);
  assert.notEqual(stdout, '', stderr);
  const document = JSON.parse(stdout);
  return { code, documents: (document.targets ?? [document]) as readonly Document[], stderr };
}

/** Starts a responder of openssl at this port. */
async function respond(port: number, ca: Files, signer: Files, index: string, more = '-nmin 60'): Promise<void> {
  const sign = `-rsigner ${signer.certificate} -rkey ${signer.key}`;
  started.push(await startOpenssl(`ocsp -port ${port} -index ${write(`index-${port}`, index)} -CA ${ca.certificate} ${sign} ${more}`));
}

describe('responders of openssl', { skip: skipUnless('openssl') }, () => {
  test('good, unknown, and revoked for each reason; many in one run, by chain or issuer', async () => {
    const port = await freePort();
    const ca = ocspCa('Reasons');
    const reasons = [
      ...['unspecified', 'keyCompromise', 'CACompromise', 'affiliationChanged', 'superseded', 'cessationOfOperation', 'certificateHold'],
      ...['removeFromCRL', undefined],
    ] as const;
    const spec = { ocspUrls: [`http://127.0.0.1:${port}/`] };
    const [good, unknown] = [ocspLeaf('good', ca, spec), ocspLeaf('unknown', ca, spec)];
    const revoked = reasons.map((reason) => ocspLeaf(`revoked ${reason}`, ca, spec));
    const at = TODAY - HOUR;
    const index = [
      indexLine(good.certificate),
      ...revoked.map(({ certificate }, nth) =>
        indexLine(certificate, { at, ...(reasons[nth] === undefined ? {} : { reason: reasons[nth] }) }),
      ),
    ].join('');
    await respond(port, files('reasons', ca), files('reasons-signer', ocspDelegate('Delegate', ca)), index);

    const { code, documents } = await check([good, unknown, ...revoked], [ca]);
    assert.equal(code, 10);
    assert.deepEqual(
      documents.map(({ standing }) => standing),
      ['good', 'unknown', ...reasons.map(() => 'revoked')],
    );
    assert.deepEqual(
      documents.slice(2).map(({ decidedBy }) => [decidedBy?.revocation?.reason?.toLowerCase(), decidedBy?.revocation?.at]),
      reasons.map((reason) => [reason?.toLowerCase(), new Date(at).toISOString()]),
    );
    assert.deepEqual(new Set(documents.map(({ decidedBy }) => decidedBy?.signedBy?.role)), new Set(['delegate']));
    for (const [leaf, expected] of [
      [good, 0],
      [unknown, 11],
    ] as const)
      assert.equal((await check([leaf], [ca])).code, expected);
  });

  test('keys of every kind, and signers who may not sign', async () => {
    const leaves: Party[] = [];
    const cas: Party[] = [];
    const expected: string[] = [];
    const add = async (name: string, ca: Party, signer: Files, outcome: string, more?: string): Promise<void> => {
      const port = await freePort();
      const leaf = ocspLeaf(name, ca, { ocspUrls: [`http://127.0.0.1:${port}`] });
      await respond(port, files(`${name}-ca`, ca), signer, indexLine(leaf.certificate), more);
      leaves.push(leaf);
      cas.push(ca);
      expected.push(`${name}: ${outcome}`);
    };
    const kinds = OCSP_KINDS.filter((kind) => kind !== 'rsa-pss');
    for (const kind of kinds) {
      const ca = ocspCa(`CA ${kind}`, { key: keyOf(kind) });
      await add(kind, ca, files(`${kind}-own`, ca), 'good');
    }
    const ca = ocspCa('Strict');
    const twin = ocspCa('Strict');
    const own = (name: string, spec: PartySpec): Files => files(name, ocspDelegate(name, ca, spec));
    const dates = { notBefore: new Date(TODAY - 40 * HOUR), notAfter: new Date(TODAY - HOUR) };
    await add('delegate', ca, own('delegate-signer', {}), 'good');
    await add('delegate-by-key', ca, own('by-key-signer', {}), 'good', '-nmin 60 -resp_key_id');
    await add('wrong-usage', ca, files('usage', ocspLeaf('usage', ca, { usages: ['server auth'] })), 'signer-wrong-usage');
    await add('no-usage', ca, files('none', ocspLeaf('none', ca)), 'signer-wrong-usage');
    await add('expired', ca, own('expired-signer', dates), 'signer-expired');
    await add('early', ca, own('early-signer', { notBefore: new Date(TODAY + HOUR) }), 'signer-not-yet-valid');
    await add('twin', ca, files('twin', twin), 'signer-not-issued');
    await add('twin-delegate', ca, files('twin-delegate', ocspDelegate('twin', twin)), 'signer-not-issued');

    const { code, documents } = await check(leaves, [...new Set(cas)], '--no-crl');
    assert.deepEqual(
      documents.map(({ status, failures: [failure] }, nth) => `${expected[nth]?.split(':')[0]}: ${failure?.reason ?? status}`),
      expected,
    );
    assert.equal(code, 1);
  });
});

describe('answers that are none', { skip: skipUnless('openssl') }, () => {
  let server: RevocationServer;
  let ca: RespondingCa;
  before(async () => {
    server = await startRevocationServer();
    ca = respondingCa(server, 'right', TODAY);
  });
  after(() => server.close());

  const forgedFor = (leaf: Party, times: { thisUpdate: number; nextUpdate?: number; producedAt?: number }, nonce?: Buffer): Buffer =>
    forge({
      issuer: ca.ca.certificate,
      serialNumber: leaf.certificate.serialNumber,
      signer: { key: ca.ca.key, certificate: ca.ca.certificate },
      producedAt: times.producedAt ?? TODAY,
      singles: [{ thisUpdate: times.thisUpdate, ...(times.nextUpdate === undefined ? {} : { nextUpdate: times.nextUpdate }) }],
      ...(nonce === undefined ? {} : { extensions: [criticalExtension('1.3.6.1.5.5.7.48.1.2', nonce, false)] }),
    });

  test('stale, future, of another, replayed, truncated, oversize, slow, other content, error statuses, redirects', async () => {
    const leaves: Party[] = [];
    const cases: readonly (readonly [expected: string, body: (leaf: Party) => Parameters<RevocationServer['on']>[1]])[] = [
      ['good', () => ca.answer],
      ['stale', (leaf) => () => ({ body: forgedFor(leaf, { thisUpdate: TODAY - 30 * HOUR, nextUpdate: TODAY - 2 * HOUR }) })],
      ['stale', (leaf) => () => ({ body: forgedFor(leaf, { thisUpdate: TODAY - 30 * HOUR }) })],
      ['not-yet-valid', (leaf) => () => ({ body: forgedFor(leaf, { thisUpdate: TODAY + 2 * HOUR, nextUpdate: TODAY + 9 * HOUR }) })],
      ['produced-in-future', (leaf) => () => ({ body: forgedFor(leaf, { thisUpdate: TODAY, producedAt: TODAY + HOUR }) })],
      ['not-covered', () => () => ({ body: forgedFor(ca.leaf('another'), { thisUpdate: TODAY, nextUpdate: TODAY + HOUR }) })],
      ['unreadable', (leaf) => () => ({ body: forgedFor(leaf, { thisUpdate: TODAY }).subarray(0, -20) })],
      ['unreadable', () => () => ({ body: Buffer.from('<html>captive portal</html>'), headers: { 'content-type': 'text/html' } })],
      ['unreadable', () => () => ({ body: Buffer.alloc(0) })],
      ['too-large', () => () => ({ body: Buffer.alloc(2 ** 20 + 1) })],
      ['timeout', () => () => 'silence'],
      ['network', () => () => 'cut'],
      ['unauthorized', () => () => errorReply(6)],
      ['try-later', () => () => errorReply(3)],
      ['signature-required', () => () => errorReply(5)],
      ['http-status', () => () => ({ status: 302, headers: { location: ca.url } })],
      ['http-status', () => () => ({ status: 404 })],
    ];
    for (const [nth, [, body]] of cases.entries()) {
      const leaf = ca.leaf(`leaf ${nth}`, { ocspUrls: [`${server.url}/case-${nth}`] });
      server.on(`/case-${nth}`, body(leaf));
      leaves.push(leaf);
    }
    const { code, documents } = await check(leaves, [ca.ca]);
    assert.equal(code, 1);
    assert.deepEqual(
      documents.map(({ status, failures }, nth) => `${nth} ${failures.at(-1)?.reason ?? status}`),
      cases.map(([expected], nth) => `${nth} ${expected}`),
    );
  });

  test('a nonce that was not sent, and an answer that is played again for three', async () => {
    const wrong = [1, 2, 3].map((nth) => ca.leaf(`wrong ${nth}`, { ocspUrls: [`${server.url}/wrong`] }));
    server.on('/wrong', (asked) => ca.answer({ ...asked, nonce: Buffer.alloc(32, 7) }));
    const { documents } = await check(wrong, [ca.ca]);
    assert.deepEqual(
      documents.map(({ failures }) => failures.at(-1)?.reason),
      ['nonce-wrong', 'nonce-wrong', 'nonce-wrong'],
    );
  });

  test('inner addresses are not asked, other schemes neither; the word for it', async () => {
    const inner = ['http://127.0.0.1:9/', 'http://[::1]:9/', 'http://169.254.169.254/', 'http://10.0.0.1/', 'http://localhost:9/'];
    const leaves = [...inner, 'ldap://ca.example/', 'file:///etc/passwd'].map((url, nth) => ca.leaf(`inner ${nth}`, { ocspUrls: [url] }));
    const targets = leaves.map((leaf, nth) => write(`inner-${nth}.pem`, leaf.pem));
    const issuer = write('inner-ca.pem', ca.ca.pem);
    server.asked.splice(0);
    const { code, stdout } = await tscert(['ocsp-check', '--json', '--dir', dir, '--issuer', issuer, ...targets]);
    const documents = JSON.parse(stdout).targets as readonly (Document & { readonly notes: readonly string[] })[];
    assert.deepEqual(
      documents.map(({ standing, failures: [failure], notes: [note] }) => failure?.reason ?? `${standing}: ${note?.split(':')[0]}`),
      [...inner.map(() => 'url-refused'), 'no-way: the OCSP responder "ldap', 'no-way: the OCSP responder "file'],
    );
    assert.deepEqual([code, server.asked.length], [1, 0]);
  });

  test('two hundred certificates of one CA go in one question, two hundred of fifty in fifty', async () => {
    const one = Array.from({ length: 200 }, (_, nth) => ca.leaf(`one ${nth}`, { key: keyOf('ec256', 1) }));
    server.asked.splice(0);
    const first = await check(one, [ca.ca]);
    assert.deepEqual([first.code, new Set(first.documents.map(({ status }) => status)), server.asked.length], [0, new Set(['good']), 1]);
    const fifty = Array.from({ length: 50 }, (_, nth) => respondingCa(server, `fifty-${nth}`, TODAY, { key: keyOf('ec256', nth) }));
    const many = fifty.flatMap((own) => [1, 2, 3, 4].map((nth) => own.leaf(`leaf ${nth}`, { key: keyOf('ec256', 1) })));
    server.asked.splice(0);
    const second = await check(
      many,
      fifty.map((own) => own.ca),
    );
    assert.deepEqual([second.code, new Set(second.documents.map(({ status }) => status)), server.asked.length], [0, new Set(['good']), 50]);
  });
});

describe('evidence that was kept', { skip: skipUnless('openssl') }, () => {
  test('the same verdicts from a response of openssl in a file, in DER and base64, as of any moment, and with nobody to ask', async () => {
    const ca = ocspCa('Kept');
    const [good, bad] = [ocspLeaf('good', ca), ocspLeaf('bad', ca)];
    const caFiles = files('kept-ca', ca);
    const index = indexLine(good.certificate) + indexLine(bad.certificate, { at: TODAY - HOUR, reason: 'superseded' });
    const response = answer({ ca: caFiles, index, request: { certificates: [good.certificate, bad.certificate] }, more: '-ndays 2' });
    const at = (hours: number): string => new Date(TODAY + hours * HOUR).toISOString();
    for (const [file, ...more] of [
      [write('kept.der', response)],
      [write('kept.b64', response.toString('base64'))],
      [write('kept.later', response), '--at', at(40)],
    ] as const) {
      const { code, documents } = await check([good, bad], [ca], '--response', file, ...more);
      assert.deepEqual([code, ...documents.map(({ status }) => status)], [10, 'good', 'revoked']);
    }
    for (const [hours, reason] of [
      [50, 'stale'],
      [-30, 'produced-in-future'],
    ] as const) {
      const { code, documents } = await check([good], [ca], '--response', write('kept.der', response), '--at', at(hours));
      assert.deepEqual([code, documents[0]?.failures[0]?.reason], [1, reason]);
    }
    const garbage = await tscert(['ocsp-check', '--dir', dir, write('good.pem', good.pem), '--response', write('garbage.der', 'not one!')]);
    assert.match(garbage.stderr, /cannot read the OCSP response ".*garbage\.der": it is neither DER nor base64/);
  });
});
