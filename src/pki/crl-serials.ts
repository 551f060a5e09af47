/** Serial numbers that are looked for in a CRL, compared by value: the content of an INTEGER has one form only. */
import { encodeDer, integer } from './der.js';
import { readDer } from './der-reader.js';

export interface SerialNumbers {
  /** The number, as it was given, whose octets stand from `start` to `end`. */
  find(bytes: Buffer, start: number, end: number): string | undefined;
}

/** @param serialNumbers as certificates have them: hex, `-` before a negative one */
export function serialNumbersOf(serialNumbers: ReadonlySet<string>): SerialNumbers {
  const byTail = new Map<number, { readonly text: string; readonly octets: Buffer }[]>();
  for (const text of serialNumbers) {
    const octets = octetsOf(text);
    const tail = tailOf(octets, 0, octets.length);
    byTail.set(tail, [...(byTail.get(tail) ?? []), { text, octets }]);
  }
  return {
    find(bytes, start, end) {
      const candidates = byTail.get(tailOf(bytes, start, end));
      return candidates?.find(({ octets }) => octets.length === end - start && octets.compare(bytes, start, end) === 0)?.text;
    },
  };
}

function octetsOf(text: string): Buffer {
  const value = text.startsWith('-') ? -BigInt(`0x${text.slice(1)}`) : BigInt(`0x${text}`);
  return readDer(encodeDer(integer(value))).content;
}

/** The last four octets as a number: nearly all entries are told apart by it. */
function tailOf(bytes: Buffer, start: number, end: number): number {
  let tail = 0;
  for (let at = Math.max(start, end - 4); at < end; at++) tail = (tail << 8) | (bytes[at] ?? 0);
  return tail;
}
