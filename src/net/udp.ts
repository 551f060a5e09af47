/** One DNS message over UDP, and its answer (RFC 1035 §4.2.1). */
import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { messageOf, systemCodeOf, TscertError } from '../base/errors.js';
import { formatServer } from './dns-address.js';
import type { DnsServer } from './tcp.js';

/**
 * Sends a message from a port of its own and waits for the datagram that `accept` takes; others are ignored, since anybody can send them.
 * @param server its host an IP address
 * @param options `timeout` in milliseconds
 * @throws {TscertError} `network` or `timeout`, with the system's code in `data.systemCode`; an aborted wait rejects with the signal's reason
 */
export function exchangeOverUdp(
  server: DnsServer,
  message: Uint8Array,
  options: { readonly timeout: number; readonly signal: AbortSignal; readonly accept: (bytes: Buffer) => boolean },
): Promise<Buffer> {
  const { timeout, signal, accept } = options;
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const socket = createSocket(isIPv6(server.host) ? 'udp6' : 'udp4');
    let strangers = 0;
    let settled = false;
    const settle = (act: () => void): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.close();
      act();
    };
    const fail = (code: 'network' | 'timeout', reason: string, cause?: unknown): void =>
      settle(() => {
        const data = { server: formatServer(server), systemCode: systemCodeOf(cause), strangers };
        reject(new TscertError(code, `Cannot ask the name server ${formatServer(server)}: ${reason}`, { data, cause }));
      });
    const onAbort = (): void => settle(() => reject(signal.reason));
    const timer = setTimeout(() => {
      const what = strangers === 0 ? 'it did not answer' : 'nothing that it sent was an answer';
      fail('timeout', `${what} over UDP within ${timeout} ms`);
    }, timeout);
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('error', (error) => fail('network', messageOf(error), error));
    socket.on('message', (bytes) => {
      if (accept(bytes)) settle(() => resolve(bytes));
      else strangers++;
    });
    socket.on('connect', () => {
      if (settled) return;
      socket.send(message, (error) => {
        if (error !== null) fail('network', messageOf(error), error);
      });
    });
    // Connected, so that only this server can answer and an ICMP error is heard.
    socket.connect(server.port, server.host);
  });
}
