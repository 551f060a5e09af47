/** The vendor's chain reads the environment of the process itself, so these tests set it, and put it back. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { TscertError } from '../../../src/base/errors.js';
import type { Event } from '../../../src/base/events.js';
import { createChain } from '../../../src/dns/providers/alidns/credentials.js';
import { createAlidns } from '../../../src/dns/providers/alidns.js';
import { startAlidnsEmulator } from '../../emulators/alidns/index.js';
import { realClock } from '../../support/clock.js';

const KEY = { accessKeyId: 'LTAI5tChain', accessKeySecret: 'planted-chain-secret' };
const STS = { accessKeyId: 'STS.Chain', accessKeySecret: 'planted-sts-secret', securityToken: 'planted-sts-token' };
const ZONE = { name: 'example.com' };
const signal = new AbortController().signal;

/** Runs `body` with a home folder of its own and nothing else of the vendor's environment. */
async function inEnvironment(
  variables: Readonly<Record<string, string>>,
  files: Readonly<Record<string, string>>,
  body: (add: (value: string) => Promise<unknown>, events: Event[]) => Promise<void>,
): Promise<void> {
  const home = await mkdtemp(path.join(os.tmpdir(), 'tscert-alidns-'));
  const before = { ...process.env };
  const emulator = await startAlidnsEmulator({ domains: [ZONE], credentials: [KEY, STS] });
  try {
    for (const [file, text] of Object.entries(files)) {
      await mkdir(path.dirname(path.join(home, file)), { recursive: true });
      await writeFile(path.join(home, file), text);
    }
    for (const name of Object.keys(process.env)) if (name.startsWith('ALIBABA_CLOUD_')) delete process.env[name];
    Object.assign(process.env, { HOME: home, ALIBABA_CLOUD_ECS_METADATA_DISABLED: 'true', ...variables });
    const events: Event[] = [];
    const options = { endpoint: emulator.endpoint, clock: realClock, random: Math.random, emit: (event: Event) => void events.push(event) };
    const provider = await createAlidns(options);
    await body((value) => provider.change(ZONE, { add: [{ name: 'a.example.com', value }], remove: [] }, signal), events);
  } finally {
    for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
    Object.assign(process.env, before);
    await emulator.stop();
    await rm(home, { recursive: true, force: true });
  }
}

async function missing(promise: Promise<unknown>): Promise<TscertError> {
  const error: unknown = await promise.then(
    () => assert.fail('it found credentials'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof TscertError, String(error));
  assert.equal(error.code, 'credentials-missing');
  const parts: string[] = [];
  for (let at: unknown = error; at instanceof Error; at = at.cause) parts.push(at.stack ?? '', JSON.stringify({ ...at }));
  assert.doesNotMatch(parts.join('\n'), /planted/);
  return error;
}

test('the environment gives a key, and a temporary one with its token', async () => {
  const plain = { ALIBABA_CLOUD_ACCESS_KEY_ID: KEY.accessKeyId, ALIBABA_CLOUD_ACCESS_KEY_SECRET: KEY.accessKeySecret };
  await inEnvironment(plain, {}, async (add) => void (await add('plain')));
  const temporary = {
    ALIBABA_CLOUD_ACCESS_KEY_ID: STS.accessKeyId,
    ALIBABA_CLOUD_ACCESS_KEY_SECRET: STS.accessKeySecret,
    ALIBABA_CLOUD_SECURITY_TOKEN: STS.securityToken,
  };
  await inEnvironment(temporary, {}, async (add) => void (await add('temporary')));
});

test("the vendor's own files give a key, also to many questions at once", async () => {
  const cli = JSON.stringify({
    current: 'default',
    profiles: [{ name: 'default', mode: 'AK', access_key_id: KEY.accessKeyId, access_key_secret: KEY.accessKeySecret }],
  });
  await inEnvironment({}, { '.aliyun/config.json': cli }, async (add) => {
    await Promise.all(Array.from({ length: 10 }, (_, at) => add(`value ${at}`)));
  });
  const ini = `[default]\nenable = true\ntype = access_key\naccess_key_id = ${KEY.accessKeyId}\naccess_key_secret = ${KEY.accessKeySecret}\n`;
  await inEnvironment({}, { '.alibabacloud/credentials': ini }, async (add) => {
    await Promise.all(Array.from({ length: 10 }, (_, at) => add(`value ${at}`)));
  });
});

test('without any, the error says where was looked', async () => {
  await inEnvironment({}, {}, async (add) => {
    const error = await missing(add('value'));
    assert.match(error.message, /ALIBABA_CLOUD_ACCESS_KEY_ID.*config\.json.*metadata/);
  });
});

test('a broken file of the vendor is named, and its contents are not', async () => {
  await inEnvironment({}, { '.aliyun/config.json': '{ "access_key_secret": "planted-in-a-broken-file",' }, async (add) => {
    const error = await missing(add('value'));
    assert.match(error.message, /~\/\.aliyun\/config\.json is no JSON/);
  });
});

test('one question at a time, and after a failure the chain begins anew', async () => {
  let chains = 0;
  let asked = 0;
  const find = createChain(() => {
    const nth = ++chains;
    return {
      async getCredential() {
        asked++;
        await Promise.resolve();
        if (nth === 1) throw new Error('get sts token failed with OIDC: {"Code":"AuthenticationFail.OIDCToken.Expired","Token":"planted"}');
        return KEY;
      },
    };
  });
  const failures = await Promise.all([missing(find()), missing(find())]);
  assert.equal(failures[0], failures[1]);
  assert.match(failures[0]?.message ?? '', /the OIDC role could not be assumed, AuthenticationFail\.OIDCToken\.Expired/);
  assert.deepEqual(await Promise.all([find(), find()]), [KEY, KEY]);
  assert.deepEqual([chains, asked], [2, 2]);
});

test('a search that takes long says so', async () => {
  const { createServer } = await import('node:http');
  const body = JSON.stringify({
    Code: 'Success',
    AccessKeyId: STS.accessKeyId,
    AccessKeySecret: STS.accessKeySecret,
    SecurityToken: STS.securityToken,
    Expiration: new Date(Date.now() + 3_600_000).toISOString(),
  });
  let heard = (): void => {};
  const noted = new Promise<void>((resolve) => {
    heard = resolve;
  });
  // The URI answers only once the note has been heard.
  const slow = createServer((_, response) => void noted.then(() => response.end(body))).listen(0, '127.0.0.1');
  await new Promise((resolve) => slow.once('listening', resolve));
  const { port } = slow.address() as { port: number };
  try {
    await inEnvironment({ ALIBABA_CLOUD_CREDENTIALS_URI: `http://127.0.0.1:${port}/` }, {}, async (add, events) => {
      const push = events.push.bind(events);
      events.push = (...more) => {
        heard();
        return push(...more);
      };
      await add('value');
      assert.deepEqual(
        events.map(({ type }) => type),
        ['note'],
      );
    });
  } finally {
    slow.closeAllConnections();
    slow.close();
  }
});
