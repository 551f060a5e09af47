// How fast the commands for a cluster are beside kubectl's for the same job, start of the program included.
import { loadTypeScript } from '../test-support.mjs';
import { median, runCommand } from './measure.mjs';

const { startKubernetes } = await loadTypeScript(`export { startKubernetes } from './test/support/kubernetes.js';`);

const JOBS = [
  { title: 'list requests', tscert: ['csr', 'list'], kubectl: ['get', 'csr'] },
  { title: 'one request, decoded', tscert: ['csr', 'show', 'bench'], kubectl: ['describe', 'csr', 'bench'] },
];

/** Seconds of each job: `tscert` and, where it is installed, `kubectl`. */
export async function timeCluster({ kubectl }, runs) {
  const cluster = await startKubernetes();
  try {
    const config = cluster.kubeconfig('admin');
    const submit = [
      'csr',
      'submit',
      '--name',
      'bench',
      '--signer',
      'example.com/bench',
      '--usage',
      'client auth',
      '--cn',
      'bench',
      '--key-out',
      `${cluster.folder}/bench.key`,
    ];
    await runCommand(tscert(submit, config));
    const rows = [];
    for (const job of JOBS) {
      const own = await median(runs, async () => (await runCommand(tscert(job.tscert, config))).seconds);
      const env = { KUBECONFIG: config, HOME: cluster.folder };
      const args = job.kubectl;
      const peer = kubectl && (await median(runs, async () => (await runCommand({ file: kubectl, args, env })).seconds));
      rows.push({ title: job.title, tscert: own, kubectl: peer });
    }
    return rows;
  } finally {
    await cluster.stop();
  }
}

function tscert(args, config) {
  return { file: process.execPath, args: ['bin/tscert.js', ...args, '--kubeconfig', config] };
}
