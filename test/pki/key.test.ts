import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { test } from 'node:test';
import { type ErrorCode, isTscertError } from '../../src/base/errors.js';
import { decodePem, encodePem } from '../../src/base/pem.js';
import { readCsr } from '../../src/pki/csr.js';
import { encodePrivateKey, generateKey, keyIdentifier, keyTypeOf, keyWords, publicKeyDer, publicKeyEquals } from '../../src/pki/key.js';
import { isEncryptedKeyBlock, isPrivateKeyBlock, readPrivateKey, readPublicKeyBlock } from '../../src/pki/key-reader.js';
import { servers, skipUnless } from '../support/servers.js';
import { keyOf, openssl, opensslBytes, QUICK_KINDS, read, write } from './support.js';

const WORDS = {
  rsa2048: 'RSA 2048',
  rsa3072: 'RSA 3072',
  rsa4096: 'RSA 4096',
  ec256: 'ECDSA P-256',
  ec384: 'ECDSA P-384',
  ec521: 'ECDSA P-521',
  ed25519: 'Ed25519',
};

function refuses(code: ErrorCode, message: RegExp, work: () => unknown): void {
  assert.throws(work, (error) => {
    assert.ok(isTscertError(error, code), String(error));
    assert.match(error.message, message);
    return true;
  });
}

const derOf = (pem: string): Buffer => decodePem(pem)[0]?.der ?? Buffer.alloc(0);
const publicPem = (key: KeyObject): string => createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString();

for (const kind of QUICK_KINDS) {
  const key = keyOf(kind);

  for (const encoding of ['pkcs8', 'pkcs1'] as const) {
    for (const passphrase of [undefined, 'correct horse', 'pässwort']) {
      test(`${kind} as ${encoding}${passphrase === undefined ? '' : ` under "${passphrase}"`}: openssl reads it, and so do we`, () => {
        const pem = encodePrivateKey(key, { encoding, ...(passphrase !== undefined && { passphrase }) });
        write('key.pem', pem);
        write('pass', passphrase ?? '');
        const secret = passphrase === undefined ? '' : ' -passin file:pass';
        assert.equal(openssl(`pkey -in key.pem -pubout${secret}`), publicPem(key));
        assert.ok(publicKeyEquals(readPrivateKey(pem, passphrase), key));
        assert.ok(readPrivateKey(Buffer.from(pem), passphrase).equals(key));
        const [block] = decodePem(pem);
        assert.ok(block !== undefined && isPrivateKeyBlock(block));
        assert.equal(isEncryptedKeyBlock(block), passphrase !== undefined);
        const label = {
          pkcs8: 'PRIVATE KEY',
          pkcs1: kind.startsWith('rsa') ? 'RSA PRIVATE KEY' : kind.startsWith('ec') ? 'EC PRIVATE KEY' : 'PRIVATE KEY',
        };
        const wanted = label[encoding];
        assert.equal(block.label, passphrase !== undefined && wanted === 'PRIVATE KEY' ? 'ENCRYPTED PRIVATE KEY' : wanted);
        if (passphrase === undefined) {
          assert.ok(readPrivateKey(block.der).equals(key), 'DER');
          assert.ok(readPrivateKey(pem, 'needless').equals(key), 'a passphrase that is not needed');
        } else {
          refuses('key-passphrase', /it is encrypted$/, () => readPrivateKey(pem));
          refuses('key-passphrase', /does not open it$/, () => readPrivateKey(pem, 'wrong'));
          if (block.label === 'ENCRYPTED PRIVATE KEY') assert.ok(readPrivateKey(block.der, passphrase).equals(key), 'DER');
        }
      });
    }
  }

  test(`${kind}: kind, words, public half and key identifier`, () => {
    assert.equal(keyTypeOf(key), kind);
    assert.equal(keyTypeOf(createPublicKey(key)), kind);
    assert.equal(keyWords(key), WORDS[kind as keyof typeof WORDS]);
    assert.deepEqual(publicKeyDer(key), derOf(publicPem(key)));
    assert.ok(publicKeyEquals(key, createPublicKey(key)) && !publicKeyEquals(key, keyOf(kind === 'ec256' ? 'ec384' : 'ec256')));
    const [block] = decodePem(publicPem(key));
    assert.ok(block && readPublicKeyBlock(block).equals(createPublicKey(key)));
    write('key.pem', encodePrivateKey(key));
    openssl('req -x509 -key key.pem -subj /CN=a -out cert.pem');
    const said = openssl('x509 -in cert.pem -noout -ext subjectKeyIdentifier').split('\n')[1]?.trim();
    assert.equal(keyIdentifier(key).toString('hex'), said?.replaceAll(':', '').toLowerCase());
  });
}

test('keys are generated in their kind, each another', async () => {
  for (const kind of ['rsa2048', 'ec256', 'ec384', 'ec521', 'ed25519'] as const) {
    const [one, two] = await Promise.all([generateKey(kind), generateKey(kind)]);
    assert.deepEqual([one.type, keyTypeOf(one), keyTypeOf(two)], ['private', kind, kind]);
    assert.ok(!publicKeyEquals(one, two));
    assert.equal(openssl('pkey -pubout', encodePrivateKey(one)), publicPem(one));
  }
});

test('reads what openssl writes: old forms, old ciphers, a curve beside the key', () => {
  openssl('genrsa -traditional -out rsa.pem 2048');
  openssl('ecparam -name prime256v1 -genkey -out ec.pem');
  openssl('genpkey -algorithm ed25519 -out ed.pem');
  assert.match(read('rsa.pem'), /BEGIN RSA PRIVATE KEY/);
  assert.match(read('ec.pem'), /BEGIN EC PARAMETERS[\s\S]*BEGIN EC PRIVATE KEY/);
  for (const [file, words] of [
    ['rsa', 'RSA 2048'],
    ['ec', 'ECDSA P-256'],
    ['ed', 'Ed25519'],
  ]) {
    const wanted = openssl(`pkey -in ${file}.pem -pubout`);
    const reads = (pem: string | Buffer, passphrase?: string): void => {
      const found = readPrivateKey(pem, passphrase);
      assert.equal(publicPem(found), wanted);
      assert.equal(keyWords(found), words);
    };
    reads(read(`${file}.pem`));
    reads(opensslBytes(`pkey -in ${file}.pem -outform DER`));
    for (const cipher of ['aes-128-cbc', 'aes-256-cbc', 'des-ede3-cbc']) {
      reads(openssl(`pkcs8 -topk8 -in ${file}.pem -v2 ${cipher} -passout pass:secret`), 'secret');
      reads(opensslBytes(`pkcs8 -topk8 -in ${file}.pem -v2 ${cipher} -passout pass:secret -outform DER`), 'secret');
      if (file === 'ed') continue;
      const legacy = openssl(`${file} -in ${file}.pem -${cipher} -passout pass:secret${file === 'rsa' ? ' -traditional' : ''}`);
      assert.match(legacy, /Proc-Type: 4,ENCRYPTED\nDEK-Info: /);
      reads(legacy, 'secret');
      refuses('key-passphrase', /it is encrypted$/, () => readPrivateKey(legacy));
      refuses('key-passphrase', /does not open it$/, () => readPrivateKey(legacy, 'wrong'));
    }
    reads(openssl(`pkcs8 -topk8 -in ${file}.pem -scrypt -passout pass:secret`), 'secret');
    reads(openssl(`pkcs8 -topk8 -in ${file}.pem -v2 aes-256-cbc -v2prf hmacWithSHA512 -iter 100000 -passout pass:secret`), 'secret');
  }
});

test("cfssl's own label of Ed25519", () => {
  const key = keyOf('ed25519');
  assert.ok(readPrivateKey(encodePem('Ed25519 PRIVATE KEY', derOf(encodePrivateKey(key)))).equals(key));
});

test('reads the keys that cfssl makes', { skip: skipUnless('cfssl') }, () => {
  const { cfssl = '' } = servers('cfssl');
  for (const [key, words] of [
    [{ algo: 'rsa', size: 2048 }, 'RSA 2048'],
    [{ algo: 'ecdsa', size: 521 }, 'ECDSA P-521'],
    [{ algo: 'ed25519' }, 'Ed25519'],
  ] as const) {
    const input = JSON.stringify({ CN: 'a', key });
    const answer = JSON.parse(execFileSync(cfssl, ['genkey', '-'], { input, stdio: ['pipe', 'pipe', 'ignore'] }).toString());
    assert.equal(keyWords(readPrivateKey(answer.key)), words);
    assert.ok(publicKeyEquals(readPrivateKey(answer.key), readCsr(answer.csr).publicKey));
  }
});

test('the one key of a text is found among certificates and words', () => {
  const pem = encodePrivateKey(keyOf('ec256'));
  openssl('req -x509 -newkey ed25519 -nodes -subj /CN=a -keyout other.pem -out cert.pem');
  assert.ok(readPrivateKey(`Bag Attributes\r\n${read('cert.pem')}${pem.replaceAll('\n', '\r\n')}`).equals(keyOf('ec256')));
  refuses('key-invalid', /there is none$/, () => readPrivateKey(read('cert.pem')));
  refuses('key-invalid', /there is none$/, () => readPrivateKey(''));
  refuses('key-invalid', /there are 2 of them$/, () => readPrivateKey(pem + read('other.pem')));
  refuses('key-invalid', /there is none$/, () => readPrivateKey(publicPem(keyOf('ec256'))));
});

test('damaged and mislabelled keys are refused', () => {
  const der = derOf(encodePrivateKey(keyOf('rsa2048')));
  for (const bytes of [
    der.subarray(0, 100),
    Buffer.concat([der, Buffer.of(0)]),
    Buffer.from('3000', 'hex'),
    Buffer.from('3003020100', 'hex'),
  ]) {
    refuses('key-invalid', /./, () => readPrivateKey(bytes));
    refuses('key-invalid', /./, () => readPrivateKey(encodePem('PRIVATE KEY', bytes)));
  }
  refuses('key-invalid', /damaged, or of a kind/, () => readPrivateKey(encodePem('EC PRIVATE KEY', der)));
  refuses('key-invalid', /./, () => readPublicKeyBlock({ label: 'PUBLIC KEY', der, headers: {}, text: '' }));
});

test('a derivation that would take hours is refused before it begins', () => {
  const pem = encodePrivateKey(keyOf('ec256'), { passphrase: 'secret' });
  const der = derOf(pem);
  // The 2048 rounds become 2^31-1 of them: four octets in place of two, so that three lengths around it grow.
  const at = der.indexOf('02020800', 0, 'hex');
  assert.ok(at > 0);
  const rounds = Buffer.concat([der.subarray(0, at), Buffer.from('02047fffffff', 'hex'), der.subarray(at + 4)]);
  const grown = growAround(rounds, at, 2);
  refuses('key-invalid', /more rounds than any tool writes$/, () => readPrivateKey(grown, 'secret'));
});

/** Adds to the length octet of every SEQUENCE that holds the place. */
function growAround(der: Buffer, place: number, by: number): Buffer {
  const grown = Buffer.from(der);
  let at = 0;
  while (at < place) {
    const long = (der[at + 1] ?? 0) === 0x81;
    const length = der[at + (long ? 2 : 1)] ?? 0;
    const content = at + (long ? 3 : 2);
    const holds = place < content + length;
    if (holds && der[at] === 0x30) grown[at + (long ? 2 : 1)] = length + by;
    at = holds && der[at] === 0x30 ? content : content + length;
  }
  return grown;
}

test('kinds that tscert does not make have words all the same', () => {
  const pair = generateKeyPairSync('rsa-pss', { modulusLength: 2048 });
  assert.deepEqual([keyTypeOf(pair.privateKey), keyWords(pair.publicKey)], [undefined, 'RSA-PSS 2048']);
  const odd = generateKeyPairSync('rsa', { modulusLength: 2056 });
  assert.deepEqual([keyTypeOf(odd.privateKey), keyWords(odd.privateKey)], [undefined, 'RSA 2056']);
  const curve = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
  assert.deepEqual([keyTypeOf(curve.privateKey), keyWords(curve.publicKey)], [undefined, 'ECDSA 1.3.132.0.10']);
  const { privateKey } = generateKeyPairSync('x25519');
  assert.deepEqual([keyTypeOf(privateKey), keyWords(privateKey)], [undefined, 'x25519']);
  const pkcs1 = createPublicKey(keyOf('rsa2048')).export({ type: 'pkcs1', format: 'pem' }).toString();
  const [block] = decodePem(pkcs1);
  assert.ok(block && readPublicKeyBlock(block).equals(createPublicKey(keyOf('rsa2048'))));
});
