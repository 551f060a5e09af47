/** TXT values as Route53 writes them: character strings (RFC 1035 §3.3.14) in quotation marks, at most 255 octets each. */

const LONGEST = 255;

/** `"value"`; a long value becomes several strings, quotation marks, backslashes and octets beyond ASCII are escaped. */
export function quoteTxt(value: string): string {
  const octets = Buffer.from(value, 'utf8');
  const strings: string[] = [];
  for (let at = 0; at < octets.length || at === 0; at += LONGEST) {
    strings.push(`"${[...octets.subarray(at, at + LONGEST)].map(escapeOctet).join('')}"`);
  }
  return strings.join(' ');
}

/** The value of quoted strings, joined; `undefined` when the text is no such thing. */
export function unquoteTxt(text: string): string | undefined {
  if (!/^\s*"(?:[^"\\]|\\.)*"(?:\s*"(?:[^"\\]|\\.)*")*\s*$/s.test(text)) return undefined;
  const octets = [...text.matchAll(/"((?:[^"\\]|\\.)*)"/gs)].map(([, inner = '']) =>
    inner.replaceAll(/\\(?:([0-3][0-7]{2})|(.))/gs, (_, octal: string | undefined, character: string) =>
      octal === undefined ? character : String.fromCharCode(Number.parseInt(octal, 8)),
    ),
  );
  return Buffer.from(octets.join(''), 'latin1').toString('utf8');
}

function escapeOctet(octet: number): string {
  const character = String.fromCharCode(octet);
  if (character === '"' || character === '\\') return `\\${character}`;
  return octet >= 0x20 && octet < 0x7f ? character : `\\${octet.toString(8).padStart(3, '0')}`;
}
