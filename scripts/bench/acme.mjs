// The ACME budgets: wall times beside the peers, requests, Route53 calls, memory.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { median, runCommand } from './measure.mjs';
import { createTools, legoRenewal } from './tools.mjs';
import { AWS_KEY, startCa, startRoute53Ca } from './world.mjs';

let serial = 0;
/** Names that nobody had before. */
const freshNames = (count) => Array.from({ length: count }, () => `n${++serial}.example.com`);

async function withFolder(work) {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'tscert-bench-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Times of all tools for a job at one CA; each has made its account before. */
export async function timeJob({ peers, names, certificates = 1, runs, ca: options, without = [] }) {
  const ca = await startCa(options);
  try {
    return await withFolder(async (folder) => {
      const times = {};
      for (const [tool, commandFor] of Object.entries(createTools(peers))) {
        if (without.includes(tool)) continue;
        await runCommand(commandFor(freshNames(1), { ca, folder }));
        const once = async () => {
          if (certificates === 1) return (await runCommand(commandFor(freshNames(names), { ca, folder }))).seconds;
          if (tool === 'tscert') return (await runMany(certificates, { ca, folder, commandFor })).seconds;
          let total = 0;
          for (let at = 0; at < certificates; at++) total += (await runCommand(commandFor(freshNames(names), { ca, folder }))).seconds;
          return total;
        };
        times[tool] = await median(tool === 'tscert' ? Math.max(runs, 3) : runs, once);
      }
      return times;
    });
  } finally {
    await ca.stop();
  }
}

/** Requests and connections of tscert for n names with a known account. */
export async function countRequests(counts) {
  const ca = await startCa();
  try {
    return await withFolder(async (folder) => {
      const { tscert } = createTools({});
      await runCommand(tscert(freshNames(1), { ca, folder }));
      const rows = [];
      for (const count of counts) {
        ca.requests();
        const before = ca.connections();
        await runCommand(tscert(freshNames(count), { ca, folder }));
        const { total, poll } = ca.requests();
        rows.push({ count, total, poll, connections: ca.connections() - before });
      }
      return rows;
    });
  } finally {
    await ca.stop();
  }
}

/** Calls of Route53 for n names of one zone, a hundred names a certificate. */
export async function countRoute53Calls(counts) {
  const ca = await startRoute53Ca();
  try {
    return await withFolder(async (folder) => {
      const rows = [];
      for (const count of counts) {
        const names = freshNames(count);
        const groups = Array.from({ length: Math.ceil(count / 100) }, (_, at) => names.slice(at * 100, at * 100 + 100));
        await writeConfiguration(folder, groups, [`dns: [route53]`, `dnsResolver: "${ca.dns}"`, `dnsNameserver: "${ca.dns}"`], ca);
        const env = {
          AWS_ACCESS_KEY_ID: AWS_KEY.accessKeyId,
          AWS_SECRET_ACCESS_KEY: AWS_KEY.secretAccessKey,
          AWS_REGION: 'us-east-1',
          AWS_ENDPOINT_URL_ROUTE_53: ca.endpoint,
        };
        ca.calls();
        const { seconds } = await runCommand({ ...issueAll(folder), env });
        rows.push({ count, calls: ca.calls(), seconds });
      }
      return rows;
    });
  } finally {
    await ca.stop();
  }
}

/** Time and memory of tscert for many certificates in one run. */
export async function measureMany(count) {
  const ca = await startCa();
  try {
    return await withFolder((folder) => runMany(count, { ca, folder }));
  } finally {
    await ca.stop();
  }
}

/**
 * A `renew` for which all of `count` certificates are due, for they are to have keys of another kind; beside it a loop of lego over `sample`
 * certificates. Times and calls of the CA are those of one certificate.
 */
export async function measureDue(count, { peers, sample }) {
  const ca = await startCa();
  try {
    return await withFolder(async (folder) => {
      await runMany(count, { ca, folder });
      const file = path.join(folder, 'many.yaml');
      await writeFile(file, (await readFile(file, 'utf8')).replace('certificates:', 'keyType: ec384\ncertificates:'));
      ca.requests();
      const { args, ...node } = issueAll(folder);
      const { seconds, megabytes } = await runCommand({ ...node, args: args.map((word) => (word === 'issue' ? 'renew' : word)) });
      const tscert = { seconds: seconds / count, calls: ca.requests().total / count, megabytes };
      if (peers.lego === undefined) return { tscert };
      const tools = createTools(peers);
      const names = freshNames(sample);
      for (const name of names) await runCommand(tools.lego([name], { ca, folder }));
      ca.requests();
      let total = 0;
      for (const name of names) total += (await runCommand(legoRenewal(tools, [name], { ca, folder }))).seconds;
      return { tscert, lego: { seconds: total / sample, calls: ca.requests().total / sample } };
    });
  } finally {
    await ca.stop();
  }
}

async function runMany(count, { ca, folder }) {
  const groups = freshNames(count).map((name) => [name]);
  await writeConfiguration(folder, groups, [`http: "standalone:${ca.httpPort}"`, `dnsResolver: "${ca.resolver}"`], ca);
  return runCommand(issueAll(folder));
}

function issueAll(folder) {
  return {
    file: process.execPath,
    args: ['bin/tscert.js', 'issue', '--quiet', '--dir', path.join(folder, 'tscert'), '--config', path.join(folder, 'many.yaml')],
  };
}

function writeConfiguration(folder, groups, lines, ca) {
  const head = [`server: ${ca.directory}`, `caBundle: ${ca.caBundle}`, 'email: admin@example.com', 'agreeTos: true', ...lines];
  const entries = groups.map((names) => `  - domains: [${names.join(', ')}]`);
  return writeFile(path.join(folder, 'many.yaml'), `${[...head, 'certificates:', ...entries].join('\n')}\n`);
}
