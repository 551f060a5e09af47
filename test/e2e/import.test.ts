/** Moving in from the real tools: what they have issued at Pebble is taken over, renewed by the same account, and nothing is issued twice. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { publicKeyEquals } from '../../src/pki/key.js';
import { readPrivateKey } from '../../src/pki/key-reader.js';
import { commandEnvironment, type Finished, tscert } from '../support/command.js';
import { type ChallengeServer, type Pebble, startChallengeServer, startPebble, whyNoPebble } from '../support/pebble.js';
import { servers, skipUnless } from '../support/servers.js';

const run = promisify(execFile);
const skip = (await whyNoPebble()) || skipUnless('certbot', 'lego', 'lego5', 'acme.sh');

describe('tscert import', { skip }, () => {
  let pebble: Pebble;
  let dns: ChallengeServer;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'tscert-import-'));
    dns = await startChallengeServer();
    pebble = await startPebble({ dnsServer: dns.dns, retryAfter: { authz: 1, order: 1 } });
  });
  after(async () => {
    await Promise.all([pebble.stop(), dns.stop()]);
    await rm(folder, { recursive: true, force: true });
  });
  const at = (...parts: readonly string[]): string => path.join(folder, ...parts);
  const text = (...parts: readonly string[]): Promise<string> => readFile(at(...parts), 'utf8');

  /**
   * Runs a tool of somebody else.
   * @param tries acme.sh's own server comes late on a busy machine, and its CA is told at once
   */
  const tool = async (
    file: string,
    args: readonly string[],
    { env = {}, tries = 1 }: { readonly env?: Readonly<Record<string, string>>; readonly tries?: number } = {},
  ): Promise<void> => {
    const options = { cwd: folder, env: { ...commandEnvironment(env), HOME: folder } };
    await run(file, args, options).catch(({ stdout, stderr }: { stdout: string; stderr: string }) =>
      tries > 1 ? tool(file, args, { env, tries: tries - 1 }) : assert.fail(`${file}: ${stdout}${stderr}`),
    );
  };

  /** tscert with a folder of its own for each tool. */
  const command = (data: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Finished> =>
    tscert(args, { cwd: folder, env: { TSCERT_DIR: at(data), ...env } });
  const good = async (data: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Finished> => {
    const finished = await command(data, args, env);
    assert.equal(finished.code, 0, `${args.join(' ')}\n${finished.stdout}${finished.stderr}`);
    return finished;
  };
  const surroundings = (): Record<string, string> => ({ TSCERT_CA_BUNDLE: pebble.caBundle, TSCERT_DNS_RESOLVER: dns.dns });

  /** Everything of a folder that a write would change. */
  async function snapshot(name: string): Promise<string[]> {
    const entries = await readdir(at(name), { recursive: true, withFileTypes: true });
    const lines = entries.map(async (entry) => {
      const file = path.join(entry.parentPath, entry.name);
      const { mode, mtimeMs } = await lstat(file);
      const content = entry.isSymbolicLink()
        ? await readlink(file)
        : entry.isFile()
          ? createHash('sha256')
              .update(await readFile(file))
              .digest('hex')
          : '';
      return `${file} ${mode} ${mtimeMs} ${content}`;
    });
    return (await Promise.all(lines)).sort();
  }

  /** Takes over twice, asks for the plan, renews by force; the account stays the tool's own, and no certificate is issued before. */
  async function movesIn(
    data: string,
    source: { readonly tool: string; readonly folder: string; readonly flags?: readonly string[] },
    names: readonly string[],
    account: { readonly email?: string; readonly url: string },
  ): Promise<void> {
    const { flags = [] } = source;
    const before = await snapshot(source.folder);
    await pebble.settled();
    pebble.requests(true);
    const args = ['import', source.tool, source.folder, ...flags];
    const dry = await good(data, [...args, '--dry-run'], surroundings());
    for (const name of names) assert.match(dry.stdout, new RegExp(`^${name} +would be taken `, 'm'));
    await assert.rejects(readdir(at(data)), 'a dry run leaves nothing');
    const first = JSON.parse((await good(data, [...args, '--json'], surroundings())).stdout);
    const states = first.certificates.map((one: { name: string; state: string }) => [one.name, one.state]);
    assert.deepEqual(
      states,
      [...names].sort().map((name) => [name, 'taken']),
    );
    assert.deepEqual([first.accounts.length, first.accounts[0].url, first.accounts[0].state], [1, account.url, 'taken']);
    const again = await good(data, args, surroundings());
    for (const name of names) assert.match(again.stdout, new RegExp(`^${name} +already here `, 'm'));
    assert.doesNotMatch(again.stderr, /warning/);
    const plan = await good(data, ['plan', '--detailed-exitcode']);
    for (const name of names) assert.match(plan.stdout, new RegExp(`^${name}: not due: `, 'm'));
    await pebble.settled();
    assert.equal(pebble.requests(true).total, 0, 'no server was asked');
    assert.deepEqual(await snapshot(source.folder), before, 'the folder of the other tool is as it was');

    const renewed = await good(data, ['renew', '--force', ...names]);
    assert.match(renewed.stderr, new RegExp(`${names.length} certificates?: ${names.length} renewed`));
    await pebble.settled();
    const { account: accounts, order } = pebble.requests(true);
    assert.deepEqual([accounts, order], [0, names.length], 'the account was known by its URL, and none was made');
    const email = account.email === undefined ? [] : ['--email', account.email];
    const shown = await good(data, ['account', 'show', '--json', '--server', pebble.directory, ...email], surroundings());
    assert.equal(JSON.parse(shown.stdout).url, account.url);
    const kept = await good(data, args, surroundings());
    for (const name of names) assert.match(kept.stdout, new RegExp(`^${name} +a newer one is here `, 'm'));
  }

  test('from certbot', async () => {
    const certbot = (...args: readonly string[]): Promise<void> =>
      tool(
        servers('certbot').certbot ?? '',
        [
          ...['certonly', '--standalone', '--non-interactive', '--agree-tos', '-m', 'admin@example.com', '--server', pebble.directory],
          ...['--http-01-port', String(pebble.httpPort), '--config-dir', at('le'), '--work-dir', at('w'), '--logs-dir', at('l'), ...args],
        ],
        { env: { REQUESTS_CA_BUNDLE: pebble.caBundle } },
      );
    const hook = `printf '%s\\n' "$RENEWED_LINEAGE" 'it is done' >> ${at('hook')}`;
    await certbot('-d', 'a.host.test', '-d', 'b.host.test', '--deploy-hook', hook, '--reuse-key');
    await certbot('-d', 'rsa.host.test', '--key-type', 'rsa', '--rsa-key-size', '2048', '--cert-name', 'web');
    const [server] = await readdir(at('le/accounts'));
    const [id] = await readdir(at('le/accounts', server ?? '', 'dir'));
    const { uri } = JSON.parse(await text('le/accounts', server ?? '', 'dir', id ?? '', 'regr.json'));
    await good('certbot-files', ['import', 'certbot', 'le'], surroundings());
    for (const file of ['privkey.pem', 'cert.pem', 'chain.pem', 'fullchain.pem'])
      assert.equal(await text('certbot-files/live/a.host.test', file), await text('le/live/a.host.test', file));
    const key = await text('le/live/a.host.test/privkey.pem');
    await rm(at('hook'));
    const unforced = await good('certbot-files', ['renew']);
    assert.match(unforced.stderr, /2 certificates: 2 not due\n$/);
    assert.equal(await text('hook'), `${at('certbot-files/live/a.host.test')}\nit is done\n`, 'the hook is tried by the first renew');
    await rm(at('hook'));

    await movesIn('certbot', { tool: 'certbot', folder: 'le' }, ['a.host.test', 'web'], { url: uri });
    assert.equal(await text('certbot/live/a.host.test/privkey.pem'), key, '--reuse-key');
    assert.match(
      (await run('openssl', ['x509', '-in', at('certbot/live/web/cert.pem'), '-noout', '-text'])).stdout,
      /Public-Key: \(2048 bit\)/,
    );
    assert.equal(await text('hook'), `${at('certbot/live/a.host.test')}\nit is done\n`, 'the deploy hook is run with the new files');
    const one = await good('picked', ['import', 'certbot', 'le', 'web', '--dry-run', '--json'], surroundings());
    assert.deepEqual(
      JSON.parse(one.stdout).certificates.map(({ name }: { name: string }) => name),
      ['web'],
    );
    const none = await command('picked', ['import', 'certbot', 'le', 'webb'], surroundings());
    assert.equal(none.code, 2);
    assert.match(none.stderr, /cannot find the certificate "webb" in that folder \(did you mean web\?\)/);
  });

  test('one that cannot be read is told, and the others are taken', async () => {
    await rm(at('le/archive/web/privkey1.pem'));
    const { code, stdout, stderr } = await command('partly', ['import', 'certbot', 'le'], surroundings());
    assert.equal(code, 3, stderr);
    assert.match(stdout, /^a\.host\.test +taken over /m);
    assert.match(stdout, /^web +not taken$/m);
    assert.match(stderr, /error: web: cannot read ".*\/le\/live\/web\/privkey\.pem": there is no such file or folder/);
    assert.deepEqual(await readdir(at('partly/live')), ['a.host.test']);
  });

  test('from lego 4, which keeps no word of server and proof', async () => {
    await tool(
      servers('lego').lego ?? '',
      [
        ...['--accept-tos', '--email', 'admin@example.com', '--server', pebble.directory, '--path', 'lego4', '--key-type', 'ec384'],
        ...['--http', '--http.port', `:${pebble.httpPort}`, '--domains', 'l4.host.test', 'run'],
      ],
      { env: { LEGO_CA_CERTIFICATES: pebble.caBundle } },
    );
    const nowhere = await command('lego4-data', ['import', 'lego', 'lego4'], surroundings());
    assert.equal(nowhere.code, 2);
    assert.match(nowhere.stderr, /lego keeps no URL of its ACME server, but that it is at "localhost_\d+"; say --server URL/);
    const account = JSON.parse(
      await text('lego4/accounts', (await readdir(at('lego4/accounts')))[0] ?? '', 'admin@example.com/account.json'),
    );
    const flags = ['--server', pebble.directory, '--http', `standalone:${pebble.httpPort}`];
    const url = account.registration.uri;
    await movesIn('lego4-data', { tool: 'lego', folder: 'lego4', flags }, ['l4.host.test'], { email: 'admin@example.com', url });
    const stored = await text('lego4-data/archive/l4.host.test/0001/privkey.pem');
    assert.ok(publicKeyEquals(readPrivateKey(stored), readPrivateKey(await text('lego4/certificates/l4.host.test.key'))));
  });

  test('from lego 5, run by a configuration file', async () => {
    const config = `storage: ${at('lego5')}
servers: { pebble: { url: '${pebble.directory}' } }
accounts: { me: { server: pebble, email: ops@example.com, acceptsTermsOfService: true, keyType: EC384 } }
challenges: { here: { http: { address: ':${pebble.httpPort}' } } }
certificates:
  web: { challenge: here, account: me, domains: [l5.host.test], keyType: EC256, renew: { reuseKey: true } }
hooks: { deploy: { command: '/usr/bin/env' } }
`;
    await writeFile(at('lego.yml'), config);
    await tool(servers('lego5').lego5 ?? '', ['--config', 'lego.yml'], { env: { LEGO_CA_CERTIFICATES: pebble.caBundle } });
    const account = JSON.parse(await text('lego5/accounts', (await readdir(at('lego5/accounts')))[0] ?? '', 'me/account.json'));
    const url = account.registration.accountURL;
    await movesIn('lego5-data', { tool: 'lego', folder: 'lego5' }, ['web'], { email: 'ops@example.com', url });
    const stored = await text('lego5-data/live/web/privkey.pem');
    assert.ok(publicKeyEquals(readPrivateKey(stored), readPrivateKey(await text('lego5/certificates/web.key'))), 'reuseKey');
  });

  test('from acme.sh, with the files that it installs', async () => {
    await mkdir(at('nginx'));
    await tool(
      '/bin/sh',
      [
        path.join(servers('acme.sh')['acme.sh'] ?? '', 'acme.sh'),
        ...[
          '--home',
          at('acmehome'),
          '--issue',
          '--standalone',
          '--httpport',
          String(pebble.httpPort),
          '-d',
          's.host.test',
          '-d',
          't.host.test',
        ],
        ...['-m', 'admin@example.com', '--server', pebble.directory, '--ca-bundle', pebble.caBundle],
        ...[
          '--key-file',
          at('nginx/key.pem'),
          '--fullchain-file',
          at('nginx/full.pem'),
          '--reloadcmd',
          `echo "reload $Le_Domain" >> ${at('reloads')}`,
        ],
      ],
      { tries: 3 },
    );
    const url = /^ACCOUNT_URL='(.*)'$/m.exec(await text('acmehome/ca/localhost/dir/ca.conf'))?.[1] ?? '';
    const key = await text('nginx/key.pem');
    await rm(at('reloads'));
    await movesIn('acme-data', { tool: 'acme.sh', folder: 'acmehome' }, ['s.host.test'], { email: 'admin@example.com', url });
    const installed = readPrivateKey(await text('nginx/key.pem'));
    assert.ok(publicKeyEquals(installed, readPrivateKey(key)), 'acme.sh keeps the key');
    assert.equal(await text('nginx/full.pem'), await text('acme-data/live/s.host.test/fullchain.pem'), 'the new certificate is installed');
    assert.match(await text('reloads'), /^reload/);
  });
});
