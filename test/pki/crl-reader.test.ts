import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isTscertError } from '../../src/base/errors.js';
import { encodePem } from '../../src/base/pem.js';
import { readCrl, readCrls } from '../../src/pki/crl-reader.js';
import { boolean, type Der, encodeDer, encoded, implicit, integer, nothing, oid, sequence, tagged, utf8 } from '../../src/pki/der.js';
import { type Element, readDer } from '../../src/pki/der-reader.js';
import { createCrl, crlExtension, crlNumber, deltaIndicator, type EntrySpec, reasonCode, scope } from './crl-builder.js';
import { chunked, readOf } from './crl-support.js';
import { authority, keyOf, NOW, party } from './support.js';

const ca = authority('Reader CA');
const leaf = party('leaf', ca);
const SERIAL = BigInt(`0x${leaf.certificate.serialNumber}`);
const request = { source: 'crl', serialNumbers: [leaf.certificate.serialNumber], signers: [ca.certificate] };
const some: EntrySpec[] = Array.from({ length: 300 }, (_, n) => ({ serialNumber: BigInt(n + 1) << 100n, reason: n % 5 === 0 ? 6 : 1 }));
const CRL = createCrl({ issuer: ca, entries: [...some, { serialNumber: SERIAL, reason: 3 }], extensions: [crlNumber(1)] });
const PEM = Buffer.from(encodePem('X509 CRL', CRL));

async function refuses(code: 'crl-invalid' | 'pem-invalid', why: RegExp, bytes: Uint8Array, changes = {}): Promise<void> {
  await assert.rejects(readCrl(chunked(bytes), { ...request, ...changes }), (error) => {
    assert.ok(isTscertError(error, code), String(error));
    assert.match(error.message, why);
    return true;
  });
}

/** The CRL with its elements changed; its signature fits no more. */
function rebuilt(change: (body: Element[]) => Der[]): Buffer {
  const [tbs, algorithm, signature] = readDer(CRL).children as [Element, Element, Element];
  const body = sequence(...change([...tbs.children]));
  return encodeDer(sequence(body, encoded(algorithm.der), encoded(signature.der)));
}

describe('streams', () => {
  test('chunks of any size give the same', async () => {
    const whole = await readOf(CRL, leaf.certificate, [ca]);
    assert.deepEqual([whole.entries, whole.found.size, whole.signers.length], [301, 1, 1]);
    for (const bytes of [CRL, PEM]) {
      for (const size of [1, 2, 3, 5, 7, 64, 1_000, 4_096]) {
        assert.deepEqual(await readCrl(chunked(bytes, size), request), whole, `${size}`);
      }
    }
  });

  test('empty chunks, and one that is larger than the window', async () => {
    const many = Array.from({ length: 8_000 }, (_, n) => ({ serialNumber: BigInt(n) << 90n }));
    const large = createCrl({ issuer: ca, entries: [...many, { serialNumber: SERIAL }] });
    assert.ok(large.length > 3 << 16);
    const chunks = async function* () {
      yield Buffer.alloc(0);
      yield large;
      yield Buffer.alloc(0);
    };
    const crl = await readCrl(chunks(), request);
    assert.deepEqual([crl.entries, crl.found.size, crl.signers.length], [8_001, 1, 1]);
  });

  test('a stream that fails gives its own error, and one that is refused is closed', async () => {
    const broken = async function* () {
      yield CRL.subarray(0, 100);
      throw new Error('the line is dead');
    };
    await assert.rejects(readCrl(broken(), request), /the line is dead/);
    let isClosed = false;
    const endless = async function* () {
      try {
        for (;;) yield Buffer.from('00', 'hex');
      } finally {
        isClosed = true;
      }
    };
    const refused = async function* () {
      yield Buffer.from('3082', 'hex');
      yield* endless();
    };
    await assert.rejects(readCrl(refused(), request), /Cannot read the CRL/);
    assert.ok(isClosed);
  });

  test('everything behind a cut is missed', async () => {
    for (let length = 0; length < CRL.length; length += length < 400 ? 1 : 37) {
      await refuses('crl-invalid', length === 0 ? /it is empty$/ : /^Cannot read the CRL: /, CRL.subarray(0, length));
    }
    await refuses('crl-invalid', /it ends after 1000 bytes, within an element$/, CRL.subarray(0, 1_000));
  });

  test('nothing may stand behind it', async () => {
    await refuses('crl-invalid', /bytes stand behind its end$/, Buffer.concat([CRL, Buffer.of(0)]));
    await refuses('crl-invalid', /bytes stand behind its end$/, Buffer.concat([CRL, CRL]));
  });

  test('the size is known before it is read', async () => {
    await refuses('crl-invalid', new RegExp(`it has ${CRL.length} bytes, more than 1000$`), CRL, { maxBytes: 1_000 });
    await refuses('crl-invalid', /it has 4294967301 bytes, more than 104857600$/, Buffer.from('3084ffffffff', 'hex'));
  });
});

describe('PEM', () => {
  const read = async (text: string) => await readCrls(chunked(Buffer.from(text), 50), request);
  const text = PEM.toString();

  test('several blocks, other blocks, text around them, line ends of all kinds', async () => {
    assert.equal((await read(text + ca.pem + text)).length, 2);
    assert.equal((await read(`hello\n-----BEGIN X509 CRL----- no\n${text}goodbye`)).length, 1);
    assert.equal((await read(text.replaceAll('\n', '\r\n'))).length, 1);
    assert.equal((await read(text.replaceAll('\n', ' \t\r'))).length, 1);
    assert.equal((await read(text.trimEnd())).length, 1);
    assert.equal((await read(`${'x'.repeat(10_000)}\n${text}`)).length, 1);
  });

  test('what is none', async () => {
    await refuses('crl-invalid', /there are 2 of them, not one$/, Buffer.from(text + text));
    await refuses('crl-invalid', /it is no DER, and there is no block "X509 CRL"$/, Buffer.from(ca.pem));
    await refuses('crl-invalid', /there is no block/, Buffer.from(`x${text}`));
    await refuses('pem-invalid', /it has no line "-----END X509 CRL-----"$/, PEM.subarray(0, -30));
    await refuses('pem-invalid', /it has no line/, Buffer.from(text.replace('END X509 CRL', 'END CERTIFICATE')));
    await refuses('pem-invalid', /it has no line/, Buffer.from(text.replace('END X509 CRL-----', 'END X509 CRL-----x')));
    await refuses('pem-invalid', /its body is not base64$/, Buffer.from(text.replace('\nM', '\n*')));
    await refuses('pem-invalid', /its body is not base64$/, Buffer.from(text.replace('\n-----END', 'A\n-----END')));
    await refuses('pem-invalid', /its body is not base64|has no line/, Buffer.from(text.replace('\nM', '\n=M')));
    await refuses('crl-invalid', /it ends after 0 bytes/, Buffer.from('-----BEGIN X509 CRL-----\n-----END X509 CRL-----\n'));
    const part = encodePem('X509 CRL', CRL.subarray(0, -10));
    await refuses('crl-invalid', /within an element$/, Buffer.from(part));
  });
});

describe('strictness', () => {
  /** A CRL whose list of entries has these octets, whatever they are. */
  const withEntries = (hex: string): Buffer => {
    const list = Buffer.from(hex, 'hex');
    const der = Buffer.concat([Buffer.of(0x30, list.length), list]);
    return rebuilt((body) => body.map((element, at) => encoded(at === 5 ? der : element.der)));
  };
  const TIME = `170d${Buffer.from('261120000000Z').toString('hex')}`;
  const entryOf = (content: string): string => `30${(content.length / 2).toString(16).padStart(2, '0')}${content}`;

  test('the entry that is built here is one', async () => {
    const crl = await readOf(withEntries(entryOf(`020105${TIME}`)), leaf.certificate, [ca]);
    assert.deepEqual([crl.entries, crl.signers], [1, []]);
  });

  test('a list that is there and empty', async () => {
    assert.equal((await readOf(withEntries(''), leaf.certificate, [ca])).entries, 0);
  });

  for (const [name, entry, why] of [
    ['a padded serial number', entryOf(`02020005${TIME}`), /a number is padded/],
    ['a padded negative one', entryOf(`0202ff85${TIME}`), /a number is padded/],
    ['an empty one', entryOf(`0200${TIME}`), /a number is empty/],
    ['a serial number of another type', entryOf(`040105${TIME}`), /a serial number has tag 0x4, not 0x2/],
    ['no date', entryOf('020105'), /a revocation date runs over the end of its entry$/],
    ['a date that is none', entryOf(`020105170d${Buffer.from('261320000000Z').toString('hex')}`), /a time is not of X\.509's form/],
    ['a date of another type', entryOf(`020105040d${Buffer.from('261120000000Z').toString('hex')}`), /a time is not/],
    ['an indefinite length', `3080020105${TIME}0000`, /not of DER's form/],
    ['a length that is too long', `308112020105${TIME}`, /longer than DER allows/],
    ['a field more', entryOf(`020105${TIME}0500`), /the extensions of an entry has tag 0x5/],
    ['another type', `31${entryOf(`020105${TIME}`).slice(2)}`, /an entry of the CRL has tag 0x31, not 0x30$/],
    ['an inner length that runs over', entryOf(`027f05${TIME}`), /runs over the end/],
    ['an entry that runs over the list', `307f020105${TIME}`, /an entry of the CRL runs over the end of the list/],
    ['half a header', '30', /the length at byte \d+ is not of DER's form$/],
    ['a reason code of two octets', entryOf(`020105${TIME}300d300b0603551d1504040a020101`), /a reason code is no small number/],
    ['a reason code that is an INTEGER', entryOf(`020105${TIME}300c300a0603551d150403020101`), /a reason code is no small number/],
    ['the same extension twice', entryOf(`020105${TIME}3018${'300a0603551d1504030a0101'.repeat(2)}`), /stands there twice/],
    ['an odd truth value', entryOf(`020105${TIME}300f300d0603551d1501010104030a0101`), /a truth value is not 00 or FF/],
    ['something behind the value', entryOf(`020105${TIME}300e300c0603551d1504030a01010500`), /more elements than it may/],
    ['an unknown extension that is none', entryOf(`020105${TIME}3006300406022a03`), /lacks the value/],
  ] as const) {
    test(name, async () => await refuses('crl-invalid', why, withEntries(entry)));
  }

  test('versions', async () => {
    await refuses('crl-invalid', /the version 1 of CRLs is not known$/, createCrl({ issuer: ca, version: 0 }));
    await refuses('crl-invalid', /the version 3 of CRLs is not known$/, createCrl({ issuer: ca, version: 2 }));
    const first = { issuer: ca, version: 'absent' } as const;
    assert.equal((await readOf(createCrl(first), leaf.certificate, [ca])).version, 1);
    await refuses('crl-invalid', /version 1 does not know$/, createCrl({ ...first, extensions: [crlNumber(1)] }));
    await refuses('crl-invalid', /version 1 does not know$/, createCrl({ ...first, entries: [{ serialNumber: 1n, reason: 1 }] }));
  });

  test('the two algorithms are one', async () => {
    const outerAlgorithm = sequence(oid('1.2.840.10045.4.3.3'));
    await refuses('crl-invalid', /its two signature algorithms differ$/, createCrl({ issuer: ca, outerAlgorithm }));
  });

  test('what the body may not hold', async () => {
    await refuses(
      'crl-invalid',
      /more elements than it may$/,
      rebuilt((body) => [...body.map(({ der }) => encoded(der)), nothing()]),
    );
    await refuses(
      'crl-invalid',
      /thisUpdate/,
      rebuilt((body) => body.slice(0, 3).map(({ der }) => encoded(der))),
    );
    await refuses(
      'crl-invalid',
      /tag|more elements/,
      rebuilt((body) => body.map(({ der }, at) => (at === 2 ? utf8('name') : encoded(der)))),
    );
  });

  test('the bits of the signature come in whole octets', async () => {
    const [tbs, algorithm, signature] = readDer(CRL).children as [Element, Element, Element];
    const bits = Buffer.from(signature.der);
    bits[2] = 1;
    await refuses('crl-invalid', /whole octets/, encodeDer(sequence(encoded(tbs.der), encoded(algorithm.der), encoded(bits))));
  });

  for (const [name, extension, why] of [
    ['a negative number', crlNumber(-1), /the number of the CRL is negative$/],
    ['a negative base number', deltaIndicator(-1), /the number of the CRL is negative$/],
    [
      'a scope of two kinds',
      crlExtension('2.5.29.28', sequence(implicit(1, Buffer.of(255)), implicit(2, Buffer.of(255)))),
      /only user.*only ca/,
    ],
    ['a scope with something more', crlExtension('2.5.29.28', sequence(implicit(7, 'x'))), /more elements than it may$/],
    ['a scope with an odd truth value', crlExtension('2.5.29.28', sequence(implicit(1, Buffer.of(1)))), /a truth value is not/],
    ['a scope with an unknown kind of name', crlExtension('2.5.29.28', sequence(tagged(0, tagged(2)))), /has the tag 0xa2$/],
    ['a scope that says nothing', crlExtension('2.5.29.28', sequence()), /the issuing distribution point is empty$/],
    ['a scope that is none', crlExtension('2.5.29.28', boolean(true)), /has tag 0x01/],
    ['a freshest CRL that is none', crlExtension('2.5.29.46', integer(1)), /has tag 0x02/],
  ] as const) {
    test(name, async () => await refuses('crl-invalid', why, createCrl({ issuer: ca, extensions: [extension] })));
  }

  test('one extension twice', async () => {
    await refuses('crl-invalid', /stands there twice$/, createCrl({ issuer: ca, extensions: [crlNumber(1), crlNumber(2)] }));
  });
});

test('numbers of CRLs beyond 20 octets, scopes and their parts', async () => {
  const number = 1n << 200n;
  const reasons = Buffer.of(5, 0x60);
  const extensions = [crlNumber(number), deltaIndicator(number - 1n), scope({ urls: ['http://a.test/'], only: 'ca', reasons })];
  const crl = await readOf(createCrl({ issuer: ca, extensions }), leaf.certificate, [ca]);
  assert.deepEqual([crl.number, crl.baseNumber], [number, number - 1n]);
  assert.deepEqual([crl.scope?.only, crl.scope?.reasons, crl.scope?.isIndirect], ['ca', 0b110, false]);
});

test('an Ed25519 signature over more than 16 MiB is refused with a word', async () => {
  const issuer = authority('Large Ed25519 CA', undefined, { key: keyOf('ed25519') });
  const padding = crlExtension('1.2.3.4', Buffer.alloc(60_000));
  const entries = Array.from({ length: 285 }, (_, n) => ({ serialNumber: BigInt(n + 1), extensions: [padding] }));
  const large = createCrl({ issuer, entries });
  assert.ok(large.length > 16 << 20);
  const crl = await readOf(large, party('leaf', issuer).certificate, [issuer]);
  assert.deepEqual([crl.refusal?.code, crl.signers, crl.entries], ['too-large', [], 285]);
  const smaller = await readOf(createCrl({ issuer, entries: entries.slice(10) }), party('leaf', issuer).certificate, [issuer]);
  assert.deepEqual([smaller.refusal, smaller.signers.length], [undefined, 1]);
});

test('an entry of more than 64 KiB is refused', async () => {
  const padding = crlExtension('1.2.3.4', Buffer.alloc(70_000));
  const crl = createCrl({ issuer: ca, entries: [{ serialNumber: 1n, extensions: [padding] }] });
  await refuses('crl-invalid', /an entry of the CRL has \d+ bytes, more than 65536$/, crl);
});

test('many serial numbers are looked for at once, and the end of one is not taken for another', async () => {
  const tail = 0x1234_5678n;
  const serials = Array.from({ length: 200 }, (_, n) => (BigInt(n + 1) << 64n) | tail);
  const entries = serials.filter((_, n) => n % 2 === 0).map((serialNumber) => ({ serialNumber, extensions: [reasonCode(5)] }));
  const crl = await readCrl(chunked(createCrl({ issuer: ca, entries })), {
    ...request,
    serialNumbers: serials.map((serial) => serial.toString(16).padStart(18, '0')),
  });
  assert.equal(crl.found.size, 100);
  assert.ok([...crl.found.keys()].every((serial) => (BigInt(`0x${serial}`) >> 64n) % 2n === 1n));
  assert.ok([...crl.found.values()].every(({ reason, revokedAt }) => reason === 'cessationOfOperation' && revokedAt.getTime() < NOW));
});
