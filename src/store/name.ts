/** Names of stored certificates, made safe for paths: the one place that decides what may become a folder. */
import { isTscertError, TscertError } from '../base/errors.js';

const LONGEST = 200;

/**
 * The name under which a certificate is stored: lower case, `*.` in front written `_.`. Its own result passes unchanged.
 * @throws {TscertError} `name-invalid` for what cannot be one folder: empty, a leading dot, `/`, control characters, over 200 bytes
 */
export function storedName(name: string): string {
  const safe = name.toLowerCase().replace(/^\*\./, '_.');
  const reason = reasonAgainst(safe);
  if (reason !== undefined) {
    throw new TscertError('name-invalid', `Cannot store a certificate under the name ${JSON.stringify(name.slice(0, 300))}: ${reason}`, {
      data: { name, reason },
    });
  }
  return safe;
}

/** {@link storedName}, or `undefined` for what cannot be the name of a stored certificate. */
export function storedNameIn(text: string): string | undefined {
  try {
    return storedName(text);
  } catch (error) {
    if (isTscertError(error, 'name-invalid')) return undefined;
    throw error;
  }
}

function reasonAgainst(name: string): string | undefined {
  if (name === '') return 'it is empty';
  if (name.startsWith('.')) return 'it begins with a dot';
  if (name.includes('..')) return 'it holds ".."';
  if (/[/\\]/.test(name)) return 'it holds a slash';
  if (/[\p{Cc}\p{Cs}]/u.test(name)) return 'it holds a control character';
  if (name.includes('*')) return 'a "*" may only be its whole first label';
  if (Buffer.byteLength(name) > LONGEST) return `it is longer than ${LONGEST} bytes`;
  return undefined;
}
