/** Names as Route53 keeps them: lower case, a dot at the end, other characters as three octal digits. */

/**
 * The form in which Route53 gives a name back: `\052.example.com.`.
 * @throws {RangeError} with Route53's words for what is wrong
 */
export function normalizeName(name: string): string {
  const bare = name.endsWith('.') ? name.slice(0, -1) : name;
  if (bare === '') throw new RangeError(`FATAL problem: DomainNameEmpty (Domain name is empty) encountered with '${name}'`);
  const labels = bare.split('.').map((label) => {
    if (label === '') throw new RangeError(`FATAL problem: DomainLabelEmpty (Domain label is empty) encountered with '${name}'`);
    const octets = Buffer.from(
      label.replaceAll(/\\([0-3][0-7]{2})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
      'latin1',
    );
    if (octets.length > 63) throw new RangeError(`FATAL problem: DomainLabelTooLong (Domain label is too long) encountered with '${name}'`);
    return [...octets]
      .map((octet) => String.fromCharCode(octet).toLowerCase())
      .map((character) => (/[a-z0-9_-]/.test(character) ? character : `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`))
      .join('');
  });
  const normal = `${labels.join('.')}.`;
  if (normal.length > 255) throw new RangeError(`FATAL problem: DomainNameTooLong (Domain name is too long) encountered with '${name}'`);
  return normal;
}

/** By this text Route53 sorts: labels reversed, dot at the end, `com.example.www.`. */
export function sortKey(name: string): string {
  return `${name.slice(0, -1).split('.').reverse().join('.')}.`;
}

/** True when a normalized name is the zone's or lies below it, on a label boundary. */
export function isInZone(name: string, zone: string): boolean {
  return name === zone || name.endsWith(`.${zone}`);
}

/** ASCII order, as Route53 sorts. */
export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
