/** The DNS providers that there are, each loaded when it is named; which settings each takes, and where they come from. */
import type { Clock, Random } from '../base/clock.js';
import { TscertError } from '../base/errors.js';
import type { Emit } from '../base/events.js';
import { nearest } from '../base/nearest.js';
import type { DnsProvider, TxtRecord } from '../dns/provider.js';
import type { HttpsAgent } from '../net/agent.js';

type Settings = Readonly<Record<string, string | undefined>>;

/** What a provider may need to be built. */
export interface ProviderHelp {
  /** Settings of the configuration file, by the names of environment variables; secrets resolved. */
  readonly settings: Settings;
  readonly environment: Settings;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
  /** For SDKs that send their own requests: absent when these need no proxy and no roots of the run. */
  readonly agent?: () => Promise<HttpsAgent>;
  /** A folder for what a provider's own scripts want to keep. */
  readonly stateFolder: string;
  /** On a terminal: waits for the person's word that the records stand. */
  readonly wait?: (records: readonly TxtRecord[], signal: AbortSignal) => Promise<void>;
  /** Those of the records that cannot be seen in DNS yet. */
  missing(records: readonly TxtRecord[], signal: AbortSignal): Promise<readonly TxtRecord[]>;
}

interface Entry {
  readonly name: string;
  /** Variables that the configuration file may set; absent: any, they are handed on to a program. */
  readonly variables?: readonly string[];
  create(help: ProviderHelp, script: string): Promise<DnsProvider>;
}

const ENTRIES: readonly Entry[] = [
  {
    name: 'route53',
    variables: [
      'AWS_ACCESS_KEY_ID',
      'AWS_SECRET_ACCESS_KEY',
      'AWS_SESSION_TOKEN',
      'AWS_PROFILE',
      'AWS_REGION',
      'AWS_ENDPOINT_URL_ROUTE_53',
      'AWS_HOSTED_ZONE_ID',
      'AWS_ASSUME_ROLE_ARN',
      'AWS_EXTERNAL_ID',
    ],
    async create({ settings, environment, clock, random, agent }) {
      // The SDK tells users of older Node.js lines about itself; that is between it and us.
      process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';
      const { createRoute53 } = await import('../dns/providers/route53.js');
      const all = { ...environment, ...settings };
      const [id, secret, token] = [settings.AWS_ACCESS_KEY_ID, settings.AWS_SECRET_ACCESS_KEY, settings.AWS_SESSION_TOKEN];
      return createRoute53({
        clock,
        random,
        ...(agent === undefined ? {} : { agent: await agent() }),
        ...given({
          region: all.AWS_REGION,
          profile: settings.AWS_PROFILE,
          endpoint: settings.AWS_ENDPOINT_URL_ROUTE_53,
          hostedZoneId: all.AWS_HOSTED_ZONE_ID,
          roleArn: all.AWS_ASSUME_ROLE_ARN,
          externalId: all.AWS_EXTERNAL_ID,
        }),
        ...(id === undefined || secret === undefined
          ? {}
          : { credentials: { accessKeyId: id, secretAccessKey: secret, ...given({ sessionToken: token }) } }),
      });
    },
  },
  {
    name: 'alidns',
    variables: [
      'ALIBABA_CLOUD_ACCESS_KEY_ID',
      'ALIBABA_CLOUD_ACCESS_KEY_SECRET',
      'ALIBABA_CLOUD_SECURITY_TOKEN',
      'ALICLOUD_REGION_ID',
      'ALICLOUD_DNS_ENDPOINT',
      'ALICLOUD_TTL',
    ],
    async create({ settings, environment, clock, random, emit }) {
      const { createAlidns } = await import('../dns/providers/alidns.js');
      const all = { ...environment, ...settings };
      return createAlidns({
        clock,
        random,
        emit,
        ...given({
          accessKeyId: settings.ALIBABA_CLOUD_ACCESS_KEY_ID ?? environment.ALICLOUD_ACCESS_KEY,
          accessKeySecret: settings.ALIBABA_CLOUD_ACCESS_KEY_SECRET ?? environment.ALICLOUD_SECRET_KEY,
          securityToken: settings.ALIBABA_CLOUD_SECURITY_TOKEN ?? environment.ALICLOUD_SECURITY_TOKEN,
          regionId: all.ALICLOUD_REGION_ID,
          endpoint: all.ALICLOUD_DNS_ENDPOINT,
        }),
        ...(all.ALICLOUD_TTL ? { ttl: wholeSeconds('ALICLOUD_TTL', all.ALICLOUD_TTL) } : {}),
      });
    },
  },
  {
    name: 'rfc2136',
    variables: [
      'RFC2136_NAMESERVER',
      'RFC2136_TSIG_KEY',
      'RFC2136_TSIG_SECRET',
      'RFC2136_TSIG_ALGORITHM',
      'RFC2136_TTL',
      'RFC2136_DNS_TIMEOUT',
    ],
    async create({ settings, environment, clock }) {
      const { createRfc2136 } = await import('../dns/providers/rfc2136.js');
      const all = { ...environment, ...settings };
      return createRfc2136({
        clock,
        nameserver: all.RFC2136_NAMESERVER,
        tsigKey: all.RFC2136_TSIG_KEY,
        tsigSecret: all.RFC2136_TSIG_SECRET,
        tsigAlgorithm: all.RFC2136_TSIG_ALGORITHM,
        ...(all.RFC2136_TTL ? { ttl: wholeSeconds('RFC2136_TTL', all.RFC2136_TTL) } : {}),
        ...(all.RFC2136_DNS_TIMEOUT ? { timeout: 1_000 * wholeSeconds('RFC2136_DNS_TIMEOUT', all.RFC2136_DNS_TIMEOUT) } : {}),
      });
    },
  },
  {
    name: 'exec',
    async create({ settings, environment, clock }) {
      const { createExec } = await import('../dns/providers/exec.js');
      return createExec({ settings, environment, clock });
    },
  },
  {
    name: 'acmesh',
    async create({ settings, environment, clock, emit, stateFolder }, script) {
      const { createAcmesh } = await import('../dns/providers/acmesh.js');
      return createAcmesh({ script, settings, environment, clock, emit, stateFolder });
    },
  },
  {
    name: 'manual',
    variables: [],
    async create({ emit, wait, missing }) {
      const { createManual } = await import('../dns/providers/manual.js');
      return createManual({ emit, wait, missing });
    },
  },
];

/** Names of the providers; `acmesh` takes the name of a script behind a colon. */
export const PROVIDERS: readonly string[] = ENTRIES.map(({ name }) => name);

/**
 * Builds the provider of this name: `route53`, `acmesh:dns_cf`.
 * @throws {TscertError} `provider-unknown`, `config-invalid` for a setting that it does not take, and what the provider itself throws
 */
export async function createProvider(name: string, help: ProviderHelp): Promise<DnsProvider> {
  const { entry, script } = entryOf(name);
  const { variables } = entry;
  const foreign = variables === undefined ? undefined : Object.keys(help.settings).find((key) => !variables.includes(key));
  if (foreign !== undefined) {
    const meant = nearest(foreign, variables ?? []);
    throw new TscertError(
      'config-invalid',
      `Cannot set "${foreign}" for the DNS provider "${name}": it takes ${variables?.join(', ') || 'no settings'}${meant === undefined ? '' : ` (did you mean ${meant}?)`}`,
      { data: { provider: name, key: foreign } },
    );
  }
  return entry.create(help, script ?? '');
}

/**
 * Refuses a name that no provider has, before one is built.
 * @throws {TscertError} `provider-unknown`
 */
export function checkProviderName(name: string): void {
  entryOf(name);
}

function entryOf(name: string): { readonly entry: Entry; readonly script: string | undefined } {
  const [kind = '', script] = name.split(':', 2);
  const entry = ENTRIES.find((one) => one.name === kind);
  if (entry !== undefined && (entry.name === 'acmesh') === (script !== undefined)) return { entry, script };
  const known = ENTRIES.map((one) => (one.name === 'acmesh' ? 'acmesh:dns_xx' : one.name));
  const meant = entry === undefined ? nearest(kind, known) : undefined;
  throw new TscertError(
    'provider-unknown',
    `Cannot use the DNS provider "${name}": there are ${known.join(', ')}${meant === undefined ? '' : ` (did you mean ${meant}?)`}`,
    { data: { provider: name, known } },
  );
}

/** The entries that have a value. */
function given<Key extends string>(values: Readonly<Record<Key, string | undefined>>): Partial<Record<Key, string>> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== '')) as Partial<
    Record<Key, string>
  >;
}

function wholeSeconds(variable: string, text: string): number {
  if (/^\d{1,9}$/.test(text) && Number(text) > 0) return Number(text);
  throw new TscertError('config-invalid', `Cannot use ${variable} "${text}": it wants whole seconds`, { data: { variable } });
}
