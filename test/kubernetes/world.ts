/** What the tests of the Kubernetes client share: a way to the test cluster, and a client of it. */
import assert from 'node:assert/strict';
import { type ErrorCode, isTscertError, type TscertError } from '../../src/base/errors.js';
import { type AccessOptions, findAccess } from '../../src/kubernetes/access.js';
import { type ClientOptions, createKubernetesClient, type KubernetesClient } from '../../src/kubernetes/client.js';
import type { AccessWorld } from '../../src/kubernetes/world.js';
import { realClock } from '../support/clock.js';

/** A world with nothing in it but what is given. */
export function worldWith(more: Partial<AccessWorld> = {}): AccessWorld {
  return { env: {}, cwd: '/', clock: realClock, isTerminal: false, roots: [], proxy: {}, userAgent: 'tscert-test', ...more };
}

export async function clientFor(
  options: AccessOptions,
  { world, ...more }: Partial<ClientOptions> & { readonly world?: Partial<AccessWorld> } = {},
): Promise<KubernetesClient> {
  const access = await findAccess(options, worldWith(world));
  return createKubernetesClient({ access, clock: realClock, random: Math.random, ...more });
}

/** What the promise rejects with, which must be one of tscert's errors. */
export async function failure(promise: Promise<unknown>, code?: ErrorCode): Promise<TscertError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(isTscertError(error), String(error));
    if (code !== undefined) assert.equal(error.code, code, error.message);
    return error;
  }
  assert.fail('it did not fail');
}
