/** How TLS begins within protocols that begin without it. Each is its smallest conversation: the greeting, the question, the yes. */
import type { Talk } from './talk.js';

export const STARTTLS = ['smtp', 'imap', 'pop3', 'ldap', 'postgres', 'mysql'] as const;

/** A protocol in which TLS is asked for. */
export type StartTls = (typeof STARTTLS)[number];

const MAX_LINES = 100;

/**
 * Brings a server to the point where the TLS handshake begins.
 * @throws {TscertError} `response-invalid` when it says no or something else than the protocol has; what {@link Talk} throws
 */
export async function startTls(protocol: StartTls, talk: Talk): Promise<void> {
  await CONVERSATIONS[protocol](talk);
  talk.finish();
}

const CONVERSATIONS: Readonly<Record<StartTls, (talk: Talk) => Promise<void>>> = { smtp, imap, pop3, ldap, postgres, mysql };

/** RFC 3207. */
async function smtp(talk: Talk): Promise<void> {
  await smtpReply(talk, '220');
  talk.send('EHLO tscert.invalid\r\n');
  const offers = await smtpReply(talk, '250');
  if (!offers.some((offer) => /^STARTTLS\s*$/i.test(offer))) throw talk.failure('it does not offer STARTTLS');
  talk.send('STARTTLS\r\n');
  await smtpReply(talk, '220');
}

/** A reply of one or more lines (RFC 5321 §4.2.1): their texts. */
async function smtpReply(talk: Talk, wanted: string): Promise<string[]> {
  const texts: string[] = [];
  for (;;) {
    const line = await talk.line();
    const [, code, mark, text = ''] = /^(\d{3})(?:([ -])(.*))?$/.exec(line) ?? [];
    if (code !== wanted) throw talk.failure(`it said "${line}", not ${wanted}`);
    texts.push(text);
    if (mark !== '-') return texts;
    if (texts.length >= MAX_LINES) throw talk.failure('its reply has too many lines');
  }
}

/** RFC 3501 §6.2.1, RFC 9051. */
async function imap(talk: Talk): Promise<void> {
  const greeting = await talk.line();
  if (!/^\* OK\b/i.test(greeting)) throw talk.failure(`it said "${greeting}", not "* OK"`);
  talk.send('a1 STARTTLS\r\n');
  for (let count = 0; count < MAX_LINES; count++) {
    const line = await talk.line();
    if (line.startsWith('* ')) continue;
    if (/^a1 OK\b/i.test(line)) return;
    throw talk.failure(`it said "${line}", not "a1 OK"`);
  }
  throw talk.failure('its reply has too many lines');
}

/** RFC 2595 §4. */
async function pop3(talk: Talk): Promise<void> {
  for (const command of ['STLS\r\n', undefined]) {
    const line = await talk.line();
    if (!/^\+OK\b/.test(line)) throw talk.failure(`it said "${line}", not "+OK"`);
    if (command !== undefined) talk.send(command);
  }
}

/** SSLRequest of PostgreSQL's protocol: a length and a number instead of a version. */
async function postgres(talk: Talk): Promise<void> {
  talk.send(Buffer.from('0000000804d2162f', 'hex'));
  const answer = (await talk.octets(1)).toString('latin1');
  if (answer === 'N') throw talk.failure('it does not offer TLS');
  if (answer !== 'S') throw talk.failure(`it said "${answer}", neither S nor N`);
}

/** Of MySQL's capabilities: protocol 4.1, TLS, its way to authenticate. */
const MYSQL = { protocol41: 0x0200, tls: 0x0800, secureConnection: 0x8000 };

/** MySQL's handshake version 10, which MariaDB has too: the server begins, and the answer stops before there is a user in it. */
async function mysql(talk: Talk): Promise<void> {
  const header = await talk.octets(4);
  const payload = await talk.octets(header.readUIntLE(0, 3));
  if (payload[0] === 0xff) throw talk.failure(`it said "${payload.subarray(3).toString('latin1')}"`);
  // Version, its text to a zero, the connection's number, eight octets of a challenge and a zero.
  const flags = payload.indexOf(0, 1) + 1 + 4 + 8 + 1;
  if (payload[0] !== 10 || flags === 14 || payload.length < flags + 2) throw talk.failure('it does not greet as MySQL does');
  if ((payload.readUInt16LE(flags) & MYSQL.tls) === 0) throw talk.failure('it does not offer TLS');
  const request = Buffer.alloc(36);
  request.writeUIntLE(32, 0, 3);
  request[3] = ((header[3] ?? 0) + 1) & 0xff;
  request.writeUInt32LE(MYSQL.protocol41 | MYSQL.tls | MYSQL.secureConnection, 4);
  request.writeUInt32LE(0x0100_0000, 8);
  request[12] = 45; // utf8mb4
  talk.send(request);
}

/** RFC 4511 §4.14: an extended request with an object identifier, and a response with result code 0. */
async function ldap(talk: Talk): Promise<void> {
  const oid = Buffer.from('1.3.6.1.4.1.1466.20037');
  talk.send(Buffer.concat([Buffer.from([0x30, oid.length + 7, 0x02, 0x01, 0x01, 0x77, oid.length + 2, 0x80, oid.length]), oid]));
  const message = await berValue(talk, 0x30);
  const fields = berElements(message, talk);
  const [id, response] = fields;
  if (id?.tag !== 0x02 || id.content.length !== 1 || id.content[0] !== 1 || response?.tag !== 0x78) {
    throw talk.failure('it does not answer as LDAP does');
  }
  const [code, , words] = berElements(response.content, talk);
  if (code?.tag !== 0x0a || code.content.length !== 1) throw talk.failure('its answer has no result code');
  if (code.content[0] === 0) return;
  throw talk.failure(`it refused with the result code ${code.content[0]} "${words?.content.toString('utf8') ?? ''}"`);
}

/** The content of the next element; LDAP's BER may write a length longer than it has to. */
async function berValue(talk: Talk, tag: number): Promise<Buffer> {
  const [first, length = 0] = await talk.octets(2);
  if (first !== tag) throw talk.failure('it does not answer as LDAP does');
  if (length < 0x80) return talk.octets(length);
  const count = length & 0x7f;
  if (count === 0 || count > 4) throw talk.failure('it does not answer as LDAP does');
  return talk.octets((await talk.octets(count)).readUIntBE(0, count));
}

function berElements(content: Buffer, talk: Talk): { readonly tag: number; readonly content: Buffer }[] {
  const found: { tag: number; content: Buffer }[] = [];
  for (let at = 0; at < content.length; ) {
    const length = content[at + 1] ?? 0x80;
    const count = length < 0x80 ? 0 : length & 0x7f;
    const start = at + 2 + count;
    if (count > 4 || length === 0x80 || start > content.length) throw talk.failure('it does not answer as LDAP does');
    const end = start + (count === 0 ? length : content.readUIntBE(at + 2, count));
    if (end > content.length) throw talk.failure('it does not answer as LDAP does');
    found.push({ tag: content[at] ?? 0, content: content.subarray(start, end) });
    at = end;
  }
  return found;
}
