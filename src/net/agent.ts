/** For libraries that send their own requests: connections through the proxy of the run, to servers that its roots trust. */
import https from 'node:https';
import type { Duplex } from 'node:stream';
import { connect } from './connect.js';
import { type ProxySettings, proxyFor } from './proxy.js';
import { createTrust } from './trust.js';

export type HttpsAgent = https.Agent;

/** As Node.js calls it: with an error alone, or with a socket. */
type Done = (error: Error | null, socket: Duplex) => void;

/**
 * An agent for https. Its connections fail as those of src/net/http.ts do; `destroy` ends them and those that are being made.
 * @param options the proxies, and extra trust roots in PEM
 */
export function createAgent({ proxy, roots }: { readonly proxy: ProxySettings; readonly roots: readonly string[] }): HttpsAgent {
  const trust = createTrust(roots);
  const closing = new AbortController();
  class RunAgent extends https.Agent {
    override createConnection({ host, port }: https.RequestOptions, done: Done = () => undefined): undefined {
      const name = host ?? 'localhost';
      const url = new URL(`https://${name.includes(':') ? `[${name}]` : name}:${port ?? 443}/`);
      trust
        .connect(url.origin, (secureContext) =>
          connect(url, { secureContext, alpn: ['http/1.1'], proxy: proxyFor(url, proxy), signal: closing.signal }),
        )
        .then(
          (socket) => done(null, socket),
          (error: Error) => (done as (error: Error) => void)(error),
        );
    }

    override destroy(): void {
      closing.abort();
      super.destroy();
    }
  }
  return new RunAgent({ keepAlive: true });
}
