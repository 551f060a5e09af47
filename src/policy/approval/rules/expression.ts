/** A rule that is an expression. */
import type { Expression } from '../cel.js';
import type { Rule } from '../policy.js';
import { variablesOf } from '../variables.js';
import { broken, passed } from '../verdict.js';

/** @param message what is told when it comes to false */
export function expressionRule(expression: Expression, message: string | undefined): Rule {
  return {
    name: 'expression',
    judge: (judged) =>
      expression.test(variablesOf(judged))
        ? passed('expression', `The expression ${JSON.stringify(expression.source)} holds`)
        : broken('expression', message ?? `The expression ${JSON.stringify(expression.source)} does not hold`),
  };
}
