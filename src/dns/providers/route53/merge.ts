/**
 * What has to become of the TXT record sets of one name so that values come and go and everything else stays: as the
 * DELETE of exactly what stands and the CREATE of what shall stand, which Route53 carries out together or refuses.
 */
import type { ResourceRecordSet } from '@aws-sdk/client-route-53';
import { TscertError } from '../../../base/errors.js';
import { quoteTxt, unquoteTxt } from './txt.js';

/** The values that shall come and go at one name. */
export interface NameChange {
  readonly name: string;
  readonly add: readonly string[];
  readonly remove: readonly string[];
}

/** A name has one simple set, or several with identifiers and one routing policy. */
export type Sets = readonly ResourceRecordSet[];

export interface Merge {
  readonly name: string;
  readonly delete: Sets;
  readonly create: Sets;
  /** What stands afterwards. */
  readonly after: Sets;
}

const TTL = 60;

/**
 * Merges with what stands. Sets that need no change are left out; TTLs, identifiers, routing and foreign values are kept.
 * Beside multivalue sets (cert-manager writes such) a value becomes a multivalue set of its own, for a simple one cannot
 * stand there; under any other routing policy the value goes into every set, for each of them may be the one that answers.
 * @throws {TscertError} `provider-failed` when the name is an alias
 */
export function mergeSets({ name, add, remove }: NameChange, standing: Sets): Merge {
  const multivalue = standing.some((set) => set.MultiValueAnswer === true);
  const kept = standing.map((set) =>
    withoutValues(
      set,
      remove.filter((value) => !add.includes(value)),
    ),
  );
  const after = multivalue ? besideSets(name, kept, add) : intoSets(name, kept, add);
  return {
    name,
    delete: standing.filter((set) => !after.includes(set)),
    create: after.filter((set) => !standing.includes(set)),
    after,
  };
}

/** The set as it stands when nobody but this tool has written at a name. */
export function simpleSet(name: string, values: readonly string[]): ResourceRecordSet {
  return { Name: name, Type: 'TXT', TTL, ResourceRecords: [...new Set(values)].map((value) => ({ Value: quoteTxt(value) })) };
}

function besideSets(name: string, kept: Sets, add: readonly string[]): Sets {
  const left = kept.filter(hasRecords);
  const missing = [...new Set(add)].filter((value) => !left.some((set) => holds(set, value)));
  const own = missing.map((value): ResourceRecordSet => {
    const set = simpleSet(name, [value]);
    // As cert-manager has it; an identifier is at most 128 characters long.
    return { ...set, SetIdentifier: quoteTxt(value).slice(0, 128), MultiValueAnswer: true };
  });
  return [...left, ...own];
}

function intoSets(name: string, kept: Sets, add: readonly string[]): Sets {
  if (add.length > 0 && kept.some((set) => set.AliasTarget !== undefined)) {
    throw new TscertError('provider-failed', `Cannot add a TXT value at "${name}": the name is an alias of another record`, {
      data: { provider: 'route53', name },
    });
  }
  if (kept.length === 0) return add.length === 0 ? [] : [simpleSet(name, add)];
  return kept
    .map((set) => {
      const missing = [...new Set(add)].filter((value) => !holds(set, value));
      if (missing.length === 0) return set;
      return { ...set, ResourceRecords: [...(set.ResourceRecords ?? []), ...missing.map((value) => ({ Value: quoteTxt(value) }))] };
    })
    .filter(hasRecords);
}

/** The very same object when nothing has to go. */
function withoutValues(set: ResourceRecordSet, values: readonly string[]): ResourceRecordSet {
  if (!values.some((value) => holds(set, value))) return set;
  return { ...set, ResourceRecords: (set.ResourceRecords ?? []).filter(({ Value }) => !values.includes(unquoteTxt(Value ?? '') ?? '')) };
}

function holds(set: ResourceRecordSet, value: string): boolean {
  return (set.ResourceRecords ?? []).some(({ Value }) => unquoteTxt(Value ?? '') === value);
}

function hasRecords(set: ResourceRecordSet): boolean {
  return set.AliasTarget !== undefined || (set.ResourceRecords ?? []).length > 0;
}
