/**
 * Amazon Route 53. Needs four permissions (route53/policy.ts prints them): ListHostedZonesByName, ListResourceRecordSets,
 * ChangeResourceRecordSets with CREATE and DELETE, GetChange.
 */
import type { Clock, Random } from '../../base/clock.js';
import { TscertError } from '../../base/errors.js';
import type { DnsProvider, Zone } from '../provider.js';
import { createApi, type Route53Access } from './route53/api.js';
import { carryOut, type Zone53 } from './route53/changes.js';
import { waitForSync } from './route53/settled.js';
import { findZones, zoneOfId } from './route53/zones.js';

export interface Route53Options extends Route53Access {
  /** Use this zone, and look for no other. With or without `/hostedzone/` in front. */
  readonly hostedZoneId?: string;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * The provider. Building it loads the SDK and makes no call. The SDK warns about old Node.js versions unless
 * AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED=true stands in the environment before.
 */
export async function createRoute53({ hostedZoneId, clock, random, ...access }: Route53Options): Promise<DnsProvider> {
  const api = await createApi(access);
  const pinned = hostedZoneId?.replace(/^\/?hostedzone\//, '');
  const zones = new Map<string, Zone53>();
  const pending = new Map<string, readonly string[]>();

  const find = (names: readonly string[], signal: AbortSignal): Promise<readonly Zone[]> =>
    pinned === undefined ? findZones(api, names, signal) : zoneOfId(api, pinned, signal).then((zone) => [zone]);

  const idOf = async (zone: Zone, signal: AbortSignal): Promise<string> => {
    const id = zone.id ?? pinned ?? (await find([zone.name], signal)).find(({ name }) => name === zone.name)?.id;
    if (id !== undefined) return id;
    throw new TscertError(
      'zone-unknown',
      `Cannot change the zone "${zone.name}": this AWS account has no public hosted zone of that name`,
      {
        data: { provider: 'route53', zone: zone.name },
      },
    );
  };

  return {
    name: 'route53',
    zones: find,
    async change(zone, change, signal) {
      signal.throwIfAborted();
      if (change.add.length + change.remove.length === 0) return [];
      const id = await idOf(zone, signal);
      const state = zones.get(id) ?? { id, known: new Map() };
      zones.set(id, state);
      const sent = await carryOut(state, change, { api, clock, random }, signal);
      if (sent.length > 0) pending.set(zone.name, sent);
      return change.add;
    },
    async settled(zone, signal) {
      const ids = pending.get(zone.name) ?? [];
      await waitForSync(api, ids, clock, signal);
      if (pending.get(zone.name) === ids) pending.delete(zone.name);
    },
  };
}
