import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import tls from 'node:tls';
import { tscert } from '../support/command.js';
import { createOpensslCa, type OpensslCa } from '../support/openssl-ca.js';
import { skipUnless } from '../support/servers.js';

describe('inspect', { skip: skipUnless('openssl') }, () => {
  const cwd = mkdtempSync(path.join(tmpdir(), 'tscert-inspect-'));
  let made: OpensslCa | undefined;
  const ca = (): OpensslCa => {
    made ??= createOpensslCa();
    return made;
  };
  after(() => {
    made?.remove();
    rmSync(cwd, { recursive: true, force: true });
  });
  const write = (name: string, text: string): string => {
    writeFileSync(path.join(cwd, name), text);
    return name;
  };

  test('a chain and its key in one file, from standard input', async () => {
    const { key, cert } = ca().issue(['DNS:a.example', 'IP:192.0.2.1']);
    const { code, stdout, stderr } = await tscert(['inspect', '-'], { cwd, input: `${key}${cert}${ca().root}` });
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /^Private key\n {2}key +ECDSA P-256\n[\s\S]+ {2}belongs to +certificate 1\n\nCertificate 1\n/);
    assert.match(stdout, /DNS names +a\.example\n {2}IP addresses +192\.0\.2\.1\n/);
    assert.match(stdout, /\(1 day left\)/);
    assert.match(stdout, /signed by certificate 2\n/);
    assert.match(stdout, /Certificate 2\n {2}subject +CN=test\n {2}issuer +CN=test \(itself\)\n/);
    assert.ok(!stdout.includes(key.split('\n')[1] ?? ''));
  });

  test('a key in another file belongs to the certificate, or not', async () => {
    const [one, two] = [ca().issue(['DNS:a.example']), ca().issue(['DNS:b.example'])];
    const [cert, fits, other] = [write('cert.pem', one.cert), write('fits.pem', one.key), write('other.pem', two.key)];
    const { code, stdout } = await tscert(['inspect', cert, fits, other], { cwd });
    assert.equal(code, 0);
    assert.deepEqual(stdout.match(/belongs to .*/g), ['belongs to    certificate of cert.pem']);
  });

  test('--json is one versioned document', async () => {
    const { cert } = ca().issue(['DNS:a.example'], -1);
    const { code, stdout, stderr } = await tscert(['inspect', '--json', write('old.pem', cert)], { cwd });
    assert.deepEqual([code, stderr], [0, '']);
    const { version, kind, target, objects } = JSON.parse(stdout);
    assert.deepEqual([version, kind, target, objects.length], [1, 'inspect', 'old.pem', 1]);
    assert.deepEqual(
      [objects[0].type, objects[0].validity, objects[0].names.dns, objects[0].usages],
      ['certificate', 'expired', ['a.example'], ['server auth']],
    );
    const several = JSON.parse((await tscert(['inspect', '--json', 'old.pem', 'old.pem'], { cwd })).stdout);
    assert.deepEqual(
      several.targets.map((one: { target: string }) => one.target),
      ['old.pem', 'old.pem'],
    );
  });

  test('hostile names stay harmless in JSON too', async () => {
    const csr = await tscert(['csr', '--cn', 'a\u009b31m\u202eb', '--json'], { cwd });
    const pem: string = JSON.parse(csr.stdout).csr;
    for (const args of [
      ['inspect', '-'],
      ['inspect', '-', '--json'],
    ]) {
      const { code, stdout } = await tscert(args, { cwd, input: pem });
      assert.equal(code, 0);
      assert.doesNotMatch(stdout, /[\u0080-\u009f\u202e]/);
    }
    assert.equal(
      JSON.parse((await tscert(['inspect', '-', '--json'], { cwd, input: pem })).stdout).objects[0].commonName,
      'a\u009b31m\u202eb',
    );
  });

  test('what cannot be read is said beside what can, and the exit code says so', async () => {
    const { cert } = ca().issue(['DNS:a.example']);
    const broken = write('broken.pem', `${cert}-----BEGIN PKCS7-----\nMAA=\n-----END PKCS7-----\n`);
    const one = await tscert(['inspect', broken], { cwd });
    assert.equal(one.code, 1);
    assert.match(one.stdout, /^Certificate\n[\s\S]+\n\nNot readable\n {2}what +block "PKCS7"\n {2}why +cannot read PKCS#7 yet\n$/);
    const good = write('good.pem', cert);
    const some = await tscert(['inspect', good, 'missing.pem', write('no.txt', 'hello')], { cwd });
    assert.equal(some.code, 3);
    assert.match(
      some.stderr,
      /missing\.pem: cannot read "missing\.pem": there is no such file\n.*no\.txt: cannot read it: it is neither PEM nor DER\n/,
    );
    const missing = await tscert(['inspect', 'missing.pem', '--json'], { cwd });
    const { target, error, ...rest } = JSON.parse(missing.stdout);
    assert.deepEqual([missing.code, target, error.code, rest], [1, 'missing.pem', 'file-unreadable', { version: 1, kind: 'inspect' }]);
  });

  test('an encrypted key wants its passphrase', async () => {
    write('pass', 'secret\n');
    write('enc.pem', (await tscert(['genkey', '--passphrase-file', 'pass'], { cwd })).stdout);
    const closed = await tscert(['inspect', 'enc.pem'], { cwd });
    assert.deepEqual([closed.code, closed.stdout], [0, 'Private key\n  encrypted     yes; --passphrase-file FILE opens it\n']);
    const open = await tscert(['inspect', 'enc.pem', '--passphrase-file', 'pass'], { cwd });
    assert.match(open.stdout, /^Private key\n {2}key +ECDSA P-256\n {2}key digest +sha256\/\/\S+\n {2}encrypted +yes\n$/);
    write('wrong', 'wrong\n');
    assert.equal((await tscert(['inspect', 'enc.pem', '--passphrase-file', 'wrong'], { cwd })).code, 1);
  });

  test('a server shows what it sends', async () => {
    const { key, cert } = ca().issue(['DNS:localhost']);
    const server = tls.createServer({ key, cert: `${cert}${ca().root}` }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { code, stdout, stderr } = await tscert(['inspect', target], { cwd });
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /^127\.0\.0\.1:\d+ \(TLSv1\.3\):\n\nCertificate 1\n/);
    assert.match(stdout, /DNS names +localhost\n/);
    assert.match(stdout, /signed by certificate 2\n/);
    server.close();
    await new Promise((resolve) => server.once('close', resolve));
    const gone = await tscert(['inspect', target], { cwd });
    assert.equal(gone.code, 1);
    assert.match(gone.stderr, /cannot make a TLS handshake with "127\.0\.0\.1:\d+": connect ECONNREFUSED/);
  });
});
