/** The whole way below the command: `openssl ocsp` as a responder over HTTP, and `openssl s_server` that staples. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createGuardedHttp } from '../../src/net/guarded.js';
import { handshake } from '../../src/net/tls.js';
import { createOcspNonce, createOcspRequest, ocspGetUrl } from '../../src/pki/ocsp-request.js';
import { checkOcspResponse } from '../../src/pki/ocsp-verdict.js';
import { answer, type Files, files, HOUR, indexLine, ocspCa, ocspDelegate, ocspLeaf, TODAY } from '../pki/ocsp-world.js';
import { write } from '../pki/support.js';
import { freePort } from '../support/free-port.js';
import { type OpensslServer, startOpenssl } from '../support/openssl-server.js';
import { skipUnless } from '../support/servers.js';

const skip = skipUnless('openssl');
const { signal } = new AbortController();
const started: OpensslServer[] = [];
const start = async (words: string): Promise<void> => void started.push(await startOpenssl(words));
const http = createGuardedHttp({ proxy: {}, userAgent: 'tscert-test', allowPrivate: true });
after(() => {
  http.close();
  for (const server of started) server.stop();
});

describe('real servers', { skip }, () => {
  const root = ocspCa('Root');
  const middle = ocspLeaf('Middle', root, { isCa: true, usages: ['cert sign'] });
  const ca = ocspLeaf('CA', middle, { isCa: true, usages: ['cert sign', 'digital signature'] });
  const leaves = Array.from({ length: 30 }, (_, nth) => ocspLeaf(`leaf ${nth}`, ca, { names: [{ type: 'dns', value: 'localhost' }] }));
  const certificates = leaves.map(({ certificate }) => certificate);
  const issuer = ca.certificate;
  let caFiles: Files;
  let port: number;
  let index: string;

  before(async () => {
    caFiles = files('ca', ca);
    const signer = files('signer', ocspDelegate('OCSP', ca));
    index = certificates
      .map((one, nth) => indexLine(one, nth % 2 === 1 ? { at: TODAY - HOUR, reason: 'keyCompromise' } : undefined))
      .join('');
    port = await freePort();
    const sign = `-rsigner ${signer.certificate} -rkey ${signer.key}`;
    await start(`ocsp -port ${port} -index ${write('index', index)} -CA ${caFiles.certificate} ${sign} -nmin 60`);
  });

  const expected = leaves.map((_, nth) => (nth % 2 === 1 ? 'revoked' : 'good'));
  const verdicts = (response: Buffer, nonce?: Buffer): unknown => {
    const checked = checkOcspResponse({ response, certificates, issuer, now: Date.now(), ...(nonce === undefined ? {} : { nonce }) });
    return checked.verdict === 'refused' ? checked.message : [checked.nonce, checked.certificates.map(({ verdict }) => verdict)];
  };

  test('thirty certificates in one question by POST', async () => {
    const nonce = createOcspNonce();
    const { status, body, headers } = await http.request({
      method: 'POST',
      url: `http://127.0.0.1:${port}/`,
      headers: { 'content-type': 'application/ocsp-request' },
      body: createOcspRequest({ issuer, certificates, hash: 'sha1', nonce }),
      maxBytes: 2 ** 20,
      signal,
    });
    assert.deepEqual([status, headers['content-type'], verdicts(body, nonce)], [200, 'application/ocsp-response', ['equal', expected]]);
  });

  test('one certificate by GET, several times, each measured', async () => {
    const request = createOcspRequest({ issuer, certificates: certificates.slice(0, 1), hash: 'sha256' });
    const url = ocspGetUrl(`http://127.0.0.1:${port}`, request);
    assert.ok(url !== undefined);
    for (let tries = 0; tries < 3; tries++) {
      const { body, timing } = await http.request({ method: 'GET', url, maxBytes: 2 ** 20, signal, isFresh: true });
      const checked = checkOcspResponse({ response: body, certificates: certificates.slice(0, 1), issuer, now: Date.now() });
      assert.ok(checked.verdict === 'answered' && checked.certificates[0]?.verdict === 'good');
      assert.ok(timing.answer > 0 && timing.connect !== undefined);
    }
  });

  test('s_server with a staple and without one, with two intermediates', async () => {
    const [leaf] = leaves;
    assert.ok(leaf !== undefined);
    const own = files('served', leaf);
    const staple = answer({ ca: caFiles, index, request: { certificates: [leaf.certificate] } });
    const chain = write('chain.pem', ca.pem + middle.pem);
    for (const version of ['-tls1_2', '-tls1_3']) {
      for (const stapled of [true, false]) {
        const tlsPort = await freePort();
        const status = stapled ? ` -status_file ${write('staple.der', staple)}` : '';
        await start(`s_server -accept ${tlsPort} -cert ${own.certificate} -key ${own.key} -cert_chain ${chain} ${version}${status}`);
        const served = await handshake(`localhost:${tlsPort}`, { timeout: 10_000, signal });
        assert.deepEqual(
          served.chain,
          [leaf, ca, middle].map(({ certificate }) => certificate.der),
        );
        assert.deepEqual(served.staple, stapled ? staple : undefined);
        if (served.staple === undefined) continue;
        const checked = checkOcspResponse({ response: served.staple, certificates: [leaf.certificate], issuer, now: Date.now() });
        assert.equal(checked.verdict === 'answered' && checked.certificates[0]?.verdict, 'good');
      }
    }
  });
});
