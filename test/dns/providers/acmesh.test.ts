import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { TscertError } from '../../../src/base/errors.js';
import type { Event } from '../../../src/base/events.js';
import { createClock } from '../../../src/cli/system.js';
import type { DnsProvider } from '../../../src/dns/provider.js';
import { type AcmeshOptions, createAcmesh } from '../../../src/dns/providers/acmesh.js';
import { dnsProviderContract } from '../../contract/dns-provider.js';
import { type AcmeDns, startAcmeDns } from '../../support/acme-dns.js';
import { type Bind, startBind } from '../../support/bind.js';
import { servers, skipUnless } from '../../support/servers.js';

const clock = createClock();
const PATH = process.env.PATH;
const skip = skipUnless('acme.sh') || skipUnless('bind');
const zone = { name: 'example.com' };

/** A script as acme.sh's users write their own; it removes the exact value, which acme.sh's dns_nsupdate does not. */
const EXACT = `
dns_exact_info='A test
Options:
 EXACT_PORT Port.
 EXACT_KEY Key file.
'
dns_exact_add() {
  EXACT_PORT="\${EXACT_PORT:-$(_readaccountconf_mutable EXACT_PORT)}"
  if [ -z "$EXACT_PORT" ]; then
    _err "EXACT_PORT is missing"
    return 1
  fi
  _saveaccountconf_mutable EXACT_PORT "$EXACT_PORT"
  _dns_exact "add $1. 60 TXT \\"$2\\""
}
dns_exact_rm() {
  _dns_exact "delete $1. TXT \\"$2\\""
}
_dns_exact() {
  printf 'server 127.0.0.1 %s\\nzone example.com\\nupdate %s\\nsend\\n' "$EXACT_PORT" "$1" | nsupdate -v -k "$EXACT_KEY" || _err "nsupdate failed"
}
`;

/** A user's home folder with scripts of their own in ~/.acme.sh, and our state folder. */
async function createHome(
  scripts: Readonly<Record<string, string>> = {},
): Promise<{ home: string; state: string; remove: () => Promise<void> }> {
  const home = await mkdtemp(path.join(tmpdir(), 'tscert-acmesh-'));
  await mkdir(path.join(home, '.acme.sh', 'dnsapi'), { recursive: true });
  for (const [name, text] of Object.entries(scripts)) await writeFile(path.join(home, '.acme.sh', 'dnsapi', `${name}.sh`), text);
  return { home, state: path.join(home, 'state'), remove: () => rm(home, { recursive: true, force: true }) };
}

dnsProviderContract('acmesh', async () => {
  if (skip) return { skip };
  const bind = await startBind({ zones: ['example.com'] });
  const place = await createHome({ dns_exact: EXACT });
  const environment = {
    PATH,
    HOME: place.home,
    ACMESH_HOME: servers('acme.sh')['acme.sh'],
    EXACT_PORT: `${bind.port}`,
    EXACT_KEY: bind.keyFile,
  };
  return {
    provider: await createAcmesh({ script: 'dns_exact', environment, stateFolder: place.state, clock, emit: () => undefined }),
    zone,
    unknownZone: { name: 'example.net' },
    many: 8,
    values: bind.values,
    plant: bind.plant,
    close: async () => {
      await bind.stop();
      await place.remove();
    },
  };
});

describe('acmesh with the scripts of acme.sh', { skip }, () => {
  let place: Awaited<ReturnType<typeof createHome>>;
  let bind: Bind;
  let events: Event[];
  before(async () => {
    bind = await startBind({ zones: ['example.com'] });
  });
  after(() => bind.stop());

  const make = async (
    t: TestContext,
    options: Pick<AcmeshOptions, 'script'> & Partial<AcmeshOptions>,
    scripts: Readonly<Record<string, string>> = {},
  ): Promise<DnsProvider> => {
    place = await createHome(scripts);
    t.after(place.remove);
    events = [];
    const environment = { PATH, HOME: place.home, ACMESH_HOME: servers('acme.sh')['acme.sh'], ...options.environment };
    return createAcmesh({ clock, stateFolder: place.state, emit: (event) => events.push(event), ...options, environment });
  };
  const refusal = async (changing: Promise<unknown>): Promise<TscertError> => {
    const error = await changing.then(
      () => assert.fail('it was taken'),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof TscertError, String(error));
    return error;
  };
  const filesBelow = async (folder: string): Promise<string[]> =>
    (await readdir(folder, { recursive: true, withFileTypes: true }))
      .filter((one) => one.isFile())
      .map((one) => path.join(one.parentPath, one.name));

  test('dns_nsupdate adds and removes at BIND, and it is said that it removes all values of a name', async (t) => {
    const environment = { NSUPDATE_SERVER: '127.0.0.1', NSUPDATE_SERVER_PORT: `${bind.port}`, NSUPDATE_KEY: bind.keyFile };
    const provider = await make(t, { script: 'dns_nsupdate', environment });
    assert.equal(provider.name, 'acmesh:dns_nsupdate');
    assert.equal(provider.propagationTimeout, 600_000);
    const add = ['apex', 'wildcard'].map((value) => ({ name: '_acme-challenge.example.com', value }));
    assert.deepEqual(await provider.change(zone, { add, remove: [] }, t.signal), add);
    assert.deepEqual((await bind.values('_acme-challenge.example.com')).sort(), ['apex', 'wildcard']);
    assert.deepEqual(events, []);
    await provider.change(zone, { add: [], remove: add }, t.signal);
    assert.deepEqual(await bind.values('_acme-challenge.example.com'), []);
    assert.deepEqual(events, [
      { type: 'warning', message: 'acme.sh\'s script "dns_nsupdate" removes every TXT value at a name, not only the one asked for' },
    ]);
    assert.deepEqual(await filesBelow(place.state), [], 'nothing of what was given is kept');
  });

  test('a script that fails says why, with its own words', async (t) => {
    const wrong = path.join(tmpdir(), 'no-such-key');
    const environment = { NSUPDATE_SERVER: '127.0.0.1', NSUPDATE_SERVER_PORT: `${bind.port}`, NSUPDATE_KEY: wrong };
    const provider = await make(t, { script: 'dns_nsupdate', environment });
    const error = await refusal(provider.change(zone, { add: [{ name: 'a.example.com', value: 'v' }], remove: [] }, t.signal));
    assert.equal(error.code, 'provider-failed');
    assert.match(
      error.message,
      /^Cannot add the TXT value of "a.example.com" with acme.sh's script "dns_nsupdate": it ended with exit code 1, saying "/,
    );
    assert.match(error.message, /could not read key from .*[\s\S]*error updating domain"$/);
  });

  describe('and an acme-dns server over HTTP', () => {
    const record = { name: '_acme-challenge.example.com', value: 'LHDhK3oGRvkiefQnx7OOczTY5Tic_xZ6HcMOc_gmtoM' };
    const given = ({ url, username, password, subdomain }: AcmeDns) => ({
      ACMEDNS_BASE_URL: url,
      ACMEDNS_USERNAME: username,
      ACMEDNS_PASSWORD: password,
      ACMEDNS_SUBDOMAIN: subdomain,
    });
    const start = async (t: TestContext): Promise<AcmeDns> => {
      const acmeDns = await startAcmeDns();
      t.after(acmeDns.stop);
      return acmeDns;
    };

    test('dns_acmedns updates with the credentials of the environment, and none of them is kept', async (t) => {
      const acmeDns = await start(t);
      const provider = await make(t, { script: 'dns_acmedns', environment: given(acmeDns) });
      await provider.change(zone, { add: [record], remove: [] }, t.signal);
      await provider.change(zone, { add: [], remove: [record] }, t.signal);
      assert.deepEqual([acmeDns.values, acmeDns.registrations()], [[record.value], 0]);
      assert.deepEqual(await filesBelow(place.home), []);
    });

    test('a wrong password fails, and is not in the words', async (t) => {
      const acmeDns = await start(t);
      const environment = { ...given(acmeDns), ACMEDNS_PASSWORD: 'wrong-password-0123456789' };
      const error = await refusal(
        (await make(t, { script: 'dns_acmedns', environment })).change(zone, { add: [record], remove: [] }, t.signal),
      );
      assert.match(error.message, /saying "invalid response of acme-dns"$/);
      assert.ok(!JSON.stringify([error.message, error.data]).includes('wrong-password'));
    });

    test('what the script found out itself, a registration, is kept for the next run, private', async (t) => {
      const acmeDns = await start(t);
      const provider = await make(t, { script: 'dns_acmedns', environment: { ACMEDNS_BASE_URL: acmeDns.url } });
      await provider.change(zone, { add: [record], remove: [] }, t.signal);
      await provider.change(zone, { add: [record], remove: [] }, t.signal);
      assert.deepEqual([acmeDns.values.length, acmeDns.registrations()], [2, 1]);
      const [kept = '', ...others] = await filesBelow(place.home);
      assert.deepEqual(others, []);
      assert.match(kept, /\/state\/_acme-challenge\.example\.com\.conf$/);
      assert.equal((await stat(kept)).mode & 0o777, 0o600);
      assert.equal((await stat(path.dirname(kept))).mode & 0o777, 0o700);
      assert.ok(!(await readFile(kept, 'utf8')).includes(acmeDns.url), 'the address was given');
    });

    test('what the user has stored with acme.sh is used, and stays as it is; the environment goes before it', async (t) => {
      const acmeDns = await start(t);
      const provider = async (environment: Readonly<Record<string, string>>): Promise<DnsProvider> => {
        place = await createHome();
        t.after(place.remove);
        await writeFile(conf(), stored);
        return createAcmesh({
          script: 'dns_acmedns',
          environment: {
            PATH,
            HOME: place.home,
            ACMESH_HOME: servers('acme.sh')['acme.sh'],
            ACMEDNS_BASE_URL: acmeDns.url,
            ...environment,
          },
          stateFolder: place.state,
          clock,
          emit: () => undefined,
        });
      };
      const conf = (): string => path.join(place.home, '.acme.sh', 'account.conf');
      const encoded = `__ACME_BASE64__START_${Buffer.from(acmeDns.password).toString('base64')}__ACME_BASE64__END_`;
      const stored = `LOG_LEVEL='1'\nSAVED_ACMEDNS_USERNAME='${acmeDns.username}'\nSAVED_ACMEDNS_PASSWORD='${encoded}'\nACMEDNS_SUBDOMAIN='${acmeDns.subdomain}'\n`;
      await (await provider({})).change(zone, { add: [record], remove: [] }, t.signal);
      assert.deepEqual([acmeDns.values.length, acmeDns.registrations()], [1, 0]);
      assert.equal(await readFile(conf(), 'utf8'), stored);
      await refusal((await provider({ ACMEDNS_PASSWORD: 'another' })).change(zone, { add: [record], remove: [] }, t.signal));
      assert.deepEqual(await filesBelow(place.home), [conf()]);
    });
  });

  test('a script sees its own variables and no credentials of others', async (t) => {
    const text = `
dns_look_info='Look
Options:
 LOOK_Token Token
'
dns_look_add() { env | cut -d= -f1 | sort >"$LOOK_FILE"; }
dns_look_rm() { :; }
`;
    const out = path.join(await mkdtemp(path.join(tmpdir(), 'tscert-look-')), 'seen');
    t.after(() => rm(path.dirname(out), { recursive: true }));
    const environment = {
      LOOK_Token: 't',
      LOOK_FILE: out,
      CF_Token: 'c',
      AWS_SECRET_ACCESS_KEY: 'a',
      RFC2136_TSIG_SECRET: 'r',
      MORE: 'm',
      ACMESH_ENV: 'MORE',
      https_proxy: 'http://p',
    };
    const provider = await make(t, { script: 'dns_look', environment, settings: { SET: 's' } }, { dns_look: text });
    await provider.change(zone, { add: [{ name: 'a.example.com', value: 'v' }], remove: [] }, t.signal);
    const seen = (await readFile(out, 'utf8')).trim().split('\n');
    for (const name of ['LOOK_Token', 'LOOK_FILE', 'MORE', 'SET', 'https_proxy', 'HOME', 'PATH']) assert.ok(seen.includes(name), name);
    for (const name of ['CF_Token', 'AWS_SECRET_ACCESS_KEY', 'RFC2136_TSIG_SECRET', 'ACMESH_ENV', 'ACMESH_HOME'])
      assert.ok(!seen.includes(name), name);
  });

  test('folders of runs that were killed are removed by the next run, those of living processes are not', async (t) => {
    const provider = await make(t, { script: 'dns_calm' }, { dns_calm: 'dns_calm_add() { :; }\ndns_calm_rm() { :; }\n' });
    const gone = execFileSync('sh', ['-c', 'echo $$'], { encoding: 'utf8' }).trim();
    const kept = place.state;
    for (const pid of [gone, `${process.ppid}`]) await mkdir(path.join(kept, `run-${pid}-abc`), { recursive: true });
    await provider.change(zone, { add: [{ name: 'a.example.com', value: 'v' }], remove: [] }, t.signal);
    assert.deepEqual(await readdir(kept), [`run-${process.ppid}-abc`]);
  });

  test('a missing script is refused with the names near it', async (t) => {
    for (const [name, near] of [
      ['dns_cloudflare', 'dns_cf'],
      ['dns_route53', 'dns_aws'],
      ['dns_nsupdat', 'dns_nsupdate'],
    ] as const) {
      const error = await refusal(make(t, { script: name }));
      assert.equal(error.code, 'provider-unknown');
      assert.match(error.message, new RegExp(`has no script "${name}"; near it are .*\\b${near}\\b`));
    }
    for (const name of ['cf', '../dns_cf', 'dns_cf;id', 'dns_'])
      assert.equal((await refusal(make(t, { script: name }))).code, 'provider-unknown', name);
  });
});

test('acme.sh that is not installed is refused with the folders that were looked at', async () => {
  const place = await createHome();
  const options = {
    script: 'dns_cf',
    environment: { PATH, HOME: place.home, ACMESH_HOME: '/nowhere' },
    stateFolder: place.state,
    clock,
    emit: () => undefined,
  };
  try {
    await assert.rejects(createAcmesh(options), (error) => {
      assert.ok(error instanceof TscertError && error.code === 'config-invalid');
      assert.match(
        error.message,
        /^Cannot use the DNS provider "acmesh:dns_cf": acme.sh is in none of \/nowhere, .*\/\.acme\.sh, \/usr\/share\/acme\.sh, \/usr\/lib\/acme\.sh$/,
      );
      return true;
    });
  } finally {
    await place.remove();
  }
});
