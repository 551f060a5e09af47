/** The state behind the live display: what each certificate is doing, and the lines that show it. No terminal, no clock. */
import { formatDuration } from '../../base/duration.js';
import type { ChallengeState, Event, Stage } from '../../base/events.js';
import type { Paint } from './paint.js';
import { doing, propagationWords } from './sentences.js';

interface NameState {
  readonly identifier: string;
  readonly challenge: string;
  state: ChallengeState;
  detail: string;
}

interface CertificateState {
  readonly name: string;
  stage: Stage | undefined;
  /** Milliseconds since the epoch at which the stage began. */
  since: number;
  readonly names: Map<string, NameState>;
  waiting: string;
}

export interface Board {
  /** Takes an event; gives back lines to print for good, or `undefined` when the event is none of the board's. */
  take(certificate: string, event: Event, now: number): readonly string[] | undefined;
  /** The lines of the moment, at most `rows`. */
  lines(now: number, frame: number, size: { readonly columns: number; readonly rows: number }): string[];
}

const SPINNER = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const MARKS: Partial<Record<ChallengeState, 'good' | 'bad'>> = { valid: 'good', invalid: 'bad', expired: 'bad' };

export function createBoard(paint: Paint): Board {
  const certificates = new Map<string, CertificateState>();
  const stateOf = (name: string): CertificateState => {
    const known = certificates.get(name) ?? { name, stage: undefined, since: 0, names: new Map<string, NameState>(), waiting: '' };
    certificates.set(name, known);
    return known;
  };
  return {
    take(certificate, event, now) {
      const state = stateOf(certificate);
      switch (event.type) {
        case 'planned':
          return [`${paint.strong(certificate)}: ${event.message}`];
        case 'stage':
          if (event.state === 'begin') {
            state.stage = event.stage;
            state.since = now;
            state.waiting = event.detail ?? '';
            return [];
          }
          if (state.stage === event.stage) state.stage = undefined;
          return certificates.size > 1 ? [] : [stageLine(event, paint)];
        case 'challenge':
          state.names.set(`${event.challenge} ${event.identifier}`, {
            identifier: event.identifier,
            challenge: event.challenge,
            state: event.state,
            detail: event.detail ?? '',
          });
          return [];
        case 'propagation': {
          const bare = event.fqdn.replace(/^_acme-challenge\./, '');
          const words = propagationWords(event.servers);
          const named = [...state.names.values()].filter(({ identifier }) => identifier.replace(/^\*\./, '') === bare);
          for (const name of named) name.detail = words;
          if (named.length === 0) state.waiting = `${event.fqdn}: ${words}`;
          return [];
        }
        case 'waiting':
          state.waiting = event.what;
          return [];
        case 'dns-change':
          return [];
        default:
          return undefined;
      }
    },
    lines(now, frame, { columns, rows }) {
      const spin = SPINNER[frame % SPINNER.length] ?? '';
      const busy = [...certificates.values()].filter(({ stage }) => stage !== undefined);
      const all = busy.flatMap((state) => certificateLines(state, now, spin, busy.length === 1, paint));
      const shown = all.length > rows ? [...all.slice(0, rows - 1), paint.dim(`  and ${all.length - rows + 1} more lines`)] : all;
      return shown.map((text) => cut(text, columns));
    },
  };
}

function stageLine(event: Extract<Event, { type: 'stage' }>, paint: Paint): string {
  const time = event.milliseconds === undefined ? '' : formatDuration(event.milliseconds);
  return `  ${paint.good('✔')} ${event.stage.padEnd(9)} ${paint.dim(time.padStart(6))}  ${event.detail ?? ''}`.trimEnd();
}

function certificateLines(state: CertificateState, now: number, spin: string, alone: boolean, paint: Paint): string[] {
  const stage = state.stage ?? 'plan';
  const elapsed = formatDuration(now - state.since);
  if (!alone) {
    const final = [...state.names.values()].filter((name) => name.state === 'valid').length;
    const open = [...state.names.values()].find((name) => name.state !== 'valid');
    return [
      `  ${spin} ${state.name}  ${stage} ${elapsed}  ${final}/${state.names.size} proven${open === undefined ? '' : `  ${open.identifier} ${open.state} ${open.detail}`}`,
    ];
  }
  const header = `  ${spin} ${stage.padEnd(9)} ${elapsed.padStart(6)}  ${state.waiting === '' ? doing(stage) : state.waiting}`;
  if (stage !== 'present' && stage !== 'check' && stage !== 'validate') return [header];
  return [
    header,
    ...[...state.names.values()].map(({ identifier, challenge, state: word, detail }) => {
      const mark = MARKS[word];
      return `      ${identifier}  ${paint.dim(challenge)}  ${mark === undefined ? word : paint[mark](word)}${detail === '' ? '' : `  ${paint.dim(detail)}`}`;
    }),
  ];
}

/** Cuts a line to the terminal's width; escape sequences take no room. */
function cut(text: string, columns: number): string {
  let width = 0;
  let out = '';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ESC begins an escape sequence
  for (const part of text.split(/(\u001b\[[0-9;]*m)/)) {
    if (part.startsWith('\u001b')) out += part;
    else {
      const room = Math.max(0, columns - 1 - width);
      out += [...part].slice(0, room).join('');
      width += [...part].length;
    }
  }
  return out;
}
