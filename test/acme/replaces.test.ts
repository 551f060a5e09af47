/** A CA that does not take what an order replaces still gets the order. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer } from '../../src/acme/answer.js';
import type { Signer } from '../../src/acme/client.js';
import { createOrder } from '../../src/acme/order.js';
import type { Session } from '../../src/acme/session.js';
import { isTscertError, TscertError } from '../../src/base/errors.js';
import type { Json } from '../../src/base/json.js';
import { createVirtualClock } from '../support/clock.js';

const identifiers = [{ type: 'dns', value: 'a.test' }] as const;
const order: Answer = {
  url: 'https://ca.test/new-order',
  status: 201,
  headers: { location: 'https://ca.test/order/1' },
  body: Buffer.from(
    JSON.stringify({ status: 'pending', identifiers, authorizations: ['https://ca.test/authz/1'], finalize: 'https://ca.test/finalize/1' }),
  ),
};

/** Makes an order that replaces; gives what was posted as `replaces`, each time. */
async function ordered(refusal: { type: string; status: number }, { knowsAri = true } = {}): Promise<unknown[]> {
  const posted: unknown[] = [];
  const session = {
    directory: async () => ({ newOrder: order.url, ...(knowsAri ? { renewalInfo: 'https://ca.test/renewal-info' } : {}) }),
    expectOrder: () => undefined,
  } as unknown as Session;
  const signer = {
    post: async (_url: string, payload: { readonly replaces?: Json }) => {
      posted.push(payload.replaces);
      if (payload.replaces === undefined) return order;
      const problem = { type: `urn:ietf:params:acme:error:${refusal.type}`, detail: 'no' };
      throw new TscertError('acme-problem', 'Cannot make the order: no', { data: { status: refusal.status, problem } });
    },
  } as unknown as Signer;
  const context = { signer, clock: createVirtualClock(), signal: new AbortController().signal, emit: () => undefined };
  await createOrder(session, { identifiers, replaces: 'id' }, context).catch((error: unknown) => {
    assert.ok(isTscertError(error, 'acme-problem'));
    posted.push('refused');
  });
  return posted;
}

test('an order is made without what it replaces when that is the trouble', async () => {
  for (const [type, status] of [
    ['alreadyReplaced', 409],
    ['malformed', 400],
    ['unauthorized', 403],
    ['serverInternal', 500],
    ['notFound', 404],
  ] as const) {
    assert.deepEqual(await ordered({ type, status }), ['id', undefined], type);
  }
});

test('other refusals stand', async () => assert.deepEqual(await ordered({ type: 'rejectedIdentifier', status: 400 }), ['id', 'refused']));

test('a CA without renewal information is not told of it', async () =>
  assert.deepEqual(await ordered({ type: 'malformed', status: 400 }, { knowsAri: false }), [undefined]));
