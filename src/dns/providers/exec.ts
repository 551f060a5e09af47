/** `exec`: any program that speaks lego's protocol, `PROGRAM present|cleanup FQDN. VALUE`. */
import type { Clock } from '../../base/clock.js';
import { parseDuration } from '../../base/duration.js';
import { TscertError } from '../../base/errors.js';
import { type Environment, findProgram, pickEnvironment, runProgram } from '../../host/program.js';
import type { DnsProvider, TxtRecord } from '../provider.js';
import { createOneByOne } from './one-by-one.js';

interface ExecOptions {
  /** Settings of the configuration file by the names of variables; each is handed to the program, before the environment's. */
  readonly settings?: Environment | undefined;
  /** The environment of this process. */
  readonly environment: Environment;
  readonly clock: Clock;
}

/** Seconds unless EXEC_TIMEOUT says something else. */
const TIMEOUT = '60';

/**
 * Runs the program of EXEC_PATH once a value, one after the other. The program sees PATH, HOME, LANG, LC_*, TZ, TMPDIR, EXEC_*,
 * the settings of the configuration file and the variables that EXEC_ENV lists, nothing else of the environment. EXEC_TIMEOUT
 * limits each run, EXEC_PROPAGATION_TIMEOUT is the self check's deadline; both in seconds, as with lego, or as `90s`, `10m`.
 * EXEC_MODE=RAW is refused: it wants the ACME token and the key authorization, which no DNS provider is given here.
 * @throws {TscertError} `config-invalid`, `credentials-missing`, before anything is run
 */
export async function createExec({ settings = {}, environment, clock }: ExecOptions): Promise<DnsProvider> {
  const all: Environment = { ...environment, ...settings };
  const wanted = all.EXEC_PATH;
  if (wanted === undefined || wanted === '') {
    throw new TscertError('credentials-missing', 'Cannot use the DNS provider "exec": EXEC_PATH is not set', {
      data: { provider: 'exec', variable: 'EXEC_PATH' },
    });
  }
  if (all.EXEC_MODE !== undefined && all.EXEC_MODE !== '') {
    const reason =
      all.EXEC_MODE.toUpperCase() === 'RAW'
        ? 'RAW wants the ACME token and the key authorization, and tscert hands out the record name and value only; unset it'
        : 'it must be unset';
    throw new TscertError('config-invalid', `Cannot use EXEC_MODE "${all.EXEC_MODE}": ${reason}`, { data: { provider: 'exec' } });
  }
  const file = await findProgram(wanted, all.PATH);
  if (file === undefined) {
    throw new TscertError('config-invalid', `Cannot run the program "${wanted}" of EXEC_PATH: there is no such file that may be executed`, {
      data: { provider: 'exec', program: wanted },
    });
  }
  const listed = (all.EXEC_ENV ?? '').split(/[\s,]+/).filter((name) => name !== '');
  const handed = new Set([...listed, ...Object.keys(settings)]);
  const env = pickEnvironment(all, (name) => name.startsWith('EXEC_') || handed.has(name));
  const secrets = Object.keys(env)
    .filter((name) => (handed.has(name) || name.startsWith('EXEC_')) && !OWN.includes(name))
    .flatMap((name) => env[name] ?? []);
  const timeout = seconds('EXEC_TIMEOUT', all.EXEC_TIMEOUT || TIMEOUT);
  const propagation = all.EXEC_PROPAGATION_TIMEOUT;

  const run = async (action: 'present' | 'cleanup', { name, value }: TxtRecord, signal: AbortSignal): Promise<void> => {
    const what = `Cannot ${action === 'present' ? 'add' : 'remove'} the TXT value of "${name}" with the program "${wanted}"`;
    await runProgram({ file, args: [action, `${name}.`, value], env, timeout, secrets, failure: 'provider-failed', what }, clock, signal);
  };
  return {
    name: 'exec',
    change: createOneByOne(run),
    ...(propagation ? { propagationTimeout: seconds('EXEC_PROPAGATION_TIMEOUT', propagation) } : {}),
  };
}

const OWN = ['EXEC_PATH', 'EXEC_ENV', 'EXEC_TIMEOUT', 'EXEC_PROPAGATION_TIMEOUT'];

function seconds(variable: string, text: string): number {
  try {
    return parseDuration(/^\d+$/.test(text) ? `${text}s` : text);
  } catch (cause) {
    throw new TscertError('config-invalid', `Cannot use ${variable} "${text}": it wants seconds, or a form such as 90s or 10m`, { cause });
  }
}
