/** `rfc2136`: DNS UPDATE (RFC 2136) signed with TSIG (RFC 8945), as BIND 9, Knot and PowerDNS take it. */
import { randomInt } from 'node:crypto';
import type { Clock } from '../../base/clock.js';
import { isTscertError, TscertError } from '../../base/errors.js';
import { formatServer, parseServer } from '../../net/dns-address.js';
import { type DnsServer, exchangeOverTcp } from '../../net/tcp.js';
import { createTsigKey, signRequest, type TsigError, type TsigKey, type Verdict, verifyResponse } from '../../net/tsig.js';
import type { DnsProvider } from '../provider.js';
import { decodeUpdateResponse, encodeUpdates, type Rcode } from './rfc2136/update.js';

export interface Rfc2136Options {
  /** The primary server: `host`, `host:port`, `[v6]:port`. Port 53 unless given. RFC2136_NAMESERVER. */
  readonly nameserver: string | undefined;
  /** Name of the TSIG key. RFC2136_TSIG_KEY. */
  readonly tsigKey: string | undefined;
  /** Its secret in base64, padded or not. RFC2136_TSIG_SECRET. */
  readonly tsigSecret: string | undefined;
  /** `hmac-sha256` (unless given), `hmac-sha384`, `hmac-sha512`. RFC2136_TSIG_ALGORITHM. */
  readonly tsigAlgorithm?: string | undefined;
  /** Milliseconds that one message may take; 10 s unless given. */
  readonly timeout?: number | undefined;
  /** Seconds; 60 unless given. An RRset has one TTL: values of others at the same name take this one over. */
  readonly ttl?: number | undefined;
  readonly clock: Clock;
}

/** A TCP message has at most 65,535 octets; the rest is left for the TSIG record. */
const LIMIT = 65_535 - 1_024;

/**
 * Updates the zone at its primary server: all values of a change in one signed message as long as they fit.
 * The zone is found by an SOA walk, for the protocol has no list of zones.
 * @throws {TscertError} `credentials-missing`, `request-invalid` or `config-invalid`, before anything is sent
 */
export function createRfc2136(options: Rfc2136Options): DnsProvider {
  const { clock, timeout = 10_000, ttl = 60 } = options;
  const server = parseServer(required(options.nameserver, 'RFC2136_NAMESERVER'));
  const key = createTsigKey({
    name: required(options.tsigKey, 'RFC2136_TSIG_KEY'),
    secret: required(options.tsigSecret, 'RFC2136_TSIG_SECRET'),
    algorithm: options.tsigAlgorithm || 'hmac-sha256',
  });
  const seconds = (): number => Math.floor(clock.now() / 1_000);

  const send = async (zone: string, message: Buffer, signal: AbortSignal): Promise<void> => {
    const sentAt = seconds();
    const request = signRequest(message, key, sentAt);
    const answer = await exchangeOverTcp(server, request.message, { timeout, signal });
    const { rcode } = decodeUpdateResponse(answer, message.readUInt16BE(0));
    const verdict = verifyResponse(answer, key, request.mac, seconds());
    if (verdict?.error !== undefined) throw refusedSignature(zone, server, key, sentAt, verdict.error, verdict);
    if (rcode !== 'NOERROR') throw refused(zone, server, rcode);
    if (verdict === undefined) throw failed(zone, 'the server reports success, but did not sign it', { server: formatServer(server) });
  };

  return {
    name: 'rfc2136',
    async change(zone, change, signal) {
      signal.throwIfAborted();
      for (const message of encodeUpdates(zone.name, change, { ttl, limit: LIMIT, nextId: () => randomInt(65_536) })) {
        try {
          await send(zone.name, message, signal);
        } catch (error) {
          if (signal.aborted || !isTscertError(error) || !['network', 'timeout', 'response-invalid'].includes(error.code)) throw error;
          throw failed(zone.name, error.message, { ...error.data, transient: error.code !== 'response-invalid' }, error);
        }
      }
      return change.add.map(({ name, value }) => ({ name, value }));
    },
  };
}

function required(value: string | undefined, variable: string): string {
  if (value !== undefined && value.trim() !== '') return value.trim();
  throw new TscertError('credentials-missing', `Cannot use the DNS provider "rfc2136": ${variable} is not set`, {
    data: { provider: 'rfc2136', variable },
  });
}

function refusedSignature(zone: string, server: DnsServer, key: TsigKey, sentAt: number, error: TsigError, verdict: Verdict): TscertError {
  const skew = verdict.serverTime === undefined ? undefined : sentAt - verdict.serverTime;
  const reasons: Readonly<Record<TsigError, string>> = {
    BADKEY: `BADKEY, it does not know the TSIG key "${key.name}" with ${key.algorithm}`,
    BADSIG: `BADSIG, the secret of the TSIG key "${key.name}" is not the one that it has`,
    BADTIME: `BADTIME, this machine's clock is ${skew === undefined ? 'too far from its own' : clockWords(skew)}`,
    BADTRUNC: 'BADTRUNC, it wants a longer signature',
  };
  const data = {
    provider: 'rfc2136',
    zone,
    server: formatServer(server),
    tsigError: error,
    ...(skew === undefined ? {} : { skew }),
  };
  return new TscertError('provider-denied', `Cannot update the zone "${zone}": the name server ${server.host} says ${reasons[error]}`, {
    data,
  });
}

function clockWords(skew: number): string {
  return `${Math.abs(skew)} s ${skew > 0 ? 'ahead of' : 'behind'} its own`;
}

function refused(zone: string, server: DnsServer, rcode: Rcode | number): TscertError {
  const data = { provider: 'rfc2136', zone, server: formatServer(server), rcode };
  const says = `Cannot update the zone "${zone}": the name server ${server.host} says ${typeof rcode === 'number' ? `rcode ${rcode}` : rcode}`;
  switch (rcode) {
    case 'REFUSED':
      return new TscertError('provider-denied', `${says}, its update policy does not allow these names to this key`, { data });
    case 'NOTAUTH':
      return new TscertError('zone-unknown', `${says}, it is not the primary server of this zone`, { data });
    case 'NOTZONE':
      return new TscertError('zone-unknown', `${says}, a name lies outside the zone`, { data });
    case 'SERVFAIL':
      return new TscertError('provider-failed', says, { data: { ...data, transient: true } });
    case 'NOTIMP':
      return new TscertError('provider-failed', `${says}, it takes no dynamic updates`, { data });
    default:
      return new TscertError('provider-failed', says, { data });
  }
}

function failed(zone: string, reason: string, data: Readonly<Record<string, unknown>>, cause?: unknown): TscertError {
  return new TscertError('provider-failed', `Cannot update the zone "${zone}": ${reason}`, {
    data: { provider: 'rfc2136', zone, ...data },
    cause,
  });
}
