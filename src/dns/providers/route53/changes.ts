/**
 * Carries a change out by compare-and-set: DELETE of exactly what is thought to stand and CREATE of the merged sets, in
 * one atomic batch. What is thought to stand costs no call: nothing before a first addition, only our own values before a
 * removal, and otherwise what our last change left. When Route53 refuses the batch, what stands is read and merged again.
 */
import type { Clock, Random } from '../../../base/clock.js';
import { TscertError } from '../../../base/errors.js';
import type { Change } from '../../provider.js';
import type { Route53Api } from './api.js';
import { splitBatches, toChanges } from './batches.js';
import { BatchRefused } from './failure.js';
import { type Merge, mergeSets, type NameChange, type Sets, simpleSet } from './merge.js';
import { readStanding } from './standing.js';

/** So often a batch is read and merged anew before a name counts as fought over. */
const ATTEMPTS = 10;
/** Words of refusals that another state of the sets explains; any other is final once what stands has been read. */
const OVERTAKEN = /but it already exists|but it was not found|do not match the current values|exists? with the same name and type/;

export interface Zone53 {
  readonly id: string;
  /** What our own changes left at each name. */
  readonly known: Map<string, Sets>;
}

export interface ChangeTools {
  readonly api: Route53Api;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Adds and removes the values; gives the ids of the changes that were sent, none when all was as wanted.
 * @throws {TscertError} `provider-failed` with `data.transient` when others kept changing the same names
 */
export async function carryOut(zone: Zone53, change: Change, { api, clock, random }: ChangeTools, signal: AbortSignal): Promise<string[]> {
  const open = new Map(byName(change).map((wanted) => [wanted.name, wanted]));
  const read = new Map<string, Sets>();
  const ids: string[] = [];
  let stale = new Set<string>();
  let refusal: BatchRefused | undefined;

  for (let attempt = 0; attempt < ATTEMPTS && open.size > 0; attempt++) {
    if (attempt > 1) await clock.sleep((0.5 + random()) * 100 * attempt, signal);
    for (const name of stale) read.delete(name);
    const merges = await mergeAll(zone, [...open.values()], read, stale, api, signal);
    for (const merge of merges.filter(isIdle)) settle(merge);
    for (const batch of splitBatches(merges.filter((merge) => !isIdle(merge)))) {
      try {
        ids.push(await api.change(zone.id, toChanges(batch), signal));
        for (const merge of batch) settle(merge);
      } catch (error) {
        if (!(error instanceof BatchRefused)) throw error;
        const names = batch.map(({ name }) => name);
        if (!OVERTAKEN.test(error.message) && names.every((name) => read.has(name))) throw final(zone, error);
        refusal = error;
        // The first refusal names the sets that are otherwise than thought; a second one is not trusted to name all.
        const named = names.filter((name) => attempt === 0 && isNamed(error.message, name));
        stale = new Set(named.length > 0 ? named : names);
        break;
      }
    }
  }
  if (open.size > 0) throw overtaken(zone, [...open.keys()], refusal);
  return ids;

  function settle(merge: Merge): void {
    open.delete(merge.name);
    if (merge.after.length > 0) zone.known.set(merge.name, merge.after);
    else zone.known.delete(merge.name);
  }
}

/** Merges each name with what stands, as read or as thought; what is read is whatever cannot be thought or must not be trusted. */
async function mergeAll(
  zone: Zone53,
  wanted: readonly NameChange[],
  read: Map<string, Sets>,
  stale: ReadonlySet<string>,
  api: Route53Api,
  signal: AbortSignal,
): Promise<Merge[]> {
  // That nothing has to be done is only believed of what was read: no batch would be refused if it were wrong.
  const unsure = wanted.filter((change) => {
    if (read.has(change.name)) return false;
    const thought = guess(change, zone.known);
    return stale.has(change.name) || thought === undefined || isIdle(mergeSets(change, thought));
  });
  if (unsure.length > 0) {
    const names = unsure.map(({ name }) => name);
    for (const [name, sets] of await readStanding(api, zone.id, names, signal)) read.set(name, sets);
  }
  return wanted.map((change) => mergeSets(change, read.get(change.name) ?? guess(change, zone.known) ?? []));
}

/** What most likely stands at the name; `undefined` when that is anybody's guess. */
function guess({ name, add, remove }: NameChange, known: ReadonlyMap<string, Sets>): Sets | undefined {
  const left = known.get(name);
  if (left !== undefined) return left;
  if (add.length > 0 && remove.length > 0) return undefined;
  return remove.length > 0 ? [simpleSet(name, remove)] : [];
}

function byName({ add, remove }: Change): NameChange[] {
  const names = [...new Set([...add, ...remove].map(({ name }) => name))];
  return names.map((name) => {
    const values = (records: Change['add']): string[] => records.filter((record) => record.name === name).map(({ value }) => value);
    return { name, add: values(add), remove: values(remove) };
  });
}

function isIdle(merge: Merge): boolean {
  return merge.delete.length === 0 && merge.create.length === 0;
}

/** `[name='_acme-challenge.example.com.', ...` or `DNS name _acme-challenge.example.com., ...` */
function isNamed(text: string, name: string): boolean {
  return text.includes(`'${name}.'`) || text.includes(` ${name}.,`);
}

function final(zone: Zone53, refusal: BatchRefused): TscertError {
  return new TscertError(
    'provider-failed',
    `Cannot change the records of the hosted zone "${zone.id}": Route53 refused it (${refusal.message})`,
    {
      data: { provider: 'route53', action: 'route53:ChangeResourceRecordSets', awsCode: 'InvalidChangeBatch' },
      cause: refusal,
    },
  );
}

function overtaken(zone: Zone53, names: readonly string[], refusal: BatchRefused | undefined): TscertError {
  return new TscertError(
    'provider-failed',
    `Cannot change the records of the hosted zone "${zone.id}": others changed the same names each of ${ATTEMPTS} times (${names.slice(0, 3).join(', ')})`,
    { data: { provider: 'route53', names, transient: true }, cause: refusal },
  );
}
