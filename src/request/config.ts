/** The configuration file (YAML 1.2), read strictly: an unknown key is refused with its path and the nearest known one. */
import * as v from 'valibot';
import { parseDocument } from 'yaml';
import { messageOf, TscertError } from '../base/errors.js';
import { nearest } from '../base/nearest.js';
import { printable } from '../base/printable.js';
import { CERTIFICATE_KEYS, type ConfigOptions, configSchema, type OwnOptions, ownSchema, RUN_KEYS } from './options.js';
import { TARGET_KEYS } from './target-options.js';

const MOST_ALIASES = 100;
const LONGEST_QUOTE = 60;

/**
 * Reads a configuration.
 * @param text the file's content
 * @param source how to name it in errors: its path in quotes
 * @throws {TscertError} `config-invalid` with every fault, each with its path
 */
export function parseConfig(text: string, source: string): ConfigOptions {
  const document = parseDocument(text, { prettyErrors: true });
  const fault = document.errors[0] ?? document.warnings[0];
  if (fault !== undefined) throw invalid(source, [yamlWords(fault.message)]);
  return checkOptions(toValue(document, source) ?? {}, source);
}

/** The parser refuses aliases that multiply, and such as name no anchor, only here. */
function toValue(document: ReturnType<typeof parseDocument>, source: string): unknown {
  try {
    return document.toJS({ maxAliasCount: MOST_ALIASES });
  } catch (error) {
    throw invalid(source, [yamlWords(messageOf(error))]);
  }
}

/** The first line of a message of the YAML parser, the place before the words; its other lines quote the file, which may hold secrets. */
function yamlWords(message: string): string {
  const [first = ''] = message.split('\n');
  const [, words = first, place] = /^(.*?)(?: at (line \d+, column \d+):?)?$/.exec(first) ?? [];
  const lower = `${words.charAt(0).toLowerCase()}${words.slice(1)}`;
  return place === undefined ? lower : `${place}: ${lower}`;
}

/**
 * Checks a configuration that was written as a value.
 * @throws {TscertError} `config-invalid`
 */
export function checkOptions(value: unknown, source: string): ConfigOptions {
  return check(configSchema, value, source, String);
}

/**
 * Checks the options of flags, or of the environment.
 * @param nameOf how a key is written there
 * @throws {TscertError} `config-invalid`
 */
export function checkOwnOptions(value: unknown, source: string, nameOf: (key: string) => string = String): OwnOptions {
  return check(ownSchema, value, source, nameOf);
}

function check<Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
  source: string,
  nameOf: (key: string) => string,
): v.InferOutput<Schema> {
  if (Array.isArray(value)) throw invalid(source, ['it must be a mapping, not a list']);
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  throw invalid(
    source,
    result.issues.map((issue) => describeIssue(issue, nameOf)),
  );
}

function describeIssue(issue: v.BaseIssue<unknown>, nameOf: (key: string) => string): string {
  const [first, ...rest] = issue.path ?? [];
  const top = first === undefined ? '' : nameOf(String(first.key));
  const path = printable(top + rest.map((item) => (typeof item.key === 'number' ? `[${item.key}]` : `.${String(item.key)}`)).join(''));
  if (issue.type === 'strict_object' && issue.expected === 'never') {
    const key = String(issue.path?.at(-1)?.key);
    const atTop = rest.length === 0;
    if (!atTop && (RUN_KEYS as readonly string[]).includes(key)) return `${path} holds for the whole run: it stands at the top of the file`;
    const isOfTarget = issue.path?.slice(0, -1).some((item) => item.key === 'deploy');
    if (isOfTarget && TARGET_KEYS.includes(key)) return `${path} does not belong to that kind of target`;
    const meant = nearest(key, isOfTarget ? TARGET_KEYS : [...CERTIFICATE_KEYS, ...(atTop ? [...RUN_KEYS, 'certificates'] : [])]);
    return `${path} is no known key${meant === undefined ? '' : ` (did you mean ${meant}?)`}`;
  }
  if (issue.type === 'non_empty') return `${path} is empty`;
  if (issue.type === 'custom') return `${path} ${issue.message}`;
  if (path === 'eabHmac') return 'eabHmac must be a reference: { file: PATH } or { env: NAME }';
  // Settings of a provider may be secrets: their values are not repeated.
  const received = first?.key === 'dns' ? '' : `, not ${receivedWords(issue, path === '')}`;
  return `${path === '' ? 'it' : path} must be ${expectedWords(issue)}${received}`;
}

function expectedWords({ expected, requirement }: v.BaseIssue<unknown>): string {
  const words = (expected ?? 'something else')
    .replaceAll(/[()]/g, '')
    .split(' | ')
    .map((word) => KINDS[word] ?? word.replaceAll('"', ''));
  const bound = typeof requirement === 'number' ? /^[<>]=/.exec(expected ?? '')?.[0] : undefined;
  if (bound !== undefined) return `${bound === '>=' ? 'at least' : 'at most'} ${String(requirement)}`;
  return [...new Set(words)].join(' or ');
}

const KINDS: Readonly<Record<string, string>> = {
  boolean: 'true or false',
  number: 'a number',
  integer: 'a whole number',
  string: 'a text',
  Array: 'a list',
  Object: 'a mapping',
};

/** What stood there instead; of a long text its beginning, of a whole document nothing. */
function receivedWords({ received, input }: v.BaseIssue<unknown>, isWhole: boolean): string {
  if (typeof input !== 'string') return received === 'undefined' || received === 'null' ? 'nothing' : (KINDS[received] ?? received);
  if (isWhole) return 'a text';
  return JSON.stringify(input.length > LONGEST_QUOTE ? `${input.slice(0, LONGEST_QUOTE)}...` : input);
}

function invalid(source: string, faults: readonly string[]): TscertError {
  return new TscertError('config-invalid', `Cannot use ${source}: ${faults.join('; ')}`, { data: { source, faults } });
}
