/** What lies in examples/: the program runs, the configuration is what schema and parser take, the requests become CSRs. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import esbuild from 'esbuild';
import { readCsr } from '../../src/pki/csr.js';
import { parseConfig } from '../../src/request/config.js';
import { type AcmeWorld, startAcmeWorld } from '../support/acme-world.js';
import { tscert } from '../support/command.js';
import { validate } from '../support/json-schema.js';
import { whyNoPebble } from '../support/pebble.js';

const run = promisify(execFile);

describe('examples/issue-from-a-program', { skip: await whyNoPebble() }, () => {
  let world: AcmeWorld;
  let folder: string;
  before(async () => {
    world = await startAcmeWorld({ zones: ['example.com', 'example.org'] });
    folder = await mkdtemp(path.join(tmpdir(), 'tscert-example-'));
    // As in a user's project: the program beside an installed package.
    const installed = path.join(folder, 'node_modules/tscert');
    await mkdir(installed, { recursive: true });
    const built = path.dirname(path.dirname(process.env.TSCERT_TEST_BIN ?? ''));
    for (const part of ['dist', 'package.json']) await symlink(path.join(built, part), path.join(installed, part));
    const code = await readFile('examples/issue-from-a-program/program.ts', 'utf8');
    await writeFile(path.join(folder, 'program.mjs'), (await esbuild.transform(code, { loader: 'ts', target: 'node20.19' })).code);
  });
  after(async () => {
    await world.close();
    await rm(folder, { recursive: true, force: true });
  });

  const program = (...args: readonly string[]) =>
    run(process.execPath, [path.join(folder, 'program.mjs'), ...args], {
      env: {
        ...world.env,
        PATH: process.env.PATH ?? '',
        ACME_DIRECTORY: world.pebble.directory,
        ACME_CA_BUNDLE: world.pebble.caBundle,
        DNS_SERVER: world.dns,
      },
    });

  test('issues a certificate for each name, then leaves them alone', async () => {
    const first = await program(world.folder, 'example.com', 'example.org');
    assert.match(first.stdout, /^example\.com: issued, ends .*fullchain\.pem\nexample\.org: issued, ends .*fullchain\.pem\n$/);
    assert.deepEqual(world.txtSets(), []);
    const second = await program(world.folder, 'example.com', 'example.org');
    assert.match(second.stdout, /^example\.com: kept.*\nexample\.org: kept/);
  });

  test('says which name failed and why, and ends with 1; the other one is issued', async () => {
    await assert.rejects(
      program(path.join(folder, 'other'), 'example.com', 'nowhere.invalid'),
      (error: { code: number; stdout: string; stderr: string }) => {
        assert.equal(error.code, 1);
        assert.match(error.stderr, /nowhere\.invalid: /);
        assert.match(error.stdout, /^example\.com: issued/);
        return true;
      },
    );
  });
});

describe('examples/tscert.yaml', () => {
  const read = () => readFile('examples/tscert.yaml', 'utf8');
  const schema = async () => JSON.parse(await readFile('schema/tscert.schema.json', 'utf8'));

  test('names its schema in the first line, for editors', async () => {
    const target = /^# yaml-language-server: \$schema=(\S+)\n/.exec(await read())?.[1] ?? '';
    assert.equal(path.resolve('examples', target), path.resolve('schema/tscert.schema.json'));
  });

  test('is taken by the parser', async () => {
    assert.equal(parseConfig(await read(), 'examples/tscert.yaml').certificates?.length, 3);
  });

  test('fits the schema, which refuses what the parser refuses', async () => {
    const { parse } = await import('yaml');
    const value = parse(await read());
    assert.deepEqual(validate(await schema(), value), []);
    for (const wrong of [
      { ...value, keyTypo: 'x' },
      { ...value, agreeTos: 'yes' },
      { ...value, jobs: 0 },
      { certificates: [{ dns: 5 }] },
      { deploy: [{ file: '/srv/www.pem', contents: 'key' }] },
      { certificates: [{ deploy: { nginx: true } }] },
    ]) {
      assert.notDeepEqual(validate(await schema(), wrong), []);
      assert.throws(() => parseConfig(JSON.stringify(wrong), 'wrong'));
    }
  });
});

test('examples/requests become CSRs with what they ask for', async () => {
  const expected: Readonly<Record<string, readonly [subject: RegExp, text: RegExp]>> = {
    'ca.json': [/Example CA/, /isCa/],
    'client.json': [/alice/, /alice@example\.com/],
    'server.json': [/www\.example\.com/, /spiffe:\/\/example\.com\/web/],
  };
  assert.deepEqual((await readdir('examples/requests')).sort(), Object.keys(expected));
  for (const [file, [subject, text]] of Object.entries(expected)) {
    const { code, stdout, stderr } = await tscert(['csr', path.resolve('examples/requests', file)]);
    assert.equal(code, 0, stderr);
    const csr = readCsr(JSON.parse(stdout).csr);
    assert.ok(csr.signatureValid);
    assert.match(JSON.stringify(csr.subject), subject);
    assert.match(JSON.stringify(csr.extensions), text);
  }
});
