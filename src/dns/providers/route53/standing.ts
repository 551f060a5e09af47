/** Reads the TXT record sets that stand at names, skipping over what lies between them. */
import type { ListResourceRecordSetsResponse, ResourceRecordSet } from '@aws-sdk/client-route-53';
import type { Cursor, Route53Api } from './api.js';
import type { Sets } from './merge.js';
import { decodeName, isSurelyBefore, reverseName } from './names.js';

/** More than Route53 gives in one page is not given. */
const LARGEST_PAGE = 300;

/**
 * What stands at each of the names; an empty list where nothing does. ListResourceRecordSets starts at a name and goes on
 * without filtering: one page answers for every name that lies surely within it, and the next begins at the next name.
 */
export async function readStanding(
  api: Route53Api,
  zoneId: string,
  names: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, Sets>> {
  const found = new Map<string, ResourceRecordSet[]>();
  let open = [...names].sort((a, b) => (reverseName(a) < reverseName(b) ? -1 : 1));
  let goOn: Cursor | undefined;
  for (let first = open[0]; first !== undefined; first = open[0]) {
    if (goOn === undefined) for (const name of open) found.set(name, []);
    const from: Cursor = goOn ?? { name: first, type: 'TXT' };
    const size = Math.min(LARGEST_PAGE, 10 * open.length);
    const page = await api.listSets(zoneId, from, size, signal);
    for (const set of page.ResourceRecordSets ?? []) {
      if (set.Type === 'TXT' && open.includes(decodeName(set.Name ?? ''))) found.get(decodeName(set.Name ?? ''))?.push(set);
    }
    const next = nextOf(page);
    open = open.filter((name) => !isCovered(name, from, next));
    goOn = next !== undefined && open.includes(next.name) && isAt(next) ? next : undefined;
    if (goOn !== undefined) open = [goOn.name, ...open.filter((name) => name !== goOn?.name)];
  }
  return found;
}

function nextOf(page: ListResourceRecordSetsResponse): Cursor | undefined {
  if (page.IsTruncated !== true || page.NextRecordName === undefined) return undefined;
  const { NextRecordName: name, NextRecordType: type = 'A', NextRecordIdentifier: identifier } = page;
  return { name: decodeName(name), type, ...(identifier === undefined ? {} : { identifier }) };
}

/** True when the list goes on within or before the TXT sets of the cursor's name. */
function isAt({ type }: Cursor): boolean {
  return type <= 'TXT';
}

function isCovered(name: string, from: Cursor, next: Cursor | undefined): boolean {
  if (next?.name === name) return !isAt(next);
  if (name === from.name) return true;
  return isSurelyBefore(from.name, name) && (next === undefined || isSurelyBefore(name, next.name));
}
