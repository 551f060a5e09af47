/** The text format of Prometheus, version 0.0.4: families of samples, each with its HELP and TYPE line. */
import type { Labels } from '../store/telemetry.js';

/** What kind of numbers a family holds. */
type Kind = 'counter' | 'gauge' | 'summary' | 'histogram';

/** Adds a sample to a family; `suffix` as in `_sum`. */
export type Sample = (labels: Labels, value: number, suffix?: string) => void;

export interface Exposition {
  /** A family of this name, in the order of the first calls; one without samples is left out. The help may hold any text. */
  family(name: string, kind: Kind, help: string): Sample;
  /** All of it; every line ends with a line feed. */
  text(): string;
}

/** So many lines are kept as what they were made of; more of them take less room when they are one text. */
const MOST_LINES = 1_000;

export function createExposition(): Exposition {
  const families: { readonly head: string; readonly texts: Buffer[]; readonly lines: string[] }[] = [];
  return {
    family(name, kind, help) {
      const [texts, lines]: [Buffer[], string[]] = [[], []];
      families.push({ head: `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${kind}\n`, texts, lines });
      return (labels, value, suffix = '') => {
        lines.push(`${name}${suffix}${labelText(labels)} ${numberText(value)}\n`);
        if (lines.length >= MOST_LINES) texts.push(Buffer.from(lines.splice(0).join('')));
      };
    },
    text: () =>
      Buffer.concat(
        families
          .map(({ head, texts, lines }) => [head, ...texts, lines.join('')])
          .filter((parts) => parts.length > 2 || parts[1] !== '')
          .flat()
          .map((part) => Buffer.from(part)),
      ).toString(),
  };
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

/** The format is UTF-8, which has no lone surrogates, and a zero octet ends it for some readers. */
function escapeLabel(value: string): string {
  const text = Buffer.from(value).toString().replaceAll('\0', '\ufffd');
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  return String(value);
}
