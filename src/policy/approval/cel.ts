/**
 * Expressions in the Common Expression Language, by @bufbuild/cel (which passes CEL's own conformance tests, and whose regular expressions are RE2's:
 * linear, whatever the pattern). Loaded when a policy has one. Bounded: how long an expression is, how deep its loops nest, and what it is given.
 */
import type { CelInput } from '@bufbuild/cel';
import { messageOf, TscertError } from '../../base/errors.js';

/** An expression that is understood. */
export interface Expression {
  readonly source: string;
  /**
   * True or false; both are answers.
   * @throws {TscertError} `request-invalid` when it comes to anything else, or to an error
   */
  readonly test: (variables: Variables) => boolean;
}

/** Texts, numbers, lists and mappings; what is missing is `null`. */
export type Value = string | number | boolean | null | readonly Value[] | { readonly [key: string]: Value };
export type Variables = Readonly<Record<string, Value>>;

const MAX_LENGTH = 4_096;
const MAX_NODES = 500;
/** Loops within loops over the names of a request, of which there are 200 at most. */
const MAX_LOOPS = 2;

const FUNCTIONS: ReadonlySet<string> = new Set(
  (
    'size contains startsWith endsWith matches int uint double string bytes bool type dyn duration timestamp ' +
    'charAt indexOf lastIndexOf join quote replace split substring trim upperAscii lowerAscii format reverse ' +
    'getName getNamespace @in @not_strictly_false @result has'
  ).split(' '),
);

/**
 * Reads an expression.
 * @param known the variables that it may name
 * @throws {TscertError} `config-invalid` when it cannot be read, names what is not there, or is too large
 */
export async function readExpression(source: string, known: readonly string[]): Promise<Expression> {
  if (source.length > MAX_LENGTH) throw invalid(source, `it is longer than ${MAX_LENGTH} characters`);
  const { env, parse, plan, isCelError } = await load();
  try {
    const parsed = parse(source);
    check(parsed.expr, new Set([...known, 'serviceaccount']), { nodes: 0 }, 0);
    const evaluate = plan(env, parsed);
    return {
      source,
      test(variables) {
        const result = evaluate(variables as Record<string, CelInput>);
        if (isCelError(result)) throw undecided(source, result.message);
        if (typeof result !== 'boolean') throw undecided(source, 'it comes to something that is neither true nor false');
        return result;
      },
    };
  } catch (error) {
    if (error instanceof TscertError) throw error;
    throw invalid(source, messageOf(error).replace(/^<input>:/, 'at '));
  }
}

async function load() {
  const [{ CelScalar, celEnv, celFunc, isCelError, parse, plan }, { strings }] = await Promise.all([
    import('@bufbuild/cel'),
    import('@bufbuild/cel/ext'),
  ]);
  const part = (at: 1 | 2): ((username: string) => string) => {
    return (username) => /^system:serviceaccount:([^:]+):([^:]+)$/.exec(username)?.[at] ?? '';
  };
  // What approver-policy has beside CEL's own.
  const accounts = [
    celFunc('serviceaccount.getNamespace', [CelScalar.STRING], CelScalar.STRING, part(1)),
    celFunc('serviceaccount.getName', [CelScalar.STRING], CelScalar.STRING, part(2)),
  ];
  return { env: celEnv({ funcs: [...strings, ...accounts] }), isCelError, parse, plan };
}

/** Walks the tree as it stands: names that nobody gives a value, functions that there are not, loops in loops in loops. */
function check(node: unknown, names: ReadonlySet<string>, budget: { nodes: number }, loops: number): void {
  if (Array.isArray(node)) for (const child of node) check(child, names, budget, loops);
  if (typeof node !== 'object' || node === null || Array.isArray(node)) return;
  const { $typeName: kind, ...fields } = node as Readonly<Record<string, unknown>>;
  if (kind === 'cel.expr.Expr' && ++budget.nodes > MAX_NODES) throw new Error(`it has more than ${MAX_NODES} parts`);
  if (kind === 'cel.expr.Expr.Ident' && !names.has(String(fields.name))) throw new Error(`there is no variable "${String(fields.name)}"`);
  if (kind === 'cel.expr.Expr.Call' && !isFunction(String(fields.function)))
    throw new Error(`there is no function "${String(fields.function)}"`);
  if (kind !== 'cel.expr.Expr.Comprehension') {
    for (const child of Object.values(fields)) check(child, names, budget, loops);
    return;
  }
  if (loops >= MAX_LOOPS) throw new Error(`its loops nest deeper than ${MAX_LOOPS}`);
  const { iterVar, iterVar2, accuVar, iterRange, ...body } = fields;
  check(iterRange, names, budget, loops);
  check(Object.values(body), new Set([...names, String(iterVar), String(iterVar2), String(accuVar)]), budget, loops + 1);
}

function isFunction(name: string): boolean {
  return /^[_!-]/.test(name) || FUNCTIONS.has(name);
}

function invalid(source: string, why: string): TscertError {
  return new TscertError('config-invalid', `Cannot use the expression ${JSON.stringify(source)}: ${why}`, { data: { source, why } });
}

function undecided(source: string, why: string): TscertError {
  return new TscertError('request-invalid', `Cannot decide by the expression ${JSON.stringify(source)}: ${why}`, { data: { source, why } });
}
