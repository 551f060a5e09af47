/** Changed responses: read or refused, never a hang, and never a "good" that openssl does not give too. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { certIdsOf } from '../../src/pki/ocsp-cert-id.js';
import { readOcspResponse } from '../../src/pki/ocsp-response.js';
import { checkOcspResponse } from '../../src/pki/ocsp-verdict.js';
import { skipUnless } from '../support/servers.js';
import { anything, mutated, RUNS, staysCalm } from './fuzz.js';
import { criticalExtension, enumerated, type Forged, forge, generalizedTime, revoked, UNKNOWN, wrap } from './ocsp-forge.js';
import { files, HOUR, ocspCa, ocspDelegate, ocspLeaf, opensslVerdict, TODAY } from './ocsp-world.js';
import { keyOf } from './support.js';

// The same changes every time, unless the night wants others.
fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(process.env.FUZZ_SEED ?? 6960) });

const skip = skipUnless('openssl');
/** How many of the responses that are believed are shown to openssl; each costs a process. */
const SHOWN = Math.min(Math.ceil(RUNS / 50), 100);

const ca = ocspCa('CA', { key: keyOf('ed25519') });
const [caFiles, leaf] = [files('ca', ca), files('leaf', ocspLeaf('leaf', ca))];
const delegate = ocspDelegate('OCSP', ca);
const { serialNumber } = leaf.content;
const issuer = ca.certificate;

const common: Forged = {
  issuer,
  serialNumber,
  signer: ca,
  producedAt: TODAY,
  singles: [{ thisUpdate: TODAY, nextUpdate: TODAY + 9 * HOUR }],
};
const SPECS: readonly Forged[] = [
  common,
  {
    ...common,
    signer: delegate,
    byKey: true,
    // The delegate alone: openssl looks for a way to the root through whatever else comes along, signed or not.
    certificates: [delegate.certificate.der],
    extensions: [criticalExtension('1.3.6.1.5.5.7.48.1.2', Buffer.from('0403010203', 'hex'), false)],
  },
  {
    ...common,
    version: 0,
    singles: [
      {
        id: certIdsOf(issuer).der('ff', 'sha256'),
        thisUpdate: TODAY - HOUR,
        status: revoked(TODAY - HOUR, 1),
        extensions: [criticalExtension('2.5.29.21', enumerated(1), false)],
      },
      { id: certIdsOf(issuer).der('fe', 'sha512'), thisUpdate: TODAY, status: UNKNOWN },
      { thisUpdate: TODAY, extensions: [criticalExtension('1.3.6.1.5.5.7.48.1.6', generalizedTime(TODAY), false)] },
    ],
  },
];
const RESPONSES = SPECS.map(forge);
const TBS = RESPONSES.map((response) => {
  const read = readOcspResponse(response);
  assert.ok(read.status === 'successful' && read.basic !== undefined);
  return read.basic.tbs;
});

function isGood(response: Uint8Array): boolean {
  const checked = checkOcspResponse({ response, certificates: [leaf.content], issuer, now: Date.now() });
  return checked.verdict === 'answered' && checked.certificates[0]?.verdict === 'good';
}

/** Judges every response and shows openssl some of those that are believed, spread over all of them. */
function neverBetterThanOpenssl(responses: fc.Arbitrary<Buffer>): void {
  const good: Buffer[] = [];
  staysCalm(
    responses,
    (response) => {
      if (isGood(response) && !RESPONSES.some((original) => original.equals(response))) good.push(response);
    },
    [],
  );
  const step = Math.max(1, Math.floor(good.length / SHOWN));
  for (const response of good.filter((_, nth) => nth % step === 0)) {
    assert.equal(opensslVerdict(response, caFiles, leaf), 'good', response.toString('base64'));
  }
}

describe('OCSP responses', { skip }, () => {
  test('unchanged ones are good, here and for openssl', () => {
    for (const response of RESPONSES) {
      assert.equal(isGood(response), true);
      assert.equal(opensslVerdict(response, caFiles, leaf), 'good');
    }
  });
  test('anything', () => staysCalm(anything, readOcspResponse, ['response-invalid']));
  test('changed ones', () => neverBetterThanOpenssl(mutated(RESPONSES)));
  test('changed and rightly signed again', () =>
    neverBetterThanOpenssl(mutated(TBS).map((tbs) => wrap(tbs.length === 0 ? Buffer.of(0, 0) : tbs, ca.key, [delegate.certificate.der]))));
});
