/** Stapling by real servers, on and off, with must-staple; and the files from which they staple. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { respondingCa, startRevocationServer } from '../flow/revocation/world.js';
import { answer, type Files, files, HOUR, indexLine, ocspCa, ocspLeaf, opensslVerdict, TODAY } from '../pki/ocsp-world.js';
import { type Party, write } from '../pki/support.js';
import { startTscert, tscert } from '../support/command.js';
import { freePort } from '../support/free-port.js';
import { type OpensslServer, startOpenssl } from '../support/openssl-server.js';
import { skipUnless } from '../support/servers.js';
import { startNginx, type TlsServer } from '../support/tls-servers.js';

const dir = mkdtempSync(path.join(tmpdir(), 'tscert-staple-'));
const started: (OpensslServer | TlsServer)[] = [];
after(async () => {
  for (const server of started) await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

const check = (...args: readonly string[]) => tscert(['ocsp-check', '--allow-private', '--dir', dir, ...args]);

describe('servers that staple', { skip: skipUnless('openssl', 'nginx') }, () => {
  // Two intermediates: the issuer of the leaf is not the last that is sent.
  const root = ocspCa('Root');
  const middle = ocspLeaf('Middle', root, { isCa: true, usages: ['cert sign'] });
  const ca = ocspLeaf('CA', middle, { isCa: true, usages: ['cert sign', 'digital signature'] });
  let caFiles: Files;
  before(() => {
    caFiles = files('ca', ca);
  });

  const addresses: string[] = [];
  const expected: (readonly [string, string, string | undefined])[] = [];
  /** A server with this staple or none, and what is expected of it: standing, result, and the staple's word. */
  const serve = async (
    by: 'nginx' | '-tls1_2' | '-tls1_3',
    mustStaple: boolean,
    stapleOf: ((leaf: Party) => Buffer) | undefined,
    ...outcome: readonly [standing: string, result: string, says?: string]
  ): Promise<void> => {
    const nth = addresses.length;
    const leaf = ocspLeaf(`leaf ${nth}`, ca, { names: [{ type: 'dns', value: 'localhost' }], mustStaple });
    const { key } = files(`leaf-${nth}`, leaf);
    const chain = write(`chain-${nth}.pem`, leaf.pem + ca.pem + middle.pem);
    const staple = stapleOf && write(`staple-${nth}.der`, stapleOf(leaf));
    if (by === 'nginx') {
      const nginx = await startNginx(path.join(dir, `nginx-${nth}`), {
        certificate: chain,
        key,
        ...(staple === undefined ? {} : { staple }),
      });
      started.push(nginx);
      addresses.push(nginx.address.replace('127.0.0.1', 'localhost'));
    } else {
      const port = await freePort();
      const status = staple === undefined ? '' : ` -status_file ${staple}`;
      started.push(await startOpenssl(`s_server -accept ${port} -cert ${chain} -cert_chain ${chain} -key ${key} ${by}${status}`));
      addresses.push(`localhost:${port}`);
    }
    expected.push([outcome[0], outcome[1], outcome[2]]);
  };

  test('on and off, with must-staple and without, believed or not: one run over all of them', async () => {
    const word =
      (reason?: string, more = '-nmin 60') =>
      (leaf: Party) => {
        const index = indexLine(leaf.certificate, reason === undefined ? undefined : { at: TODAY - HOUR, reason });
        return answer({ ca: caFiles, index, request: { certificates: [leaf.certificate] }, more });
      };
    const ofAnother = (): Buffer => word()(ocspLeaf('another', ca));
    await serve('nginx', true, word(), 'good', 'successful', 'good');
    await serve('nginx', true, undefined, 'not-stapled', 'no-response');
    await serve('nginx', false, word('keyCompromise'), 'revoked', 'successful', 'revoked');
    await serve('-tls1_2', true, word(), 'good', 'successful', 'good');
    await serve('-tls1_3', true, word(), 'good', 'successful', 'good');
    await serve('-tls1_3', true, undefined, 'not-stapled', 'no-response');
    await serve('-tls1_3', true, ofAnother, 'not-stapled', 'refused');
    await serve('-tls1_3', false, undefined, 'no-way', 'no-response');
    await serve('-tls1_2', false, ofAnother, 'unchecked', 'refused');

    const { code, stdout, stderr } = await check('--json', ...addresses);
    assert.equal(code, 10, stderr);
    const { targets } = JSON.parse(stdout);
    assert.deepEqual(
      targets.map((one: { standing: string; stapling: { result: string; says?: { status: string } } }) => [
        one.standing,
        one.stapling.result,
        one.stapling.says?.status,
      ]),
      expected,
    );
    const [first = '', second = ''] = addresses;
    const good = await check(first);
    assert.match(good.stdout, /^ {2}stapling {5}successful: good, good for /m);
    const none = await check(second);
    assert.equal(none.code, 12);
    assert.match(none.stdout, /must-staple, and NOT STAPLED[\s\S]*^ {2}stapling {5}no response sent$/m);
    const verified = await tscert(['verify', '--allow-private', '--dir', dir, second]);
    assert.match(verified.stdout, /^✘ staple +NotStapled: .* sends no staple, and the certificate demands one \(must-staple\)$/m);
  });
});

describe('staple files', { skip: skipUnless('openssl') }, () => {
  test('are written whole and only when good; nothing else is touched, whatever stands there', async () => {
    const server = await startRevocationServer();
    try {
      const own = respondingCa(server, 'files', TODAY);
      const [good, revoked] = [own.leaf('good'), own.leaf('revoked')];
      own.states.set(revoked.certificate.serialNumber, { at: TODAY - HOUR });
      const issuer = ['--issuer', write('files-ca.pem', own.ca.pem)];
      const out = path.join(dir, 'out');
      mkdirSync(out);
      const at = (name: string): string => path.join(out, name);
      const staple = (leaf: Party, file: string) => check(...issuer, write('target.pem', leaf.pem), '--staple-out', file);

      assert.equal((await staple(good, at('www.ocsp'))).code, 0);
      assert.equal(opensslVerdict(readFileSync(at('www.ocsp')), files('files-ca', own.ca), files('good', good)), 'good');
      assert.equal(statSync(at('www.ocsp')).mode & 0o777, 0o644);
      const before = readFileSync(at('www.ocsp'));

      const bad = await staple(revoked, at('www.ocsp'));
      assert.equal(bad.code, 10);
      assert.match(bad.stdout, /staple file {2}.*www\.ocsp was not written: there is no response that is good and believed/);
      assert.deepEqual(readFileSync(at('www.ocsp')), before);

      const folder = await staple(good, out);
      assert.equal(folder.code, 1);
      assert.match(folder.stderr, /cannot write ".*out": /);
      assert.equal((await staple(good, path.join(dir, 'nowhere', 'www.ocsp'))).code, 1);
      writeFileSync(at('precious'), 'precious');
      symlinkSync(at('precious'), at('link.ocsp'));
      await staple(good, at('link.ocsp'));
      assert.equal(readFileSync(at('precious'), 'utf8'), 'precious');

      // Two at once, and one that is killed: the file is one of theirs, whole.
      const target = write('target.pem', good.pem);
      const args = ['ocsp-check', '--allow-private', '--dir', dir, ...issuer, target, '--staple-out', at('www.ocsp')];
      const both = await Promise.all([tscert(args), tscert(args)]);
      assert.deepEqual(
        both.map(({ code }) => code),
        [0, 0],
      );
      for (const delay of [150, 200, 250]) {
        const running = startTscert(args);
        setTimeout(() => running.kill('SIGKILL'), delay);
        await running.finished;
        assert.equal(opensslVerdict(readFileSync(at('www.ocsp')), files('files-ca', own.ca), files('good', good)), 'good');
      }
      assert.deepEqual(
        readdirSync(out).filter((name) => !name.endsWith('.tmp')),
        ['link.ocsp', 'precious', 'www.ocsp'],
      );
      const two = await check(...issuer, target, target, '--staple-out', at('www.ocsp'));
      assert.match(two.stderr, /--staple-out is for one certificate; give one target/);
      assert.equal(two.code, 2);
    } finally {
      await server.close();
    }
  });
});
