/** Identity policies, as far as Route53's permissions need them: actions, resources and the conditions of ChangeResourceRecordSets. */

type OneOrMore = string | readonly string[];

export interface PolicyStatement {
  readonly Sid?: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Action: OneOrMore;
  readonly Resource: OneOrMore;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, OneOrMore>>>>;
}

export interface PolicyDocument {
  readonly Version: string;
  readonly Statement: readonly PolicyStatement[];
}

/** What is asked for: `route53:GetChange` on an ARN, with the condition keys of the request. */
export interface Access {
  readonly action: string;
  readonly resource: string;
  readonly keys: Readonly<Record<string, readonly string[]>>;
}

const OPERATOR = /^(?:(ForAllValues|ForAnyValue):)?(StringEquals|StringNotEquals|StringLike|StringNotLike|StringEqualsIgnoreCase)$/;

/** True when a statement allows and none denies. */
export function isAllowed(policy: PolicyDocument, access: Access): boolean {
  const fitting = policy.Statement.filter((statement) => applies(statement, access));
  return fitting.some(({ Effect }) => Effect === 'Allow') && !fitting.some(({ Effect }) => Effect === 'Deny');
}

function applies(statement: PolicyStatement, { action, resource, keys }: Access): boolean {
  return (
    [statement.Action].flat().some((pattern) => isLike(action.toLowerCase(), pattern.toLowerCase())) &&
    [statement.Resource].flat().some((pattern) => isLike(resource, pattern)) &&
    Object.entries(statement.Condition ?? {}).every(([operator, wanted]) =>
      Object.entries(wanted).every(([key, patterns]) => holds(operator, keys[key.toLowerCase()] ?? [], [patterns].flat())),
    )
  );
}

function holds(operator: string, values: readonly string[], patterns: readonly string[]): boolean {
  const [, quantifier, test] = OPERATOR.exec(operator) ?? [];
  if (test === undefined) throw new Error(`this emulator does not know the condition operator ${operator}`);
  const negated = test.includes('Not');
  const matches = (value: string): boolean =>
    patterns.some((pattern) => {
      if (test.endsWith('Like')) return isLike(value, pattern);
      return test === 'StringEqualsIgnoreCase' ? value.toLowerCase() === pattern.toLowerCase() : value === pattern;
    }) !== negated;
  if (quantifier === 'ForAllValues') return values.every(matches);
  if (quantifier === 'ForAnyValue') return values.some(matches);
  // Without a quantifier a key of many values does not match: AWS documents such conditions as wrong.
  return values.length === 1 ? values.every(matches) : negated && values.length === 0;
}

/** `*` is any text and `?` any character, in policies. */
function isLike(text: string, pattern: string): boolean {
  const source = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 's').test(text);
}
