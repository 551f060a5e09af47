/** The end of patience with a server. */
import { TscertError } from '../base/errors.js';
import type { Phase } from './failure.js';

/** A signal that is aborted with `signal`, or without a reason of tscert's after so many milliseconds; `clear` ends the wait. */
export function startDeadline(signal: AbortSignal, milliseconds: number): { signal: AbortSignal; clear(): void } {
  const controller = new AbortController();
  const abort = (): void => controller.abort(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  const timer = setTimeout(() => controller.abort(), milliseconds);
  return {
    signal: controller.signal,
    clear() {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    },
  };
}

/** The error of a deadline that came first. */
export function timedOut(url: URL, milliseconds: number, { phase, sent }: { phase: Phase; sent: boolean }): TscertError {
  const words = phase === 'connect' ? 'no connection' : 'no answer';
  return new TscertError('timeout', `Cannot reach "${url.host}": ${words} within ${milliseconds / 1_000} seconds`, {
    data: { host: url.host, phase, sent, milliseconds },
  });
}
