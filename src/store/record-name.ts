/** Keys of records and locks as file names, readable and reversible. */
import { createHash } from 'node:crypto';

const LONGEST = 180;

/**
 * Percent-encodes everything outside `[A-Za-z0-9._-]`, and a dot in front; no key at all is `%`. A name of more than 180 characters is cut and ends
 * in `%~` and a digest: whoever lists such files finds the key inside.
 */
export function fileNameOf(key: string): string {
  const name = key.replaceAll(/[^A-Za-z0-9._-]+/g, encodeText).replace(/^\./, '%2E') || '%';
  if (name.length <= LONGEST) return name;
  return `${name.slice(0, LONGEST - 34)}%~${createHash('sha256').update(key).digest('hex').slice(0, 32)}`;
}

/** The key of a file name that {@link fileNameOf} gave; undefined where only the file itself knows it. */
export function keyOf(fileName: string): string | undefined {
  if (fileName.includes('%~')) return undefined;
  const bytes = fileName.replaceAll(/%([0-9A-F]{2})|[^%]/g, (part, hex: string | undefined) => hex ?? part.charCodeAt(0).toString(16));
  return Buffer.from(bytes, 'hex').toString();
}

function encodeText(text: string): string {
  return [...Buffer.from(text)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
}
