/** From the arguments to the exit code. */
import { Command, CommanderError, Option } from 'commander';
import { type GlobalOptions, STORE_KEYS } from './globals.js';
import { createSystem, type System } from './system.js';
import { VERBS } from './table.js';
import type { Runner } from './verb.js';

/** Runs the command of this process and sets its exit code. */
export async function main(): Promise<void> {
  process.exitCode = await runCommand(createSystem());
}

/** Runs one command line; gives its exit code. */
export async function runCommand(system: System): Promise<number> {
  let exitCode = 0;
  system.onWarning(() => undefined);
  const program = createProgram(system);
  const run: Runner =
    (action) =>
    async (...values) => {
      const { runAction } = await import('./action.js');
      // What a verb has of the store's options is told to everybody, as if it stood before the verb.
      const own = values.at(-1) instanceof Command ? pick((values.at(-1) as Command).opts(), STORE_KEYS) : {};
      exitCode = await runAction(system, { ...program.opts<GlobalOptions>(), ...own }, (context) => action(context, ...values));
    };
  for (const row of VERBS) {
    const command = program.command(row.name).description(row.summary);
    // Only the verb that stands on the command line is loaded; of the others the name and the summary are enough.
    const at = system.argv.indexOf(row.name);
    if (at >= 0) (await row.load()).define(command, run, system.argv.slice(at + 1));
  }
  const [first, second] = system.argv.filter((word) => !word.startsWith('-'));
  if (first === 'help' && second !== undefined && !VERBS.some(({ name }) => name === second)) return failUnknown(system, second);
  try {
    await program.parseAsync([...system.argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return 0;
    const { failUsage } = await import('./usage-failure.js');
    return failUsage(system, error.code, error.message);
  }
}

function pick(options: Readonly<Record<string, unknown>>, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(keys.filter((key) => options[key] !== undefined).map((key) => [key, options[key]]));
}

/** `tscert help VERB` for a verb that there is not, which commander passes over. */
async function failUnknown(system: System, verb: string): Promise<number> {
  const [{ failUsage }, { nearest }] = await Promise.all([import('./usage-failure.js'), import('../base/nearest.js')]);
  const meant = nearest(
    verb,
    VERBS.map(({ name }) => name),
  );
  const suggestion = meant === undefined ? '' : `\n(Did you mean ${meant}?)`;
  return failUsage(system, 'commander.unknownCommand', `unknown command '${verb}'${suggestion}`);
}

function createProgram(system: System): Command {
  const program = new Command('tscert')
    .description('The whole life of a TLS certificate: keys, requests, ACME, storage.')
    .version(system.version, '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .exitOverride()
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false, helpWidth: Math.min(system.stdout.columns || 100, 110) })
    .configureOutput({
      writeOut: (text) => system.stdout.write(text),
      writeErr: (text) => system.stderr.write(text),
      outputError: () => undefined,
    });
  for (const option of globalOptions()) program.addOption(option);
  program.addHelpText(
    'after',
    `
Examples:
  $ tscert issue -d example.com -d '*.example.com' --dns route53
  $ tscert genkey --key-type ec256 --out key.pem
  $ tscert inspect cert.pem

Exit codes: 0 done or nothing to do, 1 failed, 2 usage or configuration error (nothing was tried), 3 some certificates
failed, 4 good and stored but a deploy failed, 5 try later, 130 and 143 interrupted and cleaned up.`,
  );
  return program;
}

function globalOptions(): Option[] {
  return [
    new Option('--dir <dir>', 'where everything is kept (TSCERT_DIR; /etc/tscert for root, else ~/.local/share/tscert)'),
    new Option('--config <file>', 'configuration (TSCERT_CONFIG; default DIR/tscert.yaml where it exists)'),
    new Option('--ca-bundle <file>', 'extra trust roots for HTTPS of this run, PEM (TSCERT_CA_BUNDLE)'),
    new Option('--timeout <duration>', 'of the whole command: 90s, 10m, 12h'),
    new Option('--json', 'one JSON document on stdout, progress as JSON lines on stderr'),
    new Option('-q, --quiet', 'say nothing but warnings and errors'),
    new Option('-v, --verbose', 'say more'),
    new Option('--no-color', 'no colours (NO_COLOR)'),
  ];
}
