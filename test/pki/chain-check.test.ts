import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chainFaults, rootOf } from '../../src/pki/chain-check.js';
import { authority, DAY, NOW, openssl, party, tmp, write } from './support.js';

const root = authority('Root', undefined, { notAfter: new Date(NOW + 1_000 * DAY) });
const upper = authority('Upper', root);
const lower = authority('Lower', upper, { pathLength: 0 });
const leaf = party('leaf', lower);
const of = (...parties: readonly { readonly certificate: typeof leaf.certificate }[]) => parties.map(({ certificate }) => certificate);

/** What `openssl verify` says of the same chain; the last one is the root. */
function opensslAccepts(...parties: readonly { readonly pem: string }[]): boolean {
  const [end, ...others] = parties.map(({ pem }) => pem);
  const files = [write('leaf.pem', end ?? ''), write('others.pem', others.slice(0, -1).join('')), write('root.pem', others.at(-1) ?? '')];
  const at = NOW / 1_000;
  try {
    const untrusted = others.length > 1 ? `-untrusted ${tmp('others.pem')}` : '';
    openssl(`verify -attime ${at} -CAfile ${files[2]} ${untrusted} ${files[0]}`);
    return true;
  } catch {
    return false;
  }
}

test('a chain in order has no fault, with its root or without, alone or long; openssl agrees', () => {
  assert.deepEqual(chainFaults(of(leaf), NOW), []);
  assert.deepEqual(chainFaults(of(leaf, lower), NOW), []);
  assert.deepEqual(chainFaults(of(leaf, lower, upper), NOW), []);
  assert.deepEqual(chainFaults(of(leaf, lower, upper, root), NOW), []);
  assert.ok(opensslAccepts(leaf, lower, upper, root));
});

test('a wrong order, a stranger, a forged signature and a missing link are told apart', () => {
  assert.deepEqual(chainFaults(of(leaf, upper, lower), NOW), [
    '"Upper" stands behind "leaf", which is signed by another one of them: the order is wrong',
    '"Lower" stands behind "Upper" and has not issued it',
  ]);
  const stranger = authority('Stranger');
  assert.deepEqual(chainFaults(of(leaf, stranger), NOW), ['"Stranger" stands behind "leaf" and has not issued it']);
  const twin = authority('Lower', upper);
  assert.deepEqual(chainFaults(of(leaf, twin), NOW), ['the signature in "leaf" is not by "Lower"']);
  assert.deepEqual(chainFaults(of(leaf, upper), NOW), ['"Upper" stands behind "leaf" and has not issued it']);
});

test('an issuer must be a CA that may sign, is valid, and allows as many below it; openssl agrees on each', () => {
  const notCa = party('Not CA', root);
  const expired = authority('Expired', root, { notAfter: new Date(NOW - 1_000) });
  const later = authority('Later', root, { notBefore: new Date(NOW + DAY) });
  for (const [issuer, fault] of [
    [notCa, /^"Not CA" is no CA$/],
    [expired, /^"Expired" has expired at 2026-11-23T11:59:59\.000Z$/],
    [later, /^"Later" is not valid before /],
  ] as const) {
    const end = party('end', issuer);
    const [first, ...others] = chainFaults(of(end, issuer, root), NOW);
    assert.match(first ?? '', fault);
    assert.deepEqual(others, []);
    assert.ok(!opensslAccepts(end, issuer, root));
  }
  const { certificate } = lower;
  const crlOnly = { ...certificate, extensions: { ...certificate.extensions, keyUsage: [6] } };
  assert.deepEqual(chainFaults([leaf.certificate, crlOnly], NOW), ['the key of "Lower" may not sign certificates']);
  const below = authority('Below', lower);
  const deep = party('deep', below);
  assert.deepEqual(chainFaults(of(deep, below, lower, upper), NOW), ['"Lower" allows 0 CAs below it, and there are 1']);
  assert.ok(!opensslAccepts(deep, below, lower, upper, root));
});

test('a chain leads to the root that signed one of its certificates, or is one of them; one that has expired does not count', () => {
  const others = of(authority('Another'), authority('Root'));
  assert.equal(rootOf(of(leaf, lower, upper), [...others, root.certificate], NOW), root.certificate);
  assert.equal(rootOf(of(leaf, lower, upper, root), [root.certificate], NOW), root.certificate);
  assert.equal(rootOf(of(leaf, lower, upper), others, NOW), undefined);
  assert.equal(rootOf(of(leaf), [root.certificate], NOW), undefined, 'what lies between is missing');
  assert.equal(rootOf(of(leaf, lower), [upper.certificate], NOW), upper.certificate, 'any certificate that is trusted is a root');
  assert.equal(rootOf(of(leaf, lower, upper), [root.certificate], NOW + 2_000 * DAY), undefined);
});
