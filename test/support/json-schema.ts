/** Draft-07 JSON schema, as far as the schemas in schema/ use it; any other keyword is an error, so that nothing is passed over. */

type Schema = Readonly<Record<string, unknown>>;

const WORDS_ONLY = new Set(['$schema', '$defs', 'title', 'description', 'default']);

/** What is wrong with the value, each with its path; empty when it fits. */
export function validate(schema: Schema, value: unknown, path = '', root = schema): string[] {
  const faults: string[] = [];
  const properties = (schema.properties ?? {}) as Readonly<Record<string, Schema>>;
  for (const [keyword, rule] of Object.entries(schema)) {
    if (WORDS_ONLY.has(keyword) || keyword === 'properties') continue;
    faults.push(...check(keyword, rule, { schema, properties, value, path, root }));
  }
  if (isObject(value)) {
    for (const [key, one] of Object.entries(value)) {
      if (key in properties) faults.push(...validate(properties[key] ?? {}, one, `${path}.${key}`, root));
    }
  }
  return faults;
}

interface Place {
  readonly schema: Schema;
  readonly properties: Readonly<Record<string, Schema>>;
  readonly value: unknown;
  readonly path: string;
  /** Where definitions stand. */
  readonly root: Schema;
}

function check(keyword: string, rule: unknown, { properties, value, path, root }: Place): string[] {
  const fault = (isWrong: boolean): string[] => (isWrong ? [`${path || '.'}: ${keyword} ${JSON.stringify(rule)}`] : []);
  switch (keyword) {
    case '$ref': {
      const [, name = ''] = /^#\/\$defs\/(\w+)$/.exec(rule as string) ?? [];
      const definition = (root.$defs as Readonly<Record<string, Schema>>)[name];
      return definition === undefined ? [`${path}: no definition ${rule}`] : validate(definition, value, path, root);
    }
    case 'type':
      return fault(!isOfType(value, rule as string));
    case 'enum':
      return fault(!(rule as unknown[]).includes(value));
    case 'const':
      return fault(value !== rule);
    case 'minLength':
      return fault(typeof value === 'string' && value.length < (rule as number));
    case 'minItems':
      return fault(Array.isArray(value) && value.length < (rule as number));
    case 'pattern':
      return fault(typeof value === 'string' && !new RegExp(rule as string).test(value));
    case 'propertyNames':
      return isObject(value) ? Object.keys(value).flatMap((key) => validate(rule as Schema, key, `${path}.${key}`, root)) : [];
    case 'minimum':
      return fault(typeof value === 'number' && value < (rule as number));
    case 'maximum':
      return fault(typeof value === 'number' && value > (rule as number));
    case 'required':
      return fault(isObject(value) && (rule as string[]).some((key) => !(key in value)));
    case 'anyOf':
      return fault((rule as Schema[]).every((one) => validate(one, value, path, root).length > 0));
    case 'allOf':
      return (rule as Schema[]).flatMap((one) => validate(one, value, path, root));
    case 'items':
      return Array.isArray(value) ? value.flatMap((one, at) => validate(rule as Schema, one, `${path}[${at}]`, root)) : [];
    case 'additionalProperties': {
      const others = isObject(value) ? Object.entries(value).filter(([key]) => !(key in properties)) : [];
      if (rule === false) return others.map(([key]) => `${path}.${key}: no such key`);
      return others.flatMap(([key, one]) => validate(rule as Schema, one, `${path}.${key}`, root));
    }
    default:
      throw new Error(`the schema uses "${keyword}", which this test does not know`);
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isOfType(value: unknown, type: string): boolean {
  switch (type) {
    case 'object':
      return isObject(value);
    case 'array':
      return Array.isArray(value);
    case 'integer':
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}
