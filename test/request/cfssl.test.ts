import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { TscertError } from '../../src/base/errors.js';
import { createCsr, readCsr } from '../../src/pki/csr.js';
import { readCfsslRequest } from '../../src/request/cfssl.js';
import { splitRequests } from '../../src/request/cfssl-lines.js';

const RUNS = Number(process.env.FUZZ_RUNS ?? 1_000);
const KEY = generateKeyPairSync('ed25519').privateKey;
const read = (request: unknown) => readCfsslRequest(JSON.stringify(request), '"r.json"');

test('hosts are told apart and written in the order of cfssl: DNS, e-mail, IP, URI', () => {
  const hosts = ['https://a.example/b', 'z@example.com', 'B.example.com', '10.0.0.1', 'urn:x:y', '::1', '*.example.com', 'b.example.com'];
  const { spec, title } = read({ hosts });
  assert.deepEqual(
    spec.names.map(({ type, value }) => `${type} ${value}`),
    ['dns b.example.com', 'dns *.example.com', 'email z@example.com', 'ip 10.0.0.1', 'ip ::1', 'uri https://a.example/b', 'uri urn:x:y'],
  );
  assert.equal(title, 'https://a.example/b');
});

test('every field of names adds to the subject', () => {
  const names = [
    { C: 'DE', ST: 'Bayern', L: 'München', O: 'Example, Inc.', OU: 'Web', E: 'a@example.com', OID: { '2.5.4.97': 'NTRDE-1' } },
    { O: 'Second', OU: '' },
    null,
  ];
  const { spec } = read({ CN: 'example.com', names, serialnumber: '77' });
  assert.deepEqual(spec, {
    names: [],
    commonName: 'example.com',
    subject: {
      countries: ['DE'],
      provinces: ['Bayern'],
      localities: ['München'],
      organizations: ['Example, Inc.', 'Second'],
      organizationalUnits: ['Web'],
      serialNumber: '77',
      extra: [
        { oid: '2.5.4.97', value: 'NTRDE-1' },
        { oid: '1.2.840.113549.1.9.1', value: 'a@example.com' },
      ],
    },
  });
});

const keys: readonly (readonly [unknown, string])[] = [
  [undefined, 'ec256'],
  [null, 'ec256'],
  [{}, 'ec256'],
  [{ algo: 'ecdsa' }, 'ec256'],
  [{ size: 384 }, 'ec384'],
  [{ algo: 'ecdsa', size: 521 }, 'ec521'],
  [{ algo: 'RSA', size: 3072 }, 'rsa3072'],
  [{ algo: 'rsa', size: 8192 }, 'rsa8192'],
  [{ algo: 'ed25519' }, 'ed25519'],
  [{ algo: 'ed25519', size: 256 }, 'ed25519'],
];
for (const [key, keyType] of keys) {
  test(`the key ${JSON.stringify(key)} is ${keyType}`, () => assert.equal(read({ CN: 'a', key }).keyType, keyType));
}

const constraints: readonly (readonly [unknown, object])[] = [
  [{}, { isCa: true }],
  [{ expiry: '87600h', backdate: '1h' }, { isCa: true }],
  [{ pathlen: 0 }, { isCa: true }],
  [
    { pathlen: 0, pathlenzero: true },
    { isCa: true, pathLength: 0 },
  ],
  [{ pathlen: 2 }, { isCa: true, pathLength: 2 }],
  [{ is_ca: false }, {}],
  [null, {}],
];
for (const [ca, wanted] of constraints) {
  test(`ca ${JSON.stringify(ca)} asks for ${JSON.stringify(wanted)}`, () =>
    assert.deepEqual(read({ CN: 'a', ca }).spec, { names: [], commonName: 'a', ...wanted }));
}

test('fields are matched in any case, as Go does it', () =>
  assert.deepEqual(read({ cn: 'a', HOSTS: ['b.example'], Key: { Algo: 'rsa', SIZE: 2048 } }), {
    spec: { names: [{ type: 'dns', value: 'b.example' }], commonName: 'a' },
    keyType: 'rsa2048',
    title: 'b.example',
    warnings: [],
  }));

test('what has no effect is said', () =>
  assert.deepEqual(
    read({ CN: 'a', hosts: ['', 'b.example'], 'hos\u001bts': [], names: [{ SerialNumber: '5', X: 1 }], key: { curve: 'x' } }).warnings,
    [
      'the unknown field "hos\\u{1b}ts" has no effect',
      'an empty entry of "hosts" is left out',
      'the unknown field "names[0].X" has no effect',
      '"names[0].SerialNumber" has no effect, as in cfssl; "serialnumber" of the request has',
      'the unknown field "key.curve" has no effect',
    ],
  ));

const refused: readonly (readonly [string, RegExp])[] = [
  ['', /it is no JSON/],
  ['{"CN":"a",}', /it is no JSON/],
  ['null', /it is null/],
  ['[]', /the request must be an object, not a list/],
  ['{"CN":5}', /"CN" must be a text, not 5/],
  ['{"hosts":"a.example"}', /"hosts" must be a list, not a text/],
  ['{"hosts":["a.example",7]}', /"hosts\[1\]" must be a text, not 7/],
  ['{"hosts":["a b.example"]}', /Cannot use "a b.example" as a name/],
  ['{"hosts":["a.example:8443"]}', /Cannot use "a.example:8443" as a name/],
  ['{"names":[[]]}', /"names\[0\]" must be an object, not a list/],
  ['{"names":[{"OID":{"1.2.3":4}}]}', /"names\[0\].OID\["1.2.3"\]" must be a text, not 4/],
  ['{"key":{"algo":"dsa","size":2048}}', /a key of kind "dsa 2048" is not made/],
  ['{"key":{"algo":"rsa"}}', /"key.algo" is "rsa", but "key.size" is missing/],
  ['{"key":{"algo":"rsa","size":1024}}', /a key of kind "rsa 1024" is not made/],
  ['{"key":{"size":"256"}}', /"key.size" must be a whole number, not a text/],
  ['{"ca":{"pathlen":-1}}', /"ca.pathlen" must be a whole number, not -1/],
  ['{"ca":true}', /"ca" must be an object, not true/],
  ['{"extensions":[{"Id":[1,2]}]}', /"extensions" is not supported/],
];
for (const [text, message] of refused) {
  test(`${text === '' ? 'nothing' : text} is refused with its path`, () =>
    assert.throws(
      () => readCfsslRequest(text, '"r.json"'),
      (error: unknown) => {
        assert.ok(error instanceof TscertError);
        assert.match(error.message, message);
        return true;
      },
    ));
}

/** Values under the keys that the reader looks at, of any type. */
const { request } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(
      null,
      true,
      false,
      '',
      'rsa',
      'ecdsa',
      'a.example',
      '1.2.3',
      'DE',
      'é',
      'urn:a',
      '::1',
      2048,
      256,
      -1,
      1.5,
      '__proto__',
    ),
    fc.string({ unit: 'binary' }),
    fc.jsonValue({ maxDepth: 1 }),
    fc.array(tie('value'), { maxLength: 3 }),
    tie('request'),
  ),
  request: fc.dictionary(
    fc.constantFrom(
      'CN',
      'hosts',
      'names',
      'key',
      'ca',
      'serialnumber',
      'algo',
      'size',
      'C',
      'O',
      'E',
      'OID',
      'pathlen',
      'pathlenzero',
      '__proto__',
    ),
    tie('value'),
    { maxKeys: 6 },
  ),
}));

const staysCalm = (texts: fc.Arbitrary<string>): void =>
  fc.assert(
    fc.property(texts, (text) => {
      try {
        const { spec, warnings } = readCfsslRequest(text, 'standard input');
        assert.equal(readCsr(createCsr(spec, KEY).der).signatureValid, true);
        assert.ok(Array.isArray(spec.names) && warnings.every((warning) => !/\p{Cc}/u.test(warning)));
      } catch (error) {
        assert.ok(error instanceof TscertError, String(error));
        assert.ok(['request-invalid', 'name-invalid'].includes(error.code), error.code);
      }
    }),
    { numRuns: RUNS },
  );

test('any JSON under the fields of a request gives a CSR or a TscertError', () => staysCalm(request.map((value) => JSON.stringify(value))));
test('any JSON gives a CSR or a TscertError', () => staysCalm(fc.json()));
test('any text gives a CSR or a TscertError', () => staysCalm(fc.string({ unit: 'binary' })));

test('lines are split when one of them is a request, and only then', () => {
  const whole = [
    '{"CN":"a"}',
    '{\n  "CN": "a",\n  "names": [\n    {"C": "DE"},\n    {"serialnumber": "5"}\n  ]\n}\n',
    '{\n  "CN": "a",\n  "names": [\n    {"C": "DE"}\n  ]\n',
    'garbage\nmore of it\n',
    '',
  ];
  for (const text of whole) assert.deepEqual(splitRequests(text, 'x'), [{ text, source: 'x' }]);
  assert.deepEqual(splitRequests('garbage\r\n\n{"CN":"a"}\n{"CN":\n', 'x'), [
    { text: 'garbage\r', line: 1, source: 'line 1 of x' },
    { text: '{"CN":"a"}', line: 3, source: 'line 3 of x' },
    { text: '{"CN":', line: 4, source: 'line 4 of x' },
  ]);
});
