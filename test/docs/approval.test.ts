/** docs/approval.md: its lines are run against a real cluster, its table of keys is the schema's. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { readPolicies } from '../../src/policy/approval/read.js';
import { makeNode, mustAsk, nodeRequest, pemOf, stateOf } from '../kubernetes/requests.js';
import { type KubernetesCluster, startKubernetes } from '../support/kubernetes.js';
import { skipUnless } from '../support/servers.js';
import { blocksOf } from './blocks.js';

const PAGE = 'docs/approval.md';
const skip = skipUnless('kubernetes', 'openssl');
const blocks = blocksOf(PAGE);

describe(PAGE, { skip }, () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'tscert-docs-approval-'));
  let cluster: KubernetesCluster;
  before(async () => {
    cluster = await startKubernetes();
    symlinkSync(process.env.TSCERT_TEST_BIN ?? '', path.join(folder, 'tscert'));
    await makeNode(cluster, 'worker-1', '10.1.0.1');
    await cluster.grant('alice', [{ apiGroups: ['certificates.k8s.io'], resources: ['certificatesigningrequests'], verbs: ['create'] }]);
    await mustAsk(cluster, 'worker-1-serving', nodeRequest('worker-1'));
    await mustAsk(cluster, 'from-alice', pemOf({ commonName: 'bob', names: [] }), {
      user: 'alice',
      signerName: 'kubernetes.io/kube-apiserver-client',
    });
  });
  after(async () => {
    await cluster?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('its lines work, in their order', async () => {
    const run = (text: string): void => {
      const env = {
        PATH: `${folder}:${path.dirname(process.execPath)}:${process.env.PATH}`,
        HOME: folder,
        KUBECONFIG: cluster.kubeconfig('admin'),
      };
      const { status, stdout, stderr } = spawnSync('sh', ['-e', '-c', text], { cwd: folder, env, encoding: 'utf8' });
      assert.equal(status, 0, `${text}\n${stdout}${stderr}`);
    };
    for (const { language, info, text } of blocks) {
      if (language === 'yaml') {
        writeFileSync(path.join(folder, 'policy.yaml'), text);
        await mustAsk(cluster, 'by-policy', nodeRequest('worker-1', ['worker-1', '10.1.0.1']));
        await mustAsk(cluster, 'foreign', nodeRequest('worker-2'));
      } else if (language === 'sh' && info === '') run(text);
      else assert.match(info, /^skip \(.{10,}\)$/);
    }
    const states = await Promise.all(['worker-1-serving', 'from-alice', 'by-policy', 'foreign'].map((name) => stateOf(cluster, name)));
    assert.deepEqual(states, ['Approved', 'Denied', 'Approved', 'Denied']);
  });
});

test('the policy of the page is one, and the table names every key, and no other', async () => {
  const [yaml] = blocks.filter(({ language }) => language === 'yaml');
  assert.equal((await readPolicies(yaml?.text ?? '', PAGE)).length, 1);
  const text = readFileSync(PAGE, 'utf8');
  const rows = text.slice(text.indexOf('<!-- keys: policy -->')).split('\n\n')[0]?.split('\n').slice(3) ?? [];
  const named = rows.map((row) => /^\| `(\w+)` \|/.exec(row)?.[1]);
  const schema = JSON.parse(readFileSync('schema/approval-policy.schema.json', 'utf8'));
  assert.deepEqual(named, Object.keys(schema.properties.policies.items.properties));
});
