/** Certificates in a store in memory, for those who look at them. */

import { parseName } from '../../src/base/names.js';
import { encodePrivateKey } from '../../src/pki/key.js';
import { metaOf } from '../../src/policy/meta.js';
import type { CertificateRequest } from '../../src/request/request.js';
import { createMemoryStore } from '../../src/store/memory.js';
import type { Store, Stored } from '../../src/store/store.js';
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
