/** Distinguished names as strings (RFC 4514): `CN=example.com,O=Example\, Inc.,C=DE`, most specific first. */
import { TscertError } from '../base/errors.js';
import { ATTRIBUTE_WORDS, attributeTypeOfOid, attributeTypeOfWord } from './attribute-type.js';
import { isOid } from './der.js';

/** One attribute of a name. */
export interface Attribute {
  readonly oid: string;
  /** The text; for a value that is no text, `#` and its DER in hex. */
  readonly value: string;
  /** True when `value` is such a hex form. */
  readonly encoded?: boolean;
}

/** An octet in hex, an escaped character, or a plain one. */
const VALUE = /\\([0-9a-f]{2})|\\([ "#+,;<=>\\])|([^"\\;<>,+\0])/giuy;

/** Relative distinguished names in the order of the certificate: least specific first; most have one attribute. */
export type DistinguishedName = readonly (readonly Attribute[])[];

/**
 * Reads an RFC 4514 string. Spaces around `,`, `+` and `=` are allowed, attribute types may be words in any case or dotted.
 * @throws {TscertError} `request-invalid` with the place that cannot be read
 */
export function parseDistinguishedName(text: string): DistinguishedName {
  if (text.trim() === '') return [];
  let at = 0;
  const fail = (why: string): TscertError =>
    new TscertError('request-invalid', `Cannot read the subject ${JSON.stringify(text)}: ${why}`, { data: { value: text, at } });
  const spaces = (): void => {
    while (text[at] === ' ') at++;
  };
  const type = (): string => {
    const word = /^[A-Za-z0-9.-]+/.exec(text.slice(at))?.[0] ?? '';
    at += word.length;
    spaces();
    if (word === '' || text[at] !== '=') throw fail(`at character ${at + 1} a "TYPE=value" is expected`);
    at++;
    const oid = attributeTypeOfWord(word)?.oid ?? (isOid(word) ? word : undefined);
    if (oid === undefined) throw fail(`"${word}" is none of the attributes ${ATTRIBUTE_WORDS.join(', ')}, nor a dotted object identifier`);
    return oid;
  };
  const hexValue = (): string => {
    const hex = /^#(?:[0-9a-f]{2})+/i.exec(text.slice(at))?.[0];
    if (hex === undefined) throw fail(`at character ${at + 1} hex digits are expected behind "#"`);
    at += hex.length;
    return hex.toLowerCase();
  };
  const textValue = (): string => {
    const octets: Buffer[] = [];
    let kept = 0;
    for (;;) {
      VALUE.lastIndex = at;
      const found = VALUE.exec(text);
      if (found === null) break;
      at += found[0].length;
      const [, hex, escaped, plain] = found;
      octets.push(hex === undefined ? Buffer.from(escaped ?? plain ?? '') : Buffer.from(hex, 'hex'));
      if (plain !== ' ') kept = octets.length;
    }
    const value = Buffer.concat(octets.slice(0, kept));
    if (!value.equals(Buffer.from(value.toString('utf8')))) throw fail('its escaped octets are not UTF-8');
    return value.toString('utf8');
  };
  const names: Attribute[][] = [[]];
  for (;;) {
    spaces();
    const oid = type();
    spaces();
    const encoded = text[at] === '#';
    names.at(-1)?.push(encoded ? { oid, value: hexValue(), encoded } : { oid, value: textValue() });
    spaces();
    if (at >= text.length) return names.reverse();
    if (text[at] !== ',' && text[at] !== '+')
      throw fail(`at character ${at + 1} stands ${JSON.stringify(text[at])}, which needs a "\\" before it`);
    if (text[at++] === ',') names.push([]);
  }
}

/** Writes a name as an RFC 4514 string; types without a word are dotted, with their value in hex as given. */
export function formatDistinguishedName(name: DistinguishedName): string {
  return [...name]
    .reverse()
    .map((attributes) =>
      attributes
        .map(({ oid, value, encoded }) => `${attributeTypeOfOid(oid)?.word ?? oid}=${encoded ? value : escapeValue(value)}`)
        .join('+'),
    )
    .join(',');
}

function escapeValue(value: string): string {
  const escaped = value
    .replaceAll(/[\\",+;<>]/g, '\\$&')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a control character must not reach the terminal
    .replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, (character) => Buffer.from(character).toString('hex').replaceAll(/../g, '\\$&'))
    .replace(/^[ #]/, '\\$&');
  return value.length > 1 && value.endsWith(' ') ? `${escaped.slice(0, -1)}\\ ` : escaped;
}
