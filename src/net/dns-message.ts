/** DNS messages (RFC 1035 §4): the questions that tscert asks, and answers checked against them. */
import { isIP } from 'node:net';
import dnsPacket, { type Answer, type DecodedPacket } from 'dns-packet';
import { TscertError } from '../base/errors.js';

export type RecordType = 'A' | 'AAAA' | 'CAA' | 'CNAME' | 'NS' | 'SOA' | 'TXT';

export interface DnsQuestion {
  /** In A-labels, without a dot at the end. */
  readonly name: string;
  readonly type: RecordType;
}

interface Common<T> {
  readonly type: T;
  /** Its owner, like all names of an answer in lower case without a dot at the end. */
  readonly name: string;
  readonly ttl: number;
}

/** A record of one type. The strings of a TXT record are joined. */
export type RecordOf<T extends RecordType> = T extends 'SOA'
  ? Common<T> & { readonly primary: string; readonly serial: number }
  : T extends 'CAA'
    ? Common<T> & { readonly critical: boolean; readonly tag: string; readonly value: string }
    : Common<T> & { readonly value: string };

export type DnsRecord = RecordOf<RecordType>;

export interface DnsAnswer {
  /** In the words of the registry: `NOERROR`, `NXDOMAIN`, `SERVFAIL`, `REFUSED`... */
  readonly rcode: string;
  /** AA: the server speaks for the zone. */
  readonly authoritative: boolean;
  readonly truncated: boolean;
  readonly answers: readonly DnsRecord[];
  readonly authorities: readonly DnsRecord[];
}

/** What a UDP answer may be long so that it is never fragmented (RFC 6891, DNS flag day 2020). */
const UDP_PAYLOAD = 1232;
const RCODES = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED', 'YXDOMAIN', 'YXRRSET', 'NXRRSET', 'NOTAUTH', 'NOTZONE'];
const BADVERS = 16;

/** Writes a question as a message. `recursion` sets RD; `edns` adds the OPT record (RFC 6891 §6.1). */
export function encodeQuestion(
  id: number,
  question: DnsQuestion,
  options: { readonly recursion: boolean; readonly edns: boolean },
): Buffer {
  const opt: Answer = {
    type: 'OPT',
    name: '.',
    udpPayloadSize: UDP_PAYLOAD,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: 0,
    flag_do: false,
    options: [],
  };
  return dnsPacket.encode({
    type: 'query',
    id,
    flags: options.recursion ? dnsPacket.RECURSION_DESIRED : 0,
    questions: [{ name: question.name, type: question.type, class: 'IN' }],
    additionals: options.edns ? [opt] : [],
  });
}

/** True when the bytes claim to answer the message with this id; anything else may come from somebody else (RFC 5452 §9.1). */
export function answersId(bytes: Buffer, id: number): boolean {
  return bytes.length >= 12 && bytes.readUInt16BE(0) === id && (bytes.readUInt8(2) & 0x80) !== 0;
}

/**
 * Reads an answer and checks that it answers `question`. Records of types that tscert never asks for are left out.
 * @throws {TscertError} `response-invalid` for bytes that are no DNS message, or the answer to another question
 */
export function decodeAnswer(bytes: Buffer, question: DnsQuestion): DnsAnswer {
  let packet: DecodedPacket;
  try {
    packet = dnsPacket.decode(bytes);
  } catch (error) {
    throw malformed('it is no DNS message', error);
  }
  const flags = packet.flags ?? 0;
  if (packet.type !== 'response') throw malformed('it is no answer');
  if (((flags >> 11) & 15) !== 0) throw malformed('it answers another kind of message');
  const opt = packet.additionals?.find((record) => record.type === 'OPT');
  const code = (flags & 15) | ((opt?.extendedRcode ?? 0) << 4);
  const [asked, ...more] = packet.questions ?? [];
  // A server that could not read the question need not repeat it.
  const repeats = asked !== undefined && more.length === 0 && fold(asked.name) === fold(question.name) && asked.type === question.type;
  if (!repeats && !(asked === undefined && code !== 0 && code !== 3)) throw malformed('it answers another question');
  return {
    rcode: RCODES[code] ?? (code === BADVERS ? 'BADVERS' : `RCODE${code}`),
    authoritative: packet.flag_aa,
    truncated: packet.flag_tc,
    answers: (packet.answers ?? []).flatMap(toRecord),
    authorities: (packet.authorities ?? []).flatMap(toRecord),
  };
}

function toRecord(answer: Answer): DnsRecord[] {
  if (answer.type === 'OPT' || (answer.class ?? 'IN') !== 'IN') return [];
  const base = { name: fold(answer.name), ttl: answer.ttl ?? 0 };
  switch (answer.type) {
    case 'A':
    case 'AAAA':
      if (isIP(answer.data) !== (answer.type === 'A' ? 4 : 6)) throw malformed(`its ${answer.type} record holds no address`);
      return [{ ...base, type: answer.type, value: answer.data }];
    case 'CNAME':
    case 'NS':
      return [{ ...base, type: answer.type, value: fold(answer.data) }];
    case 'TXT':
      return [{ ...base, type: 'TXT', value: [answer.data].flat().map(String).join('') }];
    case 'SOA':
      return [{ ...base, type: 'SOA', primary: fold(answer.data.mname), serial: answer.data.serial ?? 0 }];
    case 'CAA':
      return [{ ...base, type: 'CAA', critical: answer.data.issuerCritical === true, tag: answer.data.tag, value: answer.data.value }];
    default:
      return [];
  }
}

function fold(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

function malformed(reason: string, cause?: unknown): TscertError {
  return new TscertError('response-invalid', `Cannot read the DNS answer: ${reason}`, { data: { reason }, cause });
}
