/**
 * A strict DNS server on loopback for tests, UDP and TCP on every address: authoritative (AA, NXDOMAIN and NODATA with SOA,
 * delegations, CNAME, truncation), with faults on demand. Zones may be live, so that an emulator of a DNS service shows its
 * own state. It is also a plain recursive resolver over its zones with `recursive: true`.
 *
 *     await using dns = await startDnsServer({ zones: [zone('example.com')] });
 *     dns.addTxt('_acme-challenge.example.com', 'value');
 *     dns.address; // "127.0.0.1:40123"
 */
import dgram from 'node:dgram';
import net from 'node:net';
import dnsPacket, { type Answer, type DecodedPacket } from 'dns-packet';
import { failure, fold, lookUp, RCODE, type Reply, type ServedRecord, type ServedZone, within } from './dns-zone.js';

export { type ServedRecord, type ServedZone, zone } from './dns-zone.js';

export interface ServedQuery {
  readonly name: string;
  readonly type: string;
  readonly transport: 'udp' | 'tcp';
  /** The address that was asked, `host:port`. */
  readonly address: string;
  /** The UDP payload size of EDNS(0); undefined when the question had no OPT record. */
  readonly edns: number | undefined;
  readonly recursionDesired: boolean;
}

/** What is done with a question. `answer` is the truth; all others are faults. */
export type Behaviour =
  | 'answer'
  | 'drop'
  | 'refuse'
  | 'servfail'
  | 'formerr'
  | 'garbage'
  | 'broken'
  | 'wrong-id'
  | 'wrong-question'
  | 'truncate'
  | 'not-authoritative'
  | 'close';

export interface DnsServer {
  /** The first address, `host:port`. */
  readonly address: string;
  /** All of them, in the order asked for; they share one port. */
  readonly addresses: readonly string[];
  readonly port: number;
  /** Every question, in the order of arrival. */
  readonly queries: ServedQuery[];
  /** Adds a TXT value at a name, at all addresses or (a lagging secondary) at some. */
  addTxt(name: string, value: string, addresses?: readonly string[]): void;
  removeTxt(name: string, value: string): void;
  /** Replaces all values of a name at all addresses. */
  setTxt(name: string, values: readonly string[]): void;
  /** All values added and not removed, sorted: `name value`. */
  txt(): string[];
  /** Decides what is done with each question from now on. */
  behave(behaviour: (query: ServedQuery) => Behaviour): void;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

interface Options {
  /** Loopback addresses to listen on; 127.0.0.1 when absent. */
  readonly addresses?: readonly string[];
  readonly port?: number;
  readonly zones: readonly ServedZone[] | (() => readonly ServedZone[]);
  /** Answers as a resolver does (RA, no AA, aliases followed over all zones) instead of as an authority. */
  readonly recursive?: boolean;
  /** Decides what is done with each question. */
  readonly behave?: (query: ServedQuery) => Behaviour;
}

function toAnswer(record: ServedRecord, owner = record.name): Answer {
  const data = record.type === 'TXT' ? [record.data].flat().map((part) => Buffer.from(String(part))) : record.data;
  return { name: owner, type: record.type, ttl: record.ttl ?? 1, class: 'IN', data } as Answer;
}

function encodeReply(query: DecodedPacket, reply: Reply, edns: number | undefined, recursive: boolean, limit: number): Buffer {
  const flags =
    reply.rcode |
    (reply.authoritative ? dnsPacket.AUTHORITATIVE_ANSWER : 0) |
    (recursive ? dnsPacket.RECURSION_AVAILABLE : 0) |
    ((query.flags ?? 0) & dnsPacket.RECURSION_DESIRED);
  const opt: Answer[] =
    edns === undefined
      ? []
      : [{ type: 'OPT', name: '.', udpPayloadSize: 1232, extendedRcode: 0, ednsVersion: 0, flags: 0, flag_do: false, options: [] }];
  const question = query.questions?.[0];
  const packet = {
    type: 'response' as const,
    id: query.id ?? 0,
    flags,
    questions: query.questions ?? [],
    // The question's own spelling is kept, as servers do.
    answers: reply.answers.map((record) =>
      toAnswer(record, question !== undefined && fold(record.name) === fold(question.name) ? question.name : record.name),
    ),
    authorities: reply.authorities.map((record) => toAnswer(record)),
    additionals: [...reply.additionals.map((record) => toAnswer(record)), ...opt],
  };
  const whole = dnsPacket.encode(packet);
  if (whole.length <= limit) return whole;
  return dnsPacket.encode({ ...packet, flags: flags | dnsPacket.TRUNCATED_RESPONSE, answers: [], authorities: [], additionals: opt });
}

async function listen(host: string, port: number): Promise<{ udp: dgram.Socket; tcp: net.Server }> {
  const udp = dgram.createSocket({ type: net.isIPv6(host) ? 'udp6' : 'udp4', ipv6Only: net.isIPv6(host) });
  const tcp = net.createServer();
  try {
    await new Promise<void>((resolve, reject) => udp.once('error', reject).bind(port, host, resolve));
    const same = udp.address().port;
    await new Promise<void>((resolve, reject) => tcp.once('error', reject).listen({ port: same, host, ipv6Only: true }, resolve));
    return { udp, tcp };
  } catch (error) {
    try {
      udp.close();
    } catch {}
    throw error;
  }
}

/** Listens on all hosts with one port; starts anew when a port is free at the first host but not at another. */
async function listenAll(
  hosts: readonly string[],
  port: number,
): Promise<{ host: string; port: number; udp: dgram.Socket; tcp: net.Server }[]> {
  for (let attempt = 1; ; attempt++) {
    const open: { host: string; port: number; udp: dgram.Socket; tcp: net.Server }[] = [];
    try {
      for (const host of hosts) {
        const sockets = await listen(host, open[0]?.port ?? port);
        open.push({ host, port: sockets.udp.address().port, ...sockets });
      }
      return open;
    } catch (error) {
      for (const { udp, tcp } of open) {
        udp.close();
        tcp.close();
      }
      if (attempt === 20 || port !== 0) throw error;
    }
  }
}

/** Starts the server; `close` (or `await using`) ends it. */
export async function startDnsServer(options: Options): Promise<DnsServer> {
  const own: { name: string; value: string; addresses: readonly string[] | undefined }[] = [];
  const queries: ServedQuery[] = [];
  let behave = options.behave ?? ((): Behaviour => 'answer');
  const recursive = options.recursive ?? false;

  const zonesAt = (address: string): { name: string; records: readonly ServedRecord[] }[] =>
    (typeof options.zones === 'function' ? options.zones() : options.zones).map((served) => ({
      name: served.name,
      records: [
        ...(typeof served.records === 'function' ? served.records(address) : served.records),
        ...own
          .filter((txt) => within(txt.name, fold(served.name)) && (txt.addresses?.includes(address) ?? true))
          .map((txt): ServedRecord => ({ name: txt.name, type: 'TXT', data: txt.value.match(/.{1,255}/gs) ?? [''] })),
      ],
    }));

  /** The bytes to send back: none, or several packets. */
  const respond = (bytes: Buffer, transport: 'udp' | 'tcp', address: string): Buffer[] | 'close' => {
    let query: DecodedPacket;
    try {
      query = dnsPacket.decode(bytes);
    } catch {
      return [];
    }
    const question = query.questions?.[0];
    const opt = query.additionals?.find((record) => record.type === 'OPT');
    const edns = opt === undefined ? undefined : Math.max(512, opt.udpPayloadSize);
    const limit = transport === 'tcp' ? 65_535 : (edns ?? 512);
    const encode = (reply: Reply, max = limit): Buffer => encodeReply(query, reply, edns, recursive, max);
    if (query.type === 'response') return [];
    if (question === undefined || query.questions?.length !== 1) return [encode(failure(RCODE.FORMERR))];
    if ((((query.flags ?? 0) >> 11) & 15) !== 0 || (question.class ?? 'IN') !== 'IN') return [encode(failure(RCODE.NOTIMP))];
    const seen: ServedQuery = {
      name: fold(question.name),
      type: question.type,
      transport,
      address,
      edns: opt?.udpPayloadSize,
      recursionDesired: query.flag_rd,
    };
    queries.push(seen);
    const truth = lookUp(zonesAt(address), question.name, question.type, recursive);
    switch (behave(seen)) {
      case 'drop':
        return [];
      case 'close':
        return 'close';
      case 'refuse':
        return [encode(failure(RCODE.REFUSED))];
      case 'servfail':
        return [encode(failure(RCODE.SERVFAIL))];
      case 'formerr':
        return [encode(failure(RCODE.FORMERR))];
      case 'garbage':
        return [Buffer.from('this is not DNS')];
      case 'broken':
        return [Buffer.concat([encode(truth).subarray(0, 14), Buffer.alloc(9, 0xff)])];
      case 'wrong-id': {
        const reply = encode(truth);
        reply.writeUInt16BE(reply.readUInt16BE(0) ^ 0x5555, 0);
        return [reply];
      }
      case 'wrong-question':
        return [encodeReply({ ...query, questions: [{ ...question, name: `not-${question.name}` }] }, truth, edns, recursive, limit)];
      case 'truncate':
        return [encode(truth, transport === 'udp' ? 0 : limit)];
      case 'not-authoritative':
        return [encode({ ...truth, authoritative: false })];
      default:
        return [encode(truth)];
    }
  };

  const listeners = await listenAll(options.addresses ?? ['127.0.0.1'], options.port ?? 0);
  const connections = new Set<net.Socket>();
  for (const { host, port, udp, tcp } of listeners) {
    const address = net.isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
    udp.on('message', (bytes, from: dgram.RemoteInfo) => {
      const replies = respond(bytes, 'udp', address);
      if (replies !== 'close') for (const reply of replies) udp.send(reply, from.port, from.address, () => undefined);
    });
    tcp.on('connection', (socket) => {
      connections.add(socket);
      let pending = Buffer.alloc(0);
      socket.on('close', () => connections.delete(socket)).on('error', () => socket.destroy());
      socket.on('data', (chunk: Buffer) => {
        pending = Buffer.concat([pending, chunk]);
        while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
          const end = 2 + pending.readUInt16BE(0);
          const replies = respond(pending.subarray(2, end), 'tcp', address);
          pending = pending.subarray(end);
          if (replies === 'close') return void socket.destroy();
          for (const reply of replies) {
            const length = Buffer.alloc(2);
            length.writeUInt16BE(reply.length);
            // In two pieces: a client has to put the length and the message together itself.
            socket.write(length.subarray(0, 1));
            socket.write(Buffer.concat([length.subarray(1), reply]));
          }
        }
      });
    });
  }

  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= Promise.all(
      listeners.flatMap(({ udp, tcp }) => [
        new Promise<void>((resolve) => udp.close(() => resolve())),
        new Promise<void>((resolve) => tcp.close(() => resolve())),
      ]),
    ).then(() => undefined);
    for (const socket of connections) socket.destroy();
    return closing;
  };
  const remove = (name: string, value?: string): void => {
    for (let at = own.length - 1; at >= 0; at--) {
      const txt = own[at];
      if (txt?.name === fold(name) && (value === undefined || txt.value === value)) own.splice(at, 1);
    }
  };
  const addresses = listeners.map(({ host, port }) => (net.isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`));
  return {
    address: addresses[0] ?? '',
    addresses,
    port: listeners[0]?.port ?? 0,
    queries,
    addTxt: (name, value, only) => void own.push({ name: fold(name), value, addresses: only }),
    removeTxt: remove,
    setTxt: (name, values) => {
      remove(name);
      for (const value of values) own.push({ name: fold(name), value, addresses: undefined });
    },
    txt: () => own.map(({ name, value }) => `${name} ${value}`).sort(),
    behave: (next) => {
      behave = next;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
