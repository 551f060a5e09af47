/** Evidence for many certificates at once: how responders are asked, what they are asked again, and what it comes to. */
import assert from 'node:assert/strict';
import { after, beforeEach, describe, test } from 'node:test';
import { checkRevocation, type RevocationParts, type RevocationSubject } from '../../../src/flow/revocation/check.js';
import type { RevocationReport } from '../../../src/flow/revocation/evidence.js';
import { createGuardedHttp } from '../../../src/net/guarded.js';
import { forge } from '../../pki/ocsp-forge.js';
import { HOUR, ocspCa, ocspLeaf, TODAY } from '../../pki/ocsp-world.js';
import { keyOf, type Party } from '../../pki/support.js';
import { type Asked, errorReply, type RespondingCa, respondingCa, startRevocationServer } from './world.js';

const server = await startRevocationServer();
const http = createGuardedHttp({ proxy: {}, userAgent: 'tscert-test', allowPrivate: true });
after(async () => {
  http.close();
  await server.close();
});
beforeEach(() => server.asked.splice(0));

const waited: number[] = [];
const clock = {
  now: () => TODAY,
  sleep: async (ms: number) => {
    waited.push(ms);
  },
};
const { signal } = new AbortController();

const subjectOf = (leaf: Party, ...others: readonly Party[]): RevocationSubject => ({
  certificate: leaf.certificate,
  others: others.map(({ certificate }) => certificate),
});
const check = (subjects: readonly RevocationSubject[], parts: Partial<RevocationParts> = {}): Promise<RevocationReport[]> =>
  checkRevocation(subjects, { http, clock, signal, given: { responses: [], crls: [] }, usesCrls: true, ...parts });
const statuses = (reports: readonly RevocationReport[]): string[] => reports.map(({ status }) => status);
const reasons = (reports: readonly RevocationReport[]): string[] => reports.flatMap(({ failures }) => failures.map(({ reason }) => reason));

let made = 0;
/** A CA with `count` certificates, every third of which is revoked and every fifth unknown. */
function mixed(count: number): { own: RespondingCa; subjects: RevocationSubject[]; expected: string[] } {
  const own = respondingCa(server, `mixed-${++made}`, TODAY, { key: keyOf('ec256') });
  const leaves = Array.from({ length: count }, (_, nth) => own.leaf(`leaf ${nth}`, { key: keyOf('ec256', 1) }));
  const expected = leaves.map(({ certificate: { serialNumber } }, nth) => {
    const state = nth % 3 === 1 ? ({ at: TODAY - HOUR, reason: 1 } as const) : nth % 5 === 4 ? 'unknown' : 'good';
    own.states.set(serialNumber, state);
    return typeof state === 'string' ? state : 'revoked';
  });
  return { own, subjects: leaves.map((leaf) => subjectOf(leaf, own.ca)), expected };
}

describe('few questions', () => {
  test('two hundred certificates of one CA go in one, and those that it does not know in another', async () => {
    const { subjects, expected } = mixed(200);
    assert.deepEqual(statuses(await check(subjects)), expected);
    assert.deepEqual(
      server.asked.map(({ method, ids }) => [method, ids.length, ids[0]?.hash]),
      [
        ['POST', 200, 'sha1'],
        ['POST', expected.filter((one) => one === 'unknown').length, 'sha256'],
      ],
    );
  });

  test('two hundred of fifty CAs in fifty', async () => {
    const cas = Array.from({ length: 50 }, () => mixed(4));
    const reports = await check(cas.flatMap(({ subjects }) => subjects));
    assert.deepEqual(
      statuses(reports),
      cas.flatMap(({ expected }) => expected),
    );
    assert.equal(server.asked.length, 50);
  });

  test('one goes by GET, without a nonce; the same certificate twice is asked about once', async () => {
    const { subjects, expected } = mixed(1);
    const [report, same] = await check([...subjects, ...subjects]);
    assert.deepEqual([report?.status, same?.status, ...expected], ['good', 'good', 'good']);
    assert.deepEqual(
      server.asked.map(({ method, nonce }) => [method, nonce]),
      [['GET', undefined]],
    );
    assert.ok(report?.decisive?.kind === 'ocsp');
    assert.deepEqual([report.decisive.nonce, report.decisive.signedBy.role], ['not-sent', 'issuer']);
  });

  test('a responder that takes one certificate at a time is asked one by one', async () => {
    const { own, subjects, expected } = mixed(12);
    server.on(new URL(own.url).pathname, (asked) => (asked.ids.length > 1 ? errorReply(1) : own.answer(asked)));
    assert.deepEqual(statuses(await check(subjects)), expected);
    const unknown = expected.filter((one) => one === 'unknown').length;
    assert.equal(server.asked.length, 1 + subjects.length + unknown);
  });

  test('one that answers for the first certificate only is asked for the others', async () => {
    const { own, subjects, expected } = mixed(5);
    server.on(new URL(own.url).pathname, (asked) => own.answer({ ...asked, ids: asked.ids.slice(0, 1) }));
    assert.deepEqual(statuses(await check(subjects)), expected);
  });

  test('one that knows SHA-256 alone, one that serves no GET, and one that serves GET alone', async () => {
    const forms: Readonly<Record<string, (asked: Asked) => boolean>> = {
      sha256: ({ ids }) => ids.every(({ hash }) => hash === 'sha256'),
      post: ({ method }) => method === 'POST',
      get: ({ method }) => method === 'GET',
    };
    for (const [form, isServed] of Object.entries(forms)) {
      for (const count of [1, 3]) {
        const { own, subjects, expected } = mixed(count);
        const refusal = form === 'sha256' ? errorReply(6) : { status: 405 };
        server.on(new URL(own.url).pathname, (asked) => (isServed(asked) ? own.answer(asked) : refusal));
        assert.deepEqual(statuses(await check(subjects)), expected, `${form} ${count}`);
      }
    }
  });
});

describe('what goes wrong', () => {
  /** Answers rightly after some other answers. */
  const afterwards = (own: RespondingCa, ...first: readonly ReturnType<typeof errorReply>[]): void => {
    let count = 0;
    server.on(new URL(own.url).pathname, (asked) => first[count++] ?? own.answer(asked));
  };

  test('what passes is asked once more: tryLater, a cut connection, 503 with a short Retry-After', async () => {
    for (const [first, pause] of [
      [errorReply(3), 500],
      ['cut', 500],
      [{ status: 503, headers: { 'retry-after': '2' } }, 2_000],
    ] as const) {
      waited.length = 0;
      const { own, subjects } = mixed(1);
      afterwards(own, first);
      // On a connection that stood, a cut is mended by the client itself.
      const fresh = createGuardedHttp({ proxy: {}, userAgent: 'tscert-test', allowPrivate: true });
      try {
        assert.deepEqual(statuses(await check(subjects, { http: fresh })), ['good']);
        assert.deepEqual(waited, [pause]);
        afterwards(own, first, first, first, first, first, first);
        assert.deepEqual(statuses(await check(subjects, { http: fresh })), ['unchecked']);
      } finally {
        fresh.close();
      }
    }
  });

  test('a long Retry-After is not waited for', async () => {
    waited.length = 0;
    const { own, subjects } = mixed(1);
    afterwards(own, { status: 429, headers: { 'retry-after': '3600' } }, { status: 429, headers: { 'retry-after': '3600' } });
    await check(subjects);
    assert.deepEqual(waited, []);
  });

  test('a responder that is not there is not asked two hundred times', async () => {
    const { own, subjects } = mixed(30);
    server.on(new URL(own.url).pathname, (asked) => (asked.ids.length > 1 ? errorReply(1) : 'cut'));
    const reports = await check(subjects);
    assert.deepEqual(new Set(statuses(reports)), new Set(['unchecked']));
    assert.deepEqual(new Set(reasons(reports)), new Set(['network']));
    assert.ok(server.asked.length < 40, `${server.asked.length} questions`);
  });

  test('the next responder of a certificate is asked where the first gives no answer', async () => {
    const { own } = mixed(0);
    const leaf = own.leaf('two', { ocspUrls: [`${server.url}/nowhere`, own.url] });
    const [report] = await check([subjectOf(leaf, own.ca)]);
    assert.equal(report?.status, 'good');
    assert.deepEqual(
      report?.failures.map(({ reason, origin }) => [reason, origin?.place]),
      [['http-status', `${server.url}/nowhere`]],
    );
  });

  test('redirects are not followed, and inner addresses not asked unless they are allowed', async () => {
    const { own } = mixed(0);
    server.on('/moved', () => ({ status: 302, headers: { location: own.url } }));
    const moved = own.leaf('moved', { ocspUrls: [`${server.url}/moved`] });
    const [report] = await check([subjectOf(moved, own.ca)]);
    assert.match(report?.failures[0]?.message ?? '', /302, and redirects are not followed/);
    assert.ok(server.asked.every(({ path }) => path === '/moved'));
    server.asked.splice(0);
    const strict = createGuardedHttp({ proxy: {}, userAgent: 'tscert-test' });
    try {
      const reports = await check([subjectOf(own.leaf('inside'), own.ca)], { http: strict });
      assert.deepEqual([statuses(reports), reasons(reports), server.asked.length], [['unchecked'], ['url-refused'], 0]);
      assert.match(
        reports[0]?.failures[0]?.message ?? '',
        new RegExp(`^Cannot fetch "${own.url}": its address is none of the public internet`),
      );
    } finally {
      strict.close();
    }
  });

  test('what is no answer, too long an answer, an answer by another CA, and an old one', async () => {
    const stranger = ocspCa('stranger');
    const { own, subjects } = mixed(1);
    const answered = (producedAt: number, signer: Party): Buffer => {
      const [subject] = subjects;
      const serialNumber = subject?.certificate.serialNumber ?? '';
      const singles = [{ thisUpdate: producedAt, nextUpdate: producedAt + HOUR }];
      return forge({
        issuer: own.ca.certificate,
        serialNumber,
        signer: { key: signer.key, certificate: own.ca.certificate },
        producedAt,
        singles,
      });
    };
    for (const [body, reason] of [
      [Buffer.from('<html>captive portal</html>'), 'unreadable'],
      [Buffer.alloc(2 ** 20 + 1), 'too-large'],
      [answered(TODAY, stranger), 'signature-wrong'],
      [answered(TODAY - 30 * HOUR, own.ca), 'stale'],
    ] as const) {
      server.on(new URL(own.url).pathname, () => ({ body }));
      const reports = await check(subjects);
      assert.deepEqual([statuses(reports), reasons(reports)], [['unchecked'], [reason]]);
    }
  });

  test('an answer to another question is not believed, and not asked for without a nonce then', async () => {
    const { own, subjects } = mixed(3);
    server.on(new URL(own.url).pathname, (asked) => own.answer({ ...asked, nonce: asked.nonce && Buffer.alloc(32) }));
    const reports = await check(subjects);
    assert.deepEqual([new Set(reasons(reports)), server.asked.length], [new Set(['nonce-wrong']), 1]);
  });

  test('an abort ends all of it', async () => {
    const { own, subjects } = mixed(3);
    server.on(new URL(own.url).pathname, () => 'silence');
    const abort = new AbortController();
    const checking = check(subjects, { signal: abort.signal });
    setTimeout(() => abort.abort(new Error('enough')), 50);
    await assert.rejects(checking, /enough/);
  });
});

describe('the issuer', () => {
  test('is fetched where the certificate says, in DER or PEM, once for many; what has not issued it is passed over', async () => {
    const { own } = mixed(0);
    server.on('/ca.crt', () => ({ body: own.ca.certificate.der }));
    server.on('/ca.pem', () => ({ body: Buffer.from(ocspCa('other').pem + own.ca.pem) }));
    server.on('/wrong.crt', () => ({ body: ocspCa('other').certificate.der }));
    for (const [place, expected] of [
      ['ca.crt', 'good'],
      ['ca.pem', 'good'],
      ['wrong.crt', 'unchecked'],
      ['missing.crt', 'unchecked'],
    ] as const) {
      const leaves = [1, 2].map((nth) => own.leaf(`leaf ${nth}`, { caIssuerUrls: ['ldap://ca.example/', `${server.url}/${place}`] }));
      server.asked.splice(0);
      assert.deepEqual(statuses(await check(leaves.map((leaf) => subjectOf(leaf)))), [expected, expected], place);
      assert.equal(server.asked.filter(({ path }) => path === `/${place}`).length, 1);
    }
  });

  test('is not at hand: it is told how to give it', async () => {
    const { own } = mixed(0);
    const [report] = await check([subjectOf(own.leaf('alone'), ocspCa('other'))]);
    assert.equal(report?.status, 'unchecked');
    assert.match(report?.failures[0]?.message ?? '', /does not say where it is; give it with --issuer FILE/);
  });
});

describe('no way to check', () => {
  test('neither responder nor CRL, only LDAP, a root, and CRLs left out', async () => {
    const ca = ocspCa('no way');
    const bare = ocspLeaf('bare', ca);
    const ldap = ocspLeaf('ldap', ca, { ocspUrls: ['ldap://ca.example/'], crlUrls: ['ldap://ca.example/crl'] });
    const listed = ocspLeaf('listed', ca, { crlUrls: [`${server.url}/crl`] });
    const reports = [
      ...(await check([subjectOf(bare, ca), subjectOf(ldap, ca), subjectOf(ca)])),
      ...(await check([subjectOf(listed, ca)], { usesCrls: false })),
    ];
    assert.deepEqual(new Set(statuses(reports)), new Set(['no-way']));
    assert.deepEqual(
      reports.map(({ notes }) => notes.map((note) => note.replace(/:.*/, ''))),
      [[], ['the OCSP responder "ldap', 'the CRL "ldap'], ['it has signed itself'], ['its CRLs were left out']],
    );
    assert.equal(server.asked.length, 0);
  });
});
