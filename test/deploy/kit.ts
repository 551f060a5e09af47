/** Certificates to bring, and targets to bring them to. */
import assert from 'node:assert/strict';
import { isTscertError, type TscertError } from '../../src/base/errors.js';
import type { Event } from '../../src/base/events.js';
import { createReloads } from '../../src/deploy/reloads.js';
import type { Delivery, Target } from '../../src/deploy/target.js';
import { createTarget, type TargetParts } from '../../src/deploy/targets.js';
import type { TargetRequest } from '../../src/request/request.js';
import { nodeFileSystem } from '../../src/store/files.js';
import { makeBundle } from '../contract/certificates.js';
import { realClock } from '../support/clock.js';

/** A stored certificate under this name, of its own key. */
export function deliveryOf(name: string): Delivery {
  const at = (file: string): string => `/data/live/${name}/${file}`;
  const locations = { privateKey: at('privkey.pem'), certificate: at('cert.pem'), chain: at('chain.pem'), fullchain: at('fullchain.pem') };
  return { stored: { ...makeBundle(name), name, generation: '0001', locations }, domains: [name], notAfter: Date.UTC(2027, 0, 1) };
}

async function noCluster(): Promise<never> {
  throw new Error('there is no cluster');
}

export function partsOf(changes: Partial<TargetParts> = {}): TargetParts {
  const environment = { PATH: process.env.PATH };
  return { clock: realClock, environment, fs: nodeFileSystem, reloads: createReloads(), clusters: noCluster, ...changes };
}

/** Brings a certificate to a target; what was said on the way. */
export async function bring(target: Target, delivery: Delivery, signal: AbortSignal = new AbortController().signal): Promise<Event[]> {
  const events: Event[] = [];
  await target.bring(delivery, { emit: (event) => void events.push(event), signal });
  return events;
}

export function bringTo(request: TargetRequest, delivery: Delivery, parts = partsOf()): Promise<Event[]> {
  return bring(createTarget(request, parts), delivery);
}

/** The failure of what must fail. */
export async function failure(running: Promise<unknown>): Promise<TscertError> {
  const error = await running.then(
    () => assert.fail('it succeeded'),
    (reason: unknown) => reason,
  );
  assert.ok(isTscertError(error, 'hook-failed'), String(error));
  assert.ok(error.message.endsWith(`: ${String(error.data.reason)}`), error.message);
  return error;
}
