/** Answers of ACME servers: any bytes give a value that can be worked with, or a typed error that quotes little. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Answer, linksOf, retryAfter } from '../../src/acme/answer.js';
import { readDirectory } from '../../src/acme/directory.js';
import { readAuthorization, readOrder } from '../../src/acme/order.js';
import { answerError, problemOf, readProblem, wordsOf } from '../../src/acme/problem.js';
import { isTscertError } from '../../src/base/errors.js';
import { RUNS } from '../support/property.js';

const numRuns = RUNS;
const URL_ASKED = 'https://ca.example/acme/thing';

const url = fc.constantFrom(
  'https://ca.example/a',
  '/relative',
  '?q',
  '',
  'http://plain.example/',
  'javascript:alert(1)',
  'https://',
  '//other.example/x',
  'ftp://x/',
);
const state = fc.constantFrom('pending', 'ready', 'processing', 'valid', 'invalid', 'deactivated', 'expired', 'revoked', 'strange');
const field = fc.constantFrom(
  ...[
    'newNonce',
    'newAccount',
    'newOrder',
    'keyChange',
    'revokeCert',
    'renewalInfo',
    'meta',
    'profiles',
    'termsOfService',
    'externalAccountRequired',
  ],
  ...[
    'status',
    'identifiers',
    'authorizations',
    'finalize',
    'certificate',
    'error',
    'identifier',
    'challenges',
    'wildcard',
    'type',
    'value',
    'url',
    'token',
  ],
  ...['detail', 'title', 'instance', 'subproblems', '__proto__', 'constructor'],
);
const json = fc.letrec<{ any: unknown }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 5 },
    url,
    state,
    fc.string({ unit: 'binary' }),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.constantFrom(
      'dns',
      'ip',
      'dns-01',
      'urn:ietf:params:acme:error:rateLimited',
      'urn:ietf:params:acme:error:userActionRequired',
      'urn:ietf:params:acme:error:badNonce',
    ),
    fc.array(tie('any'), { maxLength: 3 }),
    fc.dictionary(field, tie('any'), { maxKeys: 6 }),
  ),
})).any;

/** Mostly what it should be, sometimes anything. */
const mostly = (arbitrary: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 12, arbitrary }, { weight: 1, arbitrary: fc.oneof(url, json) });
const goodUrl = mostly(fc.constantFrom('https://ca.example/a', '/relative', '?q'));
const identifier = mostly(fc.record({ type: fc.constantFrom('dns', 'ip'), value: fc.domain() }));
const problem = mostly(fc.record({ type: fc.constant('urn:ietf:params:acme:error:dns'), detail: fc.string() }));
const goodState = mostly(fc.constantFrom('pending', 'valid', 'invalid'));

const near = fc.oneof(
  fc.record(
    {
      newNonce: goodUrl,
      newAccount: goodUrl,
      newOrder: goodUrl,
      keyChange: goodUrl,
      revokeCert: goodUrl,
      renewalInfo: goodUrl,
      meta: json,
    },
    { requiredKeys: ['newNonce', 'newAccount', 'newOrder'] },
  ),
  fc.record(
    {
      status: goodState,
      identifiers: mostly(fc.array(identifier, { maxLength: 3 })),
      authorizations: mostly(fc.array(goodUrl, { maxLength: 3 })),
      finalize: goodUrl,
      certificate: goodUrl,
      error: problem,
    },
    { requiredKeys: ['status', 'identifiers', 'authorizations', 'finalize'] },
  ),
  fc.record(
    {
      status: goodState,
      identifier,
      challenges: mostly(
        fc.array(
          mostly(
            fc.record({ type: fc.constantFrom('dns-01', 'http-01'), url: goodUrl, token: fc.string(), status: goodState, error: problem }),
          ),
          {
            maxLength: 3,
          },
        ),
      ),
      wildcard: mostly(fc.boolean()),
    },
    { requiredKeys: ['status', 'identifier', 'challenges'] },
  ),
);

const body = fc.oneof(
  near.map((value) => Buffer.from(JSON.stringify(value))),
  json.map((value) => Buffer.from(JSON.stringify(value) ?? '')),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
);
const headers = fc.dictionary(fc.constantFrom('retry-after', 'link', 'content-type', 'location'), fc.string(), { maxKeys: 4 });
const answer: fc.Arbitrary<Answer> = fc.record({ url: fc.constant(URL_ASKED), status: fc.integer({ min: 100, max: 599 }), headers, body });

function typed<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch (error) {
    assert.ok(isTscertError(error, 'response-invalid'), String(error));
    assert.ok(error.message.length < 800, 'the quote is short');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may reach a terminal by the quote of a body
    assert.doesNotMatch(error.message.split(' with ').at(-1) ?? '', /[\u0000-\u001f\u007f]/);
    return undefined;
  }
}

const isSafe = (target: string): boolean => target.startsWith('https://');

test('directories, orders and authorizations: every URL is absolute and HTTPS', () => {
  const good = { directory: 0, order: 0, authorization: 0 };
  fc.assert(
    fc.property(answer, (one) => {
      const directory = typed(() => readDirectory(one));
      if (directory !== undefined) {
        good.directory++;
        const { newNonce, newAccount, newOrder, keyChange = newOrder, revokeCert = newOrder, renewalInfo = newOrder } = directory;
        assert.ok([newNonce, newAccount, newOrder, keyChange, revokeCert, renewalInfo].every(isSafe));
      }
      const order = typed(() => readOrder(one, URL_ASKED, 'read the order'));
      if (order !== undefined) {
        good.order++;
        assert.ok([order.finalize, ...order.authorizations, order.certificate ?? order.finalize].every(isSafe));
        assert.ok(order.identifiers.every(({ type, value }) => typeof type === 'string' && typeof value === 'string'));
      }
      const authorization = typed(() => readAuthorization(one, URL_ASKED, 'read the authorization'));
      if (authorization !== undefined) {
        good.authorization++;
        assert.ok(authorization.challenges.every((challenge) => isSafe(challenge.url) && /^[A-Za-z0-9_-]*$/.test(challenge.token ?? '')));
      }
    }),
    { numRuns },
  );
  assert.ok(RUNS < 1_000 || Object.values(good).every((count) => count > 0), JSON.stringify(good));
});

test('problem documents: what is read is read again as itself, and has words', () => {
  fc.assert(
    fc.property(json, (value) => {
      const problem = readProblem(value);
      if (problem === undefined) return;
      assert.deepEqual(readProblem(JSON.parse(JSON.stringify(problem))), problem);
      assert.notEqual(wordsOf(problem).trim(), '');
    }),
    { numRuns, examples: [[{ subproblems: [false], title: 'dns' }]] },
  );
});

test('an answer of any status becomes one typed error with the facts', () => {
  fc.assert(
    fc.property(answer, fc.integer({ min: 0, max: 4e12 }), (one, now) => {
      const error = answerError(one, 'make the order', now);
      assert.ok(isTscertError(error));
      assert.ok(error.message.startsWith('Cannot make the order'), error.message);
      assert.equal(error.data.status, one.status);
      assert.deepEqual(error.data.problem, problemOf(one));
      if (one.status === 429) assert.equal(error.code, 'rate-limited');
    }),
    { numRuns },
  );
});

test('Retry-After is never before now', () => {
  const text = fc.oneof(
    fc.string(),
    fc.nat().map(String),
    fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
    fc.constantFrom('-1', '1e9', '99999999999999', ' 5 ', '+3'),
  );
  fc.assert(
    fc.property(text, fc.integer({ min: 0, max: 4e12 }), (after, now) => {
      const wait = retryAfter({ url: URL_ASKED, status: 503, headers: { 'retry-after': after }, body: Buffer.alloc(0) }, now);
      assert.ok(wait === undefined || (wait >= 0 && Number.isFinite(wait)), `${after}: ${wait}`);
    }),
    { numRuns },
  );
});

test('links: those that are written are found with their relation, any text gives absolute URLs', () => {
  const relation = fc.constantFrom('alternate', 'up', 'index');
  const target = fc.webUrl().filter((one) => !/[<>,;"]/.test(one));
  fc.assert(
    fc.property(fc.array(fc.tuple(target, relation), { maxLength: 5 }), fc.string(), (links, noise) => {
      const header = links.map(([to, rel]) => `<${to}>;rel="${rel}"`).join(', ');
      const read = (link: string): string[] =>
        linksOf({ url: URL_ASKED, status: 200, headers: { link }, body: Buffer.alloc(0) }, 'alternate');
      assert.deepEqual(
        read(header),
        links.filter(([, rel]) => rel === 'alternate').map(([to]) => new URL(to).href),
      );
      assert.ok(read(noise + header + noise).every((one) => URL.canParse(one)));
    }),
    { numRuns },
  );
});
