/** Lists in annotations, as cert-manager writes them: one line of Go's encoding/csv, without the line feed. */

/** The line; `undefined` for a list that would read back as another one, which cert-manager leaves out too. */
export function csvOf(values: readonly string[]): string | undefined {
  const isLost = (values.length === 1 && values[0] === '') || values.some((value) => value.includes('\r\n'));
  return isLost ? undefined : values.map(fieldOf).join(',');
}

function fieldOf(value: string): string {
  // A byte order mark is a space to JavaScript and none to Go, a next-line (U+0085) the other way round.
  const needsQuotes = value === '\\.' || /[",\r\n]/.test(value) || /^(?!\ufeff)[\s\u0085]/.test(value);
  return needsQuotes ? `"${value.replaceAll('"', '""')}"` : value;
}
