/** A run of `dns policy`: asks nobody. */
import { TscertError } from '../base/errors.js';
import { isWithin, parseDnsName, withoutWildcard } from '../base/names.js';
import { nearest } from '../base/nearest.js';
import type { Context } from './context.js';
import { EXIT } from './exit.js';
import { PROVIDERS } from './registry.js';

type Flags = Readonly<Record<string, unknown>>;

/** The least rights, as the provider's own tools take them. */
interface Policy {
  /** What goes to stdout. */
  readonly text: string;
  /** The same for --json. */
  readonly value: unknown;
  readonly remark?: string;
}

interface Wanted {
  readonly zone: string;
  readonly zoneId?: string;
  readonly names: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
}

const POLICIES: Readonly<Record<string, (wanted: Wanted) => Promise<Policy>>> = { route53, alidns, rfc2136 };

/** Prints the least rights with which a provider proves names of a zone. */
export async function runDnsPolicy(context: Context, provider: string, flags: Flags): Promise<number> {
  const { system, ui } = context;
  const policyOf = Object.hasOwn(POLICIES, provider) ? POLICIES[provider] : undefined;
  if (policyOf === undefined) throw noPolicy(provider);
  if (typeof flags.zone !== 'string') throw new TscertError('usage', 'Cannot tell for which zone: there is no --zone NAME');
  if (flags.zoneId !== undefined && provider !== 'route53')
    throw new TscertError('usage', 'Cannot use --zone-id: only route53 has ids of zones');
  const zone = parseDnsName(flags.zone);
  const given = Array.isArray(flags.domain) ? flags.domain.map(String) : [];
  const names = [...new Set(given.map((name) => withoutWildcard(parseDnsName(name))))];
  const outside = names.find((name) => !isWithin(name, zone));
  if (outside !== undefined) throw new TscertError('usage', `Cannot grant "${outside}": it is not in the zone "${zone}"`);
  const zoneId = typeof flags.zoneId === 'string' ? { zoneId: flags.zoneId } : {};
  const { text, value, remark } = await policyOf({ zone, ...zoneId, names, environment: system.env });
  if (remark !== undefined) ui.say(remark);
  if (ui.json) ui.document('dns-policy', { provider, zone, policy: value });
  else ui.data(text);
  return EXIT.done;
}

async function route53({ zone, zoneId, names }: Wanted): Promise<Policy> {
  if (zoneId !== undefined && !/^[A-Z0-9]{1,32}$/.test(zoneId)) {
    throw new TscertError('usage', `Cannot use "${zoneId}" as the id of a hosted zone: it wants a form such as Z0123456789ABCDEFGHIJ`);
  }
  const { route53Policy } = await import('../dns/providers/route53/policy.js');
  const policy = route53Policy({ name: zone, ...(zoneId === undefined ? {} : { id: zoneId }) }, names);
  const remark = 'this holds for every hosted zone of the account, narrowed by its names; --zone-id ID narrows it to one';
  return { text: json(policy), value: policy, ...(zoneId === undefined ? { remark } : {}) };
}

async function alidns({ zone }: Wanted): Promise<Policy> {
  const { alidnsPolicy } = await import('../dns/providers/alidns/policy.js');
  const policy = alidnsPolicy({ name: zone });
  return { text: json(policy), value: policy };
}

/** BIND's update-policy; its rules know no name that begins with a fixed label and goes on with any. */
async function rfc2136({ zone, names, environment }: Wanted): Promise<Policy> {
  const key = (environment.RFC2136_TSIG_KEY || 'tscert').replace(/\.$/, '');
  const rules = names.map((name) => `grant "${key}" name _acme-challenge.${name}. TXT;`);
  const grants = names.length > 0 ? rules : [`grant "${key}" subdomain ${zone}. TXT;`];
  const remark = 'BIND has no rule for the challenges of all names of a zone, so this allows every TXT record of it; -d NAME narrows it';
  return {
    text: `zone "${zone}" {\n  update-policy {\n${grants.map((grant) => `    ${grant}\n`).join('')}  };\n};\n`,
    value: grants,
    ...(names.length > 0 ? {} : { remark }),
  };
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

function noPolicy(provider: string): TscertError {
  const [kind = ''] = provider.split(':', 1);
  const known = Object.keys(POLICIES);
  if (PROVIDERS.includes(kind)) {
    const why = 'what it may do is decided by the service behind it, whose rights have a form of their own';
    return new TscertError('usage', `Cannot print a policy for "${provider}": ${why}; there are policies for ${known.join(', ')}`);
  }
  const meant = nearest(kind, known);
  const words = `Cannot print a policy for "${provider}": there is no such DNS provider${meant === undefined ? '' : ` (did you mean ${meant}?)`}`;
  return new TscertError('provider-unknown', words, { data: { provider, known } });
}
