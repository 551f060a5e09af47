/** The last target: whether the certificate is what a server serves. */
import { X509Certificate } from 'node:crypto';
import type { Clock } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import { handshake } from '../net/tls.js';
import { type Target, targetFailure } from './target.js';

/** Milliseconds: how long a server may take to serve the new certificate, and between two looks at it. */
const PROBE_LIMIT = 30_000;
const PROBE_INTERVAL = 500;

export function probeTarget(
  { address }: { readonly address: string },
  { clock }: { readonly clock: Clock },
): Pick<Target, 'title' | 'bring'> {
  /** What is wrong with what is served; undefined when nothing is. */
  const look = async (wanted: X509Certificate, signal: AbortSignal): Promise<string | undefined> => {
    try {
      const { chain } = await handshake(address, { timeout: PROBE_LIMIT, signal });
      const [leaf] = chain;
      if (leaf?.equals(wanted.raw)) return undefined;
      return leaf === undefined ? 'it serves no certificate' : `it serves the certificate ${new X509Certificate(leaf).serialNumber}`;
    } catch (error) {
      signal.throwIfAborted();
      return messageOf(error);
    }
  };

  return {
    title: `probe ${address}`,
    async bring({ stored }, { signal }) {
      const wanted = new X509Certificate(stored.certificate);
      const end = clock.now() + PROBE_LIMIT;
      for (;;) {
        const reason = await look(wanted, signal);
        if (reason === undefined) return;
        if (clock.now() >= end) throw targetFailure(`Cannot see the new certificate of "${stored.name}" at "${address}"`, reason);
        await clock.sleep(PROBE_INTERVAL, signal);
      }
    },
  };
}
