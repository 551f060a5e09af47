import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { KEY_TYPES, type KeyType } from '../../src/pki/key-type.js';
import { tscert } from '../support/command.js';
import { servers, skipUnless } from '../support/servers.js';

const root = mkdtempSync(path.join(tmpdir(), 'tscert-keys-'));
after(() => rmSync(root, { recursive: true, force: true }));
let count = 0;

/** A folder of its own for one test, with these files. */
function folder(files: Readonly<Record<string, string>> = {}): string {
  const made = path.join(root, String(count++));
  mkdirSync(made);
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(made, name), text);
  return made;
}

const run = (cwd: string, program: string, args: readonly string[], input?: string): string =>
  execFileSync(program, args, { cwd, encoding: 'utf8', stdio: 'pipe', ...(input === undefined ? {} : { input }) });
const openssl = (cwd: string, ...args: readonly string[]): string => run(cwd, servers('openssl').openssl ?? '', args);

/** What openssl reads in a CSR, without what differs between two of the same content: the key and the signature. */
function fieldsOf(cwd: string, csr: string): string {
  openssl(cwd, 'req', '-in', csr, '-verify', '-noout');
  const text = openssl(cwd, 'req', '-in', csr, '-noout', '-text', '-nameopt', 'sep_multiline,utf8,oid');
  return text.replace(/^ +(pub|Modulus):\n( +[0-9a-f:]+\n)+/gm, '').replace(/ +Signature Value:[\s\S]*$/, '');
}

/** Runs tscert, which must succeed and say nothing but what the test expects. */
async function good(cwd: string, args: readonly string[], { input, says = '' }: { input?: string; says?: string } = {}): Promise<string> {
  const { code, stdout, stderr } = await tscert(args, { cwd, ...(input === undefined ? {} : { input }) });
  assert.deepEqual({ code, stderr }, { code: 0, stderr: says });
  return stdout;
}

const mode = (cwd: string, file: string): string => (statSync(path.join(cwd, file)).mode & 0o777).toString(8);
const read = (cwd: string, file: string): string => readFileSync(path.join(cwd, file), 'utf8');

/** RSA of 8192 bits takes half a minute with two primes; five are made in a second. */
function slowKey(cwd: string): void {
  openssl(cwd, 'genrsa', '-primes', '5', '-traditional', '-out', 'key.pem', '8192');
}

describe('genkey', { skip: skipUnless('openssl') }, () => {
  const words: Readonly<Record<KeyType, RegExp>> = {
    rsa2048: /2048 bit/,
    rsa3072: /3072 bit/,
    rsa4096: /4096 bit/,
    rsa8192: /8192 bit/,
    ec256: /P-256/,
    ec384: /P-384/,
    ec521: /P-521/,
    ed25519: /ED25519/,
  };
  for (const type of KEY_TYPES.filter((one) => one !== 'rsa8192')) {
    for (const encoding of type === 'ed25519' ? ['pkcs8'] : ['pkcs8', 'pkcs1']) {
      for (const passphrase of [false, true]) {
        test(`${type} in ${encoding}${passphrase ? ' with a passphrase' : ''} is read by openssl`, async () => {
          const cwd = folder({ pass: 'correct horse\nsecond line\n' });
          const flags = ['--key-type', type, '--encoding', encoding, ...(passphrase ? ['--passphrase-file', 'pass'] : [])];
          await good(cwd, ['genkey', ...flags, '--out', 'key.pem'], { says: `tscert: wrote the ${type} key to key.pem\n` });
          assert.equal(mode(cwd, 'key.pem'), '600');
          const label = /-----BEGIN (.*)-----/.exec(read(cwd, 'key.pem'))?.[1];
          const plain = encoding === 'pkcs8' ? 'PRIVATE KEY' : type.startsWith('rsa') ? 'RSA PRIVATE KEY' : 'EC PRIVATE KEY';
          assert.equal(label, passphrase && encoding === 'pkcs8' ? 'ENCRYPTED PRIVATE KEY' : plain);
          assert.equal(/Proc-Type: 4,ENCRYPTED/.test(read(cwd, 'key.pem')), passphrase && encoding === 'pkcs1');
          const secret = passphrase ? ['-passin', 'pass:correct horse'] : [];
          assert.match(openssl(cwd, 'pkey', '-in', 'key.pem', ...secret, '-noout', '-text'), words[type]);
          if (passphrase) assert.throws(() => openssl(cwd, 'pkey', '-in', 'key.pem', '-passin', 'pass:wrong', '-noout'));
        });
      }
    }
  }

  test('the key goes to standard output, alone', async () => {
    const cwd = folder();
    const pem = await good(cwd, ['genkey']);
    assert.match(pem, /^-----BEGIN PRIVATE KEY-----\n[^-]+-----END PRIVATE KEY-----\n$/);
    assert.deepEqual(readdirSync(cwd), []);
  });

  test('--json is a document; with --out the key is not in it', async () => {
    const cwd = folder();
    const { key, publicKey, publicKeySha256, ...rest } = JSON.parse(await good(cwd, ['genkey', '--json', '--key-type', 'P-384']));
    assert.deepEqual(rest, { version: 1, kind: 'key', keyType: 'ec384', encoding: 'pkcs8', encrypted: false });
    writeFileSync(path.join(cwd, 'key.pem'), key);
    assert.equal(openssl(cwd, 'pkey', '-in', 'key.pem', '-pubout'), publicKey);
    const spki = execFileSync(servers('openssl').openssl ?? '', ['pkey', '-in', 'key.pem', '-pubout', '-outform', 'DER'], { cwd });
    assert.equal(
      publicKeySha256,
      execFileSync(servers('openssl').openssl ?? '', ['dgst', '-sha256', '-binary'], { input: spki }).toString('base64'),
    );
    const says = `${JSON.stringify({ version: 1, type: 'note', message: 'wrote the ec256 key to k' })}\n`;
    const document = JSON.parse(await good(cwd, ['genkey', '--json', '--out', 'k'], { says }));
    assert.deepEqual([document.keyFile, 'key' in document], ['k', false]);
  });

  test('an existing key is never overwritten without --force', async () => {
    const cwd = folder({ 'key.pem': 'precious' });
    const refused = await tscert(['genkey', '--out', 'key.pem'], { cwd });
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /cannot write the key ".*key.pem": a file is there already/);
    assert.equal(read(cwd, 'key.pem'), 'precious');
    await good(cwd, ['-q', 'genkey', '--out', 'key.pem', '--force']);
    assert.match(read(cwd, 'key.pem'), /PRIVATE KEY/);
    assert.equal(mode(cwd, 'key.pem'), '600');
    assert.deepEqual(readdirSync(cwd), ['key.pem']);
  });

  test('--bare refuses when one of its files is a key already, and writes neither', async () => {
    const cwd = folder({ 'r.json': '{"CN":"a.example"}', 'server-key.pem': 'precious' });
    assert.equal((await tscert(['genkey', 'r.json', '--bare', 'server'], { cwd })).code, 1);
    assert.deepEqual(readdirSync(cwd).sort(), ['r.json', 'server-key.pem']);
  });

  const mistakes: readonly (readonly [readonly string[], RegExp])[] = [
    [['--key-type', 'ed25519', '--encoding', 'pkcs1'], /cannot write an Ed25519 key as pkcs1: there is no such form, only pkcs8/],
    [['--key-type', 'rsa1024'], /the kinds are rsa2048/],
    [['--encoding', 'der'], /allowed choices are pkcs8, pkcs1/i],
    [['--passphrase-file', 'empty'], /its first line is empty/],
    [['r.json', '--out', 'key.pem'], /use --bare NAME/],
  ];
  for (const [args, message] of mistakes) {
    test(`genkey ${args.join(' ')} is a usage error`, async () => {
      const cwd = folder({ empty: '\n', 'r.json': '{"CN":"a.example"}' });
      const { code, stdout, stderr } = await tscert(['genkey', ...args], { cwd });
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, message);
    });
  }
});

const REQUEST = {
  CN: 'www.example.com',
  hosts: [
    'https://example.com/a',
    'web@example.com',
    'www.example.com',
    '192.0.2.1',
    '*.example.com',
    '2001:db8::1',
    'spiffe://example.com/web',
  ],
  names: [
    { C: 'DE', ST: 'Bayern', L: 'München', O: 'Example, Inc.', OU: 'Web', E: 'ca@example.com', OID: { '2.5.4.97': 'NTRDE-1' } },
    { O: 'Second "quoted"', OU: 'Ops+Dev' },
  ],
  serialnumber: '77',
};

describe('the same request as cfssl', { skip: skipUnless('openssl', 'cfssl') }, () => {
  const cfssl = (cwd: string, ...args: readonly string[]): string => run(cwd, servers('cfssl').cfssl ?? '', args);
  const cfssljson = (cwd: string, input: string, name: string): string =>
    run(cwd, servers('cfssl').cfssljson ?? '', ['-bare', name], input);
  const kinds: readonly (readonly [string, number | undefined])[] = [
    ['rsa', 2048],
    ['rsa', 3072],
    ['rsa', 4096],
    ['ecdsa', 256],
    ['ecdsa', 384],
    ['ecdsa', 521],
    ['ed25519', undefined],
  ];
  for (const [algo, size] of kinds) {
    test(`${algo} ${size ?? ''}: genkey gives cfssljson what cfssl genkey gives it`, async () => {
      const cwd = folder({ 'r.json': JSON.stringify({ ...REQUEST, key: { algo, size } }) });
      cfssljson(cwd, cfssl(cwd, 'genkey', 'r.json'), 'theirs');
      const printed = await good(cwd, ['genkey', '-'], { input: read(cwd, 'r.json') });
      assert.deepEqual(Object.keys(JSON.parse(printed)), ['csr', 'key']);
      cfssljson(cwd, printed, 'ours');
      assert.equal(fieldsOf(cwd, 'ours.csr'), fieldsOf(cwd, 'theirs.csr'));
      assert.equal(mode(cwd, 'ours-key.pem'), '600');
      const label = (file: string): string | undefined => /BEGIN (?:Ed25519 )?(.*)-----/.exec(read(cwd, file))?.[1];
      assert.equal(label('ours-key.pem'), label('theirs-key.pem'));
      assert.equal(openssl(cwd, 'req', '-in', 'ours.csr', '-noout', '-pubkey'), openssl(cwd, 'pkey', '-in', 'ours-key.pem', '-pubout'));
    });
  }

  const variants: Readonly<Record<string, object>> = {
    'a common name alone': { CN: 'Example' },
    'no common name': { hosts: ['a.example'], names: [{ O: 'Example' }] },
    'a CA': { CN: 'Example CA', names: [{ O: 'Example' }], ca: { expiry: '87600h' } },
    'a CA with a path length': { CN: 'Example CA', ca: { pathlen: 3 } },
    'a CA with the path length 0': { CN: 'Example CA', ca: { pathlen: 0, pathlenzero: true } },
    'a URI that is no URL': { CN: 'x', hosts: ['urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6'] },
    'hosts of one kind': { CN: 'x', hosts: ['192.0.2.7'] },
    'a host with an underscore': { CN: 'x', hosts: ['_a.b.example'] },
    'null everywhere': { CN: 'x', hosts: null, names: null, key: null, ca: null, serialnumber: null },
  };
  for (const [what, request] of Object.entries(variants)) {
    test(`${what}: csr of an existing key is that of cfssl gencsr`, async () => {
      const cwd = folder({ 'r.json': JSON.stringify(request) });
      openssl(cwd, 'ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', 'key.pem');
      cfssljson(cwd, cfssl(cwd, 'gencsr', '-key', 'key.pem', 'r.json'), 'theirs');
      writeFileSync(path.join(cwd, 'ours.csr'), await good(cwd, ['csr', 'r.json', '--key', 'key.pem']));
      assert.equal(fieldsOf(cwd, 'ours.csr'), fieldsOf(cwd, 'theirs.csr'));
    });
  }

  test('hosts alone: the same, but critical, since the subject is empty (RFC 5280 §4.2.1.6)', async () => {
    const cwd = folder({ 'r.json': '{"hosts":["a.example"]}' });
    openssl(cwd, 'ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', 'key.pem');
    cfssljson(cwd, cfssl(cwd, 'gencsr', '-key', 'key.pem', 'r.json'), 'theirs');
    writeFileSync(path.join(cwd, 'ours.csr'), await good(cwd, ['csr', 'r.json', '--key', 'key.pem']));
    const ours = fieldsOf(cwd, 'ours.csr');
    assert.match(ours, /Subject Alternative Name: critical\n/);
    assert.equal(ours.replace('Name: critical', 'Name: '), fieldsOf(cwd, 'theirs.csr'));
  });

  test('rsa 8192: csr of an existing key is that of cfssl gencsr', async () => {
    const cwd = folder({ 'r.json': JSON.stringify(REQUEST) });
    slowKey(cwd);
    cfssljson(cwd, cfssl(cwd, 'gencsr', '-key', 'key.pem', 'r.json'), 'theirs');
    writeFileSync(path.join(cwd, 'ours.csr'), await good(cwd, ['csr', 'r.json', '--key', 'key.pem']));
    assert.equal(fieldsOf(cwd, 'ours.csr'), fieldsOf(cwd, 'theirs.csr'));
  });

  test('cfssl signs with a key that genkey has made, Ed25519 too', async () => {
    for (const type of ['ec256', 'rsa2048', 'ed25519']) {
      const cwd = folder({ 'r.json': '{"CN":"a.example"}' });
      await good(cwd, ['-q', 'genkey', '--key-type', type, '--out', 'key.pem']);
      cfssljson(cwd, cfssl(cwd, 'gencsr', '-key', 'key.pem', 'r.json'), 'theirs');
      assert.match(openssl(cwd, 'req', '-in', 'theirs.csr', '-verify', '-noout', '-subject'), /CN = a.example/);
    }
  });
});

describe('the same CSR as openssl', { skip: skipUnless('openssl') }, () => {
  const config = (subject: string, extensions: string): string =>
    `[req]\nprompt=no\nutf8=yes\nstring_mask=default\ndistinguished_name=dn\n${extensions === '' ? '' : 'req_extensions=ext\n'}[dn]\n${subject}\n[ext]\n${extensions}\n`;
  const cases: Readonly<Record<string, { subject: string; extensions: string; flags: readonly string[] }>> = {
    'a server': {
      subject: 'CN=example.com',
      extensions: 'subjectAltName=DNS:example.com,DNS:*.example.com',
      flags: ['--cn', 'example.com', '-d', 'example.com,*.example.com'],
    },
    'names of all kinds': {
      subject: 'CN=x',
      extensions:
        'subjectAltName=URI:spiffe://example.com/web,IP:192.0.2.1,IP:2001:db8::1,email:web@example.com,DNS:xn--mnchen-3ya.example,otherName:1.3.6.1.4.1.311.20.2.3;UTF8:user@example.com',
      flags: [
        ...['--cn', 'x', '-d', 'spiffe://example.com/web', '-d', '192.0.2.1', '-d', '2001:DB8:0::1', '-d', 'web@example.com'],
        ...['-d', 'München.example', '--other-name', '1.3.6.1.4.1.311.20.2.3;user@example.com'],
      ],
    },
    'all fields of the subject': {
      subject:
        'C=DE\nST=Bayern\nL=München\nstreet=Weg 1\npostalCode=80331\nO=Example, Inc.\nOU=Web\nCN=x\nserialNumber=77\nemailAddress=ca@example.com\ntitle=Dr.',
      extensions: '',
      flags: [
        ...['--country', 'DE', '--organization', 'Example, Inc.', '--organizational-unit', 'Web', '--locality', 'München'],
        ...['--province', 'Bayern', '--street-address', 'Weg 1', '--postal-code', '80331', '--cn', 'x', '--serial-number', '77'],
        ...['--subject-email', 'ca@example.com', '--subject-oid', '2.5.4.12=Dr.'],
      ],
    },
    'several units in one part of the name': {
      subject: 'OU=One\n+OU=Two\nCN=x',
      extensions: '',
      flags: ['--organizational-unit', 'One', '--organizational-unit', 'Two', '--cn', 'x'],
    },
    'a literal subject': {
      subject: 'DC=com\n1.DC=example\nO=Example\\, Inc. \\"quoted\\"\nUID=u7\n+CN=Jürgen',
      extensions: '',
      flags: ['--subject', 'UID=u7+CN=Jürgen,O=Example\\, Inc. \\"quoted\\",DC=example,DC=com'],
    },
    usages: {
      subject: 'CN=x',
      extensions:
        'subjectAltName=DNS:a.example\nkeyUsage=critical,digitalSignature,keyEncipherment\nextendedKeyUsage=serverAuth,clientAuth,1.3.6.1.5.5.7.3.5\ntlsfeature=status_request',
      flags: [
        ...['--cn', 'x', '-d', 'a.example', '--usage', 'digital signature,key encipherment,server auth', '--usage', 'client auth'],
        ...['--usage', 'ipsec end system', '--must-staple'],
      ],
    },
    'all bits and purposes': {
      subject: 'CN=x',
      extensions:
        'keyUsage=critical,digitalSignature,nonRepudiation,keyEncipherment,dataEncipherment,keyAgreement,keyCertSign,cRLSign,encipherOnly,decipherOnly\nextendedKeyUsage=anyExtendedKeyUsage,serverAuth,clientAuth,codeSigning,emailProtection,1.3.6.1.5.5.7.3.6,1.3.6.1.5.5.7.3.7,timeStamping,OCSPSigning,msSGC,nsSGC',
      flags: [
        ...[
          '--cn',
          'x',
          '--usage',
          'signing,digital signature,content commitment,key encipherment,data encipherment,key agreement,cert sign',
        ],
        ...['--usage', 'crl sign,encipher only,decipher only,any,server auth,client auth,code signing,email protection,s/mime'],
        ...['--usage', 'ipsec tunnel,ipsec user,timestamping,ocsp signing,microsoft sgc,netscape sgc'],
      ],
    },
    'a CA with constraints': {
      subject: 'CN=Example CA',
      extensions:
        'keyUsage=critical,keyCertSign,cRLSign\nbasicConstraints=critical,CA:TRUE,pathlen:0\nnameConstraints=critical,permitted;DNS:example.com,permitted;IP:10.0.0.0/255.0.0.0,permitted;IP:2001:db8::/ffff:ffff::,permitted;email:example.com,permitted;URI:.example.com,excluded;DNS:bad.example.com',
      flags: [
        ...['--cn', 'Example CA', '--is-ca', '--path-length', '0', '--usage', 'crl sign', '--permit', 'example.com,10.0.0.0/8'],
        ...[
          '--permit',
          '2001:db8::/32',
          '--permit',
          'email:example.com',
          '--permit',
          'uri:.example.com',
          '--exclude',
          'dns:bad.example.com',
        ],
      ],
    },
    'no subject': { subject: '', extensions: 'subjectAltName=critical,DNS:example.com', flags: ['-d', 'example.com'] },
  };
  for (const [what, { subject, extensions, flags }] of Object.entries(cases)) {
    test(what, async () => {
      const cwd = folder({ 'o.cnf': config(subject, extensions) });
      openssl(cwd, 'ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', 'key.pem');
      const empty = subject === '' ? ['-subj', '/'] : [];
      openssl(cwd, 'req', '-new', '-key', 'key.pem', '-config', 'o.cnf', ...empty, '-out', 'theirs.csr');
      await good(cwd, ['-q', 'csr', ...flags, '--key', 'key.pem', '--out', 'ours.csr']);
      assert.equal(fieldsOf(cwd, 'ours.csr'), fieldsOf(cwd, 'theirs.csr'));
    });
  }

  for (const type of KEY_TYPES) {
    test(`${type}: the same fields, signed as openssl can verify it`, async () => {
      const cwd = folder({ 'o.cnf': config('CN=x', 'subjectAltName=DNS:a.example') });
      if (type === 'rsa8192') slowKey(cwd);
      else await good(cwd, ['-q', 'genkey', '--key-type', type, '--out', 'key.pem']);
      const hash =
        { rsa3072: 'sha384', rsa4096: 'sha512', rsa8192: 'sha512', ec384: 'sha384', ec521: 'sha512' }[type as 'ec384'] ?? 'sha256';
      openssl(cwd, 'req', '-new', '-key', 'key.pem', '-config', 'o.cnf', `-${hash}`, '-out', 'theirs.csr');
      writeFileSync(path.join(cwd, 'ours.csr'), await good(cwd, ['csr', '--cn', 'x', '-d', 'a.example', '--key', 'key.pem']));
      assert.equal(fieldsOf(cwd, 'ours.csr'), fieldsOf(cwd, 'theirs.csr'));
    });
  }
});

describe('csr', { skip: skipUnless('openssl') }, () => {
  const keyForms: Readonly<Record<string, readonly string[]>> = {
    'PKCS#8 in PEM': ['pkey', '-in', 'key.pem'],
    'PKCS#8 in DER': ['pkcs8', '-topk8', '-nocrypt', '-in', 'key.pem', '-outform', 'DER'],
    'SEC 1 in PEM': ['ec', '-in', 'key.pem'],
    'SEC 1 in DER': ['ec', '-in', 'key.pem', '-outform', 'DER'],
    'encrypted PKCS#8 in PEM': ['pkcs8', '-topk8', '-in', 'key.pem', '-passout', 'pass:secret'],
    'encrypted PKCS#8 in DER': ['pkcs8', '-topk8', '-in', 'key.pem', '-passout', 'pass:secret', '-outform', 'DER'],
    'encrypted SEC 1': ['ec', '-in', 'key.pem', '-aes256', '-passout', 'pass:secret'],
  };
  for (const [what, args] of Object.entries(keyForms)) {
    test(`signs with an existing key: ${what}`, async () => {
      const cwd = folder({ pass: 'secret\n' });
      openssl(cwd, 'ecparam', '-name', 'prime256v1', '-genkey', '-out', 'key.pem');
      openssl(cwd, ...args, '-out', 'form');
      const pass = what.startsWith('encrypted') ? ['--passphrase-file', 'pass'] : [];
      await good(cwd, ['-q', 'csr', '-d', 'a.example', '--key', 'form', ...pass, '--out', 'a.csr']);
      openssl(cwd, 'req', '-in', 'a.csr', '-verify', '-noout');
      assert.equal(openssl(cwd, 'req', '-in', 'a.csr', '-noout', '-pubkey'), openssl(cwd, 'pkey', '-in', 'key.pem', '-pubout'));
    });
  }

  test('--bare writes a key and its CSR', async () => {
    const cwd = folder();
    await good(cwd, ['csr', '-d', 'a.example', '--bare', 'server'], { says: 'tscert: wrote server.csr and server-key.pem\n' });
    assert.deepEqual([mode(cwd, 'server.csr'), mode(cwd, 'server-key.pem')], ['644', '600']);
    assert.equal(openssl(cwd, 'req', '-in', 'server.csr', '-noout', '-pubkey'), openssl(cwd, 'pkey', '-in', 'server-key.pem', '-pubout'));
  });

  test('--json has the key where no file has it', async () => {
    const cwd = folder();
    const { csr, key, ...rest } = JSON.parse(await good(cwd, ['csr', '-d', '*.a.example', '--json']));
    assert.deepEqual(rest, { version: 1, kind: 'csr', name: '*.a.example', keyType: 'ec256' });
    assert.match(csr, /BEGIN CERTIFICATE REQUEST/);
    assert.match(key, /BEGIN PRIVATE KEY/);
    const written = JSON.parse((await tscert(['csr', '-d', 'a.example', '--json', '--key-out', 'k.pem'], { cwd })).stdout);
    assert.deepEqual([written.keyFile, 'key' in written], ['k.pem', false]);
  });

  test('JSON lines give JSON lines; a bad one does not stop the others', async () => {
    const cwd = folder();
    const input = [
      '{"CN":"a.example"}',
      '{"CN":',
      '',
      '{"hosts":["b.example"],"key":{"algo":"rsa","size":2048}}',
      '{"hosts":["a b"]}',
    ].join('\n');
    const { code, stdout, stderr } = await tscert(['csr', '-'], { cwd, input });
    assert.deepEqual([code, stderr], [3, 'tscert: warning: 2 of 4 requests failed\n']);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      lines.map((line) => Object.keys(line).join()),
      ['csr,key', 'line,error', 'csr,key', 'line,error'],
    );
    assert.deepEqual([lines[1].line, lines[1].error.code, lines[3].line, lines[3].error.code], [2, 'request-invalid', 5, 'name-invalid']);
    assert.match(lines[2].key, /BEGIN RSA PRIVATE KEY/);
  });

  test('two hundred lines come out in their order', async () => {
    const names = Array.from({ length: 200 }, (_, at) => `n${at}.example`);
    const input = names.map((name) => JSON.stringify({ hosts: [name] })).join('\n');
    const { code, stdout } = await tscert(['csr', '-', '--json', '-q'], { cwd: folder(), input });
    assert.equal(code, 0);
    assert.deepEqual(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).name),
      names,
    );
  });

  test('several files go to a folder, each named after its first host', async () => {
    const cwd = folder({
      'a.json': '{"hosts":["*.a.example","x"]}',
      'b.json': '{"CN":"../../B c"}',
      'c.json': '{',
      'd.json': '{"hosts":["*.A.example"]}',
    });
    const { code, stderr } = await tscert(['csr', 'a.json', 'b.json', 'c.json', 'd.json', 'e.json', '--out-dir', 'out/deep'], { cwd });
    assert.equal(code, 3);
    assert.deepEqual(readdirSync(path.join(cwd, 'out/deep')).sort(), [
      '_.a.example-key.pem',
      '_.a.example.csr',
      '__.._b_c-key.pem',
      '__.._b_c.csr',
    ]);
    assert.match(stderr, /"c.json": cannot read the request of "c.json": it is no JSON/);
    assert.match(stderr, /"d.json": cannot write "_.a.example.csr" twice/);
    assert.match(stderr, /"e.json": cannot read "e.json": there is no such file/);
    assert.match(stderr, /3 of 5 requests failed/);
  });

  test('flags stand over what a request says', async () => {
    const cwd = folder({ 'r.json': '{"CN":"a.example","hosts":["a.example"],"key":{"algo":"rsa","size":4096}}' });
    await good(cwd, ['-q', 'csr', 'r.json', '-d', 'b.example', '--key-type', 'ec384', '--usage', 'server auth', '--bare', 'x']);
    const text = openssl(cwd, 'req', '-in', 'x.csr', '-noout', '-text');
    assert.match(text, /Subject: CN = a.example\n/);
    assert.match(text, /DNS:b.example\n/);
    assert.match(text, /TLS Web Server Authentication\n/);
    assert.match(text, /384 bit/);
  });

  const mistakes: readonly (readonly [readonly string[], RegExp])[] = [
    [['-d', 'a.example'], /cannot make a key that nobody keeps/],
    [['-d', 'a.example', '--out', 'a.csr'], /cannot make a key that nobody keeps/],
    [['r.json', '--out', 'a.csr'], /cannot make a key that nobody keeps/],
    [['--json'], /cannot make a CSR that names nothing/i],
    [['r.json', 'r.json'], /cannot tell where 2 CSRs go/],
    [['r.json', 'r.json', '--bare', 'x'], /cannot write 2 CSRs to the same files/],
    [['-', '--key', '-'], /cannot read two things from standard input/],
    [
      ['-d', 'a.example', '--key', 'k', '--key-type', 'ec256'],
      /cannot use the option "--key-type <type>": it does not go together with "--key <file>"/,
    ],
    [['-d', 'a.example', '--json', '--path-length', '1'], /for a CA only/],
    [['-d', 'a.example', '--json', '--path-length', 'x'], /it wants a number, 0 to 255/],
    [['-d', 'a.example', '--json', '--permit', 'a.example'], /for a CA only/],
    [['-d', 'a.example', '--json', '--is-ca', '--permit', '10.0.0.0/33'], /as an IP range/],
    [['-d', 'a.example', '--json', '--usage', 'all'], /as a key usage/],
    [['-d', 'a.example', '--json', '--country', 'Germany'], /is not two letters/],
    [['-d', 'a.example', '--json', '--subject', 'CN'], /cannot read the subject/i],
    [['-d', 'a.example', '--json', '--subject', 'CN=a', '--cn', 'b'], /a literal subject excludes/],
    [['-d', 'a..example', '--json'], /it has an empty label/],
    [['-d', 'a.example', '--json', '--key-type', 'dsa'], /the kinds are/],
    [['-d', 'a.example', '--keyout', 'x'], /did you mean --key-out\?/],
    [['empty.json'], /it names nothing/],
  ];
  for (const [args, message] of mistakes) {
    test(`csr ${args.join(' ')} is a usage error, and leaves nothing`, async () => {
      const files = { 'r.json': '{"CN":"a.example"}', 'empty.json': '{"key":{"algo":"ecdsa","size":256}}' };
      const cwd = folder(files);
      const { code, stdout, stderr } = await tscert(['csr', ...args], { cwd, input: '{"CN":"a.example"}' });
      assert.deepEqual([code, args.includes('--json') ? '' : stdout], [2, ''], stderr);
      assert.match(stderr, message);
      assert.deepEqual(readdirSync(cwd).sort(), Object.keys(files).sort());
    });
  }

  test('a folder that cannot be written leaves neither key nor CSR', async () => {
    const cwd = folder({ file: '' });
    const { code, stderr } = await tscert(['csr', '-d', 'a.example', '--key-out', 'k.pem', '--out', 'file/a.csr'], { cwd });
    assert.equal(code, 1);
    assert.match(stderr, /cannot write ".*file\/a.csr": a part of the path is a file, not a folder/);
    assert.deepEqual(readdirSync(cwd), ['file']);
  });

  test('an encrypted key without its passphrase says what to do', async () => {
    const cwd = folder({ pass: 'secret', wrong: 'wrong' });
    await good(cwd, ['-q', 'genkey', '--passphrase-file', 'pass', '--out', 'k.pem']);
    for (const args of [[], ['--passphrase-file', 'wrong']]) {
      const { code, stderr } = await tscert(['csr', '-d', 'a.example', '--key', 'k.pem', ...args], { cwd });
      assert.equal(code, 1);
      assert.match(stderr, /cannot open the private key: .* \(in "k.pem"\)\ntscert: hint: give the passphrase with --passphrase-file FILE/);
    }
  });
});
