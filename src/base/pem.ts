/**
 * PEM (RFC 7468): base64 between BEGIN and END lines. Text around and between the blocks is ignored, as OpenSSL does.
 */
import { TscertError } from './errors.js';

/** One block of a PEM text. */
export interface PemBlock {
  /** What stands after BEGIN, as "CERTIFICATE" or "EC PRIVATE KEY". */
  readonly label: string;
  /** The decoded bytes; those of an encrypted legacy key are still encrypted. */
  readonly der: Buffer;
  /** RFC 1421 headers (`Proc-Type`, `DEK-Info`) of legacy keys; empty elsewhere. */
  readonly headers: Readonly<Record<string, string>>;
  /** The block as it stood in the text, with its BEGIN and END lines. */
  readonly text: string;
}

const BEGIN = /^-----BEGIN ([A-Za-z0-9][A-Za-z0-9 #.-]*)-----[ \t]*$/;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/**
 * Splits a PEM text into its blocks.
 * @throws {TscertError} `pem-invalid` when a block has no end, another end, or a body that is no base64
 */
export function decodePem(text: string): PemBlock[] {
  const blocks: PemBlock[] = [];
  const lines = text.split(/\r\n|\n|\r/);
  for (let at = 0; at < lines.length; at++) {
    const label = BEGIN.exec(lines[at] ?? '')?.[1];
    if (label === undefined) continue;
    const first = at;
    const end = `-----END ${label}-----`;
    const headers: Record<string, string> = {};
    let body = '';
    for (at++; (lines[at] ?? '').trimEnd() !== end; at++) {
      const line = lines[at];
      if (line === undefined || line.startsWith('-----')) {
        throw new TscertError('pem-invalid', `Cannot read the PEM block "${label}": it has no line "${end}"`, {
          data: { label, line: first + 1 },
        });
      }
      const header = /^([A-Za-z-]+): (.*)$/.exec(line);
      if (header?.[1] !== undefined && body === '') headers[header[1]] = header[2] ?? '';
      else body += line.replaceAll(/[ \t]/g, '');
    }
    if (!BASE64.test(body) || body.length % 4 !== 0) {
      throw new TscertError('pem-invalid', `Cannot read the PEM block "${label}": its body is not base64`, {
        data: { label, line: first + 1 },
      });
    }
    blocks.push({ label, der: Buffer.from(body, 'base64'), headers, text: `${lines.slice(first, at + 1).join('\n')}\n` });
  }
  return blocks;
}

/** Writes DER bytes as one PEM block: lines of 64 characters, a line feed at the end. */
export function encodePem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.map((line) => `${line}\n`).join('')}-----END ${label}-----\n`;
}
