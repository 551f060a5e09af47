/** A Route53 emulator with a provider and a plain client in front of it. */
import type { Change, DnsProvider, TxtRecord } from '../../src/dns/provider.js';
import { unquoteTxt } from '../../src/dns/providers/route53/txt.js';
import { createRoute53, type Route53Options } from '../../src/dns/providers/route53.js';
import { type Route53Emulator, type Route53EmulatorOptions, startRoute53Emulator } from '../emulators/route53/index.js';
import { realClock } from './clock.js';
import { createPlainClient, type PlainClient } from './route53-client.js';

export const KEY = { accessKeyId: 'AKIATEST', secretAccessKey: 'secret/of+the=test' };
/** The zone that there is unless others are asked for. */
export const ZONE = { name: 'example.com', id: 'ZEXAMPLE' };

export interface Route53World {
  readonly emulator: Route53Emulator;
  /** Another tool with the same rights. */
  readonly plain: PlainClient;
  /** A provider as a new process has it. */
  provider(options?: Partial<Route53Options>): Promise<DnsProvider>;
  /** TXT values at a name of a zone, unquoted and sorted. */
  values(name: string, zoneId?: string): string[];
  /** How many TXT sets stand in the zone. */
  txtSets(zoneId?: string): number;
  close(): Promise<void>;
}

export async function startRoute53World(options: Partial<Route53EmulatorOptions> = {}): Promise<Route53World> {
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';
  const emulator = await startRoute53Emulator({ zones: [ZONE], credentials: [KEY], ...options });
  const plain = createPlainClient(emulator.endpoint, KEY);
  const txt = (zoneId: string) => emulator.records(zoneId).filter((set) => set.type === 'TXT');
  return {
    emulator,
    plain,
    provider: (more = {}) => createRoute53({ endpoint: emulator.endpoint, credentials: KEY, clock: realClock, random: () => 0.5, ...more }),
    values: (name, zoneId = ZONE.id) =>
      txt(zoneId)
        .filter((set) => set.name === `${name}.`)
        .flatMap((set) => set.values.map((value) => unquoteTxt(value) ?? `not quoted: ${value}`))
        .sort(),
    txtSets: (zoneId = ZONE.id) => txt(zoneId).length,
    async close() {
      plain.close();
      await emulator.stop();
    },
  };
}

export function adding(...add: readonly TxtRecord[]): Change {
  return { add, remove: [] };
}

export function removing(...remove: readonly TxtRecord[]): Change {
  return { add: [], remove };
}

/** A value at each of `count` names of the zone, 43 characters long as those of dns-01. */
export function manyRecords(count: number, zone: string = ZONE.name): TxtRecord[] {
  return Array.from({ length: count }, (_, nth) => ({
    name: `_acme-challenge.host-${nth}.${zone}`,
    value: `value-${nth}-`.padEnd(43, 'x'),
  }));
}
