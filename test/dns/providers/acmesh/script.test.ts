import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { removesAllValues, variablesOf } from '../../../../src/dns/providers/acmesh/script.js';
import { servers, skipUnless } from '../../../support/servers.js';

describe('every script that acme.sh has', { skip: skipUnless('acme.sh') }, () => {
  const folder = (): string => path.join(servers('acme.sh')['acme.sh'] ?? '', 'dnsapi');
  const scripts = async (): Promise<string[]> =>
    (await readdir(folder())).filter((file) => file.endsWith('.sh')).map((file) => file.slice(0, -3));

  test('can be sourced behind acme.sh and defines what is called', async () => {
    const names = await scripts();
    assert.ok(names.length >= 170, `${names.length} scripts`);
    const probe = `lib=$0; set -- :; . "$lib"; for name in $NAMES; do
      ( . "$FOLDER/$name.sh" >/dev/null 2>&1 && _exists "\${name}_add" && _exists "\${name}_rm" ) || echo "$name"; done`;
    const home = await mkdtemp(path.join(tmpdir(), 'tscert-acmesh-'));
    try {
      // One of them asks its service as soon as it is sourced; here it gets no answer.
      const env = { PATH: process.env.PATH ?? '', HOME: home, https_proxy: 'http://127.0.0.1:9', NAMES: names.join(' '), FOLDER: folder() };
      const library = path.join(path.dirname(folder()), 'acme.sh');
      assert.equal(execFileSync('sh', ['-c', probe, library], { env, encoding: 'utf8' }), '');
      assert.deepEqual(await readdir(home), [], 'sourcing writes nothing');
    } finally {
      await rm(home, { recursive: true });
    }
  });

  test('names its variables in its text, as people know them', async () => {
    const known: Readonly<Record<string, readonly string[]>> = {
      dns_cf: ['CF_Account_ID', 'CF_Email', 'CF_Key', 'CF_Token', 'CF_Zone_ID'],
      dns_aws: ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'],
      dns_ali: ['Ali_Key', 'Ali_Secret'],
      dns_nsupdate: ['NSUPDATE_KEY', 'NSUPDATE_OPT', 'NSUPDATE_SERVER', 'NSUPDATE_SERVER_PORT', 'NSUPDATE_ZONE'],
      dns_azure: ['AZUREDNS_APPID', 'AZUREDNS_CLIENTSECRET', 'AZUREDNS_MANAGEDIDENTITY', 'IDENTITY_ENDPOINT'],
    };
    for (const name of await scripts()) {
      const variables = variablesOf(await readFile(path.join(folder(), `${name}.sh`), 'utf8'));
      for (const variable of known[name] ?? []) assert.ok(variables.includes(variable), `${name}: ${variable}`);
      const foreign = name === 'dns_aws' ? /^CF_/ : /^(AWS_SECRET|ALIBABA_|RFC2136_|EXEC_|TSCERT_|LD_|HOME$|PATH$)/;
      assert.deepEqual(
        variables.filter((variable) => foreign.test(variable)),
        [],
        name,
      );
    }
  });

  test('is known for removing one value or all of a name', async () => {
    const verdict = async (name: string): Promise<boolean> =>
      removesAllValues(await readFile(path.join(folder(), `${name}.sh`), 'utf8'), name);
    for (const name of ['dns_nsupdate', 'dns_knot', 'dns_linode_v4']) assert.equal(await verdict(name), true, name);
    for (const name of ['dns_cf', 'dns_aws', 'dns_acmedns', 'dns_pdns']) assert.equal(await verdict(name), false, name);
  });
});

test('any text of a script is read', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 300 }), (text) => {
      for (const variable of variablesOf(text)) assert.match(variable, /^[A-Za-z]\w*$/);
      assert.equal(typeof removesAllValues(text, 'dns_x'), 'boolean');
    }),
    { numRuns: Number(process.env.TSCERT_TEST_FUZZ ?? 2000) },
  );
});
