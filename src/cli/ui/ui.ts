/**
 * The voice of the command. Data goes to stdout; words, progress and errors go to stderr. With --json, stdout gets one versioned
 * document and stderr JSON lines; with --quiet, only warnings and errors are said.
 */
import type { Emit, Event } from '../../base/events.js';
import { printableJson, printableLines } from '../../base/printable.js';
import type { GlobalOptions } from '../globals.js';
import type { System } from '../system.js';
import { createPaint, type Paint } from './paint.js';
import { createProgress, type Progress } from './progress.js';
import { sentenceOf } from './sentences.js';
import { detailsOf, errorDocument, hintOf, messageWords } from './words.js';

/** The version of every JSON document and line. */
const JSON_VERSION = 1;

export interface Ui {
  readonly json: boolean;
  readonly paint: Paint;
  /** Takes the events of one certificate, under its name. */
  emitFor(certificate: string): Emit;
  /** Says a word to a person. */
  say(message: string): void;
  warn(message: string): void;
  /** Tells an error, with its details and what to do next. */
  fail(error: unknown, about?: string): void;
  /** Writes data to stdout as it is. */
  data(text: string): void;
  /** Writes one versioned JSON document to stdout. */
  document(kind: string, value: Readonly<Record<string, unknown>>): void;
  /** Takes the live display away, so that other words can stand. */
  rest(): void;
}

export async function createUi(system: System, options: GlobalOptions): Promise<Ui> {
  const json = options.json === true;
  const quiet = options.quiet === true;
  const verbose = options.verbose === true;
  const isTerminal = system.stderr.isTTY && !json;
  const colour = isTerminal && options.color !== false && !system.env.NO_COLOR && system.env.TERM !== 'dumb';
  const paint = await createPaint(colour);
  const live = isTerminal && !quiet && !verbose && system.env.TERM !== 'dumb';
  let progress: Progress | undefined;

  const line = (text: string): void => {
    progress?.clear();
    system.stderr.write(`${text}\n`);
  };
  const jsonLine = (value: Readonly<Record<string, unknown>>): void =>
    system.stderr.write(`${printableJson({ version: JSON_VERSION, ...value })}\n`);
  const render = (certificate: string, event: Event): void => {
    if (json) {
      if (!quiet) jsonLine({ time: new Date(system.clock.now()).toISOString(), certificate, ...event });
      return;
    }
    const urgent = event.type === 'warning' || event.type === 'records-wanted';
    if (quiet && !urgent) return;
    if (live && !urgent) {
      progress ??= createProgress(system, paint);
      if (progress.take(certificate, event)) return;
    }
    const words = sentenceOf(event, verbose);
    const sentence = words === undefined ? undefined : printableLines(words);
    if (sentence !== undefined) line(`tscert: ${certificate}: ${event.type === 'warning' ? paint.warn(sentence) : sentence}`);
  };

  return {
    json,
    paint,
    emitFor: (certificate) => (event) => render(certificate, event),
    say(message) {
      if (quiet) return;
      if (json) jsonLine({ type: 'note', message });
      else line(`tscert: ${printableLines(message)}`);
    },
    warn(message) {
      if (json) jsonLine({ type: 'warning', message });
      else line(`tscert: ${paint.warn('warning:')} ${printableLines(message)}`);
    },
    fail(error, about) {
      if (json) {
        jsonLine({ type: 'error', ...(about === undefined ? {} : { certificate: about }), error: errorDocument(error) });
        return;
      }
      const hint = hintOf(error);
      line(`tscert: ${paint.bad('error:')} ${printableLines(`${about === undefined ? '' : `${about}: `}${messageWords(error)}`)}`);
      for (const detail of detailsOf(error)) line(`tscert:   ${printableLines(detail)}`);
      if (hint !== undefined) line(`tscert: ${paint.strong('hint:')} ${printableLines(hint)}`);
      if (verbose && error instanceof Error && error.stack !== undefined) line(paint.dim(printableLines(causesOf(error))));
    },
    data(text) {
      progress?.clear();
      system.stdout.write(text);
    },
    document(kind, value) {
      system.stdout.write(`${printableJson({ version: JSON_VERSION, kind, ...value }, 2)}\n`);
    },
    rest() {
      progress?.close();
      progress = undefined;
    },
  };
}

function causesOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by: ${causesOf(error.cause)}` : '';
  return `${error.stack ?? error.message}${cause}`;
}
