/** `tscert metrics`: the state of all certificates for a monitoring system. */
import type { Context } from '../context.js';
import type { Verb } from '../verb.js';
import { addStoreOptions } from './cluster-options.js';

export const metrics: Verb = {
  name: 'metrics',
  summary: 'the state of all certificates for Prometheus',
  define(command, run) {
    command.option('--out <file>', 'write it there in one step, readable for all, instead of to standard output');
    command.addHelpText(
      'before',
      `Most people need one of these first:
  $ tscert metrics
  $ tscert metrics --out /var/lib/prometheus/node-exporter/tscert.prom    # from cron, for node_exporter's textfile collector
`,
    );
    command.addHelpText(
      'after',
      `
The names and labels are cert-manager's, so its alerts and dashboards go on working; tscert's own begin with tscert_. Runs,
failures, requests and durations are counted by issue and renew and kept between them. Rules and a dashboard for both are in
examples/monitoring.`,
    );
    addStoreOptions(command);
    command.action(
      run(async (context: Context, flags: { readonly out?: string }) => (await import('../metrics-run.js')).runMetrics(context, flags)),
    );
  },
};
