/** What the name servers said about a TXT value, judged and put into words. */
import { isIPv6 } from 'node:net';
import type { ServerAnswer } from '../base/events.js';
import type { DnsFailure } from '../net/dns.js';
import { formatServer } from '../net/dns-address.js';
import type { DnsAnswer } from '../net/dns-message.js';
import type { Nameserver } from './nameservers.js';

/** What one address gave for a TXT question. */
export interface Look {
  readonly nameserver: Nameserver;
  readonly answer?: DnsAnswer;
  readonly failure?: DnsFailure;
}

/** A judged look; `excused` servers cannot be asked from this host and are not waited for. */
export interface Verdict extends ServerAnswer {
  readonly excused: boolean;
}

/**
 * Judges one round for one value.
 * @param options `authoritative` wants AA; `heardIpv6` says whether any IPv6 server has ever answered this host
 */
export function judge(
  looks: readonly Look[],
  wanted: { readonly fqdn: string; readonly value: string },
  options: { readonly authoritative: boolean; readonly heardIpv6: boolean },
): Verdict[] {
  const judged = looks.map((look) => ({ look, ...readLook(look, wanted, options.authoritative) }));
  const unreachable = (look: Look): boolean =>
    look.failure === 'unreachable from this host' ||
    (look.failure === 'timed out' && isIPv6(look.nameserver.address.host) && !options.heardIpv6);
  return judged.map(({ look, holds, answer }) => {
    const siblings = judged.filter((other) => other.look.nameserver.host === look.nameserver.host);
    // A server of which no address can be reached is another one's to vouch for.
    const vouchers = siblings.every((other) => unreachable(other.look)) ? judged : siblings;
    const excused = !holds && unreachable(look) && vouchers.some((other) => other.holds);
    return {
      server: look.nameserver.host,
      address: formatServer(look.nameserver.address),
      holds,
      answer: excused ? `${answer}, not required` : answer,
      excused,
    };
  });
}

/** True when every server that counts holds the value, and at least one does. */
export function isClean(verdicts: readonly Verdict[]): boolean {
  return verdicts.some(({ holds }) => holds) && verdicts.every(({ holds, excused }) => holds || excused);
}

function readLook(
  { answer, failure }: Look,
  wanted: { readonly fqdn: string; readonly value: string },
  authoritative: boolean,
): { holds: boolean; answer: string } {
  if (answer === undefined) return { holds: false, answer: failure ?? 'connection failed' };
  if (answer.rcode !== 'NOERROR') return { holds: false, answer: answer.rcode };
  if (authoritative && !answer.authoritative) {
    const child = answer.authorities.find((record) => record.type === 'NS' && record.name !== '');
    return { holds: false, answer: child === undefined ? 'not authoritative' : `refers to the name servers of "${child.name}"` };
  }
  const texts = answer.answers.filter((record) => record.type === 'TXT' && (!authoritative || record.name === wanted.fqdn));
  if (texts.some((record) => record.type === 'TXT' && record.value === wanted.value)) return { holds: true, answer: 'has the value' };
  const alias = answer.answers.find((record) => record.type === 'CNAME' && record.name === wanted.fqdn);
  if (alias?.type === 'CNAME' && texts.length === 0) return { holds: false, answer: `an alias to "${alias.value}"` };
  if (texts.length === 0) return { holds: false, answer: 'no TXT record' };
  return { holds: false, answer: texts.length === 1 ? '1 other value' : `${texts.length} other values` };
}

/** The last round in a sentence: who is in the way, and whether the servers agree. */
export function describe(verdicts: readonly Verdict[]): string {
  const counted = verdicts.filter(({ excused }) => !excused);
  const bad = counted.filter(({ holds }) => !holds);
  const first = bad[0];
  if (first === undefined) return 'every name server has the value, but not long enough';
  const name = first.server === first.address ? first.address : `${first.server} (${first.address})`;
  const rest =
    bad.length < counted.length
      ? `the name servers disagree, ${counted.length - bad.length} of ${counted.length} have the value`
      : counted.length === 1
        ? 'it is the only name server'
        : `none of ${counted.length} name server addresses has the value`;
  return `${name} says ${first.answer}; ${rest}`;
}
