/** The domains of the account, listed in as few calls as their search allows. */
import { domainToASCII } from 'node:url';
import type { Clock } from '../../../base/clock.js';
import type { Zone } from '../../provider.js';
import { bodyOf, listOf } from './answer.js';
import type { Call } from './caller.js';

const PAGE_SIZE = 100;
/** With more names than this in sight, one list of everything costs less than many searches. */
const MOST_SEARCHES = 3;
/** How long a list is believed. Milliseconds. */
const FRESH = 60_000;

/** Lists the account's domains in which any of the names could lie. */
type ListDomains = (names: readonly string[], signal: AbortSignal) => Promise<readonly Zone[]>;

/** A lister over `call`; lists are kept for a minute, so that many certificates of a run ask once. */
export async function createListDomains(call: Call, clock: Clock): Promise<ListDomains> {
  const { DescribeDomainsRequest } = (await import('@alicloud/alidns20150109/dist/models/DescribeDomainsRequest.js')).default;
  const lists = new Map<string, { readonly at: number; readonly zones: readonly Zone[] }>();

  async function list(keyWord: string, signal: AbortSignal): Promise<readonly Zone[]> {
    const kept = lists.get(keyWord) ?? lists.get('');
    if (kept !== undefined && clock.now() - kept.at < FRESH) return kept.zones;
    const zones: Zone[] = [];
    for (let page = 1, more = true; more; page++) {
      const request = new DescribeDomainsRequest({ pageNumber: page, pageSize: PAGE_SIZE, ...(keyWord === '' ? {} : { keyWord }) });
      const domains = listOf(bodyOf(await call({ action: 'DescribeDomains' }, request.toMap(), signal)), 'Domains', 'Domain');
      zones.push(...domains.flatMap(zoneOf));
      more = domains.length === PAGE_SIZE;
    }
    lists.set(keyWord, { at: clock.now(), zones });
    return zones;
  }

  return async (names, signal) => {
    const found: Zone[] = [];
    for (const keyWord of searchesFor(names)) found.push(...(await list(keyWord, signal)));
    return [...new Map(found.map((zone) => [zone.name, zone])).values()];
  };
}

/**
 * A domain of two labels or more that holds a name ends as the name does: the last two labels, searched for as a part of the
 * domain, find it. Internationalized names are stored in U-labels and searched by rules that are written nowhere: list everything.
 */
function searchesFor(names: readonly string[]): string[] {
  const endings = [...new Set(names.map((name) => name.split('.').slice(-2).join('.')))];
  const plain = endings.every((ending) => !/(^|\.)xn--/.test(ending));
  return plain && endings.length <= MOST_SEARCHES ? endings : [''];
}

function zoneOf(domain: Readonly<Record<string, unknown>>): Zone[] {
  const shown = domain.DomainName;
  if (typeof shown !== 'string') return [];
  const name = domainToASCII(typeof domain.PunyCode === 'string' && domain.PunyCode !== '' ? domain.PunyCode : shown).toLowerCase();
  return name === '' ? [] : [{ name, id: shown }];
}
