/** The files in which acme.sh keeps its settings: `account.conf`, `ca.conf` and one a certificate. */

/**
 * The values of a file that acme.sh's `_save_conf` wrote: lines `NAME='value'`, the name with or without `SAVED_` in front,
 * the value plain or in base64 between acme.sh's marks.
 */
export function readSettings(text: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const [, saved, name = '', value = ''] of text.matchAll(/^(SAVED_)?([A-Za-z]\w*)='(.*)'$/gm)) {
    if (saved !== undefined || !values.has(name)) values.set(name, decoded(value));
  }
  return values;
}

/** What is no base64 between the marks stays as it stands. */
function decoded(value: string): string {
  const encoded = /^__ACME_BASE64__START_([A-Za-z0-9+/]*={0,2})__ACME_BASE64__END_$/.exec(value)?.[1];
  return encoded === undefined ? value : Buffer.from(encoded, 'base64').toString();
}
