/** `tscert schedule`: has the system run tscert, by systemd or cron. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Context } from '../context.js';
import type { CronFlags, SystemdFlags } from '../schedule-run.js';
import type { Verb } from '../verb.js';

const collect = (value: string, previous: readonly string[] = []): string[] => [...previous, value];

const NEEDS = ['ports', 'hooks'];
const collectNeeds = (value: string, previous: readonly string[] = []): string[] => {
  const words = value.split(',').map((word) => word.trim());
  if (!words.every((word) => NEEDS.includes(word))) throw new InvalidArgumentError(`It wants ${NEEDS.join(' or ')}.`);
  return [...previous, ...words];
};

export const schedule: Verb = {
  name: 'schedule',
  summary: 'units of systemd, or a cron line, that renew what is due',
  define(command, run) {
    command.addHelpText(
      'before',
      `Most people need one of these first:
  $ tscert schedule systemd --install     # twice a day, in a sandbox; says how to start it
  $ tscert schedule cron --install        # where there is no systemd
  $ tscert schedule systemd --watch       # print a service that runs all the time
`,
    );
    addInstall(
      command
        .command('systemd')
        .description('print or install the units that run tscert renew twice a day, or tscert watch all the time')
        .summary('print or install units of systemd')
        .option('--watch', 'a service that runs tscert watch, in place of a timer for tscert renew')
        .option('--listen <host:port>', 'of tscert watch; --no-listen for none')
        .addOption(new Option('--no-listen').hideHelp())
        .option('--user <name>', 'who runs it (default: who runs this)')
        .option('--write <folder>', 'a folder that deploy hooks may write to, as /etc/haproxy; repeatable', collect)
        .option('--allow <what>', 'what certificates that are not there yet will need: ports, hooks; repeatable', collectNeeds),
      '/etc/systemd/system',
    )
      .option('--enable', 'install it, and have systemd start it now and at every boot')
      .action(
        run(async (context: Context, flags: SystemdFlags) => (await import('../schedule-run.js')).runScheduleSystemd(context, flags)),
      );
    addInstall(
      command
        .command('cron')
        .description('print or install the line that runs tscert renew twice a day')
        .summary('print or install a line of cron')
        .option('--user <name>', 'who runs it (default: who runs this)')
        .option('--mailto <address>', 'who gets what is said: warnings and errors'),
      '/etc/cron.d',
    ).action(run(async (context: Context, flags: CronFlags) => (await import('../schedule-run.js')).runScheduleCron(context, flags)));
    command.addHelpText(
      'after',
      `
More examples:
  $ tscert schedule systemd --write /etc/haproxy --install
  $ tscert schedule systemd --to ./image/etc/systemd/system --install --user tscert
  $ tscert schedule cron --mailto admin@example.com

The units of systemd allow what the configured and the stored certificates need, and no more: run the command again when
there is one with another kind of proof or deployment.`,
    );
  },
};

function addInstall(command: Command, folder: string): Command {
  return command
    .option('--install', 'write it, and say what comes next')
    .option('--to <folder>', `where it is written (default: ${folder})`)
    .option('--force', 'also in place of a file that is not from here, or was changed');
}
