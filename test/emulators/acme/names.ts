/** The names of an order (RFC 8555 §7.1.3), as Boulder takes them: DNS names alone, well formed, none of them twice. */
import { isIP } from 'node:net';
import { isObject } from '../../../src/acme/answer.js';
import { AcmeProblem, malformed } from './problem.js';

const LABEL = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;

/** The names in `identifiers`, in lower case and sorted. */
export function readNames(identifiers: unknown): string[] {
  if (!Array.isArray(identifiers) || identifiers.length === 0) throw malformed('NewOrder request did not specify any identifiers');
  const names = identifiers.map((identifier: unknown) => {
    const { type, value } = isObject(identifier) ? identifier : {};
    if (type !== 'dns') {
      const detail = `NewOrder request included unsupported identifier: type "${type}", value "${value}"`;
      throw new AcmeProblem(400, 'unsupportedIdentifier', detail);
    }
    if (typeof value !== 'string' || value === '') throw malformed('NewOrder request included empty identifier');
    return value.toLowerCase();
  });
  const unique = [...new Set(names)].sort();
  for (const name of unique) {
    const fault = faultOf(name);
    if (fault === undefined) continue;
    throw new AcmeProblem(400, 'rejectedIdentifier', `Invalid identifiers requested :: Cannot issue for "${name}": ${fault}`);
  }
  return unique;
}

function faultOf(name: string): string | undefined {
  if (isIP(name) !== 0) return 'Identifier type is DNS but value is an IP address';
  if (name.length > 253) return 'Domain name is longer than 253 bytes';
  if (name.endsWith('.')) return 'Domain name ends in a dot';
  const labels = name.split('.');
  if (labels.length > 10) return 'Domain name has more than 10 labels (parts)';
  if (labels.length < 2) return 'Domain name needs at least one dot';
  if (labels.includes('')) return 'Domain name can not have two dots in a row';
  const [first, ...rest] = labels;
  if (rest.some((label) => label.includes('*')) || (first?.includes('*') === true && first !== '*')) {
    return 'Domain name contains an invalid wildcard. A wildcard is only permitted before the first dot in a domain name';
  }
  if (first === '*' && rest.length < 2) return 'Domain name is a wildcard for an ICANN TLD';
  const plain = first === '*' ? rest : labels;
  if (plain.some((label) => label.length > 63)) return 'Domain has a label (component between dots) longer than 63 bytes';
  return plain.every((label) => LABEL.test(label)) ? undefined : 'Domain name contains an invalid character';
}

/** Refuses a name beside the wildcard that covers it. */
export function refuseOverlap(names: readonly string[]): void {
  const covered = names.find((name) => !name.startsWith('*.') && names.includes(`*${name.slice(name.indexOf('.'))}`));
  if (covered === undefined) return;
  throw malformed(
    `Error creating new order :: Domain name "${covered}" is redundant with a wildcard domain in the same request. Remove one or the other from the certificate request.`,
  );
}

/** The last two labels: as good as the public suffix list for the names of tests. */
export function lastTwoLabels(name: string): string {
  return name.split('.').slice(-2).join('.');
}
