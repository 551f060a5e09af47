/** One DNS address for many name servers on loopback: passes each question on, byte for byte, to the server of the longest zone. */
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import dnsPacket from 'dns-packet';

export interface DnsRouter {
  /** `host:port`, UDP and TCP. */
  readonly address: string;
  close(): Promise<void>;
}

/** @param routes zone to the `host:port` of its server */
export async function startDnsRouter(routes: Readonly<Record<string, string>>): Promise<DnsRouter> {
  const zones = Object.keys(routes).sort((a, b) => b.length - a.length);
  const targetOf = (message: Buffer): { host: string; port: number } | undefined => {
    const name = dnsPacket.decode(message).questions?.[0]?.name.toLowerCase() ?? '';
    const zone = zones.find((one) => name === one || name.endsWith(`.${one}`));
    const target = zone === undefined ? undefined : routes[zone];
    if (target === undefined) return undefined;
    const colon = target.lastIndexOf(':');
    return { host: target.slice(0, colon), port: Number(target.slice(colon + 1)) };
  };
  const refusal = (message: Buffer): Buffer => {
    const { id = 0, questions = [] } = dnsPacket.decode(message);
    return dnsPacket.encode({ type: 'response', id, flags: 5, questions });
  };

  const sockets = new Set<net.Socket>();
  const tcp = net.createServer((near) => {
    sockets.add(near);
    let far: net.Socket | undefined;
    let held = Buffer.alloc(0);
    near
      .on('error', () => near.destroy())
      .once('close', () => {
        sockets.delete(near);
        far?.destroy();
      });
    near.on('data', (chunk: Buffer) => {
      if (far !== undefined) return void far.write(chunk);
      held = Buffer.concat([held, chunk]);
      if (held.length < 2 || held.length < 2 + held.readUInt16BE(0)) return;
      const target = targetOf(held.subarray(2));
      if (target === undefined) return void near.destroy();
      far = net.connect(target).on('error', () => near.destroy());
      far.on('data', (answer: Buffer) => near.write(answer)).once('close', () => near.destroy());
      far.write(held);
    });
  });
  const { udp, port } = await bindBoth(tcp);
  udp.on('message', (question, from) => {
    const answer = (bytes: Buffer): void => udp.send(bytes, from.port, from.address, () => undefined);
    const target = targetOf(question);
    if (target === undefined) return answer(refusal(question));
    const far = dgram.createSocket('udp4');
    const end = (): void => void far.close();
    const timer = setTimeout(end, 10_000);
    far.once('error', () => undefined);
    far.once('message', (bytes) => {
      clearTimeout(timer);
      answer(bytes);
      end();
    });
    far.send(question, target.port, target.host);
  });
  return {
    address: `127.0.0.1:${port}`,
    async close() {
      for (const socket of sockets) socket.destroy();
      await Promise.all([new Promise((resolve) => tcp.close(resolve)), new Promise<void>((resolve) => udp.close(() => resolve()))]);
    },
  };
}

/** Listens on one free port with both; the UDP side says which. */
async function bindBoth(tcp: net.Server): Promise<{ udp: dgram.Socket; port: number }> {
  for (let attempt = 1; ; attempt++) {
    const udp = dgram.createSocket('udp4');
    try {
      udp.bind(0, '127.0.0.1');
      await once(udp, 'listening');
      const { port } = udp.address();
      tcp.listen(port, '127.0.0.1');
      await once(tcp, 'listening');
      return { udp, port };
    } catch (error) {
      udp.close();
      if (attempt === 10) throw error;
    }
  }
}
