/** Durations as people write them: `90s`, `10m`, `12h`, `30d`, `500ms`, and cert-manager's sums such as `1h30m`. */
import { TscertError } from './errors.js';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/**
 * Reads a duration into milliseconds.
 * @throws {TscertError} `request-invalid` for anything but positive numbers with the units ms, s, m, h, d, w
 */
export function parseDuration(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d|w)/g)];
  const milliseconds = parts.reduce((sum, [, number, unit]) => sum + Number(number) * (UNITS[unit ?? ''] ?? Number.NaN), 0);
  if (parts.map(([part]) => part).join('') !== text || !(milliseconds > 0) || !Number.isSafeInteger(Math.ceil(milliseconds))) {
    throw new TscertError('request-invalid', `Cannot read the duration "${text}": it wants a form such as 90s, 10m, 12h or 30d`, {
      data: { value: text },
    });
  }
  return milliseconds;
}

/** Words for a span of milliseconds: `0.4s`, `12s`, `3m 20s`, `5h 10m`, `59d 3h`. */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.max(0, milliseconds) / 1_000;
  if (seconds < 9.95) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}s`;
  if (whole < 3_600) return pair(Math.floor(whole / 60), 'm', whole % 60, 's');
  const minutes = Math.round(seconds / 60);
  if (minutes < 1_440) return pair(Math.floor(minutes / 60), 'h', minutes % 60, 'm');
  const hours = Math.round(seconds / 3_600);
  return pair(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large}${largeUnit}` : `${large}${largeUnit} ${small}${smallUnit}`;
}
