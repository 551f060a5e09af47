import assert from 'node:assert/strict';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { after, before, describe, type TestContext, test } from 'node:test';
import { TscertError } from '../../../src/base/errors.js';
import { createClock } from '../../../src/cli/system.js';
import { decodeUpdateResponse, encodeUpdates } from '../../../src/dns/providers/rfc2136/update.js';
import { createRfc2136, type Rfc2136Options } from '../../../src/dns/providers/rfc2136.js';
import { exchangeOverTcp } from '../../../src/net/tcp.js';
import { createTsigKey, signRequest, verifyResponse } from '../../../src/net/tsig.js';
import { dnsProviderContract } from '../../contract/dns-provider.js';
import { type Bind, newKey, startBind } from '../../support/bind.js';
import { skipUnless } from '../../support/servers.js';

const skip = skipUnless('bind');
const clock = createClock();

function optionsFor(bind: Bind, key = bind.key): Rfc2136Options {
  return { nameserver: bind.nameserver, tsigKey: key.name, tsigSecret: key.secret, tsigAlgorithm: key.algorithm, clock };
}

dnsProviderContract('rfc2136', async () => {
  if (skip) return { skip };
  const bind = await startBind({ zones: ['example.com'] });
  return {
    provider: createRfc2136(optionsFor(bind)),
    zone: { name: 'example.com' },
    unknownZone: { name: 'example.net' },
    values: bind.values,
    plant: bind.plant,
    close: bind.stop,
  };
});

describe('rfc2136 against BIND 9', { skip }, () => {
  const strong = newKey('strong.example', undefined, 'hmac-sha512');
  const middling = newKey('middling', undefined, 'hmac-sha384');
  const narrow = newKey('narrow', ['name _acme-challenge.example.com. TXT']);
  const zone = { name: 'example.com' };
  let bind: Bind;
  before(async () => {
    bind = await startBind({ zones: ['example.com', 'xn--bcher-kva.example'], keys: [strong, middling, narrow] });
  });
  after(() => bind.stop());

  const add = async (options: Rfc2136Options, name: string, value = 'v', at = zone): Promise<void> => {
    await createRfc2136(options).change(at, { add: [{ name, value }], remove: [] }, new AbortController().signal);
  };
  const serial = async (): Promise<number> => {
    const resolver = new Resolver();
    resolver.setServers([bind.nameserver]);
    return (await resolver.resolveSoa('example.com')).serial;
  };
  const refusal = async (changing: Promise<unknown>): Promise<TscertError> => {
    const error = await changing.then(
      () => assert.fail('the change was taken'),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof TscertError, String(error));
    return error;
  };

  test('hmac-sha384 and hmac-sha512 sign as well, the names of key and algorithm in any case and with a dot', async () => {
    await add({ ...optionsFor(bind, strong), tsigKey: 'Strong.EXAMPLE.', tsigAlgorithm: 'HMAC-SHA512.' }, 'a.example.com', 'strong');
    await add(optionsFor(bind, middling), 'a.example.com', 'middling');
    assert.deepEqual((await bind.values('a.example.com')).sort(), ['middling', 'strong']);
  });

  test('a secret without padding is the same secret', async () => {
    assert.match(bind.key.secret, /=$/);
    await add({ ...optionsFor(bind), tsigSecret: bind.key.secret.replace(/=+$/, '') }, 'b.example.com');
    assert.deepEqual(await bind.values('b.example.com'), ['v']);
  });

  test('a zone with an internationalized name is updated', async () => {
    await add(optionsFor(bind), '_acme-challenge.xn--bcher-kva.example', 'ü', { name: 'xn--bcher-kva.example' });
    assert.equal((await bind.values('_acme-challenge.xn--bcher-kva.example')).length, 1);
  });

  test('two hundred values, some longer than a character string, go out in one update', async () => {
    const records = Array.from({ length: 200 }, (_, nth) => ({ name: `n${nth}.many.example.com`, value: `${nth}`.padEnd(2 * nth, '.') }));
    const before = await serial();
    await createRfc2136(optionsFor(bind)).change(zone, { add: records, remove: [] }, new AbortController().signal);
    assert.equal((await serial()) - before, 1, 'the serial counts the updates');
    for (const { name, value } of records) assert.deepEqual(await bind.values(name), [value]);
  });

  test('a change that no message can hold is split, and is whole in the end', async () => {
    const records = Array.from({ length: 120 }, (_, nth) => ({ name: `n${nth}.split.example.com`, value: `${nth}`.padEnd(900, '.') }));
    await createRfc2136(optionsFor(bind)).change(zone, { add: records, remove: [] }, new AbortController().signal);
    for (const { name, value } of records) assert.deepEqual(await bind.values(name), [value]);
  });

  test('a wrong secret is BADSIG in words, and the secret is in none of them', async () => {
    const wrong = newKey('tscert');
    const error = await refusal(add(optionsFor(bind, wrong), 'c.example.com'));
    assert.equal(error.code, 'provider-denied');
    assert.equal(error.data.tsigError, 'BADSIG');
    assert.match(
      error.message,
      /^Cannot update the zone "example.com": the name server 127.0.0.1 says BADSIG, the secret of the TSIG key "tscert"/,
    );
    assert.ok(!JSON.stringify([error.message, error.data]).includes(wrong.secret));
    assert.deepEqual(await bind.values('c.example.com'), []);
  });

  test('an unknown key is BADKEY in words', async () => {
    const error = await refusal(add(optionsFor(bind, newKey('nobody')), 'c.example.com'));
    assert.equal(error.code, 'provider-denied');
    assert.match(error.message, /BADKEY, it does not know the TSIG key "nobody" with hmac-sha256/);
  });

  test('the wrong algorithm is BADKEY in words that name the algorithm', async () => {
    const error = await refusal(add({ ...optionsFor(bind), tsigAlgorithm: 'hmac-sha512' }, 'c.example.com'));
    assert.equal(error.code, 'provider-denied');
    assert.match(error.message, /BADKEY, .*"tscert" with hmac-sha512/);
  });

  for (const [direction, offset] of [
    ['ahead of', 3_600_000],
    ['behind', -3_600_000],
  ] as const) {
    test(`a clock ${direction} the server's is BADTIME, with the difference that the server signed`, async () => {
      const skewed = { ...clock, now: () => clock.now() + offset };
      const error = await refusal(add({ ...optionsFor(bind), clock: skewed }, 'c.example.com'));
      assert.equal(error.code, 'provider-denied');
      assert.match(error.message, new RegExp(`BADTIME, this machine's clock is (3599|3600|3601) s ${direction} its own`));
    });
  }

  test('a name that the update policy does not allow is REFUSED, and nothing of the change stands', async () => {
    const provider = createRfc2136(optionsFor(bind, narrow));
    const records = ['_acme-challenge.example.com', '_acme-challenge.www.example.com'].map((name) => ({ name, value: 'narrow' }));
    const error = await refusal(provider.change(zone, { add: records, remove: [] }, new AbortController().signal));
    assert.equal(error.code, 'provider-denied');
    assert.match(error.message, /REFUSED, its update policy/);
    assert.deepEqual(await bind.values('_acme-challenge.example.com'), []);
  });

  test('a name outside the zone is NOTZONE, a zone that the server does not have is NOTAUTH', async () => {
    const outside = await refusal(add(optionsFor(bind), '_acme-challenge.example.org'));
    assert.deepEqual([outside.code, outside.data.rcode], ['zone-unknown', 'NOTZONE']);
    const unknown = await refusal(add(optionsFor(bind), '_acme-challenge.example.org', 'v', { name: 'example.org' }));
    assert.deepEqual([unknown.code, unknown.data.rcode], ['zone-unknown', 'NOTAUTH']);
  });

  test('every single flipped bit of a signed response is noticed', async () => {
    const key = createTsigKey({ ...bind.key });
    const time = Math.floor(clock.now() / 1_000);
    const [message = Buffer.alloc(0)] = encodeUpdates(
      'example.com',
      { add: [{ name: 'flip.example.com', value: 'v' }], remove: [] },
      { ttl: 60, limit: 65_535, nextId: () => 4_711 },
    );
    const request = signRequest(message, key, time);
    const server = { host: bind.address, port: bind.port };
    const answer = await exchangeOverTcp(server, request.message, { timeout: 5_000, signal: new AbortController().signal });
    const accepted = (response: Buffer): boolean => {
      try {
        const { rcode } = decodeUpdateResponse(response, 4_711);
        const verdict = verifyResponse(response, key, request.mac, time);
        return rcode === 'NOERROR' && verdict !== undefined && verdict.error === undefined;
      } catch (error) {
        if (error instanceof TscertError && error.code === 'response-invalid') return false;
        throw error;
      }
    };
    assert.ok(accepted(answer));
    for (let bit = 0; bit < answer.length * 8; bit++) {
      const flipped = Buffer.from(answer);
      flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      // The case of a name is no part of it (RFC 8945 §4.3.3 digests names in lower case).
      const isCase = (bit & 7) === 5 && /[a-z]/i.test(String.fromCharCode(answer.readUInt8(bit >> 3)));
      if (!isCase) assert.ok(!accepted(flipped), `bit ${bit}`);
    }
    assert.ok(!accepted(answer.subarray(0, -1)));
    assert.ok(!accepted(Buffer.concat([answer, Buffer.alloc(1)])));
  });
});

describe('rfc2136 and a server in trouble', () => {
  const zone = { name: 'example.com' };
  const change = { add: [{ name: 'a.example.com', value: 'v' }], remove: [] };
  const isTransient = (error: unknown) => error instanceof TscertError && error.code === 'provider-failed' && error.data.transient === true;
  const providerAt = (port: number, timeout = 10_000) =>
    createRfc2136({ nameserver: `127.0.0.1:${port}`, tsigKey: 'k', tsigSecret: 'c2VjcmV0', clock, timeout });
  const listen = async (t: TestContext, answer: (socket: Socket) => void): Promise<number> => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      answer(socket);
    }).listen(0, '127.0.0.1');
    t.after(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    await once(server, 'listening');
    const bound = server.address();
    return typeof bound === 'object' && bound !== null ? bound.port : 0;
  };

  test('one that hangs up, in the middle of its answer too, is a transient failure', async (t) => {
    const rude = await listen(t, (socket) => socket.destroy());
    await assert.rejects(providerAt(rude).change(zone, change, t.signal), isTransient);
    const cut = await listen(t, (socket) => socket.end(Buffer.from([0, 200, 1, 2, 3])));
    await assert.rejects(providerAt(cut).change(zone, change, t.signal), isTransient);
  });

  test('one that is mute is a transient failure after the timeout', async (t) => {
    const mute = await listen(t, () => undefined);
    await assert.rejects(providerAt(mute, 50).change(zone, change, t.signal), (error) => {
      assert.ok(isTransient(error));
      assert.match(String(error), /Cannot update the zone "example.com": .*127\.0\.0\.1:\d+: it did not answer within 50 ms$/);
      return true;
    });
  });

  test('an abort while it is mute rejects with the reason, whatever its code', async (t) => {
    const controller = new AbortController();
    const reason = new TscertError('timeout', 'Cannot go on: the time is over');
    const mute = await listen(t, (socket) => socket.on('data', () => controller.abort(reason)));
    await assert.rejects(providerAt(mute).change(zone, change, controller.signal), (error) => error === reason);
  });

  test('one that speaks something else is a failure that no later try helps', async (t) => {
    const web = await listen(t, (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'.padEnd(20_000)));
    await assert.rejects(providerAt(web).change(zone, change, t.signal), (error) => {
      assert.ok(error instanceof TscertError && error.code === 'provider-failed' && error.data.transient === false, String(error));
      return true;
    });
  });

  test('an unsigned success is not believed', async (t) => {
    const liar = await listen(t, (socket) =>
      socket.once('data', (request) => {
        const answer = Buffer.concat([Buffer.from([0, 12]), request.subarray(2, 4), Buffer.from([0xa8, 0]), Buffer.alloc(8)]);
        socket.end(answer);
      }),
    );
    await assert.rejects(providerAt(liar).change(zone, change, t.signal), {
      code: 'provider-failed',
      message: /the server reports success, but did not sign it$/,
    });
  });

  test('BIND stopped between two changes is a transient failure', { skip }, async (t) => {
    const bind = await startBind({ zones: ['example.com'] });
    const provider = createRfc2136(optionsFor(bind));
    await provider.change(zone, change, t.signal);
    await bind.stop();
    await assert.rejects(provider.change(zone, { add: [], remove: change.add }, t.signal), isTransient);
  });
});

test('settings that cannot work are refused before anything is sent', () => {
  const good: Rfc2136Options = { nameserver: 'ns.example.com', tsigKey: 'k', tsigSecret: 'c2VjcmV0', clock };
  const codeOf = (changed: Partial<Rfc2136Options>): string => {
    try {
      createRfc2136({ ...good, ...changed });
      return 'accepted';
    } catch (error) {
      assert.ok(error instanceof TscertError);
      assert.ok(!error.message.includes('c2Vjc!'), 'the secret is not in the message');
      return error.code;
    }
  };
  for (const nameserver of ['ns', 'ns:5353', '192.0.2.1:53', '2001:db8::1', '[2001:db8::1]', '[2001:db8::1]:5353'])
    assert.equal(codeOf({ nameserver }), 'accepted', nameserver);
  for (const nameserver of ['ns:0', 'ns:65536', 'ns:x', '[ns]:53', 'a b', 'http://ns'])
    assert.equal(codeOf({ nameserver }), 'request-invalid', nameserver);
  for (const tsigSecret of ['c2Vjc!', 'c2Vjc', 'c2VjcmV0=', '====']) assert.equal(codeOf({ tsigSecret }), 'config-invalid', tsigSecret);
  for (const tsigAlgorithm of ['hmac-md5.sig-alg.reg.int', 'hmac-sha1', 'none'])
    assert.equal(codeOf({ tsigAlgorithm }), 'config-invalid', tsigAlgorithm);
  for (const missing of ['nameserver', 'tsigKey', 'tsigSecret']) assert.equal(codeOf({ [missing]: '' }), 'credentials-missing', missing);
});
