/** What a server shows in a TLS handshake. */
import { isIP } from 'node:net';
import tls from 'node:tls';
import { messageOf, TscertError } from '../base/errors.js';

/** The certificates that a server sent, DER, leaf first. */
export interface Served {
  readonly chain: readonly Buffer[];
  readonly protocol: string;
}

/**
 * Makes a TLS handshake and looks at what is served; trust is not judged here.
 * @param target `HOST:PORT`, `[V6]:PORT`; its host is asked for by name, an address only where `servername` says for which
 * @throws {TscertError} `request-invalid`, `network`, `timeout`
 */
export async function handshake(
  target: string,
  options: { readonly timeout: number; readonly signal: AbortSignal; readonly servername?: string },
): Promise<Served> {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(target);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port < 1 || port > 65_535) {
    throw new TscertError('request-invalid', `Cannot connect to "${target}": it wants HOST:PORT`, { data: { target } });
  }
  options.signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const servername = isIP(host) === 0 ? host : options.servername;
    const socket = tls.connect({ host, port, rejectUnauthorized: false, ...(servername === undefined ? {} : { servername }) });
    const end = (finish: () => void): void => {
      options.signal.removeEventListener('abort', abort);
      socket.destroy();
      finish();
    };
    const abort = (): void => end(() => reject(options.signal.reason));
    options.signal.addEventListener('abort', abort, { once: true });
    socket.setTimeout(options.timeout, () =>
      end(() => reject(new TscertError('timeout', `Cannot finish a TLS handshake with "${target}": no answer`, { data: { target } }))),
    );
    socket.once('error', (error) =>
      end(() =>
        reject(
          new TscertError('network', `Cannot make a TLS handshake with "${target}": ${messageOf(error)}`, {
            data: { target },
            cause: error,
          }),
        ),
      ),
    );
    socket.once('secureConnect', () => {
      const chain: Buffer[] = [];
      for (
        let at = socket.getPeerCertificate(true);
        at?.raw !== undefined && !chain.some((der) => der.equals(at.raw));
        at = at.issuerCertificate
      ) {
        chain.push(at.raw);
      }
      const protocol = socket.getProtocol() ?? '';
      end(() => resolve({ chain, protocol }));
    });
  });
}
