import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isTscertError } from '../../src/base/errors.js';
import { createCsr } from '../../src/pki/csr.js';
import { encodeDer } from '../../src/pki/der.js';
import { readDer } from '../../src/pki/der-reader.js';
import { formatDistinguishedName, parseDistinguishedName } from '../../src/pki/rfc4514.js';
import { commonNameOf, distinguishedNameDer, distinguishedNameOf, readDistinguishedName, type Subject } from '../../src/pki/subject.js';
import { keyOf, openssl } from './support.js';

const CN = '2.5.4.3';
const O = '2.5.4.10';

test('the examples of RFC 4514 §4', () => {
  assert.deepEqual(parseDistinguishedName('UID=jsmith,DC=example,DC=net'), [
    [{ oid: '0.9.2342.19200300.100.1.25', value: 'net' }],
    [{ oid: '0.9.2342.19200300.100.1.25', value: 'example' }],
    [{ oid: '0.9.2342.19200300.100.1.1', value: 'jsmith' }],
  ]);
  assert.deepEqual(parseDistinguishedName('OU=Sales+CN=J.  Smith,DC=example,DC=net').at(-1), [
    { oid: '2.5.4.11', value: 'Sales' },
    { oid: CN, value: 'J.  Smith' },
  ]);
  assert.equal(parseDistinguishedName('CN=James \\"Jim\\" Smith\\, III,DC=net')[1]?.[0]?.value, 'James "Jim" Smith, III');
  assert.equal(parseDistinguishedName('CN=Before\\0dAfter,DC=net')[1]?.[0]?.value, 'Before\rAfter');
  assert.deepEqual(parseDistinguishedName('1.3.6.1.4.1.1466.0=#04024869'), [
    [{ oid: '1.3.6.1.4.1.1466.0', value: '#04024869', encoded: true }],
  ]);
  assert.equal(parseDistinguishedName('CN=Lu\\C4\\8Di\\C4\\87')[0]?.[0]?.value, 'Lučić');
});

test('spaces around are let go, those that are escaped stay', () => {
  assert.deepEqual(parseDistinguishedName('  cn = a b  ,  O=\\ x\\  '), [[{ oid: O, value: ' x ' }], [{ oid: CN, value: 'a b' }]]);
  assert.deepEqual(parseDistinguishedName('   '), []);
});

test('what cannot be read names the place', () => {
  for (const [text, why] of [
    ['example.com', /at character 12 a "TYPE=value" is expected$/],
    ['CN=a,', /expected$/],
    ['XX=a', /"XX" is none of the attributes CN, C, O/],
    ['CN=a;O=b', /stands ";"/],
    ['CN=a"b', /stands "\\""/],
    ['CN=\\zz', /stands "\\\\"/],
    ['CN=#zz', /hex digits/],
    ['CN=#041', /stands "1"/],
    ['CN=\\c3', /not UTF-8/],
  ] as const) {
    assert.throws(
      () => parseDistinguishedName(text),
      (error) => {
        assert.ok(isTscertError(error, 'request-invalid'), text);
        assert.match(error.message, why);
        return true;
      },
    );
  }
});

test('openssl writes the same string', () => {
  const texts = [
    'CN=example.com,O=Example\\, Inc.,C=DE',
    'CN=\\#a\\+b\\"c\\\\d\\<e\\>f\\;g=h',
    'CN=\\ leading and trailing\\ ',
    'OU=One,L=Köln',
    'emailAddress=me@example.com,CN=x',
    'CN=a,DC=example,DC=com',
    'serialNumber=12,STREET=A Street 1,postalCode=12345,ST=Berlin,C=DE',
  ];
  for (const text of texts) {
    const name = parseDistinguishedName(text);
    const der = encodeDer(distinguishedNameDer(name));
    const said = subjectByOpenssl(text);
    assert.equal(said, formatDistinguishedName(readDistinguishedName(readDer(der))).replace('STREET', 'street'), text);
  }
});

/** Lets openssl print the subject of a request that holds the name. */
function subjectByOpenssl(literal: string): string {
  const { pem } = createCsr({ names: [], subject: { literal } }, keyOf('ed25519'));
  return openssl('req -noout -subject -nameopt RFC2253,-esc_msb,utf8', pem)
    .replace(/^subject=/, '')
    .replace(/\n$/, '');
}

test('a control character does not reach the terminal', () => {
  assert.equal(formatDistinguishedName([[{ oid: CN, value: 'a\u001b[31m\u009b' }]]), 'CN=a\\1b[31m\\c2\\9b');
});

test('the lists of a subject, in the order that Go writes', () => {
  const subject: Subject = {
    countries: ['DE', 'AT'],
    organizations: ['O'],
    organizationalUnits: ['OU'],
    localities: ['L'],
    provinces: ['ST'],
    streetAddresses: ['S 1'],
    postalCodes: ['1'],
    serialNumber: '7',
    emailAddresses: ['me@example.com'],
    extra: [{ oid: '1.2.3.4', value: 'x' }],
  };
  const text = formatDistinguishedName(distinguishedNameOf('example.com', subject));
  assert.equal(
    text,
    '1.2.3.4=x,emailAddress=me@example.com,serialNumber=7,CN=example.com,OU=OU,O=O,postalCode=1,STREET=S 1,L=L,ST=ST,C=DE+C=AT',
  );
  assert.deepEqual(distinguishedNameOf(undefined), []);
  assert.equal(commonNameOf(distinguishedNameOf('example.com', subject)), 'example.com');
  assert.equal(commonNameOf(distinguishedNameOf(undefined, { literal: 'CN=a,CN=b' })), 'a');
});

test('subjects that no certificate can hold are refused', () => {
  for (const [commonName, subject] of [
    ['x'.repeat(65), {}],
    ['', {}],
    ['a', { literal: 'CN=b' }],
    [undefined, { literal: 'CN=b', countries: ['DE'] }],
    [undefined, { countries: ['Germany'] }],
    [undefined, { organizations: [''] }],
    [undefined, { serialNumber: 'é' }],
    [undefined, { emailAddresses: ['é@example.com'] }],
    [undefined, { extra: [{ oid: 'x', value: 'y' }] }],
    [undefined, { literal: 'CN=#05' }],
    [undefined, { literal: 'O=' }],
  ] as const) {
    assert.throws(
      () => encodeDer(distinguishedNameDer(distinguishedNameOf(commonName, subject))),
      (error) => isTscertError(error, 'request-invalid'),
      JSON.stringify([commonName, subject]),
    );
  }
  assert.equal(distinguishedNameOf('é'.repeat(64)).length, 1);
});
