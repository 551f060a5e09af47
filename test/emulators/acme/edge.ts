/** What stands before Let's Encrypt's servers: so many requests a second of an address, and so many at once. */
import type { Clock } from '../../../src/base/clock.js';
import { createBuckets } from './buckets.js';

const RATES = {
  directory: { rate: 40, burst: 40 },
  'new-nonce': { rate: 20, burst: 10 },
  'new-acct': { rate: 5, burst: 15 },
  'new-order': { rate: 300, burst: 200 },
  'revoke-cert': { rate: 10, burst: 100 },
  'renewal-info': { rate: 1_000, burst: 100 },
  acme: { rate: 250, burst: 125 },
} as const;

/** True for a request that does not come too fast. */
export type Edge = (path: string, address: string) => boolean;

export function createEdge(clock: Clock): Edge {
  const buckets = createBuckets(clock);
  return (path, address) => {
    const endpoint = endpointOf(path);
    const { rate, burst } = RATES[endpoint];
    return buckets.spend({ burst, count: rate, period: 1_000 }, `${endpoint} ${address}`);
  };
}

function endpointOf(path: string): keyof typeof RATES {
  const [, room = '', resource] = path.split('/');
  if (room === 'directory') return room;
  switch (resource) {
    case 'new-nonce':
    case 'new-acct':
    case 'new-order':
    case 'revoke-cert':
    case 'renewal-info':
      return resource;
    default:
      return 'acme';
  }
}
