/** Where the commands of the documentation are run: every provider's service, and stand-ins for what only a real machine has. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startAlidnsEmulator } from '../emulators/alidns/index.js';
import { startRoute53Emulator } from '../emulators/route53/index.js';
import { startBind } from '../support/bind.js';
import type { Finished } from '../support/command.js';
import {
  issueForeign,
  putAcmeShAccount,
  putAcmeShDomain,
  putCertbotAccount,
  putLego4Account,
  putLegoCertificate,
  putLineage,
} from '../support/foreign.js';
import { freePort } from '../support/free-port.js';
import { type KubernetesCluster, startKubernetes } from '../support/kubernetes.js';
import { startPebble } from '../support/pebble.js';
import { servers } from '../support/servers.js';
import { startDocsRevocation } from './revocation-world.js';

const AWS_KEY = { accessKeyId: 'AKIADOCS', secretAccessKey: 'docs/secret+key=' };
const ALIBABA_KEY = { accessKeyId: 'LTAIDOCS', accessKeySecret: 'docs-secret' };

export interface DocsWorld {
  readonly dir: string;
  /** Runs a block by `sh -e`, in one folder for the whole page. */
  run(block: string): Promise<Finished>;
  close(): Promise<void>;
}

/** Starts the world. Pebble takes every challenge for passed: what is shown here are command lines; the self checks are real. */
/** @param needs with a cluster: its namespaces `web` and `api`, its contexts `test` and `other-context` */
export async function startDocsWorld(needs: { readonly cluster?: boolean } = {}): Promise<DocsWorld> {
  const folder = await mkdtemp(path.join(tmpdir(), 'tscert-docs-'));
  const at = (...parts: string[]): string => path.join(folder, ...parts);
  const route53 = await startRoute53Emulator({
    // example.org and example.net are other services' zones; here they are for the SOA walk of the resolver alone.
    zones: [{ name: 'example.com' }, { name: 'example.org' }, { name: 'example.net' }],
    credentials: [AWS_KEY],
    dns: { servers: [{ address: '127.0.0.1' }] },
  });
  const alidns = await startAlidnsEmulator({
    domains: [{ name: 'example.net' }],
    credentials: [ALIBABA_KEY],
    dns: { servers: [{ address: '127.0.0.1' }] },
  });
  const bind = await startBind({ zones: ['example.org'] });
  const pebble = await startPebble({ alwaysValid: true });
  const cluster = needs.cluster === true ? await startDocsCluster(at('.kube')) : undefined;
  const dns = route53.dns.addresses[0] ?? '';
  const bin = at('bin');
  const program = async (name: string, text: string): Promise<void> => {
    await writeFile(name, `#!/bin/sh\n${text}\n`);
    await chmod(name, 0o755);
  };
  for (const place of [bin, at('work'), at('webroot'), at('haproxy'), at('haproxy/certs'), at('data')]) await mkdir(place);
  await symlink(process.env.TSCERT_TEST_BIN ?? '', path.join(bin, 'tscert'));
  await symlink(path.resolve('examples'), at('work/examples'));
  for (const name of ['systemctl', 'nginx', 'haproxy', 'apachectl']) await program(path.join(bin, name), 'exit 0');
  await program(at('work/dns.sh'), 'test "$1" = present || test "$1" = cleanup');
  await writeFile(at('work/request.json'), '{ "hosts": ["example.com"], "key": { "algo": "ecdsa", "size": 256 } }');
  await putForeignFolders(at, pebble.directory);
  const revocation = await startDocsRevocation(at('work'));
  const nsupdate = path.dirname(servers('bind').nsupdate ?? '');
  const env = {
    PATH: [bin, path.dirname(process.execPath), nsupdate, ...(cluster === undefined ? [] : [kubectlFolder()]), process.env.PATH].join(
      path.delimiter,
    ),
    HOME: folder,
    TSCERT_DIR: at('data'),
    TSCERT_SERVER: pebble.directory,
    TSCERT_CA_BUNDLE: pebble.caBundle,
    TSCERT_DNS_RESOLVER: dns,
    TSCERT_DNS_NAMESERVER: [dns, `${bind.nameserver}@example.org`, `${alidns.dns.addresses[0]}@example.net`].join(','),
    TSCERT_AGREE_TOS: '1',
    TSCERT_EMAIL: 'admin@example.com',
    AWS_ACCESS_KEY_ID: AWS_KEY.accessKeyId,
    AWS_SECRET_ACCESS_KEY: AWS_KEY.secretAccessKey,
    AWS_REGION: 'us-east-1',
    AWS_ENDPOINT_URL_ROUTE_53: route53.endpoint,
    ALIBABA_CLOUD_ACCESS_KEY_ID: ALIBABA_KEY.accessKeyId,
    ALIBABA_CLOUD_ACCESS_KEY_SECRET: ALIBABA_KEY.accessKeySecret,
    ALICLOUD_DNS_ENDPOINT: alidns.endpoint,
    RFC2136_NAMESERVER: bind.nameserver,
    RFC2136_TSIG_KEY: bind.key.name,
    RFC2136_TSIG_SECRET: bind.key.secret,
    ACMESH_HOME: servers('acme.sh')['acme.sh'] ?? '',
    NSUPDATE_SERVER: bind.address,
    NSUPDATE_SERVER_PORT: String(bind.port),
    NSUPDATE_KEY: bind.keyFile,
  };
  return {
    dir: at('data'),
    async run(block) {
      // Ports below 1024 and the folders of servers belong to the machine.
      const line = block
        .replaceAll(/--http standalone(?!:)/g, `--http standalone:${await freePort()}`)
        .replaceAll(/--tls-alpn(?! \d)/g, `--tls-alpn ${await freePort()}`)
        .replaceAll(':9402', `:${await freePort()}`)
        .replaceAll('www.example.com:443', `127.0.0.1:${revocation.port}`)
        // The responders are on loopback here.
        .replaceAll(/(ocsp-check (?!.*--allow-private).*)$/gm, '$1 --allow-private')
        .replaceAll('/var/www/html', at('webroot'))
        .replaceAll('/etc/haproxy', at('haproxy'))
        .replaceAll('/etc/letsencrypt', at('letsencrypt'))
        .replaceAll('--dns exec', '--dns exec --dns-check none');
      return new Promise((resolve, reject) => {
        const child = spawn('/bin/sh', ['-e', '-c', line], { cwd: at('work'), env, stdio: ['ignore', 'pipe', 'pipe'] });
        let [stdout, stderr] = ['', ''];
        child.stdout.on('data', (chunk) => {
          stdout += chunk;
        });
        child.stderr.on('data', (chunk) => {
          stderr += chunk;
        });
        child.once('error', reject);
        child.once('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
      });
    },
    async close() {
      await Promise.all([pebble.stop(), route53.stop(), alidns.stop(), bind.stop(), revocation.close(), cluster?.stop()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function kubectlFolder(): string {
  return path.dirname(servers('kubernetes').kubectl ?? '');
}

async function startDocsCluster(folder: string): Promise<KubernetesCluster> {
  const cluster = await startKubernetes();
  for (const name of ['web', 'api']) await cluster.ask('POST', '/api/v1/namespaces', { metadata: { name } });
  const config = JSON.parse(readFileSync(cluster.kubeconfig('admin'), 'utf8'));
  config.contexts.push({ ...config.contexts[0], name: 'other-context' });
  await mkdir(folder);
  await writeFile(path.join(folder, 'config'), JSON.stringify(config));
  return cluster;
}

/** What certbot, lego and acme.sh would have left on this machine. */
async function putForeignFolders(at: (...parts: string[]) => string, server: string): Promise<void> {
  const certbot = { name: 'example.com', issued: issueForeign({ names: ['example.com', '*.example.com'] }), server };
  const account = await putCertbotAccount(at('letsencrypt'), { server });
  await putLineage(at('letsencrypt'), {
    ...certbot,
    account,
    params: ['authenticator = dns-route53', 'renew_hook = systemctl reload nginx'],
  });
  const host = new URL(server).host;
  await putLego4Account(at('.lego'), { host: host.replaceAll(':', '_'), email: 'admin@example.com' });
  const resource = { domain: 'lego.example.com', certUrl: `https://${host}/certZ/1` };
  await putLegoCertificate(at('.lego'), 'lego.example.com', issueForeign({ names: ['lego.example.com'] }), resource);
  const settings = { Le_API: server, Le_Webroot: 'dns_nsupdate' };
  await putAcmeShDomain(at('.acme.sh'), 'example.org', issueForeign({ names: ['example.org'] }), { settings });
  await putAcmeShAccount(at('.acme.sh'), { server });
}
