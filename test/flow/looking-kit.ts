/** Certificates in a store in memory, for those who look at them. */

import { parseName } from '../../src/base/names.js';
import type { CertificateOverview } from '../../src/flow/overview.js';
import { encodePrivateKey } from '../../src/pki/key.js';
import { metaOf } from '../../src/policy/meta.js';
import type { CertificateRequest } from '../../src/request/request.js';
import { createMemoryStore } from '../../src/store/memory.js';
import type { Store, Stored } from '../../src/store/store.js';
import { addTelemetry, emptyTelemetry, spreadOf } from '../../src/store/telemetry.js';
import { authority, DAY, NOW, type Party, type PartySpec, party } from '../pki/support.js';
import { createVirtualClock, type VirtualClock } from '../support/clock.js';

export const DIRECTORY = 'https://ca.test/directory';

export function request(name: string, changes: Partial<CertificateRequest> = {}): CertificateRequest {
  return {
    name,
    spec: { names: [parseName(`${name}.test`)] },
    key: { type: 'ec256', reuse: false },
    issuer: { kind: 'acme', directory: DIRECTORY, agreeTos: true },
    solvers: [],
    ...changes,
  };
}

export interface LookingWorld {
  readonly store: Store;
  readonly clock: VirtualClock;
  readonly root: Party;
  readonly intermediate: Party;
  /** Stores a certificate as `issue` would have done, unless the spec says else. */
  put(name: string, spec?: PartySpec, wanted?: CertificateRequest): Promise<Stored>;
}

/** A world in which it is NOW. */
export function createLookingWorld(): LookingWorld {
  const clock = createVirtualClock(NOW);
  const store = createMemoryStore({ clock });
  const root = authority('Test Root', undefined, { notAfter: new Date(NOW + 3_650 * DAY) });
  const intermediate = authority('Test Intermediate', root, { notAfter: new Date(NOW + 1_000 * DAY) });
  return {
    ...{ clock, store, root, intermediate },
    async put(name, spec = {}, wanted = request(name)) {
      const leaf = party(`${name}.test`, intermediate, { names: wanted.spec.names, ...spec });
      return store.save(name, {
        privateKey: encodePrivateKey(leaf.key),
        certificate: leaf.pem,
        chain: intermediate.pem,
        meta: metaOf(wanted, `acme:${wanted.issuer.directory}`),
      });
    },
  };
}

/** Everything that a certificate can have at once. */
export const FULL: CertificateOverview = {
  name: 'www',
  state: 'failing',
  certificate: {
    ...{
      names: [{ type: 'dns', value: 'www.test' }],
      serialNumber: '0a',
      fingerprint: 'ff',
      notBefore: NOW - DAY,
      notAfter: NOW + 89 * DAY,
    },
    ...{ keyType: 'ec256', signedBy: 'Test', generation: '0001', fullchain: '/x/fullchain.pem' },
  },
  issuer: { kind: 'acme', name: 'https://acme-v02.api.letsencrypt.org/directory' },
  renewal: { at: NOW + 1_500, by: 'ari', window: { start: NOW, end: NOW + 3_000 } },
  due: { reason: 'Renewing', message: 'it was to be renewed' },
  underWay: {
    isFinalizing: false,
    challenges: [
      { type: 'dns-01', domain: 'www.test' },
      { type: 'dns-01', domain: '*.www.test' },
    ],
  },
  ledger: {
    version: 1,
    events: [],
    counts: { issued: 3, failed: 7 },
    failure: {
      ...{ count: 2, since: '2026-11-20T00:00:00Z', at: '2026-11-21T00:00:00Z', nextAt: '2026-11-24T00:00:00Z' },
      ...{ kind: 'validation', code: 'order-invalid', message: 'Cannot prove it', request: 'x' },
    },
    revocation: { serialNumber: '0a', at: '2026-11-21T00:00:00Z', reason: 'superseded', by: 'ocsp' },
  },
  targets: [
    { id: '1111111111111', title: 'hook', state: 'done', certificate: 'ff', at: '2026-11-21T00:00:00Z' },
    { id: '2222222222222', title: 'hook', state: 'failed', certificate: 'ff', at: 'never', message: 'no' },
  ],
};

/** Some of everything that runs count. */
export const COUNTED = addTelemetry(emptyTelemetry(NOW), {
  ...emptyTelemetry(NOW),
  lastRuns: [{ command: 'renew', result: 'done', at: new Date(NOW).toISOString(), seconds: 1.5, doneAt: new Date(NOW).toISOString() }],
  runs: [{ labels: { command: 'renew', result: 'done' }, count: 4 }],
  certificates: [{ labels: { result: 'kept' }, count: 9 }],
  failures: [{ labels: { kind: 'local', code: 'internal' }, count: 1 }],
  stages: [spreadOf({ stage: 'order' }, 0.3), spreadOf({ stage: 'order' }, 99_999)],
  challenges: [spreadOf({ type: 'dns-01', result: 'valid' }, 4)],
  requests: [{ labels: { scheme: 'https', host: 'ca.test', action: 'discover', method: 'GET', status: '200' }, count: 2, seconds: 0.5 }],
});
