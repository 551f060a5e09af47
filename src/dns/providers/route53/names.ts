/** Names as Route53 writes and sorts them. */

/** `\052.Example.com.` as the port has it: `*.example.com`. Route53 writes other characters as three octal digits. */
export function decodeName(name: string): string {
  return name
    .replace(/\.$/, '')
    .replaceAll(/\\([0-3][0-7]{2})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
    .toLowerCase();
}

/** As the condition keys of IAM want names: lower case, no dot at the end, `\052` for `*`. */
export function encodeName(name: string): string {
  return name
    .toLowerCase()
    .replace(/\.$/, '')
    .replaceAll(/[^a-z0-9._-]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

/** The name with its labels reversed, dot at the end, by which Route53 sorts: `com.example.www.`. */
export function reverseName(name: string): string {
  return `${name.split('.').reverse().join('.')}.`;
}

/**
 * True when `a` comes before `b`, whether the service sorts by labels or by the reversed name as one text: the
 * documentation leaves open where `com.example-a.` stands relative to `com.example.`.
 */
export function isSurelyBefore(a: string, b: string): boolean {
  // With the lowest character between the labels, text order is label order.
  const byLabels = (name: string): string => reverseName(name).replaceAll('.', '\u0000');
  return reverseName(a) < reverseName(b) && byLabels(a) < byLabels(b);
}
