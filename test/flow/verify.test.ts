import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TscertError } from '../../src/base/errors.js';
import type { Evidence, RevocationReport } from '../../src/flow/revocation/evidence.js';
import { type Check, type VerifyParts, verifyServer, verifyStored } from '../../src/flow/verify.js';
import type { Served } from '../../src/net/tls.js';
import { encodePrivateKey } from '../../src/pki/key.js';
import type { Stored } from '../../src/store/store.js';
import { DAY, NOW, party } from '../pki/support.js';
import { createLookingWorld, type LookingWorld, request } from './looking-kit.js';

const brief = (checks: readonly Check[]): string[] =>
  checks.map(({ check, result, reason }) => `${check} ${result}${reason === undefined ? '' : ` ${reason}`}`);
const messageOf = (checks: readonly Check[], check: Check['check']): string => checks.find((one) => one.check === check)?.message ?? '';

function partsOf(world: LookingWorld, changes: Partial<VerifyParts> = {}): VerifyParts {
  return {
    ...{ store: world.store, clock: world.clock, areRootsNamed: false },
    roots: () => [world.root.certificate],
    shake: async () => Promise.reject(new TscertError('network', 'Cannot connect: nobody is asked in this test')),
    ...changes,
  };
}

/** A server that sends these, and notes the name it was asked for. */
function serving(...parties: readonly { readonly certificate: { readonly der: Buffer } }[]) {
  const asked: (string | undefined)[] = [];
  const shake: VerifyParts['shake'] = async (_, servername) => {
    asked.push(servername);
    return { chain: parties.map(({ certificate }) => certificate.der), protocol: 'TLSv1.3' };
  };
  return { asked, shake };
}

test('a good certificate passes everything', async () => {
  const world = createLookingWorld();
  await world.put('www');
  const checks = await verifyStored(request('www'), [], partsOf(world));
  assert.deepEqual(brief(checks), ['files passed', 'key passed', 'dates passed', 'chain passed', 'root passed', 'request passed']);
  assert.equal(messageOf(checks, 'chain'), '"www.test", signed by "Test Intermediate"');
  assert.equal(messageOf(checks, 'root'), 'leads to "Test Root"');
});

test('each fault is told with its word, beside the checks that pass', async () => {
  const world = createLookingWorld();
  await world.put('expired', { notBefore: new Date(NOW - 90 * DAY), notAfter: new Date(NOW - DAY) });
  const failed = async (name: string, parts = partsOf(world), wanted = request(name)): Promise<string[]> =>
    brief(await verifyStored(wanted, [], parts)).filter((line) => line.includes('failed'));
  assert.deepEqual(await failed('expired'), ['dates failed Expired']);
  await world.put('early', { notBefore: new Date(NOW + DAY) });
  assert.deepEqual(await failed('early'), ['dates failed InvalidCertificate']);
  await world.put('changed');
  assert.deepEqual(await failed('changed', partsOf(world), request('changed', { key: { type: 'rsa2048', reuse: false } })), [
    'request failed SecretMismatch',
  ]);
  assert.deepEqual(await failed('absent'), ['files failed DoesNotExist']);
  const stored = (await world.store.load('changed')) as Stored;
  const withChain = (chain: string): VerifyParts => partsOf(world, { store: { ...world.store, load: async () => ({ ...stored, chain }) } });
  assert.deepEqual(await failed('changed', withChain(party('Nobody').pem)), ['chain failed InvalidCertificate']);
  const key = encodePrivateKey(party('x').key);
  const swapped = partsOf(world, { store: { ...world.store, load: async () => ({ ...stored, privateKey: key }) } });
  assert.ok((await failed('changed', swapped)).includes('key failed InvalidKeyPair'));
  const damaged = async (): Promise<never> => Promise.reject(new TscertError('store-damaged', 'Cannot load it: cert.pem is missing'));
  assert.deepEqual(await failed('changed', partsOf(world, { store: { ...world.store, load: damaged } })), ['files failed MissingData']);
});

test('that the root is not known is a word, and a failure only where roots were named', async () => {
  const world = createLookingWorld();
  await world.put('www');
  const lone = { roots: () => [] };
  assert.ok(brief(await verifyStored(request('www'), [], partsOf(world, lone))).includes('root unknown'));
  const named = await verifyStored(request('www'), [], partsOf(world, { ...lone, areRootsNamed: true }));
  assert.ok(brief(named).includes('root failed IncorrectIssuer'));
});

test('a certificate that is due is what is wanted all the same; of one that nobody asks for that cannot be told', async () => {
  const world = createLookingWorld();
  await world.put('www', { notBefore: new Date(NOW - 80 * DAY), notAfter: new Date(NOW + 10 * DAY) });
  const due = await verifyStored(request('www'), [], partsOf(world));
  assert.ok(brief(due).includes('request passed'));
  assert.match(messageOf(due, 'request'), /and due: The certificate was to be renewed/);
  const unknown = await verifyStored({ name: 'www', error: new Error('no flags are kept') }, [], partsOf(world));
  assert.ok(brief(unknown).includes('request unknown'));
});

test('what a server sends is compared, at the probe of the request or those that are given, asked for by name', async () => {
  const world = createLookingWorld();
  await world.put('www');
  const good = serving({
    certificate: { der: Buffer.from((await world.store.load('www'))?.certificate.replaceAll(/-----.*-----|\s/g, '') ?? '', 'base64') },
  });
  const wanted = request('www', { deploy: [{ kind: 'probe', address: '127.0.0.1:8443' }] });
  assert.ok(brief(await verifyStored(wanted, [], partsOf(world, good))).includes('served passed'));
  assert.deepEqual(good.asked, ['www.test']);
  const other = await verifyStored(wanted, ['a:1', 'b:2'], partsOf(world, serving(party('old.test', world.intermediate))));
  assert.deepEqual(
    brief(other).filter((line) => line.startsWith('served')),
    ['served failed IncorrectCertificate', 'served failed IncorrectCertificate'],
  );
  assert.match(messageOf(other, 'served'), /^a:1 sends another one: "old\.test", serial number /);
  const down = await verifyStored(wanted, [], partsOf(world));
  assert.ok(brief(down).includes('served failed Unreachable'));
  assert.ok(brief(await verifyStored(wanted, [], partsOf(world, serving()))).includes('served failed DoesNotExist'));
});

test('a server is checked for its name, its dates, its chain and its root, and whether it sends what is stored', async () => {
  const world = createLookingWorld();
  const leaf = party('www.test', world.intermediate, {
    names: [
      { type: 'dns', value: 'www.test' },
      { type: 'ip', value: '127.0.0.1' },
    ],
  });
  const checks = await verifyServer('www.test:443', partsOf(world, serving(leaf, world.intermediate)));
  assert.deepEqual(brief(checks), ['served passed', 'host passed', 'dates passed', 'chain passed', 'root passed', 'stored unknown']);
  const of = async (target: string, parts: VerifyParts): Promise<string[]> => brief(await verifyServer(target, parts));
  assert.ok((await of('127.0.0.1:1', partsOf(world, serving(leaf, world.intermediate)))).includes('host passed'));
  assert.ok((await of('[::1]:1', partsOf(world, serving(leaf, world.intermediate)))).includes('host failed IncorrectCertificate'));
  assert.ok((await of('wwww.test:1', partsOf(world, serving(leaf)))).includes('host failed IncorrectCertificate'));
  const alone = await verifyServer('www.test:443', partsOf(world, serving(leaf)));
  assert.ok(brief(alone).includes('root failed IncorrectIssuer'));
  assert.match(messageOf(alone, 'root'), /perhaps the certificate between them is missing/);
  assert.deepEqual(await of('www.test:443', partsOf(world)), ['served failed Unreachable']);
  assert.deepEqual(await of('www.test:443', partsOf(world, serving())), ['served failed DoesNotExist']);
});

test('a server that sends the stored certificate is told so; one that sends another for its name was not reloaded', async () => {
  const world = createLookingWorld();
  const leaf = party('www.test', world.intermediate, { names: [{ type: 'dns', value: 'www.test' }] });
  await world.store.save('mine', {
    ...{ privateKey: encodePrivateKey(leaf.key), certificate: leaf.pem, chain: world.intermediate.pem, meta: null },
  });
  const same = await verifyServer('www.test:443', partsOf(world, serving(leaf, world.intermediate)));
  assert.equal(messageOf(same, 'stored'), 'it is stored as "mine" (generation 0001)');
  const old = party('www.test', world.intermediate, { names: [{ type: 'dns', value: 'www.test' }] });
  const other = await verifyServer('www.test:443', partsOf(world, serving(old, world.intermediate)));
  assert.ok(brief(other).includes('stored failed IncorrectCertificate'));
  assert.match(messageOf(other, 'stored'), /as "mine": perhaps the server was not reloaded/);
});

describe('revocation', () => {
  const origin = { by: 'responder', place: 'http://ocsp.test/' } as const;
  const ocsp = (status: 'good' | 'unknown' | 'revoked', by: 'responder' | 'staple' = 'responder') =>
    ({ kind: 'ocsp', status, origin: { ...origin, by }, revocation: { at: new Date(NOW), reason: 'superseded' } }) as unknown as Evidence;
  const reportOf = (status: RevocationReport['status'], evidence: readonly Evidence[] = [], more: Partial<RevocationReport> = {}) => ({
    ...{ status, issuer: undefined, decisive: evidence[0], evidence, failures: [], notes: [] },
    ...more,
  });

  test('of what is stored: it was not, it was, its CA does not know it, it cannot be told', async () => {
    const world = createLookingWorld();
    await world.put('www');
    const failure = { kind: 'ocsp', reason: 'network', message: 'Cannot reach it' } as const;
    for (const [report, expected] of [
      [reportOf('good', [ocsp('good')]), ['revocation passed', 'it was not revoked, says OCSP (http://ocsp.test/)']],
      [
        reportOf('revoked', [ocsp('revoked')]),
        ['revocation failed Revoked', `it was revoked at ${new Date(NOW).toISOString()} (superseded), says OCSP (http://ocsp.test/)`],
      ],
      [
        reportOf('unknown', [ocsp('unknown')]),
        ['revocation failed UnknownToIssuer', 'its CA does not know it, says OCSP (http://ocsp.test/)'],
      ],
      [reportOf('unchecked', [], { failures: [failure] }), ['revocation unknown', 'Cannot reach it']],
      [reportOf('no-way'), ['revocation unknown', 'the certificate names neither an OCSP responder nor a CRL']],
    ] as const) {
      const asked: boolean[] = [];
      const ask: VerifyParts['ask'] = async ({ others }, allowPrivate) => {
        assert.equal(others.length, 1);
        asked.push(allowPrivate);
        return report;
      };
      const wanted = request('www', { revocation: { check: true, allowPrivate: true } });
      const checks = await verifyStored(wanted, [], partsOf(world, { ask }));
      assert.deepEqual([brief(checks).find((line) => line.startsWith('revocation')), messageOf(checks, 'revocation')], expected);
      assert.deepEqual(asked, [true]);
    }
  });

  test('of a server: a staple that the certificate demands must be there, and believed', async () => {
    const world = createLookingWorld();
    const leaf = party('www.test', world.intermediate, { names: request('www').spec.names, mustStaple: true });
    const staple = Buffer.from('3000', 'hex');
    const shaken = (more: Partial<Served>) => ({
      shake: async () => ({ chain: [leaf.certificate.der, world.intermediate.certificate.der], protocol: 'TLSv1.3', ...more }),
    });
    for (const [more, evidence, expected] of [
      [{ staple }, ocsp('good', 'staple'), 'staple passed'],
      [{ staple }, ocsp('good'), 'staple failed NotStapled'],
      [{}, ocsp('good'), 'staple failed NotStapled'],
    ] as const) {
      const ask: VerifyParts['ask'] = async ({ staple: sent }) => {
        assert.deepEqual(sent, 'staple' in more ? { response: staple, place: 'www.test:443' } : undefined);
        return reportOf('good', [evidence]);
      };
      const checks = await verifyServer('www.test:443', partsOf(world, { ...shaken(more), ask }));
      assert.equal(
        brief(checks).find((line) => line.startsWith('staple')),
        expected,
      );
    }
  });
});
