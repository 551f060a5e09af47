/** A run of `schedule`: units and cron lines printed, or installed. Asks nobody. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { TscertError } from '../base/errors.js';
import type { Context } from './context.js';
import { EXIT } from './exit.js';
import { readOptions } from './options.js';
import { dataFolder, storePlace } from './places.js';
import { findRenewals } from './renewals.js';
import { crontab } from './schedule/crontab.js';
import type { CommandLine, ScheduleFile } from './schedule/file.js';
import { checkSystemd, enableUnit, enabling, type Installed, installFiles } from './schedule/install.js';
import { ALL_NEEDS, joinNeeds, type Needs, needsOf } from './schedule/needs.js';
import { renewUnits, watchUnits } from './schedule/units.js';
import { openStore } from './wire.js';

const UNIT_FOLDER = '/etc/systemd/system';
const CRON_FOLDER = '/etc/cron.d';

interface InstallFlags {
  readonly install?: boolean;
  readonly to?: string;
  readonly force?: boolean;
}

export interface SystemdFlags extends InstallFlags {
  readonly watch?: boolean;
  readonly listen?: string | false;
  readonly user?: string;
  readonly write?: readonly string[];
  readonly allow?: readonly ('ports' | 'hooks')[];
  readonly enable?: boolean;
}

export interface CronFlags extends InstallFlags {
  readonly user?: string;
  readonly mailto?: string;
}

/** Runs `schedule systemd` and gives its exit code. */
export async function runScheduleSystemd(context: Context, flags: SystemdFlags): Promise<number> {
  const { system, globals, ui, signal } = context;
  if (flags.enable === true && flags.to !== undefined)
    throw new TscertError('usage', 'Cannot use --enable with --to: systemd starts what is in its own folder');
  if (flags.listen !== undefined && flags.watch !== true)
    throw new TscertError('usage', 'Cannot use --listen or --no-listen without --watch: renew listens nowhere');
  const unit = flags.watch === true ? 'tscert-watch.service' : 'tscert-renew.timer';
  if (flags.enable === true) checkSystemd(unit);
  const listen = flags.listen === undefined ? [] : flags.listen === false ? ['--no-listen'] : ['--listen', flags.listen];
  const options = {
    command: commandLine(context, flags.watch === true ? ['watch', ...listen] : ['renew']),
    dataFolder: dataFolder(system, globals),
    user: checkUser(flags.user ?? system.user),
    needs: await machineNeeds(context, flags),
  };
  const files = flags.watch === true ? watchUnits(options) : renewUnits(options);
  if (flags.install !== true && flags.enable !== true) {
    show(context, 'systemd', files, flags.to ?? UNIT_FOLDER);
    return EXIT.done;
  }
  const installed = await install(context, files, { folder: flags.to ?? UNIT_FOLDER, force: flags.force === true });
  const calls = enabling(unit, installed);
  if (flags.enable === true) await enableUnit(system, calls, signal);
  const isSame = installed.every(({ state }) => state === 'unchanged');
  const next = flags.enable === true || isSame ? [] : calls.map((args) => `systemctl ${args.join(' ')}`);
  if (ui.json) ui.document('schedule', { by: 'systemd', files: installed, enabled: flags.enable === true, next });
  if (flags.enable === true) ui.say(`${unit} is enabled; what happens is shown by: journalctl -u ${unit.replace('.timer', '')}`);
  else if (next.length > 0) ui.say(`next: ${next.join(' && ')}`);
  return EXIT.done;
}

/** Runs `schedule cron` and gives its exit code. */
export async function runScheduleCron(context: Context, flags: CronFlags): Promise<number> {
  const { system, ui } = context;
  // Lines of /etc/cron.d name their user; those of a crontab of one's own do not.
  const isOwnTab = flags.install !== true && flags.user === undefined && !system.isRoot;
  const file = crontab({
    command: commandLine(context, ['renew', '--quiet']),
    host: system.host,
    ...(isOwnTab ? {} : { user: checkUser(flags.user ?? system.user) }),
    ...(flags.mailto === undefined ? {} : { mailto: flags.mailto }),
  });
  if (flags.install === true) {
    const installed = await install(context, [file], { folder: flags.to ?? CRON_FOLDER, force: flags.force === true });
    if (ui.json) ui.document('schedule', { by: 'cron', files: installed, next: [] });
    return EXIT.done;
  }
  show(context, 'cron', [file], isOwnTab ? undefined : (flags.to ?? CRON_FOLDER));
  if (isOwnTab) ui.say('this goes into your own crontab: crontab -e');
  return EXIT.done;
}

function commandLine({ system, globals }: Context, args: readonly string[]): CommandLine {
  const { node, script } = system.program;
  if (/[/\\]_npx[/\\]/.test(script))
    throw new TscertError('usage', `Cannot schedule "${script}": npx removes it some day; install the package first`, { data: { script } });
  const absolute = (file: string): string => path.resolve(system.cwd, file);
  const [config, caBundle] = [globals.config ?? system.env.TSCERT_CONFIG, globals.caBundle ?? system.env.TSCERT_CA_BUNDLE];
  return {
    node,
    script,
    args: [
      ...args,
      '--dir',
      dataFolder(system, globals),
      ...(config ? ['--config', absolute(config)] : []),
      ...(caBundle ? ['--ca-bundle', absolute(caBundle)] : []),
      ...(globals.verbose === true ? ['--verbose'] : []),
    ],
  };
}

/** What the sandbox must allow: for what is configured and stored, and for what is said to come. */
async function machineNeeds(context: Context, { allow = [], write = [], listen }: SystemdFlags): Promise<Needs> {
  const { system, globals } = context;
  const store = openStore(system, storePlace(system, globals), 'tscert schedule');
  const { groups, unknown } = await findRenewals(await readOptions(context, {}), { names: [], store, system, dryRun: false });
  const requests = groups.flatMap((group) => group.requests);
  const found = requests.length + unknown.length === 0 ? ALL_NEEDS : needsOf(requests, system.cwd);
  return joinNeeds(found, {
    ports: allow.includes('ports') || (typeof listen === 'string' && /:0*\d{1,3}$/.test(listen)),
    hooks: allow.includes('hooks'),
    folders: write.map((folder) => path.resolve(system.cwd, folder)),
  });
}

function show({ ui }: Context, by: 'systemd' | 'cron', files: readonly ScheduleFile[], folder: string | undefined): void {
  const placed = files.map(({ name, text }) => ({ file: folder === undefined ? undefined : path.join(folder, name), text }));
  if (ui.json) ui.document('schedule', { by, files: placed });
  // As systemctl cat prints them.
  else ui.data(placed.map(({ file, text }) => `${file === undefined ? '' : `# ${file}\n`}${text}`).join('\n'));
}

async function install(
  { system, globals, ui }: Context,
  files: readonly ScheduleFile[],
  where: { readonly folder: string; readonly force: boolean },
): Promise<Installed[]> {
  const installed = await installFiles(system, files, where);
  for (const { file, state } of installed) if (!ui.json) ui.say(`${file}: ${STATES[state]}`);
  const folder = dataFolder(system, globals);
  if (!existsSync(folder)) ui.warn(`the folder "${folder}" is not there yet; it must be, when the schedule runs`);
  return installed;
}

const STATES: Readonly<Record<Installed['state'], string>> = {
  written: 'written',
  replaced: 'written in place of the one before',
  unchanged: 'stands already as it should',
};

function checkUser(user: string): string {
  if (/^[a-z_\d][\w.-]*\$?$/i.test(user)) return user;
  throw new TscertError('usage', `Cannot schedule for the user "${user}": that is no name of a user`, { data: { value: user } });
}
