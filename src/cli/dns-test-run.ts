/** A run of `dns test`. */
import { formatDuration } from '../base/duration.js';
import { TscertError } from '../base/errors.js';
import type { ServerAnswer } from '../base/events.js';
import { parseDnsName, withoutWildcard } from '../base/names.js';
import { printable } from '../base/printable.js';
import { type DnsTestReport, testDns } from '../flow/dns-test.js';
import { buildDnsOptions, buildRequests } from '../request/build.js';
import type { SolverRequest } from '../request/request.js';
import type { Context } from './context.js';
import { EXIT } from './exit.js';
import { readOptions } from './options.js';
import { storePlace } from './places.js';
import { buildHelp } from './requests.js';
import { wire } from './wire.js';

/** Tests the provider of each name, and shows where its value stood and how long that took. */
export async function runDnsTest(context: Context, flags: Readonly<Record<string, unknown>>): Promise<number> {
  const { system, globals, ui, signal } = context;
  const { zone, domain, ...rest } = flags;
  const { own, config } = await readOptions(context, { ...rest, ...(domain === undefined ? {} : { domains: domain }) });
  const names = namesOf(own.domains ?? [], zone);
  const { certificates: _, ...defaults } = config;
  const [request] = buildRequests({ ...own, domains: names }, defaults, buildHelp(system));
  const solvers = (request?.solvers ?? []).filter(({ type }) => type === 'dns-01');
  refuseManual(solvers);
  const servers = new Map<string, readonly ServerAnswer[]>();
  const emit = ui.emitFor(names.join(', '));
  const parts = wire({
    system,
    place: storePlace(system, globals),
    command: 'tscert dns test',
    caBundle: config.caBundle,
    dns: buildDnsOptions(config),
    emit: (event) => {
      if (event.type === 'propagation') servers.set(event.fqdn, event.servers);
      emit(event);
    },
    expected: () => names.map((name) => `_acme-challenge.${name}`),
  });
  try {
    const picker = await parts.picker(solvers);
    const report = await testDns(names, {
      picker,
      providers: solvers.flatMap((solver) => (solver.type === 'dns-01' ? [solver.provider] : [])),
      store: parts.store(),
      member: parts.gathering.join(),
      clock: system.clock,
      emit,
      signal,
    });
    ui.rest();
    if (ui.json) ui.document('dns-test', { ...report, servers: Object.fromEntries(servers) });
    else if (globals.quiet !== true) {
      const good = ui.paint.good('✔');
      ui.data(
        `${linesOf(report, servers)
          .map((line, at) => (at === 0 ? `${good} ${line}` : `  ${line}`))
          .join('\n')}\n`,
      );
    }
    return EXIT.done;
  } finally {
    await parts.close();
  }
}

/** @throws {TscertError} `usage` without a name, `name-invalid` */
function namesOf(domains: readonly string[] | string, zone: unknown): string[] {
  const given = [...[domains].flat(), ...(typeof zone === 'string' ? [zone] : [])];
  if (given.length === 0) throw new TscertError('usage', 'Cannot tell what to test: there is no -d NAME and no --zone NAME');
  return [...new Set(given.map((name) => withoutWildcard(parseDnsName(name))))];
}

function refuseManual(solvers: readonly SolverRequest[]): void {
  if (!solvers.some((solver) => solver.type === 'dns-01' && solver.provider === 'manual')) return;
  throw new TscertError('usage', 'Cannot test the DNS provider "manual": a person carries its changes out');
}

function linesOf({ names, steps }: DnsTestReport, servers: ReadonlyMap<string, readonly ServerAnswer[]>): string[] {
  const seen = (record: string): string => {
    const holders = (servers.get(record) ?? []).filter(({ holds }) => holds).map(({ server }) => server);
    return holders.length === 0 ? 'not looked for' : `seen at ${[...new Set(holders)].join(', ')}`;
  };
  return [
    `the DNS provider can prove ${names.map(({ name }) => name).join(', ')}; nothing was left behind`,
    ...names.map(({ record, provider, zone }) => printable(`${record} TXT, by ${provider} in the zone ${zone}: ${seen(record)}`)),
    `written in ${formatDuration(steps.write)}, visible after ${formatDuration(steps.see)}, removed in ${formatDuration(steps.remove)}`,
  ];
}
