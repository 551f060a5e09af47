/** Cuts merges into batches within Route53's limits. */
import type { Change, ResourceRecordSet } from '@aws-sdk/client-route-53';
import type { Merge } from './merge.js';

const MOST_RECORDS = 1_000;
const MOST_CHARACTERS = 32_000;

/** As few batches as the order gives: at most 1,000 records and 32,000 characters of values each; a name is never split. */
export function splitBatches(merges: readonly Merge[]): Merge[][] {
  const batches: Merge[][] = [];
  let [records, characters] = [0, 0];
  for (const merge of merges) {
    const values = [...merge.delete, ...merge.create].flatMap((set) => set.ResourceRecords ?? []);
    const length = values.reduce((sum, { Value }) => sum + (Value?.length ?? 0), 0);
    const last = batches.at(-1);
    if (last === undefined || records + values.length > MOST_RECORDS || characters + length > MOST_CHARACTERS) {
      batches.push([merge]);
      [records, characters] = [values.length, length];
    } else {
      last.push(merge);
      [records, characters] = [records + values.length, characters + length];
    }
  }
  return batches;
}

/** The changes of a batch: of each name what stands goes before what shall stand comes. */
export function toChanges(merges: readonly Merge[]): Change[] {
  return merges.flatMap((merge) => [
    ...merge.delete.map((set: ResourceRecordSet): Change => ({ Action: 'DELETE', ResourceRecordSet: set })),
    ...merge.create.map((set: ResourceRecordSet): Change => ({ Action: 'CREATE', ResourceRecordSet: set })),
  ]);
}
