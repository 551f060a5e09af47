/** What the text of a dnsapi script tells about it, without running it. */

/** Variables of acme.sh itself, which a script may use but never gets from outside. */
const ACME_SH =
  /^(ACME_|LE_|DEBUG|LOG_|SYS_?LOG|HTTP|CA_|CERT_|DOMAIN_|ACCOUNT_|USER_AGENT$|PROJECT|DEFAULT_|NO_TIMESTAMP$|OUTPUT_INSECURE$|HOME$|PATH$)/;

/**
 * The variables that a script takes its settings from, sorted: those of its `Options` and `OptionsAlt` lines, those that it
 * reads from acme.sh's configuration, those with a default by `${NAME:=...}`, and upper-case ones with `_` that it uses.
 */
export function variablesOf(text: string): string[] {
  const code = text.replaceAll(/^\s*#.*$/gm, '');
  const found = [
    ...optionLines(text),
    ...matches(code, /_(?:read(?:account|domain)conf(?:_mutable)?|getdeployconf)[ \t]+"?([A-Za-z]\w*)/g),
    ...matches(code, /\$\{([A-Za-z]\w*):?=/g),
    ...matches(code, /\$\{?([A-Z][A-Z0-9]*_[A-Z0-9_]*[A-Z0-9])\b/g),
  ];
  return [...new Set(found)].filter((name) => !ACME_SH.test(name)).sort();
}

/** True when the script's `_rm` never looks at the value: it removes all TXT values of the name, those of others too. */
export function removesAllValues(text: string, name: string): boolean {
  const start = new RegExp(`^${name}_rm[ \\t]*\\(\\)`, 'm').exec(text);
  if (start === null) return false;
  const body = text.slice(start.index).split(/^\}/m, 1)[0] ?? '';
  return !/\$\{?[2@*]|txtvalue/.test(body.replaceAll(/^\s*#.*$/gm, ''));
}

/** True for variables whose values may stand in an error: addresses and places, nothing secret. */
export function isPlace(variable: string): boolean {
  return /(SERVER|HOST|PORT|URL|URI|ZONE|ZONEFILE|DOMAIN|REGION|ENDPOINT|TTL|VERSION|FILE|PATH|OPT|OPTS)$/i.test(variable);
}

function optionLines(text: string): string[] {
  const names: string[] = [];
  let inOptions = false;
  for (const line of text.split('\n')) {
    if (/^Options(Alt)?:/.test(line)) inOptions = true;
    else if (!line.startsWith(' ')) inOptions = false;
    const name = /^ ([A-Za-z]\w*)(\s|$)/.exec(line)?.[1];
    if (inOptions && name !== undefined) names.push(name);
  }
  return names;
}

function matches(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map((match) => match[1] ?? '');
}
