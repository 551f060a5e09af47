/** One DNS message over TCP, and its answer (RFC 7766). */
import { connect } from 'node:net';
import { messageOf, systemCodeOf, TscertError } from '../base/errors.js';

export interface DnsServer {
  /** Host name or IP address. */
  readonly host: string;
  readonly port: number;
}

/**
 * Sends a message on a connection of its own and waits for one answer.
 * @param options `timeout` in milliseconds for all of it
 * @throws {TscertError} `network` or `timeout`; an aborted wait rejects with the signal's reason
 */
export function exchangeOverTcp(
  server: DnsServer,
  message: Uint8Array,
  options: { readonly timeout: number; readonly signal: AbortSignal },
): Promise<Buffer> {
  const { timeout, signal } = options;
  const where = server.host.includes(':') ? `[${server.host}]:${server.port}` : `${server.host}:${server.port}`;
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const socket = connect({ host: server.host, port: server.port });
    let received = Buffer.alloc(0);
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      act();
    };
    const fail = (code: 'network' | 'timeout', reason: string, cause?: unknown): void =>
      settle(() => {
        const data = { server: where, systemCode: systemCodeOf(cause) };
        reject(new TscertError(code, `Cannot ask the name server ${where}: ${reason}`, { data, cause }));
      });
    const onAbort = (): void => settle(() => reject(signal.reason));
    const timer = setTimeout(() => fail('timeout', `it did not answer within ${timeout} ms`), timeout);
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('connect', () => {
      const prefixed = Buffer.alloc(2 + message.length);
      prefixed.writeUInt16BE(message.length);
      prefixed.set(message, 2);
      socket.write(prefixed);
    });
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      const length = received.length < 2 ? Number.POSITIVE_INFINITY : received.readUInt16BE();
      if (received.length >= 2 + length) settle(() => resolve(received.subarray(2, 2 + length)));
    });
    socket.on('error', (error) => fail('network', messageOf(error), error));
    socket.on('close', () => fail('network', 'it closed the connection before its answer was whole'));
  });
}
