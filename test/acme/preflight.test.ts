/** What is refused before anything is spent, and what each CA takes. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AUTHORITIES, authorityAt, directoryFor, findAuthority } from '../../src/acme/authorities.js';
import { checkProfile, checkRequest, identifiersOf } from '../../src/acme/preflight.js';
import type { ChallengeType, Solver, SolverPicker } from '../../src/acme/solver.js';
import { KEY_TYPES } from '../../src/pki/key-type.js';
import type { AcmeRequest, CertificateRequest } from '../../src/request/request.js';
import { createPicker } from '../../src/solver/pick.js';
import { code, wantedFor } from './kit.js';

const LETS_ENCRYPT = 'https://acme-v02.api.letsencrypt.org/directory';
const PRIVATE = 'https://ca.internal/directory';
const pickerFor = (...types: ChallengeType[]): SolverPicker =>
  createPicker(
    types.map((type) => ({ solver: { type, present: async () => undefined, cleanUp: async () => undefined } satisfies Solver })),
  );
const all = pickerFor('dns-01', 'http-01', 'tls-alpn-01');
const wanted = (
  directory: string,
  names: readonly string[] = ['example.com'],
  more: Partial<CertificateRequest> = {},
): CertificateRequest => ({
  ...wantedFor({ directory }, names),
  ...more,
});

describe('before an order', () => {
  it('only key kinds that the CA signs go through', () => {
    const taken = (directory: string): string[] =>
      KEY_TYPES.filter((type) => {
        try {
          checkRequest(wanted(directory, undefined, { key: { type, reuse: false } }), all);
          return true;
        } catch (error) {
          code('key-kind-refused')(error);
          return false;
        }
      });
    assert.deepEqual(taken(LETS_ENCRYPT), ['rsa2048', 'rsa3072', 'rsa4096', 'ec256', 'ec384']);
    assert.deepEqual(
      taken('https://acme.zerossl.com/v2/DV90'),
      KEY_TYPES.filter((type) => type !== 'ed25519'),
    );
    assert.deepEqual(taken(PRIVATE), [...KEY_TYPES]);
  });

  it('a wildcard needs dns-01, an address anything else, a name any of them', () => {
    assert.throws(
      () => checkRequest(wanted(PRIVATE, ['*.example.com']), pickerFor('http-01', 'tls-alpn-01')),
      code('wildcard-needs-dns01'),
    );
    checkRequest(wanted(PRIVATE, ['*.example.com']), pickerFor('dns-01'));
    assert.throws(() => checkRequest(wanted(PRIVATE, ['192.0.2.1']), pickerFor('dns-01')), code('solver-missing'));
    checkRequest(wanted(PRIVATE, ['192.0.2.1']), pickerFor('tls-alpn-01'));
    for (const type of ['dns-01', 'http-01', 'tls-alpn-01'] as const) checkRequest(wanted(PRIVATE), pickerFor(type));
    assert.throws(() => checkRequest(wanted(PRIVATE), pickerFor()), code('solver-missing'));
  });

  it('names that ACME does not certify are refused with the name', () => {
    for (const name of ['admin@example.com', 'https://example.com/']) {
      assert.throws(
        () => checkRequest(wanted(PRIVATE, [name]), all),
        (error) => code('name-invalid')(error) && String(error).includes(name),
      );
    }
    assert.throws(() => checkRequest(wanted(PRIVATE, []), all), code('request-invalid'));
  });

  it('each name is ordered once', () => {
    assert.deepEqual(identifiersOf(wanted(PRIVATE, ['b.example', 'a.example', 'b.example', '192.0.2.1'])), [
      { type: 'dns', value: 'b.example' },
      { type: 'dns', value: 'a.example' },
      { type: 'ip', value: '192.0.2.1' },
    ]);
  });

  it("what Let's Encrypt does not issue is not asked of it", () => {
    const many = (count: number): string[] => Array.from({ length: count }, (_, at) => `n${at}.example.com`);
    const issuer = wanted(LETS_ENCRYPT).issuer as AcmeRequest;
    checkRequest(wanted(LETS_ENCRYPT, many(100)), all);
    assert.throws(() => checkRequest(wanted(LETS_ENCRYPT, many(101)), all), code('request-invalid'));
    assert.throws(
      () => checkRequest(wanted(LETS_ENCRYPT, many(26), { issuer: { ...issuer, profile: 'tlsserver' } }), all),
      code('request-invalid'),
    );
    assert.throws(() => checkRequest(wanted(LETS_ENCRYPT, ['192.0.2.1']), all), code('request-invalid'));
    checkRequest(wanted(LETS_ENCRYPT, ['192.0.2.1'], { issuer: { ...issuer, profile: 'shortlived' } }), all);
    const { spec } = wanted(LETS_ENCRYPT);
    assert.throws(
      () => checkRequest(wanted(LETS_ENCRYPT, undefined, { spec: { ...spec, mustStaple: true } }), all),
      code('request-invalid'),
    );
    checkRequest(wanted(PRIVATE, many(101), { spec: { ...spec, mustStaple: true } }), all);
  });

  it('a common name is one of the names', () => {
    const { spec } = wanted(PRIVATE);
    checkRequest(wanted(PRIVATE, undefined, { spec: { ...spec, commonName: 'Example.com' } }), all);
    assert.throws(
      () => checkRequest(wanted(PRIVATE, undefined, { spec: { ...spec, commonName: 'other.example' } }), all),
      code('request-invalid'),
    );
  });

  it('a profile is one of the directory’s', () => {
    const directory = { newNonce: '', newAccount: '', newOrder: '', externalAccountRequired: false };
    const under = (profile: string): CertificateRequest =>
      wanted(PRIVATE, undefined, { issuer: { ...(wanted(PRIVATE).issuer as AcmeRequest), profile } });
    checkProfile(wanted(PRIVATE), directory);
    checkProfile(under('short'), { ...directory, profiles: { short: 'short' } });
    assert.throws(() => checkProfile(under('long'), { ...directory, profiles: { short: 'short' } }), code('profile-unknown'));
    assert.throws(() => checkProfile(under('long'), directory), code('profile-unknown'));
  });
});

describe('the authorities', () => {
  it('are found by short name in any case and by directory', () => {
    for (const authority of AUTHORITIES) {
      assert.equal(findAuthority(authority.name.toUpperCase()), authority);
      assert.equal(authorityAt(authority.directory), authority);
      assert.ok(authority.staging === undefined || findAuthority(authority.staging) !== undefined);
    }
    assert.equal(findAuthority('nobody'), undefined);
    assert.equal(authorityAt(PRIVATE), undefined);
  });

  it('have a directory of their own for EC keys where they keep them apart', () => {
    const sslcom = findAuthority('sslcom');
    assert.ok(sslcom);
    assert.deepEqual(
      [directoryFor(sslcom, 'ec256'), directoryFor(sslcom, 'rsa2048')],
      ['https://acme.ssl.com/sslcom-dv-ecc', 'https://acme.ssl.com/sslcom-dv-rsa'],
    );
    assert.equal(authorityAt('https://acme.ssl.com/sslcom-dv-ecc'), sslcom);
  });
});
