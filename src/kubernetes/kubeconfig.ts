/**
 * kubeconfig files (client-go's `clientcmd/api/v1`), read as kubectl reads them: unknown keys are passed over, since others add to these
 * files, while what is known must have its type. No value of them stands in an error: most are secrets.
 */
import path from 'node:path';
import * as v from 'valibot';
import { parseDocument } from 'yaml';
import { messageOf, TscertError } from '../base/errors.js';

/** How a server is reached. */
export interface Cluster {
  readonly server: string;
  /** PEM, or the absolute path of it. */
  readonly authority?: Material;
  readonly tlsServerName?: string;
  readonly insecure: boolean;
  readonly proxyUrl?: string;
  /** What a credential plugin may know of the cluster beside this (`client.authentication.k8s.io/exec`). */
  readonly execConfig?: unknown;
}

/** A text in the file itself, or the absolute path of one. */
export type Material = { readonly text: string } | { readonly file: string };

/** A program that gives credentials (KEP 541). */
export interface ExecPlugin {
  readonly apiVersion: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly interactiveMode: 'Never' | 'IfAvailable' | 'Always';
  readonly provideClusterInfo: boolean;
  readonly installHint?: string;
}

/** A built-in way to get tokens, of which OpenID Connect is the last. */
export interface AuthProvider {
  readonly name: string;
  readonly config: Readonly<Record<string, string>>;
}

/** Who we are. */
export interface User {
  readonly certificate?: Material;
  readonly key?: Material;
  readonly token?: string;
  readonly tokenFile?: string;
  readonly username?: string;
  readonly password?: string;
  readonly exec?: ExecPlugin;
  readonly authProvider?: AuthProvider;
  readonly impersonate?: Impersonation;
  /** The file in which this user stands. */
  readonly file: string;
}

/** Whom we act as (`--as`): sent in headers, allowed by the verb `impersonate`. */
export interface Impersonation {
  readonly user?: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

export interface KubeContext {
  readonly cluster: string;
  readonly user: string;
  readonly namespace?: string;
}

export interface Kubeconfig {
  readonly currentContext?: string;
  readonly clusters: ReadonlyMap<string, Cluster>;
  readonly users: ReadonlyMap<string, User>;
  readonly contexts: ReadonlyMap<string, KubeContext>;
}

const text = v.nullish(v.string(), '');
const flag = v.nullish(v.boolean(), false);
const words = v.nullish(v.array(v.string()), []);

const clusterSchema = v.object({
  server: text,
  'tls-server-name': text,
  'insecure-skip-tls-verify': flag,
  'certificate-authority': text,
  'certificate-authority-data': text,
  'proxy-url': text,
  extensions: v.nullish(v.array(v.object({ name: v.string(), extension: v.unknown() })), []),
});

const execSchema = v.object({
  apiVersion: text,
  command: text,
  args: words,
  env: v.nullish(v.array(v.object({ name: v.string(), value: text })), []),
  interactiveMode: v.nullish(v.picklist(['', 'Never', 'IfAvailable', 'Always']), ''),
  provideClusterInfo: flag,
  installHint: text,
});

const userSchema = v.object({
  'client-certificate': text,
  'client-certificate-data': text,
  'client-key': text,
  'client-key-data': text,
  token: text,
  tokenFile: text,
  as: text,
  'as-uid': text,
  'as-groups': words,
  'as-user-extra': v.nullish(v.record(v.string(), v.array(v.string())), {}),
  username: text,
  password: text,
  'auth-provider': v.nullish(v.object({ name: v.string(), config: v.nullish(v.record(v.string(), v.string()), {}) })),
  exec: v.nullish(execSchema),
});

const contextSchema = v.object({ cluster: text, user: text, namespace: text });

const fileSchema = v.object({
  apiVersion: v.nullish(v.picklist(['v1', '']), ''),
  kind: v.nullish(v.picklist(['Config', '']), ''),
  'current-context': text,
  clusters: v.nullish(v.array(v.object({ name: v.string(), cluster: v.nullish(clusterSchema, {}) })), []),
  users: v.nullish(v.array(v.object({ name: v.string(), user: v.nullish(userSchema, {}) })), []),
  contexts: v.nullish(v.array(v.object({ name: v.string(), context: v.nullish(contextSchema, {}) })), []),
});

const MOST_ALIASES = 100;

/**
 * Reads one file. Paths in it are made absolute against its own folder.
 * @param file its absolute path
 * @throws {TscertError} `kubeconfig-invalid` with the first fault and where it stands
 */
export function parseKubeconfig(content: string, file: string): Kubeconfig {
  const value = readYaml(content, file) ?? {};
  if (Array.isArray(value)) throw invalid(file, 'it must be a mapping, not a list');
  const parsed = v.safeParse(fileSchema, value);
  if (!parsed.success) throw invalid(file, issueWords(parsed.issues[0]));
  const config = parsed.output;
  const entries = <T>(what: string, pairs: readonly (readonly [string, T])[]): Map<string, T> => {
    const twice = pairs.find(([name], at) => pairs.findIndex(([other]) => other === name) < at);
    if (twice !== undefined) throw invalid(file, `it has two entries for the ${what} "${twice[0]}"`);
    return new Map(pairs);
  };
  return {
    ...optional('currentContext', config['current-context']),
    clusters: entries(
      'cluster',
      config.clusters.map(({ name, cluster }) => [name, clusterOf(cluster, name, file)]),
    ),
    users: entries(
      'user',
      config.users.map(({ name, user }) => [name, userOf(user, name, file)]),
    ),
    contexts: entries(
      'context',
      config.contexts.map(({ name, context: { cluster, user, namespace } }) => [
        name,
        { cluster, user, ...optional('namespace', namespace) },
      ]),
    ),
  };
}

/** Several files as one: what an earlier one says stands (kubectl's rule for KUBECONFIG). */
export function mergeKubeconfigs(files: readonly Kubeconfig[]): Kubeconfig {
  const merged = <T>(pick: (file: Kubeconfig) => ReadonlyMap<string, T>): Map<string, T> =>
    new Map([...files].reverse().flatMap((file) => [...pick(file)]));
  const current = files.find(({ currentContext }) => currentContext !== undefined)?.currentContext;
  return {
    ...(current === undefined ? {} : { currentContext: current }),
    clusters: merged(({ clusters }) => clusters),
    users: merged(({ users }) => users),
    contexts: merged(({ contexts }) => contexts),
  };
}

function readYaml(content: string, file: string): unknown {
  let fault: string;
  try {
    const document = parseDocument(content, { prettyErrors: true });
    const [error] = document.errors;
    if (error === undefined) return document.toJS({ maxAliasCount: MOST_ALIASES });
    fault = error.message;
  } catch (error) {
    fault = messageOf(error);
  }
  // The parser's other lines quote the file.
  throw invalid(file, (fault.split('\n')[0] ?? '').replace(/:$/, ''));
}

function issueWords(issue: v.BaseIssue<unknown>): string {
  const at = (issue.path ?? []).map(({ key }) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
  const place = at.replace(/^\./, '');
  const wanted = (issue.expected ?? 'another value').replaceAll(/ \| (null|undefined)|[()]/g, '');
  return place === '' ? `it wants ${wanted}` : `"${place}" wants ${wanted}`;
}

function clusterOf(raw: v.InferOutput<typeof clusterSchema>, name: string, file: string): Cluster {
  const exec = raw.extensions.find((extension) => extension.name === 'client.authentication.k8s.io/exec');
  const authority = materialOf(raw['certificate-authority-data'], raw['certificate-authority'], file, `the cluster "${name}"`);
  return {
    server: raw.server,
    insecure: raw['insecure-skip-tls-verify'],
    ...(authority === undefined ? {} : { authority }),
    ...optional('tlsServerName', raw['tls-server-name']),
    ...optional('proxyUrl', raw['proxy-url']),
    ...(exec === undefined ? {} : { execConfig: exec.extension }),
  };
}

function userOf(raw: v.InferOutput<typeof userSchema>, name: string, file: string): User {
  const who = `the user "${name}"`;
  const certificate = materialOf(raw['client-certificate-data'], raw['client-certificate'], file, who);
  const key = materialOf(raw['client-key-data'], raw['client-key'], file, who);
  const groups = raw['as-groups'];
  const extra = raw['as-user-extra'];
  const isImpersonating = raw.as !== '' || raw['as-uid'] !== '' || groups.length > 0 || Object.keys(extra).length > 0;
  return {
    file,
    ...(certificate === undefined ? {} : { certificate }),
    ...(key === undefined ? {} : { key }),
    ...optional('token', raw.token),
    ...(raw.tokenFile === '' ? {} : { tokenFile: beside(file, raw.tokenFile) }),
    ...optional('username', raw.username),
    ...optional('password', raw.password),
    ...(raw.exec === null || raw.exec === undefined ? {} : { exec: execOf(raw.exec, who, file) }),
    ...(raw['auth-provider'] === null || raw['auth-provider'] === undefined ? {} : { authProvider: raw['auth-provider'] }),
    ...(isImpersonating ? { impersonate: { ...optional('user', raw.as), ...optional('uid', raw['as-uid']), groups, extra } } : {}),
  };
}

/** The versions of the protocol that are left; v1 says nothing by itself of whether a terminal is wanted. */
const EXEC_VERSIONS = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1'];

function execOf(raw: v.InferOutput<typeof execSchema>, who: string, file: string): ExecPlugin {
  if (raw.command === '') throw invalid(file, `the plugin of ${who} names no command`);
  if (!EXEC_VERSIONS.includes(raw.apiVersion)) {
    throw invalid(file, `the plugin of ${who} speaks "${raw.apiVersion}"; understood are ${EXEC_VERSIONS.join(' and ')}`);
  }
  if (raw.interactiveMode === '' && raw.apiVersion.endsWith('/v1')) throw invalid(file, `the plugin of ${who} says no interactiveMode`);
  return {
    apiVersion: raw.apiVersion,
    // A bare name is looked for in PATH.
    command: raw.command.includes('/') ? beside(file, raw.command) : raw.command,
    args: raw.args,
    env: Object.fromEntries(raw.env.map(({ name, value }) => [name, value])),
    interactiveMode: raw.interactiveMode === '' ? 'IfAvailable' : raw.interactiveMode,
    provideClusterInfo: raw.provideClusterInfo,
    ...optional('installHint', raw.installHint),
  };
}

/** What stands in the file itself goes before what it points to. */
function materialOf(data: string, place: string, file: string, who: string): Material | undefined {
  if (data === '') return place === '' ? undefined : { file: beside(file, place) };
  const bare = data.replaceAll(/\s/g, '');
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(bare) || bare.length % 4 !== 0) throw invalid(file, `a "-data" of ${who} is not base64`);
  return { text: Buffer.from(bare, 'base64').toString('utf8') };
}

function beside(file: string, place: string): string {
  return path.resolve(path.dirname(file), place);
}

/** An empty text says nothing. */
function optional<Key extends string>(key: Key, value: string): { readonly [K in Key]?: string } {
  return (value === '' ? {} : { [key]: value }) as { readonly [K in Key]?: string };
}

function invalid(file: string, reason: string): TscertError {
  return new TscertError('kubeconfig-invalid', `Cannot read the kubeconfig "${file}": ${reason}`, { data: { file, reason } });
}
