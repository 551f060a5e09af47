/**
 * Transcripts: command lines with all that they print, as texts that people can read and check.
 *
 *     # What the file is about
 *     @ pebble              servers and settings that its cases need (worlds.ts)
 *
 *     ## what the case shows
 *     % echo x > FILE       prepares the folder of the case, by sh
 *     $ tscert ...          the command line, by sh in that folder
 *     stdout:
 *         indented by four
 *     stderr:
 *         indented by four
 *     exit: 2
 */

export interface Case {
  readonly title: string;
  readonly preparations: readonly string[];
  readonly command: string;
  readonly expected: Result;
}

/** What a command line did, with placeholders for what differs between runs. */
export interface Result {
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: number;
}

export interface Transcript {
  readonly title: string;
  readonly worlds: readonly string[];
  readonly cases: readonly Case[];
}

const INDENT = '    ';

/** Reads a transcript; a case whose result is not written yet expects nothing. */
export function readTranscript(text: string): Transcript {
  const [head = '', ...parts] = text.split(/^## /m);
  return {
    title: /^# (.*)$/m.exec(head)?.[1] ?? '',
    worlds: /^@ (.*)$/m.exec(head)?.[1]?.split(' ') ?? [],
    cases: parts.map(readCase),
  };
}

function readCase(text: string): Case {
  const lines = text.split('\n');
  const of = (mark: string): string[] => lines.filter((line) => line.startsWith(mark)).map((line) => line.slice(mark.length));
  const [command, ...others] = of('$ ');
  if (command === undefined || others.length > 0) throw new Error(`The case "${lines[0]}" wants one command line`);
  return {
    title: lines[0] ?? '',
    preparations: of('% '),
    command,
    expected: { stdout: section(lines, 'stdout:'), stderr: section(lines, 'stderr:'), exit: Number(of('exit: ')[0] ?? Number.NaN) },
  };
}

function section(lines: readonly string[], head: string): string {
  const from = lines.indexOf(head) + 1;
  if (from === 0) return '';
  const to = lines.findIndex((line, at) => at >= from && line !== '' && !line.startsWith(INDENT));
  const body = lines.slice(from, to < 0 ? undefined : to).map((line) => line.slice(INDENT.length));
  return `${body.join('\n').replace(/\n+$/, '')}\n`;
}

/** Writes a transcript with these results in place of those that were expected. */
export function writeTranscript({ title, worlds, cases }: Transcript, results: readonly Result[]): string {
  const head = [`# ${title}`, ...(worlds.length === 0 ? [] : [`@ ${worlds.join(' ')}`])];
  const body = cases.map((one, at) => writeCase(one, results[at] ?? one.expected));
  return `${[head.join('\n'), ...body].join('\n\n')}\n`;
}

function writeCase({ title, preparations, command }: Case, { stdout, stderr, exit }: Result): string {
  const block = (name: string, text: string): string[] =>
    text === ''
      ? []
      : [
          `${name}:`,
          ...text
            .replace(/\n$/, '')
            .split('\n')
            .map((line) => (line === '' ? '' : INDENT + line)),
        ];
  return [
    `## ${title}`,
    ...preparations.map((line) => `% ${line}`),
    `$ ${command}`,
    ...block('stdout', stdout),
    ...block('stderr', stderr),
    `exit: ${exit}`,
  ].join('\n');
}

const DURATION = String.raw`\d+(?:\.\d+)?(?:s|m|h|d)(?: \d+[smh])?`;

/** What differs between two runs of the same case, and what stands for it. */
const CHANGING: readonly (readonly [RegExp, string])[] = [
  [/\b\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z/g, '<time>'],
  [/\b\d{4}-\d{2}-\d{2} \d{2}:\d{2}(?= UTC)/g, '<time>'],
  [new RegExp(String.raw`\((in )?${DURATION}( ago)?\)`, 'g'), '($1<duration>$2)'],
  [new RegExp(`(?<=is issued in |went through in |waiting )${DURATION}`, 'g'), '<duration>'],
  [new RegExp(`(?<=^ *took .*) ${DURATION}`, 'gm'), ' <duration>'],
  [/"milliseconds": ?\d+(?:\.\d+)?/g, '"milliseconds":<n>'],
  [/(?<=\/(?:my-order|authZ|chalZ|my-account|certZ|finalize-order)\/)[\w-]+/g, '<id>'],
  [/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, '<uuid>'],
  [/(?<![\w-])[\w-]{43}(?![\w-])/g, '<digest>'],
  [/(?<=process )\d+/g, '<pid>'],
];

/** Puts placeholders for what differs between runs: these values by their names, times, identifiers and digests by patterns. */
export function withPlaceholders(text: string, values: Readonly<Record<string, string>>): string {
  let out = text;
  const longestFirst = Object.entries(values).sort(([, one], [, other]) => other.length - one.length);
  for (const [name, value] of longestFirst) if (value !== '') out = out.replaceAll(value, `$${name}`);
  for (const [pattern, placeholder] of CHANGING) out = out.replaceAll(pattern, placeholder);
  return out;
}
