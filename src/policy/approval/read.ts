/** Files of policies: YAML or JSON, one document or several, tscert's own format and CertificateRequestPolicy side by side. */
import * as v from 'valibot';
import { parseAllDocuments } from 'yaml';
import { messageOf, TscertError } from '../../base/errors.js';
import { certificateRequestPolicySchema, requestPolicyOf } from './certificate-request-policy.js';
import { approvalPolicySchema } from './format.js';
import { policyOf } from './own.js';
import type { Policy } from './policy.js';

const MOST_ALIASES = 100;

/**
 * Reads all policies of a file.
 * @param source how to name it in errors: its path in quotes
 * @throws {TscertError} `config-invalid` with every fault of the first document that has one, each with its path
 */
export async function readPolicies(text: string, source: string): Promise<readonly Policy[]> {
  const values = documentsOf(text, source);
  const policies: Policy[] = [];
  for (const value of values) policies.push(...(await policiesOf(value, source)));
  if (policies.length === 0) throw invalid(source, ['there is no policy in it']);
  const names = policies.map(({ name }) => name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw invalid(source, [`there are two policies of the name "${twice}"`]);
  return policies;
}

function documentsOf(text: string, source: string): unknown[] {
  const documents = parseAllDocuments(text, { prettyErrors: false });
  if (!Array.isArray(documents)) throw invalid(source, ['it is empty']);
  return documents
    .map((document) => {
      const fault = document.errors[0] ?? document.warnings[0];
      if (fault !== undefined) throw invalid(source, [`it is no YAML: ${fault.message}`]);
      try {
        return document.toJS({ maxAliasCount: MOST_ALIASES }) as unknown;
      } catch (error) {
        throw invalid(source, [`it is no YAML: ${messageOf(error)}`]);
      }
    })
    .filter((value) => value !== null && value !== undefined)
    .flatMap(itemsOf);
}

/** What `kubectl get certificaterequestpolicies -o yaml` writes is a list. */
function itemsOf(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null || !('items' in value) || !('kind' in value) || !Array.isArray(value.items))
    return [value];
  return typeof value.kind === 'string' && value.kind.endsWith('List') ? value.items : [value];
}

async function policiesOf(value: unknown, source: string): Promise<Policy[]> {
  if (typeof value === 'object' && value !== null && 'kind' in value) {
    const written = check(certificateRequestPolicySchema, value, source);
    return [await named(written.metadata.name, source, async () => await requestPolicyOf(written))];
  }
  const { policies } = check(approvalPolicySchema, value, source);
  return await Promise.all(policies.map(async (written) => await named(written.name, source, async () => await policyOf(written))));
}

/** Says of which policy a fault is. */
async function named(name: string, source: string, make: () => Promise<Policy>): Promise<Policy> {
  try {
    return await make();
  } catch (error) {
    if (!(error instanceof TscertError)) throw error;
    throw new TscertError('config-invalid', `Cannot use the policy "${name}" of ${source}: ${error.message}`, { cause: error });
  }
}

function check<Schema extends v.GenericSchema>(schema: Schema, value: unknown, source: string): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  throw invalid(source, result.issues.map(issueWords));
}

function issueWords(issue: v.BaseIssue<unknown>): string {
  const path =
    (issue.path ?? []).map(({ key }, at) => (typeof key === 'number' ? `[${key}]` : `${at === 0 ? '' : '.'}${String(key)}`)).join('') ||
    'it';
  if (issue.type === 'strict_object' && issue.expected === 'never') return `${path} is no known key`;
  if (issue.type === 'check' || issue.type === 'custom' || issue.type === 'regex') return `${path} ${issue.message}`;
  if (issue.type === 'non_empty' || issue.type === 'min_length') return `${path} is empty`;
  if (issue.received === 'undefined') return `${path} is missing`;
  return `${path} must be ${(issue.expected ?? 'something else').replaceAll(/[()]/g, '').replaceAll(' | ', ' or ')}, not ${issue.received}`;
}

function invalid(source: string, faults: readonly string[]): TscertError {
  return new TscertError('config-invalid', `Cannot use ${source}: ${faults.join('; ')}`, { data: { source, faults } });
}
