/** Record sets: read from a change, written into a list, compared and validated by Route53's rules. */
import { isIPv4, isIPv6 } from 'node:net';
import { compare, normalizeName, sortKey } from './names.js';
import { Route53Problem } from './problem.js';
import { child, type Element, tag, textOf, textTag } from './xml.js';

export interface RecordSet {
  /** Normalized, dot at the end. */
  readonly name: string;
  readonly type: string;
  readonly ttl?: number;
  readonly values: readonly string[];
  readonly setIdentifier?: string;
  readonly multiValueAnswer?: boolean;
  readonly weight?: number;
  readonly region?: string;
  readonly failover?: string;
  readonly alias?: { readonly hostedZoneId: string; readonly dnsName: string; readonly evaluateTargetHealth: boolean };
}

const TYPES = new Set([
  'SOA',
  'A',
  'TXT',
  'NS',
  'CNAME',
  'MX',
  'NAPTR',
  'PTR',
  'SRV',
  'SPF',
  'AAAA',
  'CAA',
  'DS',
  'TLSA',
  'SSHFP',
  'SVCB',
  'HTTPS',
]);
const FIELDS = new Set([
  'Name',
  'Type',
  'SetIdentifier',
  'Weight',
  'Region',
  'Failover',
  'MultiValueAnswer',
  'TTL',
  'ResourceRecords',
  'AliasTarget',
]);

/**
 * Reads a ResourceRecordSet element of a change; `action` is for the words of a refusal.
 * @throws {Route53Problem} `InvalidInput`, or `RangeError` with the words for a bad name
 */
export function readRecordSet(element: Element, action: string): RecordSet {
  const unknown = element.children.find(({ name }) => !FIELDS.has(name));
  if (unknown !== undefined) throw new Route53Problem('InvalidInput', `Invalid request: this emulator has no ${unknown.name}`);
  const written = textOf(element, 'Name') ?? '';
  const type = textOf(element, 'Type') ?? '';
  const setIdentifier = textOf(element, 'SetIdentifier');
  if (!TYPES.has(type)) {
    throw new Route53Problem(
      'InvalidInput',
      `1 validation error detected: Value '${type}' at 'changeBatch.changes.1.member.resourceRecordSet.type' failed to satisfy constraint: Member must satisfy enum value set`,
    );
  }
  const values = child(element, 'ResourceRecords')?.children.map((record) => textOf(record, 'Value') ?? '');
  const ttl = readNumber(textOf(element, 'TTL'), 'TTL', 2_147_483_647);
  const weight = readNumber(textOf(element, 'Weight'), 'Weight', 255);
  const [region, failover] = [textOf(element, 'Region'), textOf(element, 'Failover')];
  const multiValueAnswer = textOf(element, 'MultiValueAnswer') === 'true';
  const target = child(element, 'AliasTarget');
  const whole = values !== undefined && values.length > 0 && ttl !== undefined;
  if (whole === (target !== undefined) || (target !== undefined && (ttl !== undefined || values !== undefined))) {
    const found = target === undefined ? 'none' : 'more than one';
    const where = `[Action=${action}, Name=${written}, Type=${type}, SetIdentifier=${setIdentifier ?? 'null'}]`;
    throw new Route53Problem(
      'InvalidInput',
      `Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId], but found ${found} in Change with ${where}`,
    );
  }
  const policies = [multiValueAnswer || undefined, weight, region, failover].filter((one) => one !== undefined).length;
  if (policies > 1 || (policies === 1) !== (setIdentifier !== undefined)) {
    throw new Route53Problem(
      'InvalidInput',
      `Invalid request: Expected exactly one of [Weight, Region, Failover, GeoLocation, or MultiValueAnswer] with a SetIdentifier in Change with [Action=${action}, Name=${written}, Type=${type}, SetIdentifier=${setIdentifier ?? 'null'}]`,
    );
  }
  return {
    name: normalizeName(written),
    type,
    values: values ?? [],
    ...(ttl === undefined ? {} : { ttl }),
    ...(setIdentifier === undefined ? {} : { setIdentifier }),
    ...(multiValueAnswer ? { multiValueAnswer } : {}),
    ...(weight === undefined ? {} : { weight }),
    ...(region === undefined ? {} : { region }),
    ...(failover === undefined ? {} : { failover }),
    ...(target === undefined
      ? {}
      : {
          alias: {
            hostedZoneId: textOf(target, 'HostedZoneId') ?? '',
            dnsName: normalizeName(textOf(target, 'DNSName') ?? ''),
            evaluateTargetHealth: textOf(target, 'EvaluateTargetHealth') === 'true',
          },
        }),
  };
}

function readNumber(text: string | undefined, field: string, largest: number): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (!/^\d+$/.test(text) || number > largest) {
    throw new Route53Problem('InvalidInput', `Invalid request: ${field} must be between 0 and ${largest}`);
  }
  return number;
}

/** The set as an element of ListResourceRecordSets. */
export function writeRecordSet(set: RecordSet): string {
  const { alias } = set;
  const fields = [
    textTag('Name', set.name),
    textTag('Type', set.type),
    textTag('SetIdentifier', set.setIdentifier),
    textTag('Weight', set.weight),
    textTag('Region', set.region),
    textTag('Failover', set.failover),
    textTag('MultiValueAnswer', set.multiValueAnswer),
    textTag('TTL', set.ttl),
    alias === undefined ? tag('ResourceRecords', set.values.map((value) => tag('ResourceRecord', textTag('Value', value))).join('')) : '',
    alias === undefined
      ? ''
      : tag(
          'AliasTarget',
          textTag('HostedZoneId', alias.hostedZoneId) +
            textTag('DNSName', alias.dnsName) +
            textTag('EvaluateTargetHealth', alias.evaluateTargetHealth),
        ),
  ];
  return tag('ResourceRecordSet', fields.join(''));
}

/** Two sets with the same key are the same set at two times. */
export function keyOf({ name, type, setIdentifier }: RecordSet): string {
  return JSON.stringify([name, type, setIdentifier ?? null]);
}

/** True when all that a DELETE must repeat is equal; the order of values does not matter. */
export function isSameSet(a: RecordSet, b: RecordSet): boolean {
  const comparable = ({ values, ...rest }: RecordSet): string => JSON.stringify([Object.entries(rest).sort(), [...values].sort()]);
  return comparable(a) === comparable(b);
}

/** The order of ListResourceRecordSets: reversed name, type, identifier. */
export function compareSets(a: RecordSet, b: RecordSet): number {
  return compare(sortKey(a.name), sortKey(b.name)) || compare(a.type, b.type) || compare(a.setIdentifier ?? '', b.setIdentifier ?? '');
}

/** What is wrong with the values, in Route53's words. */
export function valueProblems(set: RecordSet): string[] {
  const problems = set.values.flatMap((value) => {
    const problem = valueProblem(set.type, value);
    return problem === undefined ? [] : [`Invalid Resource Record: 'FATAL problem: ${problem} encountered with '${value}''`];
  });
  const duplicates = set.values.filter((value, at) => set.values.indexOf(value) !== at);
  return [...problems, ...new Set(duplicates.map((value) => `Duplicate Resource Record: '${value}'`))];
}

function valueProblem(type: string, value: string): string | undefined {
  if (type === 'A') return isIPv4(value) ? undefined : 'ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address)';
  if (type === 'AAAA') return isIPv6(value) ? undefined : 'AAAARRDATAIllegalIPv6Address (Value is not a valid IPv6 address)';
  if (type !== 'TXT' && type !== 'SPF') return value === '' ? 'EmptyValue (Value is empty)' : undefined;
  if (/[^\x20-\x7e]/.test(value)) return 'UnsupportedCharacter (Value contains unsupported characters)';
  const strings = readStrings(value);
  if (strings === undefined) return 'InvalidCharacterString (Value should be enclosed in quotation marks)';
  if (value.length > 4_000 || strings.some((octets) => octets.length > 255)) return 'CharacterStringTooLong (Value is too long)';
  return undefined;
}

/** The character strings of a TXT value (RFC 1035 §3.3.14), or nothing when it is not quoted strings. */
export function readStrings(value: string): Buffer[] | undefined {
  if (!/^"(?:[^"\\]|\\.)*"(?:\s+"(?:[^"\\]|\\.)*")*$/.test(value)) return undefined;
  return [...value.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, inner = '']) =>
    Buffer.from(
      inner.replaceAll(/\\(?:([0-3][0-7]{2})|(.))/g, (_, octal: string | undefined, character: string) =>
        octal === undefined ? character : String.fromCharCode(Number.parseInt(octal, 8)),
      ),
      'latin1',
    ),
  );
}
