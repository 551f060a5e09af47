/** Rules for the subject: what is not allowed by a pattern may not be there. */
import { attributeTypeOfOid } from '../../../pki/attribute-type.js';
import { matches, valuesOf } from '../pattern.js';
import type { Rule } from '../policy.js';
import type { Judged } from '../request.js';
import { broken, passed } from '../verdict.js';

export interface SubjectPatterns {
  /** Patterns by dotted attribute type. */
  readonly [oid: string]: readonly string[];
}

const COMMON_NAME = '2.5.4.3';

/** One rule over every attribute of the subject. */
export function subjectRule(allowed: SubjectPatterns): Rule {
  return {
    name: 'subject',
    judge: (judged) => {
      const faults = judged.csr.subject.flat().flatMap(({ oid, value }) => faultOf(oid, value, allowed[oid] ?? [], judged));
      if (faults.length > 0) return broken('subject', faults.join('; '));
      const { subject } = judged.description;
      return passed('subject', subject === '' ? 'Its subject is empty' : `Its subject "${subject}" is allowed`);
    },
  };
}

function faultOf(oid: string, value: string, patterns: readonly string[], judged: Judged): string[] {
  if (patterns.some((pattern) => matches(pattern, value, ':', valuesOf(judged)))) return [];
  const what = oid === COMMON_NAME ? 'common name' : `subject attribute ${attributeTypeOfOid(oid)?.word ?? oid}`;
  const shown = JSON.stringify(value);
  if (patterns.length === 0) return [`The ${what} ${shown} is not allowed: the policy allows none`];
  return [`The ${what} ${shown} is not allowed: the policy allows ${patterns.map((pattern) => filled(pattern, judged)).join(', ')}`];
}

/** A pattern as it stands, and what its templates come to. */
export function filled(pattern: string, judged: Judged): string {
  const values = valuesOf(judged);
  const now = pattern.replaceAll(/\{(\w+)\}/g, (place, name: keyof typeof values) => values[name] ?? place);
  return now === pattern ? `"${pattern}"` : `"${pattern}" (here "${now}")`;
}
