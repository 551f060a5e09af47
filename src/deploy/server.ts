/** Servers that hold a certificate in memory: their configuration is tested, and only when it is good they are reloaded. */
import type { Clock } from '../base/clock.js';
import { messageOf, TscertError } from '../base/errors.js';
import { type Environment, findProgram, pickEnvironment, runProgram } from '../host/program.js';
import type { ServerRequest } from '../request/request.js';
import type { Reloads } from './reloads.js';
import { type Target, targetFailure } from './target.js';

/** How one kind of server is tested and reloaded. */
export interface Recipe {
  readonly title: string;
  /** Where its program may be; the first that is there is taken. */
  readonly programs: readonly string[];
  /** Units of systemd that may run it. */
  readonly units: readonly string[];
  /** Arguments with which its program tests the configuration. */
  test(request: ServerRequest): readonly string[];
  /** Makes a server that systemd does not run read its files again. */
  reload(request: ServerRequest, program: string, run: (args: readonly string[]) => Promise<void>): Promise<void>;
}

export interface ServerParts {
  readonly clock: Clock;
  readonly environment: Environment;
  readonly reloads: Reloads;
}

/** Milliseconds. Names of upstreams are looked up in a test, and a reload of systemd waits for the server. */
const LIMIT = 2 * 60_000;
/** cron's PATH has none of them. */
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

export function serverTarget(recipe: Recipe, request: ServerRequest, parts: ServerParts): Pick<Target, 'title' | 'bring'> {
  const { title, config } = { title: recipe.title, ...request };
  return {
    title: config === undefined ? title : `${title} ${config}`,
    bring: ({ stored }, { signal }) => reloadServer(recipe, request, `Cannot deploy "${stored.name}" to ${title}`, parts, signal),
  };
}

/**
 * Tests the configuration of a server and reloads it; others who ask for the same at once share it.
 * @param begin of the error
 * @throws {TscertError} `hook-failed`
 */
export async function reloadServer(
  recipe: Recipe,
  request: ServerRequest,
  begin: string,
  { clock, environment, reloads }: ServerParts,
  signal: AbortSignal,
): Promise<void> {
  const searchPath = [...new Set([...(environment.PATH ?? '').split(':'), ...SYSTEM_FOLDERS])].filter((part) => part !== '').join(':');
  const env = { ...pickEnvironment(environment, () => false), PATH: searchPath };
  const run = async (what: string, file: string, args: readonly string[]): Promise<void> => {
    await runProgram({ file, args, env, timeout: LIMIT, secrets: [], failure: 'hook-failed', what }, clock, signal);
  };

  const findServer = async (): Promise<string> => {
    const names = request.program === undefined ? recipe.programs : [request.program];
    for (const name of names) {
      const found = await findProgram(name, searchPath);
      if (found !== undefined) return found;
    }
    throw new TscertError('hook-failed', `there is no program ${names.map((name) => `"${name}"`).join(' or ')}`);
  };

  /** The unit to reload: the one that is named, or the one that runs the server as it is usually run. */
  const findUnit = async (systemctl: string | undefined): Promise<string | undefined> => {
    const { unit: named, config, pidFile } = request;
    if (named !== undefined || config !== undefined || pidFile !== undefined || systemctl === undefined) return named;
    for (const unit of recipe.units) {
      const isActive = await run('', systemctl, ['is-active', '--quiet', unit]).then(
        () => true,
        () => false,
      );
      signal.throwIfAborted();
      if (isActive) return unit;
    }
    return undefined;
  };

  const reload = async (): Promise<void> => {
    const program = await findServer();
    const test = recipe.test(request);
    await run(`its configuration is refused by "${wordsOf(program, test)}"`, program, test);
    const systemctl = await findProgram('systemctl', searchPath);
    const unit = await findUnit(systemctl);
    if (unit !== undefined) {
      await run(`"systemctl reload ${unit}" failed`, systemctl ?? 'systemctl', ['reload', unit]);
      return;
    }
    await recipe.reload(request, program, (args) => run(`"${wordsOf(program, args)}" failed`, program, args));
  };

  try {
    await reloads(JSON.stringify([recipe.title, request]), reload);
  } catch (error) {
    signal.throwIfAborted();
    throw targetFailure(begin, messageOf(error), error);
  }
}

function wordsOf(program: string, args: readonly string[]): string {
  return [program, ...args].join(' ');
}
