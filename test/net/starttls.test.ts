/** Strict peers, one a protocol, that refuse every wrong byte; `openssl s_client -starttls` finds that they speak rightly. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import tls from 'node:tls';
import { promisify } from 'node:util';
import { isTscertError, type TscertError } from '../../src/base/errors.js';
import { STARTTLS, type StartTls } from '../../src/net/starttls.js';
import { handshake } from '../../src/net/tls.js';
import { createOpensslCa, type OpensslCa } from '../support/openssl-ca.js';
import { servers, skipUnless } from '../support/servers.js';

const skip = skipUnless('openssl');
const { signal } = new AbortController();
const cleanUps: (() => void)[] = [];
const STAPLE = Buffer.from('30030a0103', 'hex');
let ca: OpensslCa;
let secure: tls.Server;
let names: string[] = [];

before(() => {
  if (skip !== false) return;
  ca = createOpensslCa();
  const SNICallback: tls.TlsOptions['SNICallback'] = (name, done) => {
    names.push(name);
    done(null);
  };
  secure = tls.createServer({ ...ca.issue(['DNS:mail.test']), SNICallback }, (socket) => {
    socket.on('error', () => {});
    socket.end();
  });
  secure.on('OCSPRequest', (_certificate, _issuer, done: (error: Error | null, response: Buffer) => void) => done(null, STAPLE));
  secure.on('tlsClientError', () => {});
});
after(() => {
  for (const cleanUp of cleanUps.reverse()) cleanUp();
  ca?.remove();
});

/** What the server says, and what it has to hear then, byte for byte; a pattern where clients may differ. */
type Step = { readonly say: string | Buffer } | { readonly hear: string | RegExp | Buffer | ((heard: Buffer) => boolean) };

const mysqlGreeting = (flags: number): Buffer => {
  const body = Buffer.concat([
    Buffer.from([10]),
    Buffer.from('8.0.36\0'),
    Buffer.from('0100000041424344454647480000', 'hex').subarray(0, 13),
    Buffer.from([flags & 0xff, flags >> 8]),
    Buffer.from('2d0200ffc715', 'hex'),
    Buffer.alloc(10),
    Buffer.from('IJKLMNOPQRST\0caching_sha2_password\0'),
  ]);
  return Buffer.concat([Buffer.from([body.length, 0, 0, 0]), body]);
};

const LDAP_REQUEST = Buffer.concat([Buffer.from('301d02010177188016', 'hex'), Buffer.from('1.3.6.1.4.1.1466.20037')]);

/** 32 octets with the number 1, that ask for TLS by protocol 4.1 and have nothing of a user. */
const isMysqlRequest = (heard: Buffer): boolean =>
  heard.length === 36 &&
  heard.readUInt32BE() === 0x2000_0001 &&
  (heard.readUInt32LE(4) & 0x0a00) === 0x0a00 &&
  heard.subarray(13).every((octet) => octet === 0);

const SCRIPTS: Readonly<Record<StartTls, readonly Step[]>> = {
  smtp: [
    { say: '220-mail.test ESMTP\r\n220 ready\r\n' },
    { hear: /^EHLO [\w.-]+\r\n$/ },
    { say: '250-mail.test\r\n250-PIPELINING\r\n250-STARTTLS\r\n250 8BITMIME\r\n' },
    { hear: 'STARTTLS\r\n' },
    { say: '220 2.0.0 Ready to start TLS\r\n' },
  ],
  imap: [
    { say: '* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n' },
    { hear: /^\S+ STARTTLS\r\n$/ },
    { say: '* BYE not yet\r\na1 OK Begin TLS\r\n' },
  ],
  pop3: [{ say: '+OK ready\r\n' }, { hear: 'STLS\r\n' }, { say: '+OK Begin TLS\r\n' }],
  ldap: [{ hear: LDAP_REQUEST }, { say: Buffer.from('300c02010178070a010004000400', 'hex') }],
  postgres: [{ hear: Buffer.from('0000000804d2162f', 'hex') }, { say: 'S' }],
  mysql: [{ say: mysqlGreeting(0xffff) }, { hear: isMysqlRequest }],
};

/** A server that follows a script and then speaks TLS; what it heard wrong is an error of its own. */
async function serve(script: readonly Step[], wrong: string[] = []): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    cleanUps.push(() => socket.destroy());
    void follow(socket, script).then(
      () => secure.emit('connection', socket),
      (error: Error) => {
        wrong.push(error.message);
        socket.destroy();
      },
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUps.push(() => server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function follow(socket: Socket, script: readonly Step[]): Promise<void> {
  for (const step of script) {
    if ('say' in step) socket.write(step.say);
    else {
      const data = once(socket, 'data');
      socket.resume();
      const all = (await data)[0] as Buffer;
      socket.pause();
      // What MySQL's client has to say is followed by TLS at once.
      const heard = typeof step.hear === 'function' ? all.subarray(0, 36) : all;
      if (heard.length < all.length) socket.unshift(all.subarray(heard.length));
      if (
        typeof step.hear === 'function'
          ? !step.hear(heard)
          : step.hear instanceof RegExp
            ? !step.hear.test(heard.toString('latin1'))
            : !heard.equals(Buffer.from(step.hear))
      )
        throw new Error(`heard ${heard.toString('hex')}`);
    }
  }
}

const shake = (target: string, starttls?: StartTls, more: { timeout?: number; servername?: string } = {}) =>
  handshake(target, { timeout: 5_000, signal, ...(starttls && { starttls }), ...more });

async function failure(promise: Promise<unknown>): Promise<TscertError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(isTscertError(error), String(error));
    return error;
  }
  assert.fail('it did not fail');
}

for (const protocol of STARTTLS) {
  test(`${protocol}: to the certificate, the staple and the name that was asked for`, { skip }, async () => {
    const wrong: string[] = [];
    names = [];
    const target = await serve(SCRIPTS[protocol], wrong);
    const { chain, staple, protocol: version } = await shake(target, protocol, { servername: 'mail.test' });
    assert.deepEqual([chain.length, version, staple, wrong], [1, 'TLSv1.3', STAPLE, []]);
    assert.deepEqual(names, ['mail.test']);
  });

  // openssl asks IMAP and SMTP for more than it must: capabilities, and a tag of its own.
  test(`${protocol}: openssl comes to TLS by the same script`, { skip }, async () => {
    const script =
      protocol === 'imap'
        ? [
            ...SCRIPTS.imap.slice(0, 1),
            { hear: /^\. CAPABILITY\r\n$/ },
            { say: '* CAPABILITY IMAP4rev1 STARTTLS\r\n. OK done\r\n' },
            { hear: /^\. STARTTLS\r\n$/ },
            { say: '. OK Begin TLS\r\n' },
          ]
        : protocol === 'ldap'
          ? [{ hear: LDAP_REQUEST }, ...SCRIPTS.ldap.slice(1)]
          : SCRIPTS[protocol];
    const wrong: string[] = [];
    const target = await serve(script, wrong);
    const { stdout } = await promisify(execFile)(servers('openssl').openssl ?? 'openssl', [
      ...['s_client', '-connect', target, '-starttls', protocol, '-servername', 'mail.test', '-status'],
    ]).catch((error: { stdout: string }) => error);
    assert.deepEqual(wrong, []);
    assert.match(stdout, /BEGIN CERTIFICATE/);
    assert.match(stdout, /OCSP Response Status: trylater/);
  });

  test(`${protocol}: nothing may be said before TLS beyond the script`, { skip }, async () => {
    const script = [...SCRIPTS[protocol]];
    const last = script.pop();
    const extra = Buffer.from('250 injected\r\n');
    if (last === undefined || !('say' in last)) return;
    const target = await serve([...script, { say: Buffer.concat([Buffer.from(last.say), extra]) }]);
    const error = await failure(shake(target, protocol));
    assert.deepEqual([error.code, error.data.protocol], ['response-invalid', protocol]);
    assert.match(error.message, /before TLS$/);
  });

  test(`${protocol}: a server that says nothing, too much, or goes away`, { skip }, async () => {
    assert.equal(
      (await failure(shake(await serve([{ hear: 'never' }, { hear: 'never' }]), protocol, { timeout: 300 }))).code,
      protocol === 'ldap' || protocol === 'postgres' ? 'network' : 'timeout',
    );
    const flood = await serve([{ say: Buffer.alloc(200_000, 0x2a) }, { hear: 'never' }]);
    assert.equal((await failure(shake(flood, protocol))).code, 'response-invalid');
    const lines = await serve([{ say: '* OK\r\n'.repeat(20_000) }, { hear: 'never' }]);
    assert.equal((await failure(shake(lines, protocol))).code, 'response-invalid');
    const gone = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await once(gone, 'listening');
    cleanUps.push(() => gone.close());
    assert.equal((await failure(shake(`127.0.0.1:${(gone.address() as AddressInfo).port}`, protocol))).code, 'network');
  });
}

describe('no', { skip }, () => {
  const no = async (protocol: StartTls, script: readonly Step[]): Promise<string> => {
    const error = await failure(shake(await serve([...script, { hear: 'never' }]), protocol));
    assert.equal(error.code, 'response-invalid');
    return error.message.replace(/^Cannot start TLS with "127\.0\.0\.1:\d+" by \w+: /, '');
  };

  test('each server says it in its own words, which are told', async () => {
    assert.equal(await no('smtp', [{ say: '554 go away\r\n' }]), 'it said "554 go away", not 220');
    assert.equal(
      await no('smtp', [...SCRIPTS.smtp.slice(0, 2), { say: '250-mail.test\r\n250 STARTTLSNOT\r\n' }]),
      'it does not offer STARTTLS',
    );
    assert.equal(
      await no('smtp', [...SCRIPTS.smtp.slice(0, 4), { say: '454 TLS\u0007 not available\r\n' }]),
      'it said "454 TLS\\u{7} not available", not 220',
    );
    assert.match(await no('smtp', [{ say: '220-x\r\n'.repeat(200) }]), /too many lines/);
    assert.equal(await no('imap', [{ say: '* PREAUTH hello\r\n' }]), 'it said "* PREAUTH hello", not "* OK"');
    assert.equal(await no('imap', [...SCRIPTS.imap.slice(0, 2), { say: 'a1 BAD no\r\n' }]), 'it said "a1 BAD no", not "a1 OK"');
    assert.match(await no('imap', [...SCRIPTS.imap.slice(0, 2), { say: '* x\r\n'.repeat(200) }]), /too many lines/);
    assert.equal(await no('pop3', [{ say: '-ERR busy\r\n' }]), 'it said "-ERR busy", not "+OK"');
    assert.equal(await no('pop3', [...SCRIPTS.pop3.slice(0, 2), { say: '-ERR no\r\n' }]), 'it said "-ERR no", not "+OK"');
    assert.equal(await no('postgres', [...SCRIPTS.postgres.slice(0, 1), { say: 'N' }]), 'it does not offer TLS');
    assert.equal(await no('postgres', [...SCRIPTS.postgres.slice(0, 1), { say: 'E' }]), 'it said "E", neither S nor N');
    assert.equal(await no('mysql', [{ say: mysqlGreeting(0xf7ff) }]), 'it does not offer TLS');
    assert.equal(await no('mysql', [{ say: Buffer.from('\x08\0\0\0\xff\x10\x04busy!', 'latin1') }]), 'it said "busy!"');
    assert.equal(await no('mysql', [{ say: Buffer.from('0400000009414243', 'hex') }]), 'it does not greet as MySQL does');
    assert.equal(await no('mysql', [{ say: Buffer.from('040000000a414243', 'hex') }]), 'it does not greet as MySQL does');
    const ldap = (hex: string): Promise<string> => no('ldap', [...SCRIPTS.ldap.slice(0, 1), { say: Buffer.from(hex, 'hex') }]);
    assert.equal(await ldap('300f020101780a0a0134040004036e6f21'), 'it refused with the result code 52 "no!"');
    for (const hex of [
      '310c02010178070a010004000400',
      '300c02010278070a010004000400',
      '300c02010179070a010004000400',
      '3080',
      '30850000000000',
    ]) {
      assert.equal(await ldap(hex), 'it does not answer as LDAP does');
    }
    assert.equal(await ldap('30050201017800'), 'its answer has no result code');
    assert.equal(await ldap('30050201017809'), 'it does not answer as LDAP does');
  });

  test('lengths that are longer than they have to be are fine in LDAP', async () => {
    const target = await serve([
      ...SCRIPTS.ldap.slice(0, 1),
      { say: Buffer.from('308400000010020101788400000007' + '0a010004000400', 'hex') },
    ]);
    assert.equal((await shake(target, 'ldap')).chain.length, 1);
  });
});
