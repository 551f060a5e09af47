/**
 * `approve --watch` on a real API server: hundreds of requests, two replicas, an API server that is restarted, storms of conflicts and refusals.
 * Nothing is decided twice or wrongly, nothing is forgotten.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Condition, mustAsk, pemOf, ROOT, sideBySide } from '../kubernetes/requests.js';
import { type Started, startTscert } from '../support/command.js';
import { type FaultyKubernetes, startFaultyKubernetes, status } from '../support/faulty-kubernetes.js';
import { freePort } from '../support/free-port.js';
import { type KubernetesCluster, startKubernetes } from '../support/kubernetes.js';
import { skipUnless } from '../support/servers.js';

const skip = skipUnless('kubernetes', 'openssl');
const SIGNER = 'example.com/batch';
const REQUESTS = Number(process.env.APPROVE_REQUESTS ?? 500);
const folder = mkdtempSync(path.join(tmpdir(), 'tscert-approve-watch-'));
const policy = path.join(folder, 'policy.yaml');
let cluster: KubernetesCluster;
let faulty: FaultyKubernetes;

const policyFor = (pattern: string): string => `policies:
  - name: batch
    signers: [${SIGNER}]
    requesters: { users: [admin] }
    subject: { commonName: ["${pattern}"] }
    usages: [client auth]
`;

before(async () => {
  if (skip !== false) return;
  writeFileSync(policy, policyFor('good-*'));
  cluster = await startKubernetes({ controllers: false });
  faulty = await startFaultyKubernetes(cluster);
});
after(async () => {
  await faulty?.stop();
  await cluster?.stop();
  rmSync(folder, { recursive: true, force: true });
});

interface Found {
  readonly name: string;
  readonly conditions: readonly Condition[];
}

async function all(signer = SIGNER): Promise<readonly Found[]> {
  const { body } = await cluster.ask('GET', `${ROOT}?fieldSelector=spec.signerName%3D${encodeURIComponent(signer)}`);
  return body.items.map((item: { metadata: { name: string }; status: { conditions?: Condition[] } }) => ({
    name: item.metadata.name,
    conditions: item.status.conditions ?? [],
  }));
}

/** Until so many have a verdict. */
async function until(count: number, children: readonly Started[]): Promise<void> {
  let isOver = false;
  for (const child of children) void child.finished.then(() => (isOver = true));
  for (let tries = 0; tries < 600; tries++) {
    // The API server may be away for a moment.
    const decided = await all().then(
      (found) => found.filter(({ conditions }) => conditions.length > 0).length,
      () => 0,
    );
    if (decided >= count) return;
    if (isOver && children.length === 1) break;
    await sleep(500);
  }
  assert.fail(`${count} verdicts did not come`);
}

const make = async (names: Iterable<string>, signerName = SIGNER): Promise<void> =>
  sideBySide(names, (name) =>
    mustAsk(cluster, name, pemOf({ commonName: name, names: [] }), { signerName, usages: ['client auth'], user: 'admin' }),
  );

function* batch(from: number, count: number): Generator<string> {
  for (let at = from; at < from + count; at++) yield `${at % 3 === 0 ? 'bad' : 'good'}-${at}`;
}

const touch = (name: string): Promise<unknown> =>
  cluster.ask('PATCH', `${ROOT}/${name}`, { metadata: { labels: { touched: 'yes' } } }, { type: 'application/merge-patch+json' });

async function startWatcher(...more: readonly string[]): Promise<{ child: Started; url: string }> {
  const port = await freePort();
  const kubeconfig = cluster.kubeconfig('admin', { cluster: { server: faulty.url } });
  const args = ['approve', '--watch', '--policy', policy, '--signer', SIGNER, '--kubeconfig', kubeconfig, '--listen', `127.0.0.1:${port}`];
  const child = startTscert([...args, ...more]);
  await child.said(/watching; metrics at/);
  return { child, url: `http://127.0.0.1:${port}` };
}

const metricsOf = async (url: string): Promise<string> => await (await fetch(`${url}/metrics`)).text();

test(`${REQUESTS} requests, two replicas, a restart, and storms of 409 and 429`, { skip }, async () => {
  await make(batch(0, REQUESTS));
  const written = new Map<string, number>();
  let conflicts = 0;
  let busy = 0;
  let lost = 0;
  faulty.rule = ({ method, path: place }, earlier) => {
    const name = /\/certificatesigningrequests\/([^/?]+)\/approval/.exec(place)?.[1];
    if (method !== 'PUT' || name === undefined) return undefined;
    written.set(name, (written.get(name) ?? 0) + 1);
    const number = Number(/\d+$/.exec(name)?.[0]);
    if (earlier > 0) return undefined;
    switch (number % 10) {
      case 1:
      case 4:
        conflicts++;
        // Somebody else writes to it in between: the server's own 409.
        return {
          kind: 'first',
          act: () => touch(name).catch(() => undefined),
        };
      case 2:
        busy++;
        return status(429, 'TooManyRequests', 'too much to do', { 'retry-after': '1' });
      case 5:
        lost++;
        return { kind: 'lose' };
      default:
        return undefined;
    }
  };
  const first = await startWatcher('--json');
  await first.child.said(/this replica judges/);
  const second = await startWatcher();
  await until(Math.floor(REQUESTS / 5), [first.child]);
  await cluster.restart();
  await until(Math.floor(REQUESTS / 2), [first.child, second.child]);
  assert.match(await metricsOf(second.url), /^tscert_approval_leader 0$/m, 'one judges at a time');
  // The leader goes: what it has under way is finished, and the other one goes on at once.
  first.child.kill('SIGTERM');
  const over = await first.child.finished;
  assert.equal(over.code, 0, over.stderr);
  await make(batch(REQUESTS, 20));
  await until(REQUESTS + 20, [second.child]);

  for (const { name, conditions } of await all()) {
    assert.equal(conditions.length, 1, name);
    assert.equal(conditions[0]?.type, name.startsWith('good') ? 'Approved' : 'Denied', name);
    assert.equal(conditions[0]?.reason, 'TscertPolicy');
  }
  assert.ok(conflicts > REQUESTS / 10 && busy > REQUESTS / 20 && lost > REQUESTS / 20, `${conflicts} ${busy} ${lost}`);
  const metrics = await metricsOf(second.url);
  assert.match(metrics, /^tscert_approval_leader 1$/m);
  assert.match(metrics, /^tscert_approval_pending_requests 0$/m);
  assert.match(metrics, /^tscert_approval_reviews_total\{signer="example.com\/batch",outcome="approved",policy="batch"\} \d+$/m);
  assert.equal((await fetch(`${second.url}/readyz`)).status, 200);
  const lines = over.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.ok(lines.length >= Math.floor(REQUESTS / 5) && lines.every(({ kind, version }) => kind === 'review' && version === 1));
  second.child.kill('SIGTERM');
  const end = await second.child.finished;
  assert.equal(end.code, 0, end.stderr);
});

test('what gets no verdict is judged again when the policies are read again; a file that is none changes nothing', { skip }, async () => {
  faulty.rule = () => undefined;
  writeFileSync(policy, policyFor('good-*').replace('[admin]', '[somebody]').replace('    subject', '    unmatched: leave\n    subject'));
  const { child, url } = await startWatcher('--no-lease');
  await make(['good-9001']);
  await child.said(/good-9001 left as it is: No policy selects it/);
  writeFileSync(policy, 'policies: [');
  child.kill('SIGHUP');
  await child.said(/the policies from before stay in force/);
  assert.match(await metricsOf(url), /^tscert_approval_policies_current 0$/m);
  writeFileSync(policy, policyFor('good-*'));
  child.kill('SIGHUP');
  await child.said(/good-9001 approved/);
  child.kill('SIGTERM');
  assert.equal((await child.finished).code, 0);
});

test('without the right to approve it goes on and says so; without the right to watch it ends with the right that is missing', {
  skip,
}, async () => {
  await cluster.grant('carol', [
    { apiGroups: ['certificates.k8s.io'], resources: ['certificatesigningrequests'], verbs: ['get', 'list'] },
    { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'create', 'update'] },
  ]);
  const args = ['approve', '--watch', '--policy', policy, '--no-listen', '--kubeconfig', cluster.kubeconfig('carol')];
  const blind = await startTscert(args).finished;
  assert.equal(blind.code, 1, blind.stderr);
  assert.match(blind.stderr, /"watch"|watch.*certificatesigningrequests/);
});
