/**
 * A world with all kinds of proof: Route53 (example.com), AliDNS (example.net), BIND by RFC 2136 (example.org), by an exec script
 * (exec.test) and by a script of acme.sh (acmesh.test), and hosts for http-01 and tls-alpn-01 (host.test).
 */
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type AlidnsEmulator, startAlidnsEmulator } from '../emulators/alidns/index.js';
import { type AcmeWorld, type AcmeWorldOptions, startAcmeWorld } from './acme-world.js';
import { type Bind, startBind } from './bind.js';
import { servers } from './servers.js';

const ALI_KEY = { accessKeyId: 'LTAIWORLD', accessKeySecret: 'world-secret' };

export interface MixedWorld extends AcmeWorld {
  readonly alidns: AlidnsEmulator;
  readonly bind: Bind;
  /** Every TXT value that stands anywhere, of those that challenges for these names would make. */
  standing(names: readonly string[]): Promise<string[]>;
}

/** One change by nsupdate, with the key file and the server of the environment. */
const NSUPDATE = `printf 'server 127.0.0.1 %s\\nupdate %s\\nsend\\n' "$EXEC_PORT" "$update" | "$EXEC_NSUPDATE" -k "$EXEC_KEY"`;

const EXEC = `#!/bin/sh
case $1 in
  present) update="add $2 60 TXT \\"$3\\"" ;;
  cleanup) update="delete $2 TXT \\"$3\\"" ;;
  *) exit 2 ;;
esac
${NSUPDATE}
`;

const ACMESH = `
dns_world_info='The world of tests'
dns_world_add() {
  update="add $1. 60 TXT \\"$2\\""
  _dns_world
}
dns_world_rm() {
  update="delete $1. TXT \\"$2\\""
  _dns_world
}
_dns_world() {
  ${NSUPDATE}
}
`;

/** Starts it. */
export async function startMixedWorld(options: AcmeWorldOptions = {}): Promise<MixedWorld> {
  const home = await mkdtemp(path.join(tmpdir(), 'tscert-mixed-'));
  const script = path.join(home, 'exec.sh');
  await writeFile(script, EXEC);
  await chmod(script, 0o755);
  await mkdir(path.join(home, '.acme.sh/dnsapi'), { recursive: true });
  await writeFile(path.join(home, '.acme.sh/dnsapi/dns_world.sh'), ACMESH);

  const [alidns, bind] = await Promise.all([
    startAlidnsEmulator({ domains: [{ name: 'example.net' }], credentials: [ALI_KEY] }),
    startBind({ zones: ['example.org', 'exec.test', 'acmesh.test'] }),
  ]);
  const world = await startAcmeWorld({
    ...options,
    routes: {
      'example.net': alidns.dns.address,
      'example.org': bind.nameserver,
      'exec.test': bind.nameserver,
      'acmesh.test': bind.nameserver,
    },
    env: {
      HOME: home,
      ALIBABA_CLOUD_ACCESS_KEY_ID: ALI_KEY.accessKeyId,
      ALIBABA_CLOUD_ACCESS_KEY_SECRET: ALI_KEY.accessKeySecret,
      ALICLOUD_DNS_ENDPOINT: alidns.endpoint,
      RFC2136_NAMESERVER: bind.nameserver,
      RFC2136_TSIG_KEY: bind.key.name,
      RFC2136_TSIG_SECRET: bind.key.secret,
      RFC2136_TSIG_ALGORITHM: bind.key.algorithm,
      EXEC_PATH: script,
      ACMESH_HOME: servers('acme.sh')['acme.sh'] ?? '',
      EXEC_PORT: String(bind.port),
      EXEC_KEY: bind.keyFile,
      EXEC_NSUPDATE: servers('bind').nsupdate ?? '',
      ...options.env,
    },
  });
  return {
    ...world,
    alidns,
    bind,
    async standing(names) {
      const asked = [...new Set(names.map((name) => `_acme-challenge.${name.replace(/^\*\./, '')}`))];
      const inBind = await Promise.all(
        asked.filter((name) => /\.(example\.org|exec\.test|acmesh\.test)$/.test(name)).map((name) => bind.values(name)),
      );
      const inAlidns = alidns.records('example.net').filter(({ Type }) => Type === 'TXT');
      return [...world.txtSets(), ...inAlidns.map(({ RR, Value }) => `${RR} ${Value}`), ...inBind.flat()];
    },
    async close() {
      await world.close();
      await Promise.all([alidns.stop(), bind.stop()]);
      await rm(home, { recursive: true, force: true });
    },
  };
}
