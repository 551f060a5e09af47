import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { Command } from 'commander';
import { isTscertError } from '../../src/base/errors.js';
import { addIssueOptions, issueFlags } from '../../src/cli/commands/issue-options.js';
import type { Context } from '../../src/cli/context.js';
import { environmentName, readOptions } from '../../src/cli/options.js';
import { CERTIFICATE_KEYS, RUN_KEYS } from '../../src/request/options.js';

/** A context with only what reading options needs. */
function contextOf(env: Record<string, string>, globals: Context['globals'] = {}): Context {
  return { system: { env, cwd: '/', isRoot: false }, globals } as unknown as Context;
}

test('every key of the options table has its flag, and every flag its key', () => {
  const command = new Command();
  addIssueOptions(command);
  const flags = command.options.map((option) => option.attributeName());
  // Global, by reference only, or of the command alone.
  const keys = [...CERTIFICATE_KEYS, ...RUN_KEYS]
    .filter((key) => key !== 'caBundle' && key !== 'eabHmac')
    .map((key) => (key === 'domains' ? 'domain' : key));
  assert.deepEqual(flags.filter((flag) => flag !== 'force' && flag !== 'dryRun').sort(), keys.sort());
});

test('a flag stands before the environment, the environment before the file', async (t) => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'tscert-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = path.join(folder, 'tscert.yaml');
  await writeFile(file, 'email: file@example.com\nserver: google\ndnsTimeout: 1m\njobs: 5\n');
  const context = contextOf({
    TSCERT_DIR: folder,
    TSCERT_EMAIL: 'env@example.com',
    TSCERT_SERVER: 'zerossl',
    TSCERT_DNS_RESOLVER: '192.0.2.1, 192.0.2.2',
    TSCERT_AGREE_TOS: '1',
  });
  const { own, config } = await readOptions(context, issueFlags({ email: 'flag@example.com', domain: ['example.com'], dnsTimeout: '2m' }));
  assert.equal(own.email, 'flag@example.com');
  assert.equal(own.server, 'zerossl');
  assert.equal(own.agreeTos, true);
  assert.deepEqual(own.domains, ['example.com']);
  assert.deepEqual(config.dnsResolver, ['192.0.2.1', '192.0.2.2']);
  assert.equal(config.dnsTimeout, '2m');
  assert.equal(config.jobs, 5);
  assert.equal(config.email, 'file@example.com');
});

test('the HMAC of the environment stays a reference', async () => {
  const { own } = await readOptions(contextOf({ TSCERT_DIR: '/nonexistent', TSCERT_EAB_HMAC: 'marked-secret', TSCERT_EAB_KID: 'kid' }), {});
  assert.deepEqual(own.eabHmac, { env: 'TSCERT_EAB_HMAC' });
  assert.ok(!JSON.stringify(own).includes('marked-secret'));
});

test('a configuration file that was named must be there; the default one need not', async () => {
  assert.deepEqual((await readOptions(contextOf({ TSCERT_DIR: '/nonexistent' }), {})).config, {});
  await assert.rejects(readOptions(contextOf({}, { config: '/nonexistent/x.yaml' }), {}), (error) =>
    isTscertError(error, 'config-invalid'),
  );
});

test('the name of a variable is the key in capitals', () => {
  assert.equal(environmentName('dnsResolver'), 'TSCERT_DNS_RESOLVER');
  assert.equal(environmentName('email'), 'TSCERT_EMAIL');
});
