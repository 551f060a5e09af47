/** Several cfssl requests in one text: JSON lines. */

/** The text of one request, and how to name it. */
export interface RequestText {
  readonly text: string;
  /** A path, `standard input`, or a line of one of them. */
  readonly source: string;
  /** Counted from 1, where the text was JSON lines. */
  readonly line?: number;
}

/** Fields of which a request has at least one, and its parts have none. */
const TELLING = new Set(['cn', 'hosts', 'names', 'key', 'ca']);

/**
 * Splits JSON lines; a text that is one JSON value, or broken as a whole, stays in one piece. It is taken for lines when it is no JSON as a whole
 * and one of its lines is a request by itself: the other lines may be broken.
 */
export function splitRequests(text: string, source: string): readonly RequestText[] {
  const lines = text.split('\n').flatMap((line, at) => (line.trim() === '' ? [] : [{ text: line, line: at + 1 }]));
  if (lines.length < 2 || parse(text) !== undefined || !lines.some((line) => isRequest(parse(line.text)))) return [{ text, source }];
  return lines.map(({ text: one, line }) => ({ text: one, line, source: `line ${line} of ${source}` }));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRequest(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).some((key) => TELLING.has(key.toLowerCase()));
}
