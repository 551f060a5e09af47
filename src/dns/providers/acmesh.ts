/** `acmesh:dns_xx`: runs the dnsapi scripts of an installed acme.sh. */
import path from 'node:path';
import type { Clock } from '../../base/clock.js';
import { TscertError } from '../../base/errors.js';
import type { Emit } from '../../base/events.js';
import { type Environment, pickEnvironment, runProgram } from '../../host/program.js';
import type { DnsProvider } from '../provider.js';
import { findInstall } from './acmesh/install.js';
import { isPlace, removesAllValues, variablesOf } from './acmesh/script.js';
import { openRunFolder } from './acmesh/state.js';
import { createOneByOne } from './one-by-one.js';

export interface AcmeshOptions {
  /** The script, `dns_cf`. */
  readonly script: string;
  /** Settings of the configuration file by the names of variables; each is handed to the script, before the environment's. */
  readonly settings?: Environment | undefined;
  /** The environment of this process. */
  readonly environment: Environment;
  /** A folder of ours for this script alone: what it finds out itself is kept there. */
  readonly stateFolder: string;
  readonly clock: Clock;
  readonly emit: Emit;
}

/** Milliseconds that one run of a script may take: several requests to a slow service, and scripts that wait between them. */
const TIMEOUT = 180_000;
/** Milliseconds of the self check: among so many services some are slow; acme.sh itself waits for twice as long. */
const PROPAGATION = 600_000;

/** What curl and wget need to get out of the house. */
const PROXY = /^(https?_proxy|no_proxy|all_proxy|HTTPS?_PROXY|NO_PROXY|ALL_PROXY|CURL_CA_BUNDLE|SSL_CERT_FILE|SSL_CERT_DIR)$/;

/**
 * Runs as `sh -c DRIVER ACME.SH SCRIPT FUNCTION NAME VALUE`. acme.sh is sourced for its functions: its last line carries out its
 * arguments, and `:` is the command that does nothing.
 */
const DRIVER = `
umask 077
_tscert_script=$1 _tscert_function=$2 _tscert_name=$3 _tscert_value=$4
set -- :
. "$0" || exit 1
USER_AGENT=$DEFAULT_USER_AGENT
ACME_OPENSSL_BIN=$DEFAULT_OPENSSL_BIN
. "$_tscert_script" || exit 1
if ! _exists "$_tscert_function"; then
  _err "The script does not define $_tscert_function"
  exit 1
fi
"$_tscert_function" "$_tscert_name" "$_tscert_value"
`;

/**
 * Runs `dns_xx_add` and `dns_xx_rm` of a script once a value, one after the other. The script sees PATH, HOME, LANG, LC_*, TZ,
 * the proxy variables, its own variables as its text names them, those of the settings and those that ACMESH_ENV lists. A variable
 * comes from the settings, else the environment, else from what the user has stored with acme.sh (read, never written).
 * Folders: ACMESH_HOME, ~/.acme.sh, /usr/share/acme.sh, /usr/lib/acme.sh.
 * @throws {TscertError} `config-invalid` or `provider-unknown` when acme.sh or the script is missing, before anything is run
 */
export async function createAcmesh(options: AcmeshOptions): Promise<DnsProvider> {
  const { script: name, settings = {}, environment, clock, emit } = options;
  if (!/^dns_\w+$/.test(name)) {
    throw new TscertError('provider-unknown', `Cannot use the DNS provider "acmesh:${name}": its script has a name such as dns_cf`, {
      data: { provider: `acmesh:${name}` },
    });
  }
  const outside: Environment = { ...environment, ...settings };
  const install = await findInstall(name, { given: outside.ACMESH_HOME, home: outside.HOME });
  const listed = (outside.ACMESH_ENV ?? '').split(/[\s,]+/).filter((one) => one !== '');
  const own = new Set([...variablesOf(install.text), ...listed, ...Object.keys(settings)]);
  const stored = Object.fromEntries([...install.stored].filter(([variable]) => own.has(variable)));
  const env = pickEnvironment({ ...stored, ...outside }, (variable) => own.has(variable) || PROXY.test(variable));
  const names = new Set(Object.keys(env).filter((variable) => own.has(variable)));
  const secrets = [...names].filter((variable) => !isPlace(variable)).flatMap((variable) => env[variable] ?? []);
  let warned = !removesAllValues(install.text, name);

  const change = createOneByOne(async (action, record, signal) => {
    if (action === 'cleanup' && !warned) {
      warned = true;
      emit({ type: 'warning', message: `acme.sh's script "${name}" removes every TXT value at a name, not only the one asked for` });
    }
    const step = action === 'present' ? 'add' : 'rm';
    const folder = await openRunFolder(options.stateFolder, record.name, { names, secrets });
    try {
      const program = {
        file: 'sh',
        args: ['-c', DRIVER, install.library, install.script, `${name}_${step}`, record.name, record.value],
        env: { ...env, ...folderVariables(folder.path, path.dirname(install.library)) },
        timeout: TIMEOUT,
        secrets,
        failure: 'provider-failed' as const,
        what: `Cannot ${action === 'present' ? 'add' : 'remove'} the TXT value of "${record.name}" with acme.sh's script "${name}"`,
      };
      await runProgram(program, clock, signal);
    } finally {
      await folder.close();
    }
  });
  return { name: `acmesh:${name}`, change, propagationTimeout: PROPAGATION };
}

/** acme.sh's own variables: all that it and the script write goes into the folder of the run. */
function folderVariables(folder: string, home: string): Record<string, string> {
  return {
    _SCRIPT_HOME: home,
    LE_WORKING_DIR: folder,
    LE_CONFIG_HOME: folder,
    LE_TEMP_DIR: folder,
    TMPDIR: folder,
    ACCOUNT_CONF_PATH: path.join(folder, 'account.conf'),
    DOMAIN_CONF: path.join(folder, 'domain.conf'),
    CA_CONF: path.join(folder, 'ca.conf'),
    HTTP_HEADER: path.join(folder, 'http.header'),
    NO_TIMESTAMP: '1',
    ACME_NO_COLOR: '1',
  };
}
