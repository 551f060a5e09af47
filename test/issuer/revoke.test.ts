/** Revocation by the ACME issuer (RFC 8555 §7.6): what is sent, who signs, and what the answers mean. */
import assert from 'node:assert/strict';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { parseRevocationReason, REVOCATION_REASONS, type RevocationReason } from '../../src/acme/revocation.js';
import type { Solver } from '../../src/acme/solver.js';
import { isTscertError } from '../../src/base/errors.js';
import { createCsr } from '../../src/pki/csr.js';
import { generateKey } from '../../src/pki/key.js';
import type { KeyType } from '../../src/pki/key-type.js';
import { createMemoryStore } from '../../src/store/memory.js';
import { code, type Run, startRun, wantedFor } from '../acme/kit.js';
import { realClock } from '../support/clock.js';
import { type FaultyAcme, problem, startFaultyAcme } from '../support/faulty-acme.js';
import { type Pebble, startPebble, whyNoPebble } from '../support/pebble.js';
import { RUNS } from '../support/property.js';

const nothing: Solver = { type: 'dns-01', present: async () => undefined, cleanUp: async () => undefined };

describe('revocation', { skip: await whyNoPebble() }, () => {
  let pebble: Pebble;
  let acme: FaultyAcme;
  let runs: Run[];
  before(async () => {
    pebble = await startPebble({ alwaysValid: true, retryAfter: { authz: 1, order: 1 } });
  });
  after(() => pebble?.stop());
  beforeEach(async () => {
    acme = await startFaultyAcme(pebble);
    runs = [];
  });
  afterEach(async () => {
    for (const run of runs) await run.close();
    await acme.stop();
  });
  const start = async (more: Partial<Parameters<typeof startRun>[0]> = {}): Promise<Run> => {
    const run = await startRun({ ...acme, picker: () => nothing, speed: 20, ...more });
    runs.push(run);
    return run;
  };
  const signal = AbortSignal.timeout(120_000);
  const issued = async (run: Run, type: KeyType = 'ec256') => {
    const key = await generateKey(type);
    const wanted = wantedFor(acme, ['r.example']);
    const line = run.line();
    const answer = await run.issuer.sign(createCsr(wanted.spec, key), wanted, line);
    await run.issuer.abandon(wanted.name, line);
    assert.equal(answer.state, 'issued');
    const certificate = new X509Certificate(answer.state === 'issued' ? answer.chain : '');
    return { key, certificate, der: certificate.raw };
  };
  const revocations = () => acme.seen.filter(({ path }) => path === '/revoke-cert');
  const revoke = (run: Run, ...values: Parameters<NonNullable<Run['issuer']['revoke']>>) =>
    run.issuer.revoke?.(...values) ?? assert.fail('it revokes nothing');

  it('is signed by the account with its URL, and carries the certificate and the number of the reason', async () => {
    const run = await start();
    const { der, certificate } = await issued(run);
    assert.equal(await revoke(run, der, 'superseded', 'account', signal), 'revoked');
    const [{ header, payload } = assert.fail()] = revocations();
    assert.equal(header.kid, (await run.account.open(signal)).accountUrl);
    assert.equal(header.jwk, undefined);
    assert.deepEqual(payload, { certificate: der.toString('base64url'), reason: 4 });
    assert.equal((await pebble.certificateStatus(certificate.serialNumber)).Reason, 4);
    assert.equal(await revoke(run, der, 'superseded', 'account', signal), 'already-revoked');
  });

  it("is signed by the certificate's own key with that key in its header, by a run without an account", async () => {
    const store = createMemoryStore({ clock: realClock });
    for (const [type, algorithm] of [
      ['ec256', 'ES256'],
      ['ec384', 'ES384'],
      ['rsa2048', 'RS256'],
    ] as const) {
      const { key, der, certificate } = await issued(await start(), type);
      assert.equal(await revoke(await start({ store }), der, 'keyCompromise', { privateKey: key }, signal), 'revoked');
      const { header, payload } = revocations().at(-1) ?? assert.fail();
      assert.deepEqual([header.alg, header.kid, payload.reason], [algorithm, undefined, 1]);
      assert.equal((header.jwk as { kty: string }).kty, type === 'rsa2048' ? 'RSA' : 'EC');
      assert.ok(!('d' in (header.jwk as object)));
      assert.equal((await pebble.certificateStatus(certificate.serialNumber)).Reason, 1);
    }
    assert.deepEqual(await store.list(), []);
  });

  it('gives no reason where there is none to give', async () => {
    const run = await start();
    const { der, certificate } = await issued(run);
    assert.equal(await revoke(run, der, 'unspecified', 'account', signal), 'revoked');
    assert.deepEqual(Object.keys(revocations()[0]?.payload ?? {}), ['certificate']);
    const { Status, Reason } = await pebble.certificateStatus(certificate.serialNumber);
    assert.deepEqual([Status, Reason], ['Revoked', undefined]);
  });

  it('whose answer was lost has happened all the same, and is told', async () => {
    const run = await start();
    const { der } = await issued(run);
    acme.rule = ({ path }, earlier) => (path === '/revoke-cert' && earlier === 0 ? { kind: 'lose' } : undefined);
    assert.equal(await revoke(run, der, 'superseded', 'account', signal), 'already-revoked');
  });

  it('makes no account, and sends nothing with a key that cannot sign it', async () => {
    const { der } = await issued(await start());
    const stranger = await start({ email: 'stranger@example.com' });
    const before = acme.seen.filter(({ path }) => path === '/sign-me-up').length;
    await assert.rejects(revoke(stranger, der, 'superseded', 'account', signal), code('account-unknown'));
    for (const privateKey of [
      generateKeyPairSync('ed25519').privateKey,
      generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey,
      generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey,
    ]) {
      await assert.rejects(revoke(stranger, der, 'superseded', { privateKey }, signal), code('key-kind-refused'));
    }
    assert.equal(acme.seen.filter(({ path }) => path === '/sign-me-up').length, before);
    assert.equal(revocations().length, 0);
  });

  it("of another account's certificate, or for a reason the CA does not take, is refused with its words", async () => {
    const { der, certificate } = await issued(await start());
    const other = await start({ email: 'other@example.com' });
    await other.account.open(signal);
    await assert.rejects(revoke(other, der, 'superseded', 'account', signal), (error) => {
      assert.ok(isTscertError(error, 'acme-problem'));
      assert.equal(error.data.status, 403);
      return /^Cannot revoke the certificate: The certificate being revoked is not associated with account/.test(error.message);
    });
    acme.rule = ({ path }) =>
      path === '/revoke-cert' ? problem(400, 'badRevocationReason', 'unsupported revocation reason code provided') : undefined;
    await assert.rejects(revoke(other, der, 'affiliationChanged', 'account', signal), /unsupported revocation reason code provided/);
    assert.equal((await pebble.certificateStatus(certificate.serialNumber)).Status, 'Valid');
  });

  it('does not wait until the clock of this machine is right', async () => {
    const run = await start();
    const { der } = await issued(run);
    acme.rule = () => ({
      kind: 'change',
      change: (answer) => ({ ...answer, headers: { ...answer.headers, date: new Date(Date.now() + 86_400_000).toUTCString() } }),
    });
    assert.equal(await revoke(run, der, 'superseded', 'account', signal), 'revoked');
    await assert.rejects(run.account.show(signal), code('clock-wrong'));
  });

  it('is refused here where the server offers none', async () => {
    const { der, key } = await issued(await start());
    acme.rule = ({ path }) =>
      path === '/dir'
        ? {
            kind: 'change',
            change: (answer) => {
              const { revokeCert: _, ...directory } = JSON.parse(answer.body);
              return { ...answer, body: JSON.stringify(directory) };
            },
          }
        : undefined;
    await assert.rejects(revoke(await start(), der, 'superseded', { privateKey: key }, signal), code('request-invalid'));
  });
});

describe('a reason', () => {
  const REFUSED = ['cACompromise', 'certificateHold', 'removeFromCRL', 'privilegeWithdrawn', 'aACompromise', '', '1', 'constructor'];

  it('is read in any case', () => {
    for (const reason of REVOCATION_REASONS) {
      assert.equal(parseRevocationReason(reason.toUpperCase()), reason);
      assert.equal(parseRevocationReason(reason.toLowerCase()), reason);
    }
  });

  it('that subscribers cannot give is refused with the list, and with the one that was meant', () => {
    for (const text of REFUSED) assert.throws(() => parseRevocationReason(text), code('request-invalid'), text);
    assert.throws(() => parseRevocationReason('keycompromised'), /\(did you mean keyCompromise\?\)$/);
  });

  it('is one of the list or an error, whatever the text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.constantFrom(...REVOCATION_REASONS)), (text) => {
        let reason: RevocationReason | undefined;
        try {
          reason = parseRevocationReason(text);
        } catch (error) {
          assert.ok(isTscertError(error, 'request-invalid'));
        }
        assert.ok(reason === undefined || REVOCATION_REASONS.includes(reason));
      }),
      { numRuns: RUNS },
    );
  });
});
