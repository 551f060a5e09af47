/** Values that others wrote: looked into without trust in their shape. */
import { isTscertError, TscertError } from '../base/errors.js';
import { parseName } from '../base/names.js';

/**
 * A value written as JSON.
 * @throws {TscertError} `config-invalid`
 */
export function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What the parser says may quote the text, which may be a key.
    throw new TscertError('config-invalid', `Cannot read "${file}": it is no JSON`, { data: { file } });
  }
}

/** The text that is not empty at a path within a value. */
export function textAt(value: unknown, ...path: readonly string[]): string | undefined {
  const found = valueAt(value, ...path);
  return typeof found === 'string' && found !== '' ? found : undefined;
}

/** What stands at a path within a value. */
export function valueAt(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      typeof inner === 'object' && inner !== null && Object.hasOwn(inner, key) ? (inner as Record<string, unknown>)[key] : undefined,
    value,
  );
}

/** The texts of a list; other members are left out. */
export function textsAt(value: unknown, ...path: readonly string[]): string[] {
  const found = valueAt(value, ...path);
  return Array.isArray(found) ? found.filter((one): one is string => typeof one === 'string' && one !== '') : [];
}

/** An absolute URL with https, as it is written; undefined for anything else. */
export function httpsUrl(text: string | undefined): string | undefined {
  return text !== undefined && URL.canParse(text) && new URL(text).protocol === 'https:' ? text : undefined;
}

/** The first plain e-mail address of a text with one or several, `mailto:` or not; undefined when there is none. */
export function emailIn(text: string | undefined): string | undefined {
  for (const part of (text ?? '').split(/[\s,]+/)) {
    try {
      return parseName(`email:${part.replace(/^mailto:/i, '')}`).value;
    } catch (error) {
      if (!isTscertError(error)) throw error;
    }
  }
  return undefined;
}
