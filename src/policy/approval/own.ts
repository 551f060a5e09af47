/** tscert's own policies, made ready for the engine. */
import { parseDuration } from '../../base/duration.js';
import { readExpression } from './cel.js';
import type { WrittenPolicy } from './format.js';
import { matches } from './pattern.js';
import type { Policy, Rule, Selection } from './policy.js';
import type { Judged } from './request.js';
import { expressionRule } from './rules/expression.js';
import { namesRule } from './rules/names.js';
import { ageRule, caRule, durationRule, keyRule, usagesRule } from './rules/plain.js';
import { type SubjectPatterns, subjectRule } from './rules/subject.js';
import { accessRule, nodeRule, pendingRule, renewalRule, replayRule, resolveRule, serviceRule } from './rules/world.js';
import { POLICY_VARIABLES } from './variables.js';

/** @throws {TscertError} `config-invalid` for an expression that is none */
export async function policyOf(written: WrittenPolicy): Promise<Policy> {
  const expressions = await Promise.all(
    (written.rules ?? []).map(async ({ rule, message }) => expressionRule(await readExpression(rule, POLICY_VARIABLES), message)),
  );
  return {
    name: written.name,
    isForSigner: (signerName) => written.signers.some((pattern) => matches(pattern, signerName, '/')),
    select: async ({ requester }) => select(written.requesters, requester),
    rules: [...ownRules(written), ...expressions],
    unmatched: written.unmatched ?? 'deny',
  };
}

function select({ users, groups, namespaces }: WrittenPolicy['requesters'], requester: Judged['requester']): Selection {
  const isOneOf = (patterns: readonly string[], name: string): boolean => patterns.some((pattern) => matches(pattern, name, ':'));
  const namespace = requester.serviceAccount?.namespace;
  const no = (why: string): Selection => ({ isSelected: false, why });
  if (users !== undefined && !isOneOf(users, requester.username)) return no(`It is not for the user "${requester.username}"`);
  if (groups !== undefined && !requester.groups.some((group) => isOneOf(groups, group)))
    return no(`It is for none of the groups of "${requester.username}"`);
  if (namespaces !== undefined && (namespace === undefined || !isOneOf(namespaces, namespace)))
    return no(
      `It is not for ${namespace === undefined ? `"${requester.username}", who is no service account` : `the namespace "${namespace}"`}`,
    );
  return { isSelected: true };
}

/** The attributes under their words, with their types. */
export const SUBJECT_TYPES = {
  commonName: '2.5.4.3',
  organizations: '2.5.4.10',
  organizationalUnits: '2.5.4.11',
  countries: '2.5.4.6',
  localities: '2.5.4.7',
  provinces: '2.5.4.8',
  streetAddresses: '2.5.4.9',
  postalCodes: '2.5.4.17',
  serialNumber: '2.5.4.5',
} as const;

const ANY_STRONG_KEY = { RSA: {}, ECDSA: {}, Ed25519: {} } as const;

function ownRules(written: WrittenPolicy): Rule[] {
  const { duration, keys, renewal } = written;
  const rules: (Rule | undefined)[] = [
    subjectRule(subjectPatterns(written.subject ?? {})),
    namesRule(allowedNames(written.names ?? {})),
    usagesRule(written.usages),
    durationRule({
      ...(duration?.min !== undefined && { min: parseDuration(duration.min) }),
      ...(duration?.max !== undefined && { max: parseDuration(duration.max) }),
      isOptional: duration === undefined || duration.absent === 'allow',
    }),
    keyRule(keys ?? ANY_STRONG_KEY),
    caRule(written.isCA ?? false),
    written.maxAge === undefined ? undefined : ageRule(parseDuration(written.maxAge)),
    written.belongTo === 'node' ? nodeRule : undefined,
    written.belongTo === 'services' ? serviceRule(written.clusterDomain ?? 'cluster.local') : undefined,
    written.resolve === true ? resolveRule : undefined,
    renewal === undefined ? undefined : renewalRule({ at: renewal.at, mayBeFirst: renewal.first === 'allow' }),
    written.maxPending === undefined ? undefined : pendingRule(written.maxPending),
    ...(written.access ?? []).map((access) => accessRule(access)),
    replayRule({ sameRequest: written.replay !== 'allow', sameKey: written.keyReuse === 'deny' }),
  ];
  return rules.filter((rule) => rule !== undefined);
}

function subjectPatterns({ other, ...named }: NonNullable<WrittenPolicy['subject']>): SubjectPatterns {
  const entries = Object.entries(SUBJECT_TYPES).map(([key, oid]) => [oid, named[key as keyof typeof named] ?? []] as const);
  return { ...Object.fromEntries(entries), ...other };
}

function allowedNames(names: NonNullable<WrittenPolicy['names']>): Parameters<typeof namesRule>[0] {
  const { dns, ...rest } = names;
  // DNS names are compared in lower case; templates keep their own words.
  const lower = (pattern: string): string =>
    pattern.replaceAll(/\{[^{}]*\}|[^{}]+/g, (part) => (part.startsWith('{') ? part : part.toLowerCase()));
  return { ...rest, ...(dns !== undefined && { dns: { ...dns, allow: dns.allow.map(lower) } }) };
}
