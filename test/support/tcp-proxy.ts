/** A TCP proxy on loopback that counts connections and makes the way as long as a real one. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';

export interface TcpProxy {
  readonly port: number;
  /** Connections accepted so far. */
  connections(): number;
  /** Cuts all connections that stand, as a router does that forgets them. */
  cut(): void;
  close(): Promise<void>;
}

/**
 * Starts a proxy to `target`. `roundTrip` milliseconds are added to every round trip: half of it to each direction, and a
 * whole one before the first bytes of a connection, for the TCP handshake that loopback has at once.
 */
export async function startTcpProxy(target: { readonly host?: string; readonly port: number }, roundTrip = 0): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let count = 0;
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    count++;
    const far = connect({ host: target.host ?? '127.0.0.1', port: target.port, allowHalfOpen: true, noDelay: true });
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.once('close', () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    const established = performance.now() + roundTrip;
    delay(near, far, roundTrip / 2, established);
    delay(far, near, roundTrip / 2, established);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => count,
    cut,
    async close() {
      server.close();
      cut();
      await once(server, 'close');
    },
  };
}

/** Passes bytes on, in their order, each `milliseconds` later, and none before `earliest`. */
function delay(from: Socket, to: Socket, milliseconds: number, earliest: number): void {
  const queue: { readonly due: number; readonly send: () => void }[] = [];
  let isWaiting = false;
  const flush = (): void => {
    isWaiting = false;
    for (let first = queue[0]; first !== undefined; first = queue[0]) {
      const wait = first.due - performance.now();
      if (wait > 0) {
        isWaiting = true;
        setTimeout(flush, wait);
        return;
      }
      queue.shift();
      first.send();
    }
  };
  const push = (send: () => void): void => {
    queue.push({ due: Math.max(performance.now(), earliest - milliseconds) + milliseconds, send });
    if (!isWaiting) flush();
  };
  from.on('data', (chunk) => push(() => to.write(chunk)));
  from.once('end', () => push(() => to.end()));
}
