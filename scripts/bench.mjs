// `npm run bench`: the budgets of the house beside the peers that are installed, as ratios in one run, in Markdown on stdout.
// --quick leaves out what takes minutes (slow peers, a thousand certificates). lego, certbot and cfssl are taken where
// `node scripts/servers.mjs lego certbot cfssl` has put them or PATH has them; --install puts them there first.
import { execFileSync, spawnSync } from 'node:child_process';
import os from 'node:os';
import { countRequests, countRoute53Calls, measureDue, measureMany, timeJob } from './bench/acme.mjs';
import { timeCluster } from './bench/kubernetes.mjs';
import { timeRequests, timeStart } from './bench/local.mjs';
import { timeRevocation } from './bench/revocation.mjs';
import { measureNothingDue } from './bench/stored.mjs';

delete process.env.NODE_EXTRA_CA_CERTS; // Node.js 20 would read it at every start.
const quick = process.argv.includes('--quick');
const peers = findPeers(['openssl', 'cfssl', 'lego', 'certbot', 'kubectl'], process.argv.includes('--install'));
execFileSync(process.execPath, ['scripts/build.mjs', '--no-types'], { stdio: ['ignore', 'ignore', 'inherit'] });

const cpu = os.cpus();
print(
  `Measured ${new Date().toISOString().slice(0, 10)} on ${os.type()} ${os.release()}, ${cpu.length} cores (${cpu[0]?.model.trim()}), Node.js ${process.version}.`,
);
print(
  `Beside it: ${Object.entries(peers)
    .map(([name, file]) => `${name} ${versionOf(name, file)}`)
    .join(', ')}.`,
);

const start = await timeStart(quick ? 5 : 15);
table(
  'Start',
  ['', 'seconds', 'ratio', 'budget'],
  [
    ['`node -e 0`', start.node.toFixed(3), '1.00', ''],
    ['`tscert --help`', start.tscert.toFixed(3), ratio(start.tscert, start.node), '1.6'],
  ],
);

const rates = await timeRequests(peers);
table(
  'CSRs a second (P-256, three names)',
  ['', 'a second'],
  Object.entries(rates).map(([name, rate]) => [name, Math.round(rate)]),
);
print('Budget: at least 10,000, and half of what node:crypto signs.');

const jobs = [
  { title: '1 name, round trip 0', names: 1, runs: 5, ca: {}, budget: '' },
  { title: '1 name, round trip 50 ms', names: 1, runs: 5, ca: { roundTrip: 50 }, budget: '1.2' },
  { title: '10 names, round trip 50 ms', names: 10, runs: 1, ca: { roundTrip: 50 }, budget: '0.5' },
  { title: '20 certificates, round trip 50 ms', names: 1, certificates: 20, runs: 1, ca: { roundTrip: 50 }, budget: '0.1' },
  { title: '1 name, round trip 50 ms, CA takes 1 s', names: 1, runs: 1, ca: { roundTrip: 50, validation: 1_000 }, budget: '0.5' },
  {
    title: '10 names, round trip 50 ms, CA takes 1 s',
    names: 10,
    runs: 1,
    ca: { roundTrip: 50, validation: 1_000 },
    budget: '0.06',
    slow: true,
  },
];
const rows = [];
for (const { title, budget, slow, ...job } of jobs) {
  const without = [...(quick && slow ? ['lego', 'certbot'] : []), ...(job.names > 1 || job.certificates > 1 ? ['certbot'] : [])];
  const { tscert, lego, certbot } = await timeJob({ peers, without, ...job });
  rows.push([title, seconds(tscert), seconds(lego), seconds(certbot), lego === undefined ? '' : ratio(tscert, lego), budget]);
}
table(
  'A certificate over HTTP-01, account known (wall time, start of the program included)',
  ['', 'tscert', 'lego', 'certbot', 'tscert / lego', 'budget'],
  rows,
);

table(
  'ACME requests, account known',
  ['names', 'requests', 'of them polls', 'connections', 'budget without polls'],
  (await countRequests([1, 10, 50])).map(({ count, total, poll, connections }) => [count, total, poll, connections, 2 * count + 7]),
);
table(
  'Route53 calls for the names of one zone in one run',
  ['names', 'calls', 'seconds', 'budget'],
  (await countRoute53Calls(quick ? [1, 50] : [1, 50, 200, 300])).map(({ count, calls, seconds: time }) => [
    count,
    calls,
    time.toFixed(1),
    20,
  ]),
);
const many = quick ? [100] : [100, 1_000];
const memory = [];
for (const count of many) {
  const { seconds: time, megabytes } = await measureMany(count);
  memory.push([count, time.toFixed(1), Math.round(megabytes), 300]);
}
table('Many certificates in one run', ['certificates', 'seconds', 'most memory, MB', 'budget, MB'], memory);

const due = [];
for (const count of many) {
  const { tscert, lego } = await measureDue(count, { peers, sample: quick ? 5 : 30 });
  const beside = lego === undefined ? ['', '', ''] : [lego.seconds.toFixed(3), lego.calls.toFixed(1), ratio(tscert.seconds, lego.seconds)];
  due.push([count, tscert.seconds.toFixed(3), tscert.calls.toFixed(1), Math.round(tscert.megabytes), ...beside]);
}
table(
  '`renew` with everything due, round trip 0 (seconds and calls of the CA for one certificate)',
  ['certificates', 'tscert, s', 'calls', 'most memory, MB', 'loop of lego, s', 'calls', 'tscert / lego'],
  due,
);

const revocation = [];
for (const [title, cas] of [
  ['200 certificates of one CA', 1],
  ['200 certificates of 50 CAs', 50],
]) {
  if (peers.openssl === undefined) break;
  const job = { openssl: peers.openssl, cas, count: 200, roundTrip: 50, runs: quick ? 1 : 3, oneByOne: !quick };
  const { tscert, oneRequest, loop } = await timeRevocation(job);
  revocation.push([title, seconds(tscert), seconds(oneRequest), seconds(loop), ratio(tscert, oneRequest)]);
}
table(
  'Whether they were revoked, by OCSP, round trip 50 ms (wall time, start of the program included)',
  ['', 'tscert', 'openssl, a request a CA', 'openssl, a request each', 'tscert / a request a CA'],
  revocation,
);

const idle = quick ? [1_000] : [1_000, 10_000];
const quietRuns = [];
for (const count of idle) {
  const { first, next } = await measureNothingDue(count);
  const cells = [first, next].flatMap(({ seconds: time, megabytes }) => [time.toFixed(1), Math.round(megabytes)]);
  quietRuns.push([count, ...cells]);
}
table(
  '`renew` with nothing due (budget for 10,000: 2 s, 150 MB)',
  ['certificates', 'first look, s', 'most memory, MB', 'next looks, s', 'most memory, MB'],
  quietRuns,
);

if (peers.kubectl !== undefined) {
  const jobs = await timeCluster(peers, quick ? 3 : 9);
  table(
    'Commands for a cluster, start of the program included',
    ['', 'tscert', 'kubectl', 'tscert / kubectl'],
    jobs.map(({ title, tscert, kubectl }) => [title, seconds(tscert), seconds(kubectl), ratio(tscert, kubectl)]),
  );
}

function findPeers(names, install) {
  const found = {};
  for (const name of names) {
    const env = { ...process.env, ...(install ? {} : { TSCERT_TEST_BUILD: 'no' }) };
    const recipe = name === 'kubectl' ? 'kubernetes' : name;
    const { status, stdout } = spawnSync(process.execPath, ['scripts/servers.mjs', recipe], { encoding: 'utf8', env });
    const file =
      status === 0 ? JSON.parse(stdout)[name] : spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).stdout.trim();
    if (file) found[name] = file;
    else console.error(`${name} is not here: node scripts/servers.mjs ${name}`);
  }
  return found;
}

function versionOf(name, file) {
  const args = { openssl: ['version'], cfssl: ['version'], lego: ['--version'], certbot: ['--version'], kubectl: ['version', '--client'] }[
    name
  ];
  // What was built from the Go module says "dev": its folder in the cache is named by the version.
  const text = execFileSync(file, args, { encoding: 'utf8' }).replace(/^Version: dev$[\s\S]*/m, file);
  return /\d+\.\d+[.\d]*/.exec(text)?.[0] ?? '';
}

function print(text) {
  console.log(`${text}\n`);
}

function table(title, head, lines) {
  const row = (cells) => `| ${cells.join(' | ')} |`;
  console.log([`### ${title}`, '', row(head), row(head.map(() => '---')), ...lines.map(row), ''].join('\n'));
}

function seconds(value) {
  return value === undefined ? '' : value.toFixed(2);
}

function ratio(value, base) {
  return (value / base).toFixed(2);
}
