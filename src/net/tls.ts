/** What a server shows in a TLS handshake. */
import { connect, isIP, type Socket } from 'node:net';
import tls from 'node:tls';
import { isTscertError, messageOf, TscertError } from '../base/errors.js';
import { orAborted, startDeadline } from './deadline.js';
import { type StartTls, startTls } from './starttls.js';
import { beginTalk } from './talk.js';

/** The certificates that a server sent, DER, leaf first. */
export interface Served {
  readonly chain: readonly Buffer[];
  readonly protocol: string;
  /** The OCSP response for the leaf that came along (RFC 6066 §8), not judged; absent where the server sent none. */
  readonly staple?: Buffer;
}

export interface HandshakeOptions {
  /** Milliseconds for all of it. */
  readonly timeout: number;
  readonly signal: AbortSignal;
  /** The protocol in which TLS is asked for; absent, TLS begins at once. */
  readonly starttls?: StartTls;
  /** The name that the server is asked for (SNI) where the target is an address; a host is asked for by its own name. */
  readonly servername?: string;
}

/**
 * Makes a TLS handshake and looks at what is served; trust is not judged here.
 * @param target `HOST:PORT`, `[V6]:PORT`
 * @throws {TscertError} `request-invalid`, `network`, `timeout`; `response-invalid` when the server does not come to TLS by `starttls`
 */
export async function handshake(target: string, options: HandshakeOptions): Promise<Served> {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(target);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port < 1 || port > 65_535) {
    throw new TscertError('request-invalid', `Cannot connect to "${target}": it wants HOST:PORT`, { data: { target } });
  }
  const { signal, starttls: protocol } = options;
  const servername = isIP(host) === 0 ? host : options.servername;
  signal.throwIfAborted();
  const deadline = startDeadline(signal, options.timeout);
  const plain = connect({ host, port, autoSelectFamily: true });
  try {
    await orAborted(event(plain, 'connect'), deadline.signal);
    if (protocol !== undefined) await startTls(protocol, beginTalk(plain, { target, protocol }, deadline.signal));
    return await orAborted(secure(plain, servername), deadline.signal);
  } catch (error) {
    signal.throwIfAborted();
    if (deadline.signal.aborted) {
      throw new TscertError('timeout', `Cannot finish a TLS handshake with "${target}": no answer`, { data: { target } });
    }
    if (isTscertError(error)) throw error;
    throw new TscertError('network', `Cannot make a TLS handshake with "${target}": ${messageOf(error)}`, {
      data: { target },
      cause: error,
    });
  } finally {
    deadline.clear();
    plain.destroy();
  }
}

/** Waits for an event; an error or the end of the socket comes first as a failure. */
function event(socket: Socket, name: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(name, resolve);
    // Stays: a socket that breaks later must not end the process.
    socket.on('error', reject);
    socket.once('close', () => reject(new Error('the connection was closed')));
  });
}

async function secure(socket: Socket, servername: string | undefined): Promise<Served> {
  const options: tls.ConnectionOptions & tls.TLSSocketOptions = {
    socket,
    rejectUnauthorized: false,
    requestOCSP: true,
    ...(servername === undefined ? {} : { servername }),
  };
  const secured = tls.connect(options);
  let staple: Buffer | undefined;
  // Comes before secureConnect, with null where the server sent nothing.
  secured.once('OCSPResponse', (response: Buffer | null) => {
    staple = response === null || response.length === 0 ? undefined : Buffer.from(response);
  });
  try {
    await event(secured, 'secureConnect');
    const protocol = secured.getProtocol() ?? '';
    return { chain: chainOf(secured), protocol, ...(staple === undefined ? {} : { staple }) };
  } finally {
    secured.destroy();
  }
}

function chainOf(socket: tls.TLSSocket): Buffer[] {
  const chain: Buffer[] = [];
  for (
    let at = socket.getPeerCertificate(true);
    at?.raw !== undefined && !chain.some((der) => der.equals(at.raw));
    at = at.issuerCertificate
  ) {
    chain.push(at.raw);
  }
  return chain;
}
