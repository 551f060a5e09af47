/** The configuration file (YAML 1.2), read strictly: an unknown key is refused with its path and the nearest known one. */
import * as v from 'valibot';
import { parseDocument } from 'yaml';
import { TscertError } from '../base/errors.js';
import { nearest } from '../base/nearest.js';
import { CERTIFICATE_KEYS, type ConfigOptions, configSchema, type OwnOptions, ownSchema, RUN_KEYS } from './options.js';

/**
 * Reads a configuration.
 * @param text the file's content
 * @param source how to name it in errors: its path, or "the command line"
 * @throws {TscertError} `config-invalid` with every fault, each with its path
 */
export function parseConfig(text: string, source: string): ConfigOptions {
  const document = parseDocument(text, { prettyErrors: true });
  const fault = document.errors[0] ?? document.warnings[0];
  if (fault !== undefined) throw invalid(source, [fault.message.split('\n')[0] ?? fault.message]);
  return checkOptions(document.toJS() ?? {}, source);
}

/**
 * Checks a configuration that was written as a value.
 * @throws {TscertError} `config-invalid`
 */
export function checkOptions(value: unknown, source: string): ConfigOptions {
  return check(configSchema, value, source);
}

/**
 * Checks the options of flags and environment.
 * @throws {TscertError} `config-invalid`
 */
export function checkOwnOptions(value: unknown, source: string): OwnOptions {
  return check(ownSchema, value, source);
}

function check<Schema extends v.GenericSchema>(schema: Schema, value: unknown, source: string): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  throw invalid(source, result.issues.map(describeIssue));
}

function describeIssue(issue: v.BaseIssue<unknown>): string {
  const path = (issue.path ?? [])
    .map((item) => (typeof item.key === 'number' ? `[${item.key}]` : `.${String(item.key)}`))
    .join('')
    .replace(/^\./, '');
  if (issue.type === 'strict_object' && issue.expected === 'never') {
    const key = String(issue.path?.at(-1)?.key);
    const atTop = (issue.path?.length ?? 0) === 1;
    const meant = nearest(key, [...CERTIFICATE_KEYS, ...(atTop ? [...RUN_KEYS, 'certificates'] : [])]);
    return `${path} is no known key${meant === undefined ? '' : ` (did you mean ${meant}?)`}`;
  }
  const received = issue.received === 'undefined' ? 'nothing' : issue.received;
  if (issue.type === 'non_empty') return `${path} is empty`;
  return `${path === '' ? 'the document' : path} must be ${issue.expected?.replaceAll('"', '') ?? 'something else'}, not ${received}`;
}

function invalid(source: string, faults: readonly string[]): TscertError {
  return new TscertError('config-invalid', `Cannot use ${source}: ${faults.join('; ')}`, { data: { source, faults } });
}
