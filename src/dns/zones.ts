/** Where a TXT value has to stand: aliases followed (RFC 1034 §3.6.2), and the zone that holds the name at its end. */
import { isTscertError, TscertError } from '../base/errors.js';
import { isWithin, suffixesOf } from '../base/names.js';
import type { Resolver } from '../net/resolver.js';
import type { DnsProvider, Zone } from './provider.js';
import { share } from './shared.js';

const MOST_HOPS = 50;

export interface Place {
  /** The name that was asked for, or the end of its chain of aliases. */
  readonly name: string;
  readonly zone: Zone;
}

/** What tells the zones of an account: a provider, or the batch in front of it. */
export type ZoneSource = Pick<DnsProvider, 'name' | 'zones'>;

export interface Zones {
  /**
   * Finds the place for a name, absolute and in A-labels.
   * @throws {TscertError} `zone-unknown` with what was tried; `dns-failed` for a loop of aliases or a resolver without an answer;
   * and what the provider throws
   */
  locate(name: string, source: ZoneSource, signal: AbortSignal): Promise<Place>;
}

/**
 * Zones of one run; what was found is kept.
 * @param options `expected` tells the names for which the run is going to ask a provider: they all go with its first call
 */
export function createZones(options: { readonly resolver: Resolver; readonly expected?: (provider: string) => readonly string[] }): Zones {
  const { resolver, expected = () => [] } = options;
  const listings = new Map<ZoneSource, ReturnType<typeof createListing>>();
  const apexes = new Map<string, (signal: AbortSignal) => Promise<string | undefined>>();

  /** The end of the chain of aliases that begins at a name. */
  const follow = async (start: string, signal: AbortSignal): Promise<string[]> => {
    const chain = [start];
    for (let name = start; ; ) {
      const { records } = await resolver.lookUp(name, 'CNAME', signal);
      const target = records.find((record) => record.name === name)?.value;
      if (target === undefined) return chain;
      const loops = chain.includes(target);
      chain.push(target);
      if (loops || chain.length > MOST_HOPS + 1) {
        const why = loops ? 'its aliases go in a circle' : `it has more than ${MOST_HOPS} aliases in a row`;
        const shown = loops ? `: ${chain.join(' -> ')}` : '';
        throw new TscertError('dns-failed', `Cannot follow "${start}": ${why}${shown}`, { data: { name: start, chain } });
      }
      name = target;
    }
  };

  /** The zone that begins at or above a name, as far as one SOA question tells. */
  const apexAt = (name: string): ((signal: AbortSignal) => Promise<string | undefined>) => {
    const known = apexes.get(name);
    if (known !== undefined) return known;
    const ask = share(async (signal) => {
      const { records, aliased, authority } = await resolver.lookUp(name, 'SOA', signal);
      if (records.some((record) => record.name === name)) return name;
      // A negative answer names its zone (RFC 2308 §2); behind an alias it is the zone of something else.
      return !aliased && authority !== undefined && authority !== '' && isWithin(name, authority) ? authority : undefined;
    });
    apexes.set(name, ask);
    return ask;
  };

  const walk = async (name: string, signal: AbortSignal): Promise<Zone> => {
    const tried: string[] = [];
    let failure: unknown;
    for (const suffix of suffixesOf(name)) {
      tried.push(suffix);
      try {
        const apex = await apexAt(suffix)(signal);
        if (apex !== undefined) return { name: apex };
      } catch (error) {
        if (!isTscertError(error, 'dns-failed')) throw error;
        failure = error;
      }
    }
    throw new TscertError('zone-unknown', `Cannot find the zone of "${name}": no SOA record at ${tried.map((t) => `"${t}"`).join(', ')}`, {
      data: { name, tried },
      cause: failure,
    });
  };

  const list = async (name: string, source: ZoneSource, signal: AbortSignal): Promise<Zone> => {
    const listing = listings.get(source) ?? createListing(source, expected(source.name));
    listings.set(source, listing);
    const zones = await listing(name, signal);
    const best = zones.filter((zone) => isWithin(name, zone.name)).sort((a, b) => b.name.length - a.name.length)[0];
    if (best !== undefined) return best;
    const found = zones.map((zone) => zone.name).sort();
    const why =
      found.length === 0 ? 'it has no zone that fits' : `its zones are ${found.slice(0, 10).join(', ')}${found.length > 10 ? '...' : ''}`;
    throw new TscertError('zone-unknown', `Cannot find the zone of "${name}" at ${source.name}: ${why}`, {
      data: { name, provider: source.name, zones: found, tried: suffixesOf(name) },
    });
  };

  return {
    async locate(asked, source, signal) {
      const chain = await follow(asked, signal);
      const name = chain.at(-1) ?? asked;
      try {
        return { name, zone: source.zones === undefined ? await walk(name, signal) : await list(name, source, signal) };
      } catch (error) {
        if (chain.length === 1 || !isTscertError(error, 'zone-unknown')) throw error;
        throw new TscertError('zone-unknown', `${error.message} (alias: ${chain.join(' -> ')})`, {
          data: { ...error.data, chain },
          cause: error,
        });
      }
    },
  };
}

/**
 * Asks a provider for its zones, for many names at once: those expected go with the first call, those that come while a call is
 * under way go with the next one.
 */
function createListing(source: ZoneSource, expected: readonly string[]): (name: string, signal: AbortSignal) => Promise<readonly Zone[]> {
  interface Call {
    readonly names: Set<string>;
    readonly run: (signal: AbortSignal) => Promise<void>;
  }
  const asked = new Set<string>();
  const known = new Map<string, Zone>();
  let gathering: Call | undefined;
  let previous: Promise<unknown> = Promise.resolve();

  const gather = (): Call => {
    const before = previous;
    const call: Call = {
      names: new Set(expected.filter((name) => !asked.has(name))),
      run: share(async (signal) => {
        const done = before.then(async () => {
          signal.throwIfAborted();
          if (gathering === call) gathering = undefined;
          for (const zone of (await source.zones?.([...call.names], signal)) ?? []) known.set(`${zone.name} ${zone.id ?? ''}`, zone);
          for (const name of call.names) asked.add(name);
        });
        previous = done.catch(() => undefined);
        await done;
      }),
    };
    return call;
  };

  return async (name, signal) => {
    if (!asked.has(name)) {
      gathering ??= gather();
      gathering.names.add(name);
      await gathering.run(signal);
    }
    return [...known.values()];
  };
}
