/** Texts that others wrote, made safe for a terminal. */

/** Control characters, and those that turn the direction of writing or cannot be seen. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** The text with every character that could move the cursor, turn the writing or hide replaced by `\u{HEX}`. */
export function printable(text: string): string {
  return text.replaceAll(UNSAFE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}
