/** Questions to DNS servers: UDP first, TCP where UDP does not do (RFC 7766 §5). */
import { randomInt } from 'node:crypto';
import { isTscertError, messageOf, TscertError } from '../base/errors.js';
import { formatServer } from './dns-address.js';
import { answersId, type DnsAnswer, type DnsQuestion, decodeAnswer, encodeQuestion } from './dns-message.js';
import { createLimiter } from './limiter.js';
import { type DnsServer, exchangeOverTcp } from './tcp.js';
import { exchangeOverUdp } from './udp.js';

/** Why a server gave no answer; `data.failure` of the errors of {@link DnsClient.ask}. */
export type DnsFailure = 'timed out' | 'connection refused' | 'unreachable from this host' | 'malformed answer' | 'connection failed';

type Question = DnsQuestion & { readonly recursion?: boolean };

/** At most 64 questions are under way at a time. */
export interface DnsClient {
  /**
   * Asks one server one question. What it says is given back whatever it is, `REFUSED` and `SERVFAIL` too.
   * @param question `recursion` asks the server to look elsewhere too (a resolver)
   * @throws {TscertError} `dns-failed` with a {@link DnsFailure} in `data.failure` when no answer came; the signal's reason when aborted
   */
  ask(server: DnsServer, question: Question, signal: AbortSignal): Promise<DnsAnswer>;
}

const UNREACHABLE = ['ENETUNREACH', 'EHOSTUNREACH', 'EADDRNOTAVAIL', 'EAFNOSUPPORT', 'ENETDOWN', 'EHOSTDOWN', 'EACCES', 'EPERM', 'EINVAL'];
/** Answers of servers that know no EDNS (RFC 6891 §7). */
const NO_EDNS = ['FORMERR', 'NOTIMP', 'BADVERS'];

/** Questions at a time: more would be lost on the way, and be asked again. */
const PARALLEL = 64;

/** A client. `udpTimeout` (1,500 ms) and `tcpTimeout` (3,000 ms) are for one try over each. */
export function createDnsClient(options: { readonly udpTimeout?: number; readonly tcpTimeout?: number } = {}): DnsClient {
  const { udpTimeout = 1_500, tcpTimeout = 3_000 } = options;
  const limit = createLimiter(PARALLEL);

  const exchange = async (server: DnsServer, question: Question, signal: AbortSignal): Promise<DnsAnswer> => {
    const { recursion = false } = question;
    const over = async (transport: 'udp' | 'tcp', edns: boolean): Promise<DnsAnswer> => {
      const id = randomInt(65_536);
      const message = encodeQuestion(id, question, { recursion, edns });
      const accept = (bytes: Buffer): boolean => answersId(bytes, id);
      const bytes =
        transport === 'udp'
          ? await exchangeOverUdp(server, message, { timeout: udpTimeout, signal, accept })
          : await exchangeOverTcp(server, message, { timeout: tcpTimeout, signal });
      if (!accept(bytes)) throw new TscertError('response-invalid', 'Cannot read the DNS answer: it has another id');
      return decodeAnswer(bytes, question);
    };
    const spoken = async (transport: 'udp' | 'tcp'): Promise<DnsAnswer> => {
      const answer = await over(transport, true);
      return NO_EDNS.includes(answer.rcode) ? over(transport, false) : answer;
    };
    let first: unknown;
    try {
      const answer = await spoken('udp');
      if (!answer.truncated) return answer;
    } catch (error) {
      first = error;
    }
    signal.throwIfAborted();
    if (failureOf(first) === 'unreachable from this host') throw failed(server, question, first);
    try {
      return await spoken('tcp');
    } catch (error) {
      signal.throwIfAborted();
      throw failed(server, question, first === undefined ? error : telling(first, error));
    }
  };

  return { ask: (server, question, signal) => limit(() => exchange(server, question, signal), signal) };
}

/** Of the failures over UDP and TCP the one that says more: silence says least. */
function telling(udp: unknown, tcp: unknown): unknown {
  return failureOf(udp) === 'timed out' ? tcp : udp;
}

function failureOf(error: unknown): DnsFailure {
  if (!isTscertError(error)) return 'connection failed';
  const code = typeof error.data.systemCode === 'string' ? error.data.systemCode : '';
  if (error.code === 'response-invalid' || Number(error.data.strangers ?? 0) > 0) return 'malformed answer';
  if (error.code === 'timeout' || code === 'ETIMEDOUT') return 'timed out';
  if (UNREACHABLE.includes(code)) return 'unreachable from this host';
  return code === 'ECONNREFUSED' ? 'connection refused' : 'connection failed';
}

function failed(server: DnsServer, question: DnsQuestion, cause: unknown): TscertError {
  const failure = failureOf(cause);
  const address = formatServer(server);
  return new TscertError('dns-failed', `Cannot ask ${address} for ${question.type} "${question.name}": ${failure} (${messageOf(cause)})`, {
    data: { server: address, name: question.name, type: question.type, failure },
    cause,
  });
}
