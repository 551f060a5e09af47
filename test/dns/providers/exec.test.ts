import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { TscertError } from '../../../src/base/errors.js';
import { createClock } from '../../../src/cli/system.js';
import type { DnsProvider } from '../../../src/dns/provider.js';
import { createExec } from '../../../src/dns/providers/exec.js';
import { dnsProviderContract } from '../../contract/dns-provider.js';
import { startBind } from '../../support/bind.js';
import { servers, skipUnless } from '../../support/servers.js';

const clock = createClock();
const skip = skipUnless('bind');
const PATH = process.env.PATH;

async function script(folder: string, body: string): Promise<string> {
  const file = path.join(folder, `${Math.random().toString(36).slice(2)}.sh`);
  await writeFile(file, `#!/bin/sh\n${body}\n`);
  await chmod(file, 0o755);
  return file;
}

/** As a user of lego writes it: nsupdate with a key file. */
const NSUPDATE = `
case $1 in
  present) update="add $2 60 TXT \\"$3\\"" ;;
  cleanup) update="delete $2 TXT \\"$3\\"" ;;
  *) exit 2 ;;
esac
printf 'server 127.0.0.1 %s\\nzone example.com\\nupdate %s\\nsend\\n' "$EXEC_PORT" "$update" | "$EXEC_NSUPDATE" -k "$EXEC_KEY"
`;

dnsProviderContract('exec', async () => {
  if (skip) return { skip };
  const bind = await startBind({ zones: ['example.com'] });
  const folder = await mkdtemp(path.join(tmpdir(), 'tscert-exec-'));
  const environment = {
    PATH,
    EXEC_PATH: await script(folder, NSUPDATE),
    EXEC_PORT: `${bind.port}`,
    EXEC_KEY: bind.keyFile,
    EXEC_NSUPDATE: servers('bind').nsupdate,
  };
  return {
    provider: await createExec({ environment, clock }),
    zone: { name: 'example.com' },
    unknownZone: { name: 'example.net' },
    many: 12,
    values: bind.values,
    plant: bind.plant,
    close: async () => {
      await bind.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
});

describe('exec', () => {
  let folder: string;
  let log: string;
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'tscert-exec-'));
    log = path.join(folder, 'log');
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const zone = { name: 'example.com' };
  const record = { name: '_acme-challenge.example.com', value: '-v_1' };
  const make = async (body: string, environment: Readonly<Record<string, string>> = {}, settings = {}): Promise<DnsProvider> =>
    createExec({ environment: { PATH, ...environment, EXEC_PATH: await script(folder, body) }, settings, clock });
  const refusal = async (changing: Promise<unknown>): Promise<TscertError> => {
    const error = await changing.then(
      () => assert.fail('it was taken'),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof TscertError, String(error));
    return error;
  };

  test('calls the program as lego does, the name with a dot at its end', async (t) => {
    const provider = await make(`printf '<%s>' "$@" >> ${log}`);
    await provider.change(zone, { add: [record], remove: [] }, t.signal);
    await provider.change(zone, { add: [], remove: [record] }, t.signal);
    assert.equal(await readFile(log, 'utf8'), '<present><_acme-challenge.example.com.><-v_1><cleanup><_acme-challenge.example.com.><-v_1>');
  });

  test('hides every variable that is not listed', async (t) => {
    const hidden = {
      AWS_SECRET_ACCESS_KEY: 'a',
      ALIBABA_CLOUD_ACCESS_KEY_SECRET: 'b',
      RFC2136_TSIG_SECRET: 'c',
      TSCERT_EAB_HMAC: 'd',
      MY_TOKEN: 'e',
    };
    const seen = path.join(folder, 'seen');
    const environment = { ...hidden, HOME: '/h', EXEC_TOKEN: 't', LISTED: 'l', EXEC_ENV: 'LISTED, ABSENT' };
    const provider = await make(`env | cut -d= -f1 | sort > ${seen}`, environment, { FROM_FILE: 'f' });
    await provider.change(zone, { add: [record], remove: [] }, t.signal);
    const names = (await readFile(seen, 'utf8')).trim().split('\n');
    assert.deepEqual(
      names.filter((name) => !['PWD', 'OLDPWD', 'SHLVL', '_'].includes(name)),
      ['EXEC_ENV', 'EXEC_PATH', 'EXEC_TOKEN', 'FROM_FILE', 'HOME', 'LISTED', 'PATH'].sort(),
    );
  });

  test('a program that needs a hidden variable fails with its own words; listed, it works', async (t) => {
    const body = `: "\${MY_TOKEN:?is not set}"`;
    const error = await refusal((await make(body, { MY_TOKEN: 'x' })).change(zone, { add: [record], remove: [] }, t.signal));
    assert.equal(error.code, 'provider-failed');
    assert.match(
      error.message,
      /^Cannot add the TXT value of "_acme-challenge.example.com" with the program ".*": it ended with exit code 2, saying ".*MY_TOKEN: is not set"$/,
    );
    await (await make(body, { MY_TOKEN: 'x', EXEC_ENV: 'MY_TOKEN' })).change(zone, { add: [record], remove: [] }, t.signal);
  });

  test('what the program says of its secrets is masked', async (t) => {
    const provider = await make(
      'set -x; : "$EXEC_TOKEN" "$FILE_TOKEN" "$LISTED"; exit 1',
      { EXEC_TOKEN: 'exec-secret', LISTED: 'listed-secret', EXEC_ENV: 'LISTED' },
      { FILE_TOKEN: 'file-secret' },
    );
    const error = await refusal(provider.change(zone, { add: [record], remove: [] }, t.signal));
    assert.ok(!/(exec|file|listed)-secret/.test(JSON.stringify([error.message, error.data])));
    assert.match(error.message, /\*\*\*/);
  });

  test('a program that hangs is ended after EXEC_TIMEOUT', async (t) => {
    const provider = await make('echo waiting >&2; sleep 1000', { EXEC_TIMEOUT: '200ms' });
    const error = await refusal(provider.change(zone, { add: [record], remove: [] }, t.signal));
    assert.match(error.message, /it did not end within 0.2 s, saying "waiting"$/);
  });

  test('runs are one after the other, over all zones, and a failed one does not stop the next', async (t) => {
    const turns = path.join(folder, 'turns');
    const provider = await make(`[ "$3" = bad ] && exit 1; echo begin >> ${turns}; sleep 0.02; echo end >> ${turns}`);
    const add = (value: string, name = 'example.com') =>
      provider.change({ name }, { add: [{ name: `_acme-challenge.${name}`, value }], remove: [] }, t.signal);
    const results = await Promise.allSettled([add('1'), add('bad'), add('2', 'example.org'), add('3')]);
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
    );
    assert.equal(await readFile(turns, 'utf8'), 'begin\nend\n'.repeat(3));
  });

  test('every removal is tried, also after one that failed', async (t) => {
    const tried = path.join(folder, 'tried');
    const provider = await make(`echo $3 >> ${tried}; [ $3 != 2 ]`);
    const remove = ['1', '2', '3'].map((value) => ({ name: 'a.example.com', value }));
    assert.equal((await refusal(provider.change(zone, { add: [], remove }, t.signal))).data.exitCode, 1);
    assert.equal(await readFile(tried, 'utf8'), '1\n2\n3\n');
  });

  test('EXEC_PROPAGATION_TIMEOUT, in seconds as with lego, is the deadline of the self check', async () => {
    assert.equal((await make('', { EXEC_PROPAGATION_TIMEOUT: '300' })).propagationTimeout, 300_000);
    assert.equal((await make('', { EXEC_PROPAGATION_TIMEOUT: '5m' })).propagationTimeout, 300_000);
    assert.equal((await make('')).propagationTimeout, undefined);
  });

  test('settings that cannot work are refused before anything is run', async () => {
    const good = await script(folder, '');
    const codeOf = async (environment: Readonly<Record<string, string>>): Promise<string> =>
      (await refusal(createExec({ environment: { PATH, EXEC_PATH: good, ...environment }, clock }))).code;
    assert.equal(await codeOf({ EXEC_PATH: '' }), 'credentials-missing');
    assert.equal(await codeOf({ EXEC_PATH: path.join(folder, 'nowhere') }), 'config-invalid');
    assert.equal(await codeOf({ EXEC_PATH: folder }), 'config-invalid');
    assert.equal(await codeOf({ EXEC_TIMEOUT: 'soon' }), 'config-invalid');
    assert.equal(await codeOf({ EXEC_PROPAGATION_TIMEOUT: '-1' }), 'config-invalid');
    const raw = await refusal(createExec({ environment: { PATH, EXEC_PATH: good, EXEC_MODE: 'RAW' }, clock }));
    assert.equal(raw.code, 'config-invalid');
    assert.match(raw.message, /^Cannot use EXEC_MODE "RAW": RAW wants the ACME token and the key authorization/);
  });
});
