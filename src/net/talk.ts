/** A conversation in plain text before TLS, with limits, since the other side may say what it wants. */
import type { Socket } from 'node:net';
import { type ErrorData, TscertError } from '../base/errors.js';
import { printable } from '../base/printable.js';

/** No protocol says more than this before TLS. */
const MAX_BYTES = 65_536;
const MAX_LINE = 4_096;

export interface Talk {
  send(data: string | Uint8Array): void;
  /** The next line, without its line end. */
  line(): Promise<string>;
  /** The next octets. */
  octets(count: number): Promise<Buffer>;
  /** The failure of this conversation; what the other side said may stand in `why`. */
  failure(why: string): TscertError;
  /** Hands the socket on. What is said before TLS and read after it could be anybody's: nothing may be left (CVE-2011-0411, CVE-2021-23222). */
  finish(): void;
}

/**
 * Begins a conversation on a socket that stands. Its methods fail with `response-invalid` for what does not fit, `network` when the
 * connection ends, and the signal's reason when it is aborted.
 */
export function beginTalk(socket: Socket, who: { readonly target: string; readonly protocol: string }, signal: AbortSignal): Talk {
  let received = Buffer.alloc(0);
  let total = 0;
  let ended: unknown;
  let wake: (() => void) | undefined;
  const onData = (piece: Buffer): void => {
    total += piece.length;
    received = Buffer.concat([received, piece]);
    if (total > MAX_BYTES) onEnd(failure(`it said more than ${MAX_BYTES} bytes`));
    wake?.();
  };
  const onEnd = (why: unknown): void => {
    ended ??= why;
    wake?.();
  };
  const onClose = (): void => onEnd(failure('it closed the connection', 'network'));
  const onAbort = (): void => onEnd(signal.reason);
  const failure = (why: string, code: 'network' | 'response-invalid' = 'response-invalid', data: ErrorData = {}): TscertError =>
    new TscertError(code, `Cannot start TLS with "${who.target}" by ${who.protocol}: ${printable(why).slice(0, 500)}`, {
      data: { ...who, ...data },
    });
  socket.on('data', onData);
  socket.on('error', onClose);
  socket.on('end', onClose);
  socket.on('close', onClose);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();

  const until = async <T>(take: () => T | undefined): Promise<T> => {
    for (;;) {
      if (signal.aborted || total > MAX_BYTES) throw ended;
      const taken = take();
      if (taken !== undefined) return taken;
      if (ended !== undefined) throw ended;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  const cut = (count: number): Buffer => {
    const taken = received.subarray(0, count);
    received = received.subarray(count);
    return taken;
  };
  return {
    failure,
    send: (data) => void socket.write(data),
    octets: (count) => until(() => (received.length >= count ? cut(count) : undefined)),
    line: () =>
      until(() => {
        const end = received.indexOf(0x0a);
        if (end > MAX_LINE || (end === -1 && received.length > MAX_LINE)) throw failure('it said a line that is too long');
        return end === -1
          ? undefined
          : cut(end + 1)
              .toString('latin1')
              .replace(/\r?\n$/, '');
      }),
    finish() {
      if (received.length > 0) throw failure('it said more than it was asked for, before TLS');
      socket.pause();
      for (const [event, listener] of [
        ['data', onData],
        ['error', onClose],
        ['end', onClose],
        ['close', onClose],
      ] as const) {
        socket.off(event, listener);
      }
      signal.removeEventListener('abort', onAbort);
    },
  };
}
