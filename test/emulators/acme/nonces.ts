/** Anti-replay nonces (RFC 8555 §6.5): each good for one request. */
import { randomBytes } from 'node:crypto';

export interface Nonces {
  issue(): string;
  /** True once for every nonce that was issued here. */
  redeem(nonce: unknown): boolean;
}

/** More than these are not remembered: the oldest are refused then. */
const MOST = 65_536;

export function createNonces(): Nonces {
  const open = new Set<string>();
  return {
    issue() {
      const nonce = randomBytes(24).toString('base64url');
      open.add(nonce);
      const [oldest] = open;
      if (open.size > MOST && oldest !== undefined) open.delete(oldest);
      return nonce;
    },
    redeem: (nonce) => typeof nonce === 'string' && open.delete(nonce),
  };
}
