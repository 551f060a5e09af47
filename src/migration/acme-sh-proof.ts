/** How acme.sh proves names, in tscert's options. */
import { isAbsolute } from 'node:path';
import { isTscertError } from '../base/errors.js';
import { parseDnsName, withoutWildcard } from '../base/names.js';
import type { OwnOptions } from '../request/options.js';
import type { Settings } from './acme-sh-options.js';
import type { Proof } from './holdings.js';

interface Around {
  /** acme.sh's folder, absolute: its scripts find what is stored with it. */
  readonly home: string;
  readonly general: Settings;
  readonly providers: readonly string[];
}

/** Scripts whose service tscert has a provider for, and the variables of both. */
const OWN: Readonly<Record<string, { readonly provider: string; readonly variables: Readonly<Record<string, string>> }>> = {
  dns_aws: {
    provider: 'route53',
    variables: { AWS_ACCESS_KEY_ID: 'AWS_ACCESS_KEY_ID', AWS_SECRET_ACCESS_KEY: 'AWS_SECRET_ACCESS_KEY' },
  },
  dns_ali: {
    provider: 'alidns',
    variables: { Ali_Key: 'ALIBABA_CLOUD_ACCESS_KEY_ID', Ali_Secret: 'ALIBABA_CLOUD_ACCESS_KEY_SECRET' },
  },
};

/** One name's proof: an option, or what is lost. */
type Way =
  | { readonly kind: 'dns'; readonly provider: string; readonly home?: string; readonly losses: readonly string[] }
  | { readonly kind: 'http'; readonly http: string }
  | { readonly kind: 'tlsAlpn'; readonly port: number }
  | { readonly kind: 'lost'; readonly loss: string };

/** The proof of a certificate: `Le_Webroot` has a way for each of `names`, or one for all. */
export function acmeShProof(settings: Settings, names: readonly string[], around: Around): Proof {
  const fields = (settings.get('Le_Webroot') ?? '').split(',');
  const ways = (names.length === 0 ? [''] : names).map((name, at) => ({ name, way: wayOf(fieldAt(fields, at), settings, around) }));
  const distinct = new Map(ways.map(({ way }) => [JSON.stringify(way), way]));
  const isOne = distinct.size === 1;
  const dns = ways.flatMap(({ name, way }) => (way.kind === 'dns' ? dnsEntries(way, isOne ? '' : name) : []));
  const https = [...distinct.values()].flatMap((way) => (way.kind === 'http' ? [way.http] : []));
  const alpn = [...distinct.values()].find((way) => way.kind === 'tlsAlpn');
  const losses = [...distinct.values()].flatMap((way) => (way.kind === 'lost' ? [way.loss] : way.kind === 'dns' ? way.losses : []));
  const [first] = https;
  const options: Proof['options'] = {
    ...(dns.length === 0 ? {} : { dns: [...new Map(dns.map((entry) => [JSON.stringify(entry), entry])).values()] }),
    ...(first === undefined ? {} : { http: [first] }),
    ...(alpn === undefined ? {} : { tlsAlpn: alpn.port === 443 ? true : alpn.port }),
  };
  if (https.length > 1)
    losses.push(
      `its names are proven in ${https.length} places, and tscert uses one, "${first}": say another --http where that will not do`,
    );
  return { options, losses };
}

/** The last field that is not empty up to this one, as acme.sh's `_getfield` has it. */
function fieldAt(fields: readonly string[], at: number): string {
  return fields.slice(0, at + 1).findLast((field) => field !== '') ?? '';
}

function wayOf(field: string, settings: Settings, { home, general, providers }: Around): Way {
  if (field === 'no')
    return { kind: 'http', http: portOf(settings, 'Le_HTTPPort', 80, (port) => (port === 80 ? 'standalone' : `standalone:${port}`)) };
  if (field === 'alpn') return { kind: 'tlsAlpn', port: portOf(settings, 'Le_TLSPort', 443, (port) => port) };
  if (field === 'dns') return { kind: 'dns', provider: 'manual', losses: [] };
  if (field === 'dns_persist')
    return { kind: 'lost', loss: 'acme.sh proves its names by dns-persist-01, and tscert does not: say --dns, --http or --tls-alpn' };
  const own = Object.hasOwn(OWN, field) ? OWN[field] : undefined;
  if (own !== undefined && providers.includes(own.provider))
    return { kind: 'dns', provider: own.provider, losses: variablesToSet(own.variables, general, home) };
  if (/^dns_\w+$/.test(field)) return { kind: 'dns', provider: `acmesh:${field}`, home, losses: [] };
  if (isAbsolute(field)) return { kind: 'http', http: `webroot:${field}` };
  const way = /^(nginx|apache|stateless)/.exec(field)?.[1];
  return {
    kind: 'lost',
    loss: `acme.sh proves its names by ${way === undefined ? 'a way that is not known' : `its mode "${way}"`}, and tscert does not: say --http webroot:DIR, or another way`,
  };
}

function portOf<Value>(settings: Settings, key: string, usual: number, valueAt: (port: number) => Value): Value {
  const port = settings.get(key) ?? '';
  return valueAt(/^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535 ? Number(port) : usual);
}

/** What is stored with acme.sh, and must be in tscert's environment: names alone. */
function variablesToSet(variables: Readonly<Record<string, string>>, general: Settings, home: string): string[] {
  const stored = Object.entries(variables).filter(([name]) => (general.get(name) ?? '') !== '');
  if (stored.length === 0) return [];
  const names = stored.map(([name, ours]) => (name === ours ? ours : `${ours} (${name})`)).join(' and ');
  return [`its DNS credentials stay in "${home}/account.conf": set ${names} where tscert runs`];
}

/** The provider for one name, or for all when there is none; of what is no name nothing comes. */
function dnsEntries({ provider, home }: Extract<Way, { kind: 'dns' }>, name: string): NonNullable<OwnOptions['dns']> {
  const zone = name === '' ? undefined : zoneOf(name);
  if (zone === undefined && name !== '') return [];
  if (home === undefined) return [zone === undefined ? provider : `${provider}@${zone}`];
  return [{ provider, ...(zone === undefined ? {} : { zone }), ACMESH_HOME: home }];
}

function zoneOf(name: string): string | undefined {
  try {
    return withoutWildcard(parseDnsName(name));
  } catch (error) {
    if (isTscertError(error)) return undefined;
    throw error;
  }
}
