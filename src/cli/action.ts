/** One action of a verb, from its options to its exit code. */
import { setMaxListeners } from 'node:events';
import { parseDuration } from '../base/duration.js';
import { TscertError } from '../base/errors.js';
import type { Context, SignalTakers } from './context.js';
import { EXIT, exitCodeOf } from './exit.js';
import type { GlobalOptions } from './globals.js';
import type { System } from './system.js';
import { createUi } from './ui/ui.js';

/** What Node.js warns of that people brought about: all other warnings are for those who write programs. */
const IS_FOR_PEOPLE = /^Setting the NODE_TLS_REJECT_UNAUTHORIZED |^Ignoring extra certs from /;

/** Builds the context of one action, and ends it: signals and the time limit abort it, what it throws becomes words. */
export async function runAction(system: System, globals: GlobalOptions, action: (context: Context) => Promise<number>): Promise<number> {
  const ui = await createUi(system, globals);
  system.onWarning((warning) => {
    if (IS_FOR_PEOPLE.test(warning.message)) ui.warn(warning.message);
    else if (globals.verbose === true) ui.say(`${warning.name}: ${warning.message}`);
  });
  const abort = new AbortController();
  // Every request, wait and question of the run listens.
  setMaxListeners(0, abort.signal);
  const over = new AbortController();
  let takers: SignalTakers | undefined;
  let isStopping = false;
  const stopListening = system.onSignal((signal) => {
    if (takers !== undefined && signal === 'SIGHUP') {
      takers.hangUp();
      return;
    }
    if (isStopping || abort.signal.aborted) {
      ui.rest();
      ui.warn('stopped at once; the next run of the same command cleans up');
      process.exit(signal === 'SIGTERM' ? EXIT.terminated : EXIT.interrupted);
    }
    isStopping = true;
    if (takers !== undefined) {
      takers.stop(signal);
      return;
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
    const onSignals = (wanted: SignalTakers): void => {
      takers = wanted;
    };
    return await action({ system, globals, ui, signal: abort.signal, onSignals });
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
