/** The parts of a subject that signers and policies look at, as Go's reader sees them. */

import type { DistinguishedName } from '../../pki/rfc4514.js';
import { commonNameOf } from '../../pki/subject.js';

const ORGANIZATION = '2.5.4.10';

/** All organizations in their order; values that are no text are not seen. */
export function organizationsOf(name: DistinguishedName): string[] {
  return name
    .flat()
    .filter(({ oid, encoded }) => oid === ORGANIZATION && encoded !== true)
    .map(({ value }) => value);
}

/** The common name; empty where there is none. */
export function commonNameText(name: DistinguishedName): string {
  return commonNameOf(name) ?? '';
}
