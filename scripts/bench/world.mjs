// The CA of the bench: Pebble at the end of a way that takes as long as a real one, and a DNS that answers as slowly as asked.
import { loadTypeScript } from '../test-support.mjs';

const { startChallengeServer, startPebble, startRoute53Emulator, startTcpProxy } = await loadTypeScript(`
  export { startChallengeServer, startPebble } from './test/support/pebble.js';
  export { startRoute53Emulator } from './test/emulators/route53/index.js';
  export { startTcpProxy } from './test/support/tcp-proxy.js';
`);

export const AWS_KEY = { accessKeyId: 'AKIABENCH', secretAccessKey: 'bench/secret+key=' };

/**
 * A CA that validates over HTTP-01 at `httpPort`.
 * @param roundTrip milliseconds between the tools and the CA
 * @param validation milliseconds that the CA needs to look at a name
 */
export async function startCa({ roundTrip = 0, validation = 0 } = {}) {
  const resolver = await startChallengeServer({ ipv4: '127.0.0.1' });
  // Pebble asks over TCP: a look-up takes a round trip for the handshake and one for the answer.
  const slow = validation === 0 ? undefined : await startTcpProxy({ port: Number(resolver.dns.split(':')[1]) }, validation / 2);
  const pebble = await startPebble({ dnsServer: slow === undefined ? resolver.dns : `127.0.0.1:${slow.port}` });
  const { port } = new URL(pebble.directory);
  const way = await startTcpProxy({ port: Number(port) }, roundTrip);
  return {
    directory: pebble.directory.replace(`:${port}/`, `:${way.port}/`),
    caBundle: pebble.caBundle,
    httpPort: pebble.httpPort,
    resolver: resolver.dns,
    requests: () => pebble.requests(true),
    connections: () => way.connections(),
    async stop() {
      await way.close();
      await Promise.all([pebble.stop(), resolver.stop()]);
      await slow?.close();
    },
  };
}

/** A CA that asks the name servers of a Route53 account with the zone example.com. */
export async function startRoute53Ca() {
  const route53 = await startRoute53Emulator({
    zones: [{ name: 'example.com' }],
    credentials: [AWS_KEY],
    dns: { servers: [{ address: '127.0.0.1' }] },
  });
  const [dns] = route53.dns.addresses;
  const pebble = await startPebble({ dnsServer: dns });
  return {
    directory: pebble.directory,
    caBundle: pebble.caBundle,
    dns,
    endpoint: route53.endpoint,
    calls() {
      const { total } = route53.calls();
      route53.resetCalls();
      return total;
    },
    stop: () => Promise.all([pebble.stop(), route53.stop()]),
  };
}
