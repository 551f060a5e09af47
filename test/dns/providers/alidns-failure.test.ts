import assert from 'node:assert/strict';
import process from 'node:process';
import { test } from 'node:test';
import fc from 'fast-check';
import { isTscertError } from '../../../src/base/errors.js';
import { listOf } from '../../../src/dns/providers/alidns/answer.js';
import { failureOf, toError } from '../../../src/dns/providers/alidns/failure.js';

const numRuns = Number(process.env.TSCERT_TEST_FUZZ ?? 2000);

test("the service's copy of what it signed, and the SDK's copy of the request, do not go on", () => {
  const canonical = 'server string to sign is:[ACS3], server canonicalString is:[x-acs-security-token:unknown-token]';
  const refused = failureOf({ code: 'SomeNewCode', statusCode: 400, data: { Message: `It does not match. ${canonical}` } }, []);
  assert.equal(refused.message, 'It does not match');
  const unreachable = failureOf(Object.assign(new Error('socket hang upPOST https://host/?Value=v failed.'), { code: 'ECONNRESET' }), []);
  assert.equal(unreachable.message, 'socket hang up');
});

test('whatever is thrown becomes a typed failure, without the secrets', () => {
  const secrets = fc.array(fc.string({ minLength: 8, maxLength: 20 }), { maxLength: 3 });
  const thrown = (secret: string) =>
    fc.oneof(
      fc.anything(),
      fc.record(
        {
          code: fc.oneof(fc.string(), fc.constantFrom('Throttling.User', 'Forbidden.RAM', 'IncorrectDomainUser', 'CERT_HAS_EXPIRED')),
          statusCode: fc.integer({ min: 100, max: 599 }),
          requestId: fc.string(),
          retryAfter: fc.integer(),
          data: fc.oneof(fc.anything(), fc.record({ Message: fc.string().map((text) => `${text}${secret}${text}`) })),
        },
        { requiredKeys: [] },
      ),
    );
  fc.assert(
    fc.property(
      secrets.chain((own) => fc.tuple(fc.constant(own), thrown(own[0] ?? ''))),
      ([own, error]) => {
        const failure = failureOf(error, own);
        for (const secret of own.filter((one) => !'[hidden]'.includes(one))) assert.ok(!failure.message.includes(secret));
        const typed = toError(failure, { action: 'AddDomainRecord', domainName: 'example.com' });
        assert.match(typed.message, /^Cannot carry out AddDomainRecord for "example\.com" at AliDNS: /);
        assert.equal(typed.data.transient === true, failure.transient);
      },
    ),
    { numRuns },
  );
});

test('an answer of any other shape than a list of objects is refused in typed words', () => {
  const body = fc.oneof(fc.object(), fc.record({ Domains: fc.oneof(fc.anything(), fc.record({ Domain: fc.anything() })) }));
  fc.assert(
    fc.property(body, (answer) => {
      try {
        for (const item of listOf(answer as Record<string, unknown>, 'Domains', 'Domain')) assert.equal(typeof item, 'object');
      } catch (error) {
        assert.ok(isTscertError(error, 'provider-failed'), String(error));
      }
    }),
    { numRuns },
  );
  assert.deepEqual(listOf({ Domains: { Domain: [{ DomainName: 'a.example' }] } }, 'Domains', 'Domain'), [{ DomainName: 'a.example' }]);
});
