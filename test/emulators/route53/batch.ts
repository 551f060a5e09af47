/** ChangeResourceRecordSets: all of a batch or nothing, against the sets that stand. */
import { isInZone } from './names.js';
import { invalidBatch, Route53Problem } from './problem.js';
import { isSameSet, keyOf, type RecordSet, readRecordSet, valueProblems } from './records.js';
import { child, type Element, textOf } from './xml.js';

export interface SetChange {
  readonly action: 'CREATE' | 'DELETE' | 'UPSERT';
  readonly set: RecordSet;
}

/**
 * Reads the body of the request.
 * @throws {Route53Problem} `MalformedInput`, `InvalidInput`, `InvalidChangeBatch` for names that are none
 */
export function readBatch(root: Element): SetChange[] {
  if (root.name !== 'ChangeResourceRecordSetsRequest') {
    throw new Route53Problem('MalformedInput', `${root.name} is not valid, expected ChangeResourceRecordSetsRequest`);
  }
  const changes = child(child(root, 'ChangeBatch'), 'Changes')?.children ?? [];
  if (changes.length === 0) throw new Route53Problem('InvalidInput', 'Invalid request: ChangeBatch must have at least one change');
  return changes.map((change) => {
    const action = textOf(change, 'Action');
    const set = child(change, 'ResourceRecordSet');
    if ((action !== 'CREATE' && action !== 'DELETE' && action !== 'UPSERT') || set === undefined) {
      throw new Route53Problem(
        'InvalidInput',
        `Invalid request: Value '${action}' at 'action' must satisfy enum value set: [CREATE, DELETE, UPSERT]`,
      );
    }
    try {
      return { action, set: readRecordSet(set, action) };
    } catch (error) {
      if (error instanceof RangeError) throw invalidBatch([error.message]);
      throw error;
    }
  });
}

/**
 * The sets after the batch; nothing is changed when any change is refused.
 * @throws {Route53Problem} `InvalidChangeBatch` with every reason
 */
export function applyBatch(zone: string, standing: ReadonlyMap<string, RecordSet>, changes: readonly SetChange[]): Map<string, RecordSet> {
  checkSize(changes);
  const problems = sequenceProblems(changes);
  const sets = new Map(standing);
  for (const change of changes) {
    const found = changeProblems(zone, sets, change);
    problems.push(...found);
    if (found.length > 0) continue;
    if (change.action === 'DELETE') sets.delete(keyOf(change.set));
    else sets.set(keyOf(change.set), change.set);
  }
  if (problems.length > 0) throw invalidBatch(problems);
  return sets;
}

/** An UPSERT counts twice, as the documentation of the limits says. */
function checkSize(changes: readonly SetChange[]): void {
  const sum = (count: (set: RecordSet) => number): number =>
    changes.reduce((total, { action, set }) => total + count(set) * (action === 'UPSERT' ? 2 : 1), 0);
  if (sum(({ values }) => values.length) > 1_000) throw invalidBatch(['Number of records limit of 1000 exceeded.']);
  if (sum(({ values }) => values.join('').length) > 32_000) throw invalidBatch(['Number of characters limit of 32000 exceeded.']);
}

/** Of one set a batch may hold one change, or its DELETE and then its CREATE. */
function sequenceProblems(changes: readonly SetChange[]): string[] {
  const actions = new Map<string, string[]>();
  for (const { action, set } of changes) actions.set(keyOf(set), [...(actions.get(keyOf(set)) ?? []), action]);
  const wrong = [...actions].filter(([, list]) => list.length > 1 && list.join() !== 'DELETE,CREATE').map(([key]) => key);
  return changes
    .filter(({ set }, at) => wrong.includes(keyOf(set)) && changes.findIndex((one) => keyOf(one.set) === keyOf(set)) === at)
    .map(({ set }) => `The request contains an invalid set of changes for a resource record set '${set.type} ${set.name}'`);
}

function changeProblems(zone: string, sets: ReadonlyMap<string, RecordSet>, { action, set }: SetChange): string[] {
  const label = `[name='${set.name}', type='${set.type}'${set.setIdentifier === undefined ? '' : `, set-identifier='${set.setIdentifier}'`}]`;
  if (!isInZone(set.name, zone)) return [`RRSet with DNS name ${set.name} is not permitted in zone ${zone}`];
  const current = sets.get(keyOf(set));
  if (action === 'DELETE') {
    if (current === undefined) return [`Tried to delete resource record set ${label} but it was not found`];
    if (!isSameSet(current, set)) {
      return [`Tried to delete resource record set ${label} but the values provided do not match the current values`];
    }
    if (set.name !== zone || (set.type !== 'SOA' && set.type !== 'NS')) return [];
    return [
      set.type === 'SOA'
        ? 'A HostedZone must contain exactly one SOA record.'
        : 'A HostedZone must contain at least one NS record for the zone itself.',
    ];
  }
  if (action === 'CREATE' && current !== undefined) return [`Tried to create resource record set ${label} but it already exists`];
  return [...valueProblems(set), ...neighbourProblems(zone, [...sets.values()], set)];
}

/** CNAME stands alone (RFC 1034 §3.6.2); the sets of one name and type follow one routing policy. */
function neighbourProblems(zone: string, sets: readonly RecordSet[], set: RecordSet): string[] {
  const here = sets.filter(({ name }) => name === set.name);
  if (set.type === 'CNAME' && set.name === zone)
    return [`RRSet of type CNAME with DNS name ${set.name} is not permitted at apex in zone ${zone}`];
  if (set.type === 'CNAME' && here.some(({ type }) => type !== 'CNAME')) {
    return [
      `RRSet of type CNAME with DNS name ${set.name} is not permitted as it conflicts with other records with the same DNS name in zone ${zone}`,
    ];
  }
  if (set.type !== 'CNAME' && here.some(({ type }) => type === 'CNAME')) {
    return [
      `RRSet of type ${set.type} with DNS name ${set.name} is not permitted because a conflicting RRSet of type CNAME with the same DNS name already exists in zone ${zone}`,
    ];
  }
  const siblings = here.filter((one) => one.type === set.type && keyOf(one) !== keyOf(set));
  if (siblings.every((sibling) => policyOf(sibling) === policyOf(set)) && (set.setIdentifier !== undefined || siblings.length === 0))
    return [];
  const which = `RRSet with DNS name ${set.name}, type ${set.type}`;
  if (set.setIdentifier === undefined) return [`${which} cannot be created as other RRSets exist with the same name and type.`];
  return [
    `${which}, SetIdentifier ${set.setIdentifier} cannot be created because a non ${policyOf(set)} rrset exists with the same name and type.`,
  ];
}

function policyOf(set: RecordSet): string {
  if (set.multiValueAnswer === true) return 'multivalue answer';
  if (set.weight !== undefined) return 'weighted';
  if (set.region !== undefined) return 'latency';
  return set.failover === undefined ? 'simple' : 'failover';
}
