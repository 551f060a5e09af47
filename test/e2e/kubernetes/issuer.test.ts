import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { type Finished, startTscert, tscert } from '../../support/command.js';
import { type KubernetesCluster, startKubernetes } from '../../support/kubernetes.js';
import { skipUnless } from '../../support/servers.js';

const skip = skipUnless('kubernetes', 'openssl');
const CLIENT = 'kubernetes.io/kube-apiserver-client';
const CSRS = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
let cluster: KubernetesCluster;
let folder: string;
let alice: string;

before(async () => {
  if (skip !== false) return;
  folder = mkdtempSync(path.join(tmpdir(), 'tscert-signer-'));
  cluster = await startKubernetes();
  alice = cluster.kubeconfig('alice');
  const csrs = { apiGroups: ['certificates.k8s.io'], resources: ['certificatesigningrequests'] };
  // No right to watch: looking again and again must do.
  await cluster.grant('alice', [{ ...csrs, verbs: ['create', 'get', 'delete'] }]);
});
after(async () => {
  await cluster?.stop();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

const at = (...parts: readonly string[]): string => path.join(folder, ...parts);
const env = (kubeconfig = alice) => ({ KUBECONFIG: kubeconfig, TSCERT_DIR: at('store') });
const run = (args: readonly string[], kubeconfig?: string): Promise<Finished> => tscert(args, { cwd: folder, env: env(kubeconfig) });
const start = (args: readonly string[]) => startTscert(args, { cwd: folder, env: env() });
const requests = async (): Promise<readonly { metadata: { name: string }; spec: { request: string } }[]> =>
  (await cluster.ask('GET', CSRS)).body.items;
const forget = async (): Promise<void> => {
  await cluster.ask('DELETE', CSRS);
};
/** Runs a command, and approves what it asks for until it has ended. */
const approving = async (args: readonly string[]): Promise<Finished> => {
  const command = start(args);
  let isOver = false;
  const ended = command.finished.finally(() => {
    isOver = true;
  });
  const approved = new Set<string>();
  while (!isOver) {
    for (const { metadata } of await requests()) {
      if (approved.has(metadata.name)) continue;
      cluster.kubectl(['certificate', 'approve', metadata.name]);
      approved.add(metadata.name);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return ended;
};
const issue = (name: string, ...more: readonly string[]): readonly string[] => [
  ...['issue', '--issuer', 'kubernetes', '--signer', CLIENT, '--cn', name],
  ...more,
];
const serialOf = (name: string): string => new X509Certificate(readFileSync(at('store/live', name, 'cert.pem'))).serialNumber;

test('issued, good, renewed', { skip }, async () => {
  const done = await approving(issue('jane', '--expiration', '1d'));
  assert.equal(done.code, 0, done.stderr);
  assert.match(done.stderr, /made the CertificateSigningRequest "jane-\w{5}"/);
  const certificate = new X509Certificate(readFileSync(at('store/live/jane/cert.pem')));
  assert.equal(certificate.subject, 'CN=jane');
  assert.ok(certificate.checkPrivateKey(createPrivateKey(readFileSync(at('store/live/jane/privkey.pem')))));
  const config = cluster.kubeconfig({
    'client-certificate': at('store/live/jane/fullchain.pem'),
    'client-key': at('store/live/jane/privkey.pem'),
  });
  assert.match(cluster.kubectl(['auth', 'whoami'], { kubeconfig: config }), /jane/);
  const again = await run(issue('jane', '--expiration', '1d'));
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stdout, /jane is good; nothing to do/);
  await forget();
  const before = serialOf('jane');
  const renewed = await approving(['renew', '--force']);
  assert.equal(renewed.code, 0, renewed.stderr);
  assert.notEqual(serialOf('jane'), before);
  const list = await run(['list']);
  assert.match(list.stdout, /jane .* ready/);
  await forget();
});

test('killed while it waits, it goes on with the same request and key', { skip }, async () => {
  const first = start(issue('kim'));
  await first.said(/waits for approval/);
  first.kill('SIGKILL');
  await first.finished;
  const [made] = await requests();
  const second = start(issue('kim'));
  await second.said(/going on with the order of an earlier run[\s\S]*waits for approval/);
  const all = await requests();
  assert.deepEqual(
    all.map(({ metadata, spec }) => [metadata.name, spec.request]),
    [[made?.metadata.name, made?.spec.request]],
  );
  // Interrupted by a word, it leaves the request to the next run as well.
  second.kill('SIGTERM');
  assert.equal((await second.finished).code, 143);
  const third = await approving(issue('kim'));
  assert.equal(third.code, 0, third.stderr);
  assert.equal((await requests()).length, 1);
  assert.ok(
    new X509Certificate(readFileSync(at('store/live/kim/cert.pem'))).checkPrivateKey(
      createPrivateKey(readFileSync(at('store/live/kim/privkey.pem'))),
    ),
  );
  await forget();
});

test('a denial ends it, and the next run asks anew with the same key', { skip }, async () => {
  const first = start(issue('leo'));
  await first.said(/waits for approval/);
  const [made] = await requests();
  cluster.kubectl(['certificate', 'deny', made?.metadata.name ?? '']);
  const denied = await first.finished;
  assert.equal(denied.code, 1);
  assert.match(denied.stderr, /the request was denied \(KubectlDeny/);
  assert.equal(existsSync(at('store/live/leo')), false);
  await forget();
  const second = await approving(issue('leo', '--force'));
  assert.equal(second.code, 0, second.stderr);
  await forget();
});

test('a request that the cluster has forgotten is made again', { skip }, async () => {
  const first = start(issue('mia'));
  await first.said(/waits for approval/);
  first.kill('SIGKILL');
  await first.finished;
  await forget();
  const second = await approving(issue('mia'));
  assert.equal(second.code, 0, second.stderr);
  await forget();
});

test('another request under the name withdraws the one that waits', { skip }, async () => {
  const first = start(issue('nia'));
  await first.said(/waits for approval/);
  first.kill('SIGKILL');
  await first.finished;
  const [made] = await requests();
  const second = start(issue('nia', '--expiration', '2d'));
  await second.said(/waits for approval/);
  const [other, ...more] = await requests();
  assert.notEqual(other?.metadata.name, made?.metadata.name);
  assert.equal(more.length, 0);
  second.kill('SIGTERM');
  await second.finished;
  await forget();
});

test('what the signer would refuse, what nobody may, and a trial: nothing is made, not even a key', { skip }, async () => {
  const refused = await run(['issue', '--issuer', 'kubernetes', '--signer', 'kubernetes.io/kubelet-serving', '-d', 'my-svc.web.svc']);
  assert.equal(refused.code, 2, refused.stderr);
  assert.match(refused.stderr, /"kubernetes\.io\/kubelet-serving" does not sign it/);
  assert.match(refused.stderr, /hint: no signer of Kubernetes gives server certificates to anything but nodes/);
  const carol = await run(issue('olga'), cluster.kubeconfig('carol'));
  assert.equal(carol.code, 1);
  assert.match(carol.stderr, /the right "create" on "certificatesigningrequests\.certificates\.k8s\.io" is missing/);
  const dry = await run(issue('olga', '--dry-run'));
  assert.equal(dry.code, 0, dry.stderr);
  assert.match(dry.stdout, /the dry run went through/);
  assert.equal((await requests()).length, 0);
  const usage: readonly (readonly string[])[] = [
    ['issue', '--issuer', 'kubernetes', '--cn', 'x'],
    ['issue', '--issuer', 'kubernetes', '--signer', 'nonsense', '--cn', 'x'],
    ['issue', '--issuer', 'kubernetes', '--signer', 'example.com/mine', '--cn', 'x'],
    issue('x', '--must-staple'),
    issue('x', '--profile', 'short'),
    ['issue', '-d', 'example.com', '--signer', CLIENT, '--http', 'standalone', '--agree-tos'],
  ];
  for (const args of usage) {
    const { code, stderr } = await run(args);
    assert.equal(code, 2, `${args.join(' ')}: ${stderr}`);
  }
  const keys = readdirSync(at('store'), { recursive: true }).filter(
    (name) => /olga|my-svc/.test(String(name)) && !String(name).startsWith('state/ledger'),
  );
  assert.deepEqual(keys, []);
});

test('a configuration file names it once for many', { skip }, async () => {
  writeFileSync(
    at('tscert.yaml'),
    `issuer: kubernetes
signer: ${CLIENT}@test
expiration: 1d
certificates:
  - {cn: paul, domains: [paul.example.com], name: paul}
  - {cn: quinn, domains: [quinn.example.com], name: quinn}
`,
  );
  const done = await approving(['issue', '--config', at('tscert.yaml'), '--json']);
  assert.equal(done.code, 0, done.stderr);
  assert.deepEqual(
    JSON.parse(done.stdout)
      .certificates.map(({ name, state }: { name: string; state: string }) => `${name} ${state}`)
      .sort(),
    ['paul issued', 'quinn issued'],
  );
  assert.match((await run(['plan', '--config', at('tscert.yaml')])).stdout, /paul/);
});
