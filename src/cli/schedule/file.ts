/** A file that makes the system run tscert: a unit of systemd, or lines of cron. Its first line tells whether a person changed it. */
import { createHash } from 'node:crypto';
import { TscertError } from '../../base/errors.js';

export interface ScheduleFile {
  /** Without its folder. */
  readonly name: string;
  readonly text: string;
}

/** What is run by the schedule: absolute paths, and what stands behind them on the command line. */
export interface CommandLine {
  readonly node: string;
  readonly script: string;
  readonly args: readonly string[];
}

const MARK = /^# Made by "tscert schedule"; SHA-256 of what follows: ([0-9a-f]{32})\n/;

/** A file with the line in front that {@link isOwn} knows it by. */
export function markedFile(name: string, lines: readonly string[]): ScheduleFile {
  const body = lines.map((line) => `${line}\n`).join('');
  return { name, text: `# Made by "tscert schedule"; SHA-256 of what follows: ${digest(body)}\n${body}` };
}

/** True for a text that this command wrote and nobody changed since. */
export function isOwn(text: string): boolean {
  const [mark = '', sum] = MARK.exec(text) ?? [];
  return sum === digest(text.slice(mark.length));
}

/** Quotes, backslashes and control characters mean different things to different readers of units and cron lines: none of them goes in. */
const UNFIT = /["'\\\p{Cc}]/u;

/**
 * Refuses a value that cannot stand in a unit or a cron line as it is.
 * @throws {TscertError} `usage`
 */
export function checkFit(value: string, what: string): string {
  if (!UNFIT.test(value)) return value;
  const why = 'it has a quote, a backslash or a control character, which units and cron lines do not take';
  throw new TscertError('usage', `Cannot schedule with the ${what} ${JSON.stringify(value)}: ${why}`, { data: { value } });
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
