/** `tscert watch`: `renew` that never ends. */
import type { Context } from '../context.js';
import type { Verb } from '../verb.js';
import { addStoreOptions } from './cluster-options.js';
import { countOption, withoutStore } from './issue-options.js';

export const watch: Verb = {
  name: 'watch',
  summary: 'renew whenever something is due; serves metrics and a status page',
  define(command, run) {
    command.addHelpText(
      'before',
      `Most people need one of these first:
  $ tscert watch                          # until it is stopped; http://127.0.0.1:9402/ shows how things are
  $ tscert watch --listen :9402           # in a container: for everybody who can reach it
  $ tscert schedule systemd --watch       # have systemd run it
`,
    );
    command
      .option('--listen <host:port>', 'where /metrics, /healthz, /readyz and the status page are (TSCERT_LISTEN; default 127.0.0.1:9402)')
      .option('--no-listen', 'serve nothing')
      .option('--grace <duration>', 'what is under way may take so long after SIGTERM, then it is cleaned up (default: 30s)')
      .addOption(countOption('--jobs <n>', 'certificates under way at once (default: 300)'));
    command.addHelpText(
      'after',
      `
It does what tscert renew does, whenever a renewal, a retry or the CA's next word is due, at least every 12 hours, and it
does not end because a certificate fails. SIGHUP reads the configuration again; one that cannot be read changes nothing.
SIGTERM lets what is under way finish, or cleans it up when --grace is over, and ends with 0.`,
    );
    addStoreOptions(command);
    command.action(
      run(async (context: Context, flags: Readonly<Record<string, unknown>>) =>
        (await import('../watch-run.js')).runWatch(context, withoutStore(flags)),
      ),
    );
  },
};
