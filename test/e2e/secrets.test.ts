/**
 * Planted secrets: every secret that a run can hold is marked, runs succeed and fail in many ways, and none of them may stand in what is
 * printed, in what hooks and programs see, or in any file but those that are meant for it.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { type AcmeWorld, startAcmeWorld } from '../support/acme-world.js';
import { type Finished, tscert } from '../support/command.js';
import { createOpensslCa } from '../support/openssl-ca.js';
import { whyNoPebble } from '../support/pebble.js';
import { type Incoming, startWebServer, type WebServer } from '../support/web-server.js';

const run = promisify(execFile);
const ca = createOpensslCa();

/** The marked secrets; the words in them are what is looked for in other forms too. */
const SECRETS = {
  aws: 'PlantedAwsSecret/8c1f+02d7e5=',
  awsToken: 'PlantedAwsSessionToken//b64a9e',
  alibaba: 'PlantedAlibabaSecret7Qx2',
  alibabaToken: 'PlantedAlibabaToken9Zk4',
  eab: Buffer.from('Planted EAB HMAC key, 32 bytes..').toString('base64url'),
  tsig: Buffer.from('Planted TSIG secret of 32 bytes.').toString('base64'),
  passphrase: 'Planted passphrase, with blanks',
  exec: 'PlantedExecPassword41c9',
  cloudflare: 'PlantedCloudflareToken_63af',
  proxy: 'PlantedProxyPassword55b0',
} as const;

type Secrets = Readonly<Record<string, string>>;

/** What a person could turn a secret into again. */
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const forms = [secret, bytes.toString('base64'), bytes.toString('base64url'), bytes.toString('hex'), encodeURIComponent(secret)];
  return [...forms, JSON.stringify(secret).slice(1, -1), forms[1]?.replace(/=+$/, '') ?? secret];
}

/** The names of the secrets that stand in a text. */
function found(text: string, secrets: Secrets): string[] {
  return Object.entries(secrets)
    .filter(([, secret]) => formsOf(secret).some((form) => text.includes(form)))
    .map(([name]) => name);
}

/** Private keys as secrets: a line from the middle of the base64 body. */
function keyMarks(name: string, text: string): Secrets {
  const bodies = [...text.matchAll(/PRIVATE KEY-----(?:\n|\\n)([A-Za-z0-9+/=\n\\]+?)-----END/g)].map(([, body = '']) =>
    body.replaceAll('\\n', '\n'),
  );
  return Object.fromEntries(bodies.map((body, at) => [`${name} ${at}`, body.split('\n')[1] ?? body.slice(20, 60)]));
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
}

async function foldersBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return [folder, ...entries.filter((entry) => entry.isDirectory()).map((entry) => path.join(entry.parentPath, entry.name))];
}

/** Every way of saying things. */
const VOICES = [['--verbose'], ['--json'], ['--verbose', '--json'], ['--quiet']] as const;

describe('planted secrets', { skip: await whyNoPebble(), concurrency: 2 }, () => {
  let world: AcmeWorld;
  let echo: WebServer;
  let secureEcho: WebServer;
  let folder: string;
  let trust: string;
  let hook: string;
  const at = (...parts: readonly string[]): string => path.join(folder, ...parts);

  /** Says back all that was sent: what a broken gateway does. */
  const sayBack = (incoming: Incoming): void => {
    const all = `${JSON.stringify(incoming.headers)}\n${incoming.path}\n${incoming.body}`;
    incoming.reply(400, { 'content-type': 'text/html' }, `<html><body>Bad Request: ${all}</body></html>`);
  };

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'tscert-secrets-'));
    world = await startAcmeWorld({
      pebble: { eab: { 'kid-1': SECRETS.eab } },
      route53: { credentials: [{ accessKeyId: 'AKIAPLANTED', secretAccessKey: SECRETS.aws, sessionToken: SECRETS.awsToken }] },
    });
    echo = await startWebServer('plain', undefined, sayBack);
    secureEcho = await startWebServer('h1', ca.issue(['DNS:localhost', 'IP:127.0.0.1']), sayBack);
    trust = at('roots.pem');
    await writeFile(trust, ca.root + (await readFile(world.pebble.caBundle, 'utf8')));
    hook = at('hook.sh');
    // Tells all that it sees, to us and into its own output, and fails when it is asked to.
    await writeFile(hook, `#!/bin/sh\nenv >> "${at('dump')}"\nenv\nenv >&2\nexit "\${EXEC_RESULT:-0}"\n`);
    await chmod(hook, 0o755);
    await mkdir(at('acme.sh', 'dnsapi'), { recursive: true });
    await writeFile(at('acme.sh', 'acme.sh'), '_exists() { command -v "$1" >/dev/null; }\n_err() { echo "$@" >&2; }\n');
    await writeFile(
      at('acme.sh', 'dnsapi', 'dns_planted.sh'),
      'dns_planted_add() {\n  echo "Authorization: Bearer $Planted_Token" >&2\n  env >&2\n  return 1\n}\ndns_planted_rm() { return 0; }\n# _readaccountconf_mutable Planted_Token\n_unused() { _readaccountconf_mutable Planted_Token; }\n',
    );
  });
  after(async () => {
    await Promise.all([world.close(), echo.close(), secureEcho.close()]);
    ca.remove();
    await rm(folder, { recursive: true, force: true });
  });

  /** All secrets at once, whichever of them a run needs. */
  const environment = (data: string): Record<string, string> => ({
    ...world.env,
    TSCERT_DIR: at(data),
    TSCERT_CA_BUNDLE: trust,
    AWS_ACCESS_KEY_ID: 'AKIAPLANTED',
    AWS_SECRET_ACCESS_KEY: SECRETS.aws,
    AWS_SESSION_TOKEN: SECRETS.awsToken,
    AWS_EC2_METADATA_DISABLED: 'true',
    ALIBABA_CLOUD_ACCESS_KEY_ID: 'LTAIPLANTED',
    ALIBABA_CLOUD_ACCESS_KEY_SECRET: SECRETS.alibaba,
    ALIBABA_CLOUD_SECURITY_TOKEN: SECRETS.alibabaToken,
    TSCERT_EAB_KID: 'kid-1',
    TSCERT_EAB_HMAC: SECRETS.eab,
    RFC2136_NAMESERVER: '127.0.0.1:1',
    RFC2136_TSIG_KEY: 'update.',
    RFC2136_TSIG_SECRET: SECRETS.tsig,
    EXEC_PATH: hook,
    CF_Token: SECRETS.cloudflare,
    Planted_Token: SECRETS.cloudflare,
    ACMESH_HOME: at('acme.sh'),
    HOME: folder,
  });

  /** Nothing of the secrets in what a run said, in what programs saw, or in files, but where `meant` says so. */
  async function isClean(
    finished: Finished,
    data: string,
    secrets: Secrets,
    meant: (file: string, secret: string) => boolean = () => false,
  ): Promise<void> {
    assert.deepEqual(found(finished.stdout, secrets), [], 'stdout');
    assert.deepEqual(found(finished.stderr, secrets), [], `stderr: ${finished.stderr}`);
    for (const file of await filesBelow(at(data))) {
      const leaks = found(await readFile(file, 'latin1'), secrets).filter((secret) => !meant(path.relative(at(data), file), secret));
      assert.deepEqual(leaks, [], file);
      const { mode } = await stat(file);
      const isPublic = /\/(cert|chain|fullchain)\.pem$/.test(file);
      if (!isPublic) assert.equal(mode & 0o077, 0, `${file} is ${(mode & 0o777).toString(8)}`);
    }
  }

  test('in good runs, whatever they say', async () => {
    for (const [nth, voice] of VOICES.entries()) {
      const data = `good-${nth}`;
      await rm(at('dump-good'), { force: true });
      const args = ['issue', '-d', 'example.com', '--dns', 'route53', '--deploy-hook', `env > ${at('dump-good')}; env`, ...voice];
      const finished = await tscert(args, { env: environment(data), cwd: folder });
      assert.equal(finished.code, 0, finished.stderr);
      const keys: Record<string, string> = {};
      for (const file of await filesBelow(at(data)))
        Object.assign(keys, keyMarks(path.relative(at(data), file), await readFile(file, 'utf8')));
      assert.equal(Object.keys(keys).length, 2, 'the account key and that of the certificate');
      await isClean(finished, data, { ...SECRETS, ...keys }, (file, secret) => secret === `${file} 0`);
      const dump = await readFile(at('dump-good'), 'utf8');
      assert.match(dump, /TSCERT_NAME=example\.com/);
      assert.deepEqual(found(dump, { ...SECRETS, ...keys }), [], 'the environment of the deploy hook');
      assert.doesNotMatch(dump, /^(AWS|ALIBABA|RFC2136|CF|TSCERT_EAB)_/m);
      const open = await Promise.all((await foldersBelow(at(data))).map(async (one) => ({ one, mode: (await stat(one)).mode & 0o777 })));
      for (const { one, mode } of open.filter(({ one }) => /\/(accounts|state|journal|ledger|cache|locks)$/.test(one))) {
        assert.equal(mode, 0o700, one);
      }
    }
  });

  test('in the environment of programs that prove names, and in what they say', async () => {
    await rm(at('dump'), { force: true });
    const env = { ...environment('exec'), EXEC_PASSWORD: SECRETS.exec, EXEC_RESULT: '1' };
    const finished = await tscert(['issue', '-d', 'example.com', '--dns', 'exec', '--verbose'], { env, cwd: folder });
    assert.notEqual(finished.code, 0);
    const dump = await readFile(at('dump'), 'utf8');
    assert.match(dump, new RegExp(`EXEC_PASSWORD=${SECRETS.exec}`), 'its own variables are handed to it');
    const { exec: _, ...others } = SECRETS;
    assert.deepEqual(found(dump, others), []);
    await isClean(finished, 'exec', SECRETS);
  });

  const failures: readonly (readonly [string, readonly string[], () => Readonly<Record<string, string>>])[] = [
    ['a wrong AWS signature', ['--dns', 'route53'], () => ({ AWS_SECRET_ACCESS_KEY: `${SECRETS.aws}wrong` })],
    ['a wrong AWS session token', ['--dns', 'route53'], () => ({ AWS_SESSION_TOKEN: `${SECRETS.awsToken}wrong` })],
    ['AWS that says all headers back', ['--dns', 'route53'], () => ({ AWS_ENDPOINT_URL_ROUTE_53: `http://127.0.0.1:${echo.port}` })],
    ['AliDNS that says all back', ['--dns', 'alidns'], () => ({ ALICLOUD_DNS_ENDPOINT: `http://127.0.0.1:${echo.port}` })],
    ['a name server that takes no updates', ['--dns', 'rfc2136'], () => ({ RFC2136_NAMESERVER: world.dns })],
    ['a TSIG secret that is none', ['--dns', 'rfc2136'], () => ({ RFC2136_TSIG_SECRET: `!${SECRETS.tsig}!` })],
    ['a script of acme.sh that says all', ['--dns', 'acmesh:dns_planted'], () => ({})],
    ['a wrong HMAC key', ['--dns', 'route53'], () => ({ TSCERT_EAB_HMAC: `${SECRETS.eab}BBBB` })],
    ['an HMAC key that is none', ['--dns', 'route53'], () => ({ TSCERT_EAB_HMAC: `!${SECRETS.eab}!` })],
    ['a directory that says all back', ['--dns', 'route53'], () => ({ TSCERT_SERVER: `https://localhost:${secureEcho.port}/dir` })],
    ['a proxy that is not there', ['--dns', 'route53'], () => ({ HTTPS_PROXY: `http://user:${SECRETS.proxy}@127.0.0.1:1`, NO_PROXY: '' })],
    [
      'a proxy that says all back',
      ['--dns', 'route53'],
      () => ({ HTTPS_PROXY: `http://user:${SECRETS.proxy}@127.0.0.1:${echo.port}`, NO_PROXY: '' }),
    ],
  ];
  for (const [nth, [title, flags, more]] of failures.entries()) {
    test(`in a failure: ${title}`, async () => {
      for (const voice of VOICES.slice(0, 2)) {
        const data = `failure-${nth}${voice.join('')}`;
        const args = ['--timeout', '6s', 'issue', '-d', 'example.com', ...flags, ...voice];
        const finished = await tscert(args, { env: { ...environment(data), ...more() }, cwd: folder });
        assert.notEqual(finished.code, 0, finished.stdout);
        await isClean(finished, data, { ...SECRETS });
      }
    });
  }

  test('in a configuration file that cannot be used', async () => {
    const faulty = [
      `eabKid: kid-1\neabHmac: ${SECRETS.eab}\n`,
      `eabKid: kid-1\neabHmac: { value: ${SECRETS.eab} }\n`,
      `dns:\n  - provider: rfc2136\n    RFC2136_TSIG_SECRET: ["${SECRETS.tsig}"]\n`,
      `dns:\n  - provider: rfc2136\n    RFC2136_TSIG_SECRETS: "${SECRETS.tsig}"\n`,
      `dns:\n  - provider: route53\n    AWS_SECRET_ACCESS_KEY: { file: "${SECRETS.aws}", env: X }\n`,
      `dns: [{ provider: route53, AWS_SECRET_ACCESS_KEY: "${SECRETS.aws}\n`,
      `dns:\n  provider: route53\n  AWS_SECRET_ACCESS_KEY: "${SECRETS.aws}"\n  AWS_SECRET_ACCESS_KEY: "${SECRETS.aws}"\n`,
    ];
    for (const [nth, text] of faulty.entries()) {
      for (const voice of VOICES.slice(0, 2)) {
        const config = at(`faulty-${nth}.yaml`);
        await writeFile(config, text);
        const { TSCERT_EAB_KID: _, TSCERT_EAB_HMAC: _1, ...env } = environment(`faulty-${nth}`);
        const finished = await tscert(['--config', config, 'issue', '-d', 'example.com', ...voice], { env, cwd: folder });
        assert.equal(finished.code, 2, finished.stderr);
        await isClean(finished, `faulty-${nth}`, { ...SECRETS });
      }
    }
  });

  test('when keys are opened and made', async () => {
    await writeFile(at('pass'), `${SECRETS.passphrase}\n`);
    await writeFile(at('wrong'), `${SECRETS.passphrase} and more\n`);
    await run('openssl', [
      ...[
        'genpkey',
        '-algorithm',
        'EC',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-aes256',
        '-pass',
        `file:${at('pass')}`,
        '-out',
        at('key.pem'),
      ],
    ]);
    const { stdout: plain } = await run('openssl', ['pkey', '-in', at('key.pem'), '-passin', `file:${at('pass')}`]);
    await writeFile(at('half.pem'), plain.split('\n').slice(0, 2).join('\n'));
    await writeFile(at('broken.pem'), plain.replace(/\n(.)/, '\n!$1'));
    const secrets = { passphrase: SECRETS.passphrase, ...keyMarks('key', plain), first: plain.split('\n')[1] ?? '' };
    const args: readonly (readonly string[])[] = [
      ['csr', '-d', 'example.com', '--key', 'key.pem', '--passphrase-file', 'pass'],
      ['csr', '-d', 'example.com', '--key', 'key.pem', '--passphrase-file', 'wrong'],
      ['csr', '-d', 'example.com', '--key', 'half.pem'],
      ['csr', '-d', 'example.com', '--key', 'broken.pem'],
      ['inspect', 'key.pem', '--passphrase-file', 'pass'],
      ['inspect', 'broken.pem'],
      ['genkey', '--passphrase-file', 'pass', '--out', 'new.pem'],
      ['csr', 'broken.pem'],
    ];
    for (const one of args) {
      for (const voice of VOICES.slice(0, 2)) {
        const finished = await tscert([...one, ...voice], { env: environment('keys'), cwd: folder });
        await isClean(finished, 'keys', secrets);
        await rm(at('new.pem'), { force: true });
      }
    }
  });

  test('and the search finds what it looks for', () => {
    for (const [name, secret] of Object.entries(SECRETS)) {
      for (const form of formsOf(secret)) assert.ok(found(`x ${form} y`, SECRETS).includes(name), form);
    }
    assert.deepEqual(Object.values(keyMarks('k', '-----BEGIN PRIVATE KEY-----\nAAAA\nBBBB\n-----END PRIVATE KEY-----')), ['BBBB']);
  });
});
