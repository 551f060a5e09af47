/** Look-ups through recursive resolvers: the next one when one fails, all of them twice before giving up. */
import { isTscertError, TscertError } from '../base/errors.js';
import type { DnsClient } from './dns.js';
import { formatServer } from './dns-address.js';
import type { DnsAnswer, RecordOf, RecordType } from './dns-message.js';
import type { DnsServer } from './tcp.js';

/** What a resolver knows of a name. */
export interface Lookup<T extends RecordType = RecordType> {
  /** `nodata`: the name exists, or has an alias that does, without a record of this type. */
  readonly status: 'found' | 'nodata' | 'nxdomain';
  /** Records of the type asked for, those at the end of a chain of aliases included. */
  readonly records: readonly RecordOf<T>[];
  /** True when the name is an alias. */
  readonly aliased: boolean;
  /** The zone that said so, by the SOA record of a negative answer (RFC 2308 §3). */
  readonly authority?: string;
}

export interface Resolver {
  /** The resolvers in use, in their order. */
  readonly servers: readonly DnsServer[];
  /**
   * Looks a name up.
   * @throws {TscertError} `dns-failed` with all that was tried in `data.tried` when no resolver had an answer
   */
  lookUp<T extends RecordType>(name: string, type: T, signal: AbortSignal): Promise<Lookup<T>>;
}

/** A resolver over `servers` (IP addresses), asked in their order; the one that answered last is asked first. */
export function createResolver(options: { readonly client: DnsClient; readonly servers: readonly DnsServer[] }): Resolver {
  const { client, servers } = options;
  let preferred = 0;
  return {
    servers,
    async lookUp(name, type, signal) {
      const tried: { server: string; answer: string }[] = [];
      for (let turn = 0; turn < servers.length * 2; turn++) {
        const at = (preferred + turn) % servers.length;
        const server = servers[at];
        if (server === undefined) break;
        try {
          const answer = await client.ask(server, { name, type, recursion: true }, signal);
          if (answer.rcode === 'NOERROR' || answer.rcode === 'NXDOMAIN') {
            preferred = at;
            return toLookup(answer, name, type);
          }
          tried.push({ server: formatServer(server), answer: answer.rcode });
        } catch (error) {
          if (!isTscertError(error, 'dns-failed')) throw error;
          tried.push({ server: formatServer(server), answer: String(error.data.failure) });
        }
      }
      const why = servers.length === 0 ? 'there is no resolver' : tried.map(({ server, answer }) => `${server}: ${answer}`).join('; ');
      throw new TscertError('dns-failed', `Cannot look up ${type} of "${name}": ${why}`, { data: { name, type, tried } });
    },
  };
}

function toLookup<T extends RecordType>(answer: DnsAnswer, name: string, type: T): Lookup<T> {
  const records = answer.answers.filter((record): record is RecordOf<T> => record.type === type);
  const authority = answer.authorities.find((record) => record.type === 'SOA')?.name;
  return {
    status: answer.rcode === 'NXDOMAIN' ? 'nxdomain' : records.length > 0 ? 'found' : 'nodata',
    records,
    aliased: answer.answers.some((record) => record.type === 'CNAME' && record.name === name),
    ...(authority === undefined ? {} : { authority }),
  };
}
