/** Finds the hosted zones of names with as few calls as the order of ListHostedZonesByName allows. */
import type { HostedZone } from '@aws-sdk/client-route-53';
import { TscertError } from '../../../base/errors.js';
import { isWithin, suffixesOf, withoutWildcard } from '../../../base/names.js';
import type { Zone } from '../../provider.js';
import type { Route53Api } from './api.js';
import { decodeName, reverseName } from './names.js';

/** A hosted zone, public or private. */
interface FoundZone {
  readonly name: string;
  readonly id: string;
  readonly public: boolean;
}

/**
 * The public zones in which the names could lie. The list starts at a name and does not filter, so it is read once from
 * each distinct two-label suffix, as far as the suffix reaches; what a page shows beyond saves the calls of other
 * suffixes. A zone of one label is looked for only when nothing else was found.
 * @throws {TscertError} `provider-failed` when two public zones of one name would fit: nobody but the user can choose
 */
export async function findZones(api: Route53Api, names: readonly string[], signal: AbortSignal): Promise<readonly Zone[]> {
  const bare = [...new Set(names.map(withoutWildcard))];
  const found = new Map<string, FoundZone>();
  const open = new Set(sorted(bare.map((name) => name.split('.').slice(-2).join('.'))));
  for (const suffix of open) {
    const page = await readSubtree(api, suffix, signal);
    for (const zone of page) found.set(zone.id, zone);
    open.delete(suffix);
    // The page is one unbroken stretch of the list: what it enters and leaves again, it shows whole.
    const last = page.at(-1);
    for (const other of open) {
      if (page.some(({ name }) => isWithin(name, other)) && last !== undefined && !isWithin(last.name, other)) open.delete(other);
    }
  }
  const orphans = bare.filter((name) => ![...found.values()].some((zone) => zone.public && isWithin(name, zone.name)));
  for (const label of sorted(orphans.map((name) => name.slice(name.lastIndexOf('.') + 1)))) {
    for (const zone of await readPage(api, { name: label }, signal).then(({ zones }) => zones)) {
      if (zone.name === label) found.set(zone.id, zone);
    }
  }
  const zones = [...found.values()].filter((zone) => zone.public && bare.some((name) => isWithin(name, zone.name)));
  refuseTwins(zones, bare);
  return zones.map(({ name, id }) => ({ name, id }));
}

/**
 * The zone with this id. Its name is that of its first record: the apex sorts before everything below it, and always has
 * its NS and SOA records. GetHostedZone would say the same, but is not among the four permissions.
 * @throws {TscertError} `zone-unknown` when there is no such zone
 */
export async function zoneOfId(api: Route53Api, id: string, signal: AbortSignal): Promise<Zone> {
  const { ResourceRecordSets: sets = [] } = await api.listSets(id, undefined, 1, signal);
  const name = sets[0]?.Name;
  if (name === undefined) {
    throw new TscertError('zone-unknown', `Cannot use the hosted zone "${id}": it has no records`, {
      data: { provider: 'route53', zone: id },
    });
  }
  return { name: decodeName(name), id };
}

/** All zones from a suffix on, to the end of the page in which its subtree ends. */
async function readSubtree(api: Route53Api, suffix: string, signal: AbortSignal): Promise<FoundZone[]> {
  const zones: FoundZone[] = [];
  let from: { readonly name: string; readonly id?: string } | undefined = { name: suffix };
  while (from !== undefined) {
    const page: Page = await readPage(api, from, signal);
    zones.push(...page.zones);
    from = page.next !== undefined && isWithin(decodeName(page.next.name), suffix) ? page.next : undefined;
  }
  return zones;
}

interface Page {
  readonly zones: readonly FoundZone[];
  readonly next: { readonly name: string; readonly id: string } | undefined;
}

async function readPage(api: Route53Api, from: { readonly name: string; readonly id?: string }, signal: AbortSignal): Promise<Page> {
  const { HostedZones: zones = [], IsTruncated: truncated, NextDNSName: name, NextHostedZoneId: id } = await api.listZones(from, signal);
  return {
    zones: zones.flatMap(read),
    next: truncated === true && name !== undefined && id !== undefined ? { name, id } : undefined,
  };
}

function read({ Id: id, Name: name, Config: config }: HostedZone): FoundZone[] {
  if (id === undefined || name === undefined) return [];
  return [{ name: decodeName(name), id: id.replace(/^\/hostedzone\//, ''), public: config?.PrivateZone !== true }];
}

function sorted(names: readonly string[]): string[] {
  return [...new Set(names)].sort((a, b) => (reverseName(a) < reverseName(b) ? -1 : 1));
}

function refuseTwins(zones: readonly FoundZone[], names: readonly string[]): void {
  for (const name of names) {
    const best = suffixesOf(name).find((suffix) => zones.some((zone) => zone.name === suffix));
    const twins = zones.filter((zone) => zone.name === best);
    if (twins.length < 2) continue;
    const ids = twins.map(({ id }) => id).sort();
    throw new TscertError(
      'provider-failed',
      `Cannot choose the hosted zone of "${name}": ${ids.length} public zones are named "${best}" (${ids.join(', ')}); give the id of the delegated one`,
      { data: { provider: 'route53', name, zone: best, ids } },
    );
  }
}
