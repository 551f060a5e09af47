/** `revoke` against Pebble: by account and by key, of what is stored and of files; and what is remembered of it. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { copyFile, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { openStore } from '../store/support.js';
import { type AcmeWorld, startAcmeWorld } from '../support/acme-world.js';
import type { Finished } from '../support/command.js';
import { skipUnless } from '../support/servers.js';

const run = promisify(execFile);

describe('tscert revoke', { skip: skipUnless('pebble') }, () => {
  let world: AcmeWorld;
  before(async () => {
    world = await startAcmeWorld({ pebble: { alwaysValid: true } });
    const config = path.join(world.folder, '..', 'all.yaml');
    const names = ['ec384', 'rsa2048', 'known', 'stranger', 'damaged'].map((label) => `${label}.example.com`);
    const entries = names.map((name) => `  - { domains: [${name}], keyType: ${/^(ec384|rsa2048)/.exec(name)?.[0] ?? 'ec256'} }`);
    await writeFile(config, `dns: route53\ndnsCheck: none\ncertificates:\n${entries.join('\n')}\n`);
    const { code, stderr } = await world.run(['issue', '--config', config]);
    assert.equal(code, 0, stderr);
  });
  after(() => world.close());

  const at = (...parts: readonly string[]): string => path.join(world.folder, ...parts);
  const issue = async (name: string, ...more: readonly string[]): Promise<X509Certificate> => {
    const { code, stderr } = await world.run(['issue', '-d', name, ...world.flags, '--dns-check', 'none', ...more]);
    assert.equal(code, 0, stderr);
    return stored(name);
  };
  const revoke = async (...args: readonly string[]): Promise<Finished> => {
    const finished = await world.run(['revoke', ...args]);
    assert.equal(finished.code, 0, finished.stderr);
    return finished;
  };
  const stored = async (name: string): Promise<X509Certificate> => new X509Certificate(await world.live(name, 'cert.pem'));
  const spki = ({ publicKey }: X509Certificate): string => publicKey.export({ type: 'spki', format: 'der' }).toString('hex');
  const statusOf = (certificate: X509Certificate): ReturnType<AcmeWorld['pebble']['certificateStatus']> =>
    world.pebble.certificateStatus(certificate.serialNumber);
  const ledger = async (record: string): Promise<{ readonly [key: string]: unknown } | undefined> => {
    const file = at('state/ledger', `${encodeURIComponent(record)}.json`);
    const text = await readFile(file, 'utf8').catch(() => undefined);
    return text === undefined ? undefined : JSON.parse(text).value;
  };
  const compromised = async (): Promise<number> =>
    (await readdir(at('state/ledger'))).filter((file) => file.startsWith('compromised')).length;

  test('the stored certificate, by the account that got it; it is remembered, and told as such the second time', async () => {
    const certificate = await issue('a.example.com', '--reuse-key');
    const tried = await revoke('a.example.com', '--reason', 'superseded', '--dry-run');
    assert.match(tried.stdout, /^… the certificate [0-9a-f]+ would be revoked$/m);
    assert.equal((await statusOf(certificate)).Status, 'Valid');
    assert.equal((await ledger('certificate:a.example.com'))?.revocation, undefined);

    // What cron has: no server, no roots. The certificate knows where it is from.
    const { stdout, code, stderr } = await world.run(['revoke', 'A.example.com', '--reason', 'Superseded'], {
      TSCERT_SERVER: '',
      TSCERT_CA_BUNDLE: '',
      TSCERT_EMAIL: '',
    });
    assert.equal(code, 0, stderr);
    const serialNumber = certificate.serialNumber.toLowerCase();
    assert.match(stdout, new RegExp(`^✔ the certificate ${serialNumber} is revoked$`, 'm'));
    assert.match(stdout, /^ {2}names {8}a\.example\.com$/m);
    assert.match(stdout, /^ {2}reason {7}superseded$/m);
    assert.match(stdout, /^ {2}signed by {4}the account of admin@example\.com$/m);
    assert.match(stdout, /^ {2}stored {7}a\.example\.com, generation 0001$/m);
    assert.match(stdout, /^ {2}next {9}tscert renew a\.example\.com \(with a new key\)$/m);
    assert.deepEqual(await statusOf(certificate), { ...(await statusOf(certificate)), Status: 'Revoked', Reason: 4 });
    const { revocation, events } = (await ledger('certificate:a.example.com')) as {
      revocation: Record<string, string>;
      events: { reason: string }[];
    };
    const { at: time, ...rest } = revocation;
    assert.deepEqual(rest, { serialNumber, reason: 'superseded', by: 'revoke' });
    assert.ok(Math.abs(Date.parse(time ?? '') - Date.now()) < 600_000);
    assert.equal(events.at(-1)?.reason, 'Revoked');
    assert.equal(await compromised(), 0);

    const again = JSON.parse((await revoke('a.example.com', '--json')).stdout);
    assert.deepEqual([again.kind, again.state, again.due], ['revoke', 'already-revoked', ['a.example.com']]);
    assert.match((await revoke('a.example.com')).stdout, /had been revoked already/);

    // Although its key was to be kept.
    const renewed = await world.run(['renew', 'a.example.com']);
    assert.equal(renewed.code, 0, renewed.stderr);
    assert.match(renewed.stderr, /a\.example\.com: issue: Revoked: /);
    const next = await stored('a.example.com');
    assert.notEqual(spki(next), spki(certificate));
    assert.equal((await statusOf(next)).Status, 'Valid');
    assert.match((await world.run(['renew', 'a.example.com'])).stderr, /1 certificate: 1 not due$/m);
  });

  test("by the certificate's own key, of each kind that ACME takes, where no account is at hand", async () => {
    for (const type of ['ec384', 'rsa2048']) {
      const name = `${type}.example.com`;
      const certificate = await stored(name);
      const [file, key] = [at('..', `${type}.pem`), at('..', `${type}-key.pem`)];
      await copyFile(at('live', name, 'fullchain.pem'), file);
      await copyFile(at('live', name, 'privkey.pem'), key);
      const elsewhere = at('..', 'elsewhere');
      const { stdout } = await revoke(file, '--key', key, '--dir', elsewhere, '--reason', 'cessationOfOperation');
      assert.match(stdout, /^ {2}signed by {4}the certificate's own key$/m);
      assert.doesNotMatch(stdout, /stored/);
      assert.equal((await statusOf(certificate)).Reason, 5);
      assert.deepEqual(await readdir(path.join(elsewhere, 'state')), ['cache']);
    }
  });

  test('another key, an encrypted one without its passphrase, and nobody to sign are refused, and nothing is revoked', async () => {
    const certificate = await stored('damaged.example.com');
    const [file, key, plain, pass] = ['r.pem', 'r-key.pem', 'r-plain.pem', 'r-pass'].map((name) => at('..', name)) as [
      string,
      string,
      string,
      string,
    ];
    await copyFile(at('live/damaged.example.com/cert.pem'), file);
    await copyFile(at('live/damaged.example.com/privkey.pem'), plain);
    await writeFile(pass, 'secret\n');
    await run('openssl', ['pkey', '-in', plain, '-aes256', '-passout', 'pass:secret', '-out', key]);
    const elsewhere = at('..', 'elsewhere');
    const other = await world.run(['revoke', file, '--key', at('live/a.example.com/privkey.pem'), '--dir', elsewhere]);
    assert.equal(other.code, 1);
    assert.match(other.stderr, /it is another certificate's key/);
    const nobody = await world.run(['revoke', file, '--dir', elsewhere]);
    assert.equal(nobody.code, 1);
    assert.match(
      nobody.stderr,
      /cannot revoke at https:.*: no account of it is kept here, and the private key is not at hand; give it with --key FILE/,
    );
    const locked = await world.run(['revoke', file, '--key', key, '--dir', elsewhere]);
    assert.equal(locked.code, 1);
    assert.match(locked.stderr, /--passphrase-file/);
    assert.equal((await statusOf(certificate)).Status, 'Valid');
    const { stdout } = await revoke(file, '--key', key, '--passphrase-file', pass, '--dir', elsewhere);
    assert.match(stdout, /^ {2}reason {7}unspecified$/m);
    const status = await statusOf(certificate);
    assert.deepEqual([status.Status, status.Reason], ['Revoked', undefined]);
  });

  test('a file that is stored is known again, an older generation too; only the current one is due', async () => {
    const first = await stored('known.example.com');
    const second = await issue('known.example.com', '--force');
    const old = JSON.parse((await revoke(at('archive/known.example.com/0001/cert.pem'), '--json', '--reason', 'superseded')).stdout);
    assert.deepEqual(old.stored, [{ name: 'known.example.com', generation: '0001' }]);
    assert.deepEqual(old.due, []);
    assert.equal((await statusOf(first)).Status, 'Revoked');
    assert.equal((await ledger('certificate:known.example.com'))?.revocation, undefined);
    const list = await world.run(['rollback', 'known.example.com', '--list']);
    assert.match(list.stdout, /^ {2}0001 .*, REVOKED \d{4}-\d\d-\d\d \d\d:\d\d UTC \(superseded\)$/m);
    const back = await world.run(['rollback', 'known.example.com']);
    assert.equal(back.code, 2, back.stderr);
    assert.match(
      back.stderr,
      /cannot go back to the generation "0001" of "known\.example\.com": it was revoked at .*; --force takes it all the same/,
    );
    const now = JSON.parse((await revoke(at('live/known.example.com/fullchain.pem'), '--json')).stdout);
    assert.deepEqual([now.due, now.directory], [['known.example.com'], world.pebble.directory]);
    assert.equal((await statusOf(second)).Status, 'Revoked');
  });

  test('a compromised key signs for itself, and is never certified again: brought along, in a CSR, or kept', async () => {
    const certificate = await issue('leak.example.com', '--reuse-key');
    // Another certificate with the same key.
    const key = at('..', 'leaked.pem');
    await copyFile(at('live/leak.example.com/privkey.pem'), key);
    await issue('leak-too.example.com', '--key', key);
    const { stdout } = await revoke('leak.example.com', '--reason', 'keycompromise');
    assert.match(stdout, /^ {2}reason {7}keyCompromise$/m);
    assert.match(stdout, /^ {2}signed by {4}the certificate's own key$/m);
    assert.match(stdout, /^ {2}next {9}tscert renew leak-too\.example\.com leak\.example\.com /m);
    assert.equal((await statusOf(certificate)).Reason, 1);
    assert.equal(await compromised(), 1);
    const exposed = (await ledger('certificate:leak-too.example.com')) as { revocation: { reason: string } };
    assert.equal(exposed.revocation.reason, 'keyCompromise');

    const orders = (): number => world.pebble.log().match(/Added order "/g)?.length ?? 0;
    const before = orders();
    const brought = await world.run(['issue', '-d', 'new.example.com', ...world.flags, '--key', key]);
    assert.equal(brought.code, 2, brought.stderr);
    assert.match(brought.stderr, /cannot certify the key of ".*leaked\.pem" for "new\.example\.com": it was revoked as compromised/);
    const csr = await world.run(['csr', '-d', 'new.example.com', '--key', key, '--out', at('..', 'leaked.csr')]);
    assert.equal(csr.code, 0, csr.stderr);
    const signed = await world.run(['issue', '--csr', at('..', 'leaked.csr'), ...world.flags]);
    assert.equal(signed.code, 2, signed.stderr);
    // The other certificate cannot be renewed until its key is another.
    const stuck = await world.run(['renew', 'leak-too.example.com']);
    assert.equal(stuck.code, 2, stuck.stderr);
    assert.equal(orders(), before);

    const next = await issue('leak.example.com', '--reuse-key', '--force');
    assert.notEqual(spki(next), spki(certificate));
    const back = await world.run(['rollback', 'leak.example.com']);
    assert.equal(back.code, 2, back.stderr);
    assert.match(back.stderr, /its key was revoked as compromised; --force takes it all the same/);
    // The new key is kept again.
    const later = await issue('leak.example.com', '--reuse-key', '--force');
    assert.equal(spki(later), spki(next));
  });

  test('when the account is refused the stored key signs', async () => {
    const certificate = await stored('stranger.example.com');
    // The account of another e-mail is all that is left.
    await issue('other.example.com', '--email', 'other@example.com');
    const files = (await readdir(at('accounts'))).map((file) => at('accounts', file));
    const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')));
    const own = files[texts.findIndex((text) => text.includes('admin@example.com'))] ?? '';
    const away = at('..', 'account-away');
    await rename(own, away);
    try {
      const { stdout, stderr } = await revoke('stranger.example.com', '--reason', 'superseded');
      assert.match(stderr, /warning: the account of other@example\.com cannot revoke it .*; the certificate's own key is tried/);
      assert.match(stdout, /^ {2}signed by {4}the certificate's own key$/m);
      assert.equal((await statusOf(certificate)).Reason, 4);
    } finally {
      await rename(away, own);
    }
  });

  test('a damaged ledger is begun anew with a word, and says that it was revoked', async () => {
    const file = at('state/ledger/certificate%3Adamaged.example.com.json');
    await writeFile(file, '{"key":"certif');
    const { stderr } = await revoke('damaged.example.com');
    assert.match(stderr, /warning: What was remembered of the certificate is begun anew: .*it is damaged/);
    assert.equal(((await ledger('certificate:damaged.example.com')) as { revocation: { by: string } }).revocation.by, 'revoke');
  });

  test('while another run holds the certificate nothing is revoked, and the code says to try later', async () => {
    const certificate = await stored('other.example.com');
    const lock = await openStore(world.folder).lock('certificate:other.example.com', { wait: 0, signal: new AbortController().signal });
    try {
      const { code, stderr } = await world.run(['revoke', 'other.example.com']);
      assert.equal(code, 5, stderr);
      assert.match(stderr, /cannot lock "certificate:other\.example\.com": process \d+ on \S+ has held it since/);
      assert.equal((await statusOf(certificate)).Status, 'Valid');
    } finally {
      await lock.release();
    }
  });

  test('reasons that are none for subscribers, and targets that are nothing, are usage errors with what there is', async () => {
    for (const reason of ['cACompromise', 'certificateHold', 'keycompromised']) {
      const { code, stderr } = await world.run(['revoke', 'a.example.com', '--reason', reason]);
      assert.equal(code, 2);
      assert.match(stderr, /ACME authorities take unspecified, keyCompromise, affiliationChanged, superseded, cessationOfOperation/);
    }
    const nothing = await world.run(['revoke', 'a.exampel.com']);
    assert.equal(nothing.code, 2);
    assert.match(nothing.stderr, /no certificate is stored under this name, and there is no such file \(did you mean a\.example\.com\?\)/);
    const missing = await world.run(['revoke', './missing.pem']);
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /cannot read "\.\/missing\.pem": there is no such file/);
    const key = await world.run(['revoke', at('live/a.example.com/privkey.pem')]);
    assert.equal(key.code, 1);
    assert.match(key.stderr, /it holds no certificate/);
  });
});
