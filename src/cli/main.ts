/** From the arguments to the exit code. */
import { Command, CommanderError, Option } from 'commander';
import { parseDuration } from '../base/duration.js';
import { TscertError } from '../base/errors.js';
import { nearest } from '../base/nearest.js';
import type { Context } from './context.js';
import { EXIT, exitCodeOf } from './exit.js';
import type { GlobalOptions } from './globals.js';
import { createSystem, type System } from './system.js';
import { VERBS } from './table.js';
import { createUi } from './ui/ui.js';
import { usageError } from './ui/usage.js';
import type { Runner } from './verb.js';
import { VERSION } from './version.js';

/** Runs the command of this process and sets its exit code. */
export async function main(): Promise<void> {
  process.exitCode = await runCommand(createSystem());
}

/** Runs one command line; gives its exit code. */
export async function runCommand(system: System): Promise<number> {
  let exitCode: number = EXIT.done;
  system.onWarning(() => undefined);
  const program = createProgram(system);
  const run: Runner =
    (action) =>
    async (...values) => {
      exitCode = await withContext(system, program.opts<GlobalOptions>(), (context) => action(context, ...values));
    };
  for (const row of VERBS) {
    const command = program.command(row.name).description(row.summary);
    // Only the verb that stands on the command line is loaded; of the others the name and the summary are enough.
    if (system.argv.includes(row.name)) (await row.load()).define(command, run);
  }
  const [first, second] = system.argv.filter((word) => !word.startsWith('-'));
  if (first === 'help' && second !== undefined && !VERBS.some(({ name }) => name === second)) {
    const meant = nearest(
      second,
      VERBS.map(({ name }) => name),
    );
    return failUsage(system, `unknown command '${second}'${meant === undefined ? '' : `\n(Did you mean ${meant}?)`}`);
  }
  try {
    await program.parseAsync([...system.argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return EXIT.done;
    // Help without a command is printed already; everything else is told like any other error.
    return error.code === 'commander.help' ? EXIT.usage : failUsage(system, error.message);
  }
}

/** Tells what is wrong with the command line, and gives the exit code. */
async function failUsage(system: System, message: string): Promise<number> {
  const has = (...flags: readonly string[]): boolean => flags.some((flag) => system.argv.includes(flag));
  const ui = await createUi(system, { json: has('--json'), color: !has('--no-color') });
  const verb = VERBS.find(({ name }) => name === system.argv.find((word) => !word.startsWith('-')))?.name;
  ui.fail(usageError(message, verb));
  return EXIT.usage;
}

function createProgram(system: System): Command {
  const program = new Command('tscert')
    .description('The whole life of a TLS certificate: keys, requests, ACME, storage.')
    .version(VERSION, '--version', 'print the version')
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

/** What Node.js warns of that people brought about: all other warnings are for those who write programs. */
const IS_FOR_PEOPLE = /^Setting the NODE_TLS_REJECT_UNAUTHORIZED |^Ignoring extra certs from /;

/** Builds the context of one action, and ends it: signals and the time limit abort it, what it throws becomes words. */
async function withContext(system: System, globals: GlobalOptions, action: (context: Context) => Promise<number>): Promise<number> {
  const ui = await createUi(system, globals);
  system.onWarning((warning) => {
    if (IS_FOR_PEOPLE.test(warning.message)) ui.warn(warning.message);
    else if (globals.verbose === true) ui.say(`${warning.name}: ${warning.message}`);
  });
  const abort = new AbortController();
  const over = new AbortController();
  const stopListening = system.onSignal((signal) => {
    if (abort.signal.aborted) {
      ui.rest();
      ui.warn('stopped at once; the next run of the same command cleans up');
      process.exit(signal === 'SIGTERM' ? EXIT.terminated : EXIT.interrupted);
    }
    ui.say(`${signal}: stopping and cleaning up; once more stops at once`);
    abort.abort(new TscertError('interrupted', `Cannot finish: interrupted by ${signal}`, { data: { signal } }));
  });
  try {
    if (globals.timeout !== undefined) {
      const limit = parseDuration(globals.timeout);
      system.clock.sleep(limit, over.signal).then(
        () =>
          abort.abort(
            new TscertError('timeout', `Cannot finish within ${globals.timeout}: the time of --timeout is over`, { data: { limit } }),
          ),
        () => undefined,
      );
    }
    return await action({ system, globals, ui, signal: abort.signal });
  } catch (error) {
    ui.rest();
    ui.fail(error);
    return exitCodeOf(error);
  } finally {
    over.abort();
    stopListening();
    ui.rest();
  }
}
