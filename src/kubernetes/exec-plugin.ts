/** Credential plugins (KEP 541, `client.authentication.k8s.io`): programs that print an ExecCredential. */
import * as v from 'valibot';
import type { Clock } from '../base/clock.js';
import { TscertError } from '../base/errors.js';
import { type Environment, runProgram } from '../host/program.js';
import type { Credential } from './credentials.js';
import type { ExecPlugin } from './kubeconfig.js';

/** Milliseconds: somebody may have to log in with a browser. */
const TIMEOUT = 300_000;
/** Characters: a token with many groups, or a chain and its key. */
const LARGEST = 1_048_576;
const IS_SECRET = /SECRET|TOKEN|PASSWORD|KEY/i;

const schema = v.object({
  apiVersion: v.string(),
  kind: v.literal('ExecCredential'),
  status: v.object({
    token: v.nullish(v.string(), ''),
    clientCertificateData: v.nullish(v.string(), ''),
    clientKeyData: v.nullish(v.string(), ''),
    expirationTimestamp: v.nullish(v.string()),
  }),
});

export interface ExecWorld {
  readonly env: Environment;
  readonly clock: Clock;
  /** Standard input is a terminal, and nothing else reads it. */
  readonly isTerminal: boolean;
}

/** What the plugin may know of the cluster, for `provideClusterInfo`. */
export type ClusterInfo = Readonly<Record<string, unknown>>;

/** A credential and when it ends, in milliseconds since the epoch. */
export interface ExecCredential extends Credential {
  readonly expires?: number;
}

/**
 * Runs a plugin. It gets the whole environment, as kubectl gives it.
 * @param user the user of the kubeconfig, for errors
 * @throws {TscertError} `cluster-login` when it cannot be run, fails, or prints something else; the reason of the signal
 */
export async function runExecPlugin(
  plugin: ExecPlugin,
  { user, cluster, world, signal }: { user: string; cluster: ClusterInfo; world: ExecWorld; signal: AbortSignal },
): Promise<ExecCredential> {
  const isInteractive = plugin.interactiveMode !== 'Never' && world.isTerminal;
  if (plugin.interactiveMode === 'Always' && !isInteractive) {
    throw refused(plugin, user, 'it wants a terminal, and standard input is none');
  }
  const info = {
    apiVersion: plugin.apiVersion,
    kind: 'ExecCredential',
    spec: { ...(plugin.provideClusterInfo ? { cluster } : {}), interactive: isInteractive },
  };
  const own = Object.entries(plugin.env);
  const inherited = Object.entries(world.env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const output = await runProgram(
    {
      file: plugin.command,
      args: plugin.args,
      env: { ...Object.fromEntries(inherited), ...plugin.env, KUBERNETES_EXEC_INFO: JSON.stringify(info) },
      timeout: TIMEOUT,
      secrets: own.filter(([name]) => IS_SECRET.test(name)).map(([, value]) => value),
      failure: 'cluster-login',
      what: `Cannot get credentials of "${user}" with "${plugin.command}"`,
      secretOutput: true,
      terminal: isInteractive,
      keep: LARGEST,
    },
    world.clock,
    signal,
  ).catch((error: unknown) => {
    const isAbsent = error instanceof TscertError && error.code === 'cluster-login' && /ENOENT/.test(error.message);
    throw isAbsent
      ? refused(plugin, user, `there is no such program${plugin.installHint ? ` (${plugin.installHint.trim()})` : ''}`)
      : error;
  });
  return readCredential(output, plugin, user);
}

/**
 * Reads what a plugin printed.
 * @throws {TscertError} `cluster-login`; nothing of the output stands in it
 */
function readCredential(output: string, plugin: ExecPlugin, user: string): ExecCredential {
  let value: unknown;
  try {
    value = JSON.parse(output);
  } catch {
    throw refused(plugin, user, 'what it printed is no JSON');
  }
  const parsed = v.safeParse(schema, value);
  if (!parsed.success) throw refused(plugin, user, 'what it printed is no ExecCredential with a status');
  const { apiVersion, status } = parsed.output;
  if (apiVersion !== plugin.apiVersion)
    throw refused(plugin, user, `it answered in "${apiVersion}" where "${plugin.apiVersion}" was asked`);
  const { token, clientCertificateData: cert, clientKeyData: key, expirationTimestamp } = status;
  if ((cert === '') !== (key === ''))
    throw refused(plugin, user, 'it gave a certificate without its key, or a key without its certificate');
  if (token === '' && cert === '') throw refused(plugin, user, 'it gave neither a token nor a certificate');
  if (/[^\u0021-\u007e]/.test(token)) throw refused(plugin, user, 'its token cannot stand in a header');
  const expires = expirationTimestamp === undefined || expirationTimestamp === null ? undefined : Date.parse(expirationTimestamp);
  if (Number.isNaN(expires)) throw refused(plugin, user, 'its expirationTimestamp is no time');
  return {
    ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
    ...(cert === '' ? {} : { cert, key }),
    ...(expires === undefined ? {} : { expires }),
  };
}

function refused({ command }: ExecPlugin, user: string, why: string): TscertError {
  return new TscertError('cluster-login', `Cannot get credentials of "${user}" with "${command}": ${why}`, { data: { user, command } });
}
