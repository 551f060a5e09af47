/**
 * The files of ConfigObj, in which certbot keeps its settings: `key = value` in sections within sections, values in quotes where they
 * need them, lists with commas.
 */
import { TscertError } from '../base/errors.js';

/** A value is a text, or a list of texts where there was a comma. */
export interface Section {
  readonly values: ReadonlyMap<string, string | readonly string[]>;
  readonly sections: ReadonlyMap<string, Section>;
}

interface Open {
  readonly values: Map<string, string | readonly string[]>;
  readonly sections: Map<string, Open>;
}

/** A fault, and the line of it. */
class Fault extends Error {}

/**
 * Reads a text into its outermost section. Interpolation (`%(name)s`) is left alone.
 * @param source how to name it in errors: its path
 * @throws {TscertError} `config-invalid` with the line; values, which may be secret, are not repeated
 */
export function parseIni(text: string, source: string): Section {
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/);
  const root: Open = { values: new Map(), sections: new Map() };
  const open: Open[] = [root];
  let at = 0;
  try {
    for (; at < lines.length; at++) {
      const line = (lines[at] ?? '').trim();
      if (line === '' || line.startsWith('#')) continue;
      if (line.startsWith('[')) {
        enter(line, open);
        continue;
      }
      const { key, rest } = splitKey(line);
      const { values, sections } = open.at(-1) ?? root;
      if (values.has(key) || sections.has(key)) throw new Fault('its key stands there twice');
      const quote = /^('''|""")/.exec(rest)?.[1];
      if (quote === undefined) values.set(key, readValue(rest));
      else {
        const long = readLong(lines, at, quote);
        values.set(key, long.value);
        at = long.end;
      }
    }
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    throw new TscertError('config-invalid', `Cannot read "${source}": line ${at + 1}: ${error.message}`, {
      data: { file: source, line: at + 1 },
    });
  }
  return root;
}

/** `[name]` in the outermost section, `[[name]]` in the one before, and so on. */
function enter(line: string, open: Open[]): void {
  const depth = /^\[+/.exec(line)?.[0].length ?? 0;
  const end = line.lastIndexOf(']'.repeat(depth));
  const after = line.slice(end + depth).trim();
  if (end < depth || (after !== '' && !after.startsWith('#'))) throw new Fault('it is no head of a section');
  if (depth > open.length) throw new Fault('its section lies too deep');
  const name = unquoted(line.slice(depth, end).trim());
  if (name === '' || /[[\]]/.test(name)) throw new Fault('it is no head of a section');
  open.length = depth;
  const parent = open.at(-1);
  if (parent === undefined || parent.sections.has(name) || parent.values.has(name)) throw new Fault('its section stands there twice');
  const section: Open = { values: new Map(), sections: new Map() };
  parent.sections.set(name, section);
  open.push(section);
}

function splitKey(line: string): { readonly key: string; readonly rest: string } {
  const quote = /^["']/.exec(line)?.[0];
  const end = quote === undefined ? line.indexOf('=') : line.indexOf('=', line.indexOf(quote, 1) + 1);
  const written = line.slice(0, Math.max(end, 0)).trim();
  const key = unquoted(written);
  if (end < 0 || key === '' || (quote !== undefined && key === written)) throw new Fault('it is no "key = value"');
  return { key, rest: line.slice(end + 1).trim() };
}

function unquoted(text: string): string {
  const quote = text[0];
  const isQuoted = text.length > 1 && (quote === '"' || quote === "'") && text.indexOf(quote, 1) === text.length - 1;
  return isQuoted ? text.slice(1, -1) : text;
}

/** A value of one line: one text, or several with commas; a comma at the end makes one a list. */
function readValue(text: string): string | readonly string[] {
  const items: string[] = [];
  let isList = false;
  let rest = text;
  for (;;) {
    const item = readItem(rest);
    if (item.value !== undefined) items.push(item.value);
    rest = item.rest;
    if (rest === '' || rest.startsWith('#')) break;
    if (!rest.startsWith(',') || (item.value === undefined && (isList || !/^,\s*(#|$)/.test(rest))))
      throw new Fault('its value cannot be read');
    isList = true;
    rest = rest.slice(1).trimStart();
  }
  return isList ? items : (items[0] ?? '');
}

/** The first text of a list; what stands behind it begins with a comma or a comment, or is nothing. */
function readItem(text: string): { readonly value: string | undefined; readonly rest: string } {
  const quote = text[0];
  if (quote === '"' || quote === "'") {
    const end = text.indexOf(quote, 1);
    if (end < 0) throw new Fault('its value has no closing quote');
    return { value: text.slice(1, end), rest: text.slice(end + 1).trimStart() };
  }
  const end = text.search(/[,#]/);
  const value = (end < 0 ? text : text.slice(0, end)).trimEnd();
  return { value: value === '' ? undefined : value, rest: end < 0 ? '' : text.slice(end) };
}

/** A value in three quotes, on one line or over several: it ends where nothing but a comment follows, for it may hold such quotes itself. */
function readLong(lines: readonly string[], first: number, quote: string): { readonly value: string; readonly end: number } {
  const line = lines[first] ?? '';
  let rest = line.slice(line.indexOf(quote, line.indexOf('=')) + quote.length);
  let before = '';
  for (let at = first; ; ) {
    const end = endOf(rest, quote);
    if (end !== undefined) return { value: before + rest.slice(0, end), end: at };
    const next = lines[++at];
    if (next === undefined) throw new Fault('its value has no closing quotes');
    before += `${rest}\n`;
    rest = next;
  }
}

/** Where the closing quotes stand in a line; undefined when there are none. */
function endOf(line: string, quote: string): number | undefined {
  let end = line.indexOf(quote);
  if (end < 0) return undefined;
  for (; end >= 0; end = line.indexOf(quote, end + 1)) if (/^\s*(#|$)/.test(line.slice(end + quote.length))) return end;
  throw new Fault('something follows its value');
}

/** The text of a key, when it is one. */
export function textOf({ values }: Section, key: string): string | undefined {
  const value = values.get(key);
  return typeof value === 'string' && value !== '' && value !== 'None' ? value : undefined;
}

/** The texts of a key, be it a list or one text. */
export function listOf({ values }: Section, key: string): readonly string[] {
  const value = values.get(key);
  if (typeof value !== 'string') return value ?? [];
  return value === '' || value === 'None' ? [] : [value];
}

/** True when a key is on. */
export function isOn(section: Section, key: string): boolean {
  return textOf(section, key)?.toLowerCase() === 'true';
}
