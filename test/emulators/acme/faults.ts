/** What goes wrong at the server for a time. */
import { TscertError } from '../../../src/base/errors.js';

export type FaultKind =
  /** Nobody answers; the server never hears of the request. */
  | { readonly kind: 'unreachable' }
  /** The server acts, and its answer is lost with the connection. */
  | { readonly kind: 'lost' }
  /** Something before the server answers; `retryAfter` in seconds. */
  | { readonly kind: 'status'; readonly status: number; readonly retryAfter?: number }
  /** The server answers with a problem; `retryAfter` in seconds. */
  | { readonly kind: 'problem'; readonly status: number; readonly type: string; readonly detail: string; readonly retryAfter?: number };

export type Fault = FaultKind & {
  /** Milliseconds since the epoch; `to` is not part of it. */
  readonly from: number;
  readonly to: number;
  /** Only for these requests; all of them, when absent. */
  readonly on?: (request: { readonly method: string; readonly path: string }) => boolean;
};

/** What the transport tells of a server that cannot be reached, as src/net does it. */
export function unreachable(host: string): TscertError {
  return new TscertError('network', `Cannot connect to "${host}": nobody listens there (connection refused)`, {
    data: { host, phase: 'connect', code: 'ECONNREFUSED' },
  });
}

/** What it tells when the connection breaks before the answer. */
export function lost(host: string, method: string): TscertError {
  const words = 'the connection broke before the answer was whole (socket hang up)';
  return new TscertError('network', `Cannot reach "${host}": ${words}`, {
    data: { host, phase: 'read', code: 'ECONNRESET', sent: true, method },
  });
}
