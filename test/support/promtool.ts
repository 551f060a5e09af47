/** Prometheus's own checker. */
import { spawnSync } from 'node:child_process';
import { servers } from './servers.js';

export interface Verdict {
  readonly code: number;
  /** What it says, without empty lines. */
  readonly lines: readonly string[];
}

/** Runs `promtool ARGS`. */
export function promtool(args: readonly string[], { input, cwd }: { readonly input?: string; readonly cwd?: string } = {}): Verdict {
  const program = servers('promtool').promtool ?? '';
  const { status, stdout, stderr, error } = spawnSync(program, args, { input: input ?? '', cwd, encoding: 'utf8' });
  if (error !== undefined) throw error;
  return { code: status ?? -1, lines: `${stdout}${stderr}`.split('\n').filter((line) => line.trim() !== '') };
}

/** The families of cert-manager that are named as nobody would name them today; everything else must be in order. */
const KNOWN = [
  'certmanager_clock_time_seconds counter metrics should have "_total" suffix',
  "certmanager_clock_time_seconds_gauge metric name should not include type 'gauge'",
  'certmanager_http_acme_client_request_count counter metrics should have "_total" suffix',
  'certmanager_http_acme_client_request_count non-histogram and non-summary metrics should not have "_count" suffix',
];

/**
 * What promtool has against a text of metrics, beside the names that are cert-manager's; a text that cannot be read is a complaint. What
 * stands there twice, which a server refuses, promtool lets pass: it is found here.
 */
export function complaintsAbout(text: string): string[] {
  const series = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const names = series.map((line) => line.replace(/ [^ ]+$/, ''));
  const types = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name ?? '');
  return [
    ...promtool(['check', 'metrics'], { input: text }).lines.filter((line) => !KNOWN.includes(line)),
    ...[names, types].flatMap((all) => all.filter((name, at) => all.indexOf(name) !== at)).map((name) => `${name} stands there twice`),
  ];
}
