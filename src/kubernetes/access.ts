/**
 * Which cluster, as whom, in which namespace: by kubectl's rules. Flags stand over the context of the kubeconfig; without any kubeconfig a
 * pod's own service account is taken.
 *
 * Why not @kubernetes/client-node, which loads kubeconfigs too: see docs/architecture.md.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { messageOf, systemCodeOf, TscertError } from '../base/errors.js';
import { decodePem } from '../base/pem.js';
import type { ProxySettings } from '../net/proxy.js';
import { rootCertificates } from '../net/trust.js';
import { type Credentials, fixedCredentials, readMaterial, renewedCredentials } from './credentials.js';
import { type Cluster, type Impersonation, type Kubeconfig, mergeKubeconfigs, parseKubeconfig, type User } from './kubeconfig.js';
import type { AccessWorld } from './world.js';

/** What the command line says: kubectl's words. */
export interface AccessOptions {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
  readonly as?: string;
  readonly asGroup?: readonly string[];
  readonly asUid?: string;
}

/** A way to a cluster. */
export interface Access {
  /** How people know it: the name of the context, or `in-cluster`. */
  readonly name: string;
  readonly server: URL;
  /** The namespace of what has one. */
  readonly namespace: string;
  /** PEM of the only roots that are trusted; those of Node.js when absent. */
  readonly roots?: string;
  readonly servername?: string;
  readonly insecure: boolean;
  readonly proxy: ProxySettings;
  readonly proxyRoots: readonly string[];
  readonly userAgent: string;
  /** In headers, names in lower case. */
  readonly impersonation: Readonly<Record<string, string | string[]>>;
  readonly credentials: Credentials;
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * Finds the way. Nothing is sent.
 * @throws {TscertError} `kubeconfig-invalid`, `cluster-unknown` when there is no cluster, or no such context; `usage`
 */
export async function findAccess(options: AccessOptions, world: AccessWorld): Promise<Access> {
  const files = await readKubeconfigs(options, world);
  const config = mergeKubeconfigs(files);
  const contextName = options.context ?? config.currentContext;
  if (contextName !== undefined) return contextAccess(config, contextName, options, world);
  if (files.length > 0 && config.clusters.size > 0) {
    const known = [...config.contexts.keys()].map((name) => `"${name}"`).join(', ');
    throw unknown(`the kubeconfig has no current context${known === '' ? '' : `; name one with --context: ${known}`}`, {});
  }
  return inClusterAccess(options, world);
}

async function readKubeconfigs({ kubeconfig }: AccessOptions, { env, cwd }: AccessWorld): Promise<Kubeconfig[]> {
  const listed = [...new Set((env.KUBECONFIG ?? '').split(path.delimiter).filter((file) => file !== ''))];
  const home = env.HOME ?? '';
  const places = kubeconfig !== undefined ? [kubeconfig] : listed.length > 0 ? listed : home === '' ? [] : [`${home}/.kube/config`];
  const read = await Promise.all(
    places.map(async (place) => {
      const file = path.resolve(cwd, place);
      try {
        return [parseKubeconfig(await readFile(file, 'utf8'), file)];
      } catch (error) {
        // Of several files some may be missing, as in kubectl; one that was named must be there.
        if (systemCodeOf(error) === 'ENOENT' && kubeconfig === undefined) return [];
        if (error instanceof TscertError) throw error;
        const why = systemCodeOf(error) === 'ENOENT' ? 'there is no such file' : messageOf(error);
        throw new TscertError('kubeconfig-invalid', `Cannot read the kubeconfig "${file}": ${why}`, { data: { file }, cause: error });
      }
    }),
  );
  return read.flat();
}

async function contextAccess(config: Kubeconfig, name: string, options: AccessOptions, world: AccessWorld): Promise<Access> {
  const context = config.contexts.get(name);
  if (context === undefined) {
    const known = [...config.contexts.keys()].map((one) => `"${one}"`).join(', ');
    throw unknown(`the kubeconfig has no context "${name}"${known === '' ? '' : `; there is ${known}`}`, { context: name });
  }
  const cluster = config.clusters.get(context.cluster);
  if (cluster === undefined)
    throw unknown(`the context "${name}" names the cluster "${context.cluster}", which is not there`, { context: name });
  const user = context.user === '' ? undefined : config.users.get(context.user);
  if (user === undefined && context.user !== '') {
    throw unknown(`the context "${name}" names the user "${context.user}", which is not there`, { context: name });
  }
  const server = serverOf(cluster, context.cluster);
  const ca =
    cluster.authority === undefined ? undefined : await readMaterial(cluster.authority, 'the certificate authority of the cluster');
  if (cluster.insecure && ca !== undefined) {
    throw unknown(`the cluster "${context.cluster}" names an authority and says insecure-skip-tls-verify: one of both`, { context: name });
  }
  const roots = rootsOf(ca, context.cluster, world);
  return {
    name,
    server,
    namespace: options.namespace ?? context.namespace ?? 'default',
    ...(roots === undefined ? {} : { roots }),
    ...(cluster.tlsServerName === undefined ? {} : { servername: cluster.tlsServerName }),
    insecure: cluster.insecure,
    proxy: cluster.proxyUrl === undefined ? world.proxy : proxyOf(cluster.proxyUrl, context.cluster),
    proxyRoots: world.roots,
    userAgent: world.userAgent,
    impersonation: impersonationOf(user?.impersonate, options),
    credentials: credentialsOf(user, context.user, { cluster, ca, world }),
  };
}

function serverOf({ server }: Cluster, name: string): URL {
  // As client-go does: an address without a scheme is one of TLS.
  const text = server.includes('://') ? server : `https://${server}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (
    server === '' ||
    url === undefined ||
    !/^https?:$/.test(url.protocol) ||
    url.username !== '' ||
    url.search !== '' ||
    url.hash !== ''
  ) {
    throw unknown(`the server of the cluster "${name}" is no plain http or https URL`, { cluster: name });
  }
  return url;
}

function rootsOf(ca: string | undefined, cluster: string, world: AccessWorld): string | undefined {
  if (ca === undefined) return world.roots.length === 0 ? undefined : [...rootCertificates(), ...world.roots].join('\n');
  if (decodePem(ca).some(({ label }) => /CERTIFICATE$/.test(label))) return ca;
  throw unknown(`the authority of the cluster "${cluster}" holds no certificate in PEM`, { cluster });
}

function proxyOf(url: string, cluster: string): ProxySettings {
  if (!/^https?:\/\//.test(url)) {
    throw unknown(`the proxy of the cluster "${cluster}" is none that is spoken here: it wants http:// or https://`, { cluster });
  }
  return { https: url, http: url };
}

function credentialsOf(
  user: User | undefined,
  name: string,
  { cluster, ca, world }: { cluster: Cluster; ca: string | undefined; world: AccessWorld },
): Credentials {
  const { clock } = world;
  if (user === undefined) return fixedCredentials({ file: '' }, name, clock);
  const { exec, authProvider } = user;
  const isFixed = [user.token, user.tokenFile, user.username].some((value) => value !== undefined);
  if (isFixed || (exec === undefined && authProvider === undefined)) return fixedCredentials(user, name, clock);
  if (exec !== undefined) {
    const info = {
      server: cluster.server,
      ...(cluster.tlsServerName === undefined ? {} : { 'tls-server-name': cluster.tlsServerName }),
      ...(cluster.insecure ? { 'insecure-skip-tls-verify': true } : {}),
      ...(ca === undefined ? {} : { 'certificate-authority-data': Buffer.from(ca).toString('base64') }),
      ...(cluster.proxyUrl === undefined ? {} : { 'proxy-url': cluster.proxyUrl }),
      ...(cluster.execConfig === undefined ? {} : { config: cluster.execConfig }),
    };
    const login = async (signal: AbortSignal) => {
      const { runExecPlugin } = await import('./exec-plugin.js');
      return runExecPlugin(exec, { user: name, cluster: info, world, signal });
    };
    return renewedCredentials(login, clock);
  }
  if (authProvider?.name === 'oidc') {
    const login = async (signal: AbortSignal, isRefused: boolean) => {
      const { logInWithOidc } = await import('./oidc.js');
      return logInWithOidc({ user: name, file: user.file, isRefused }, world, signal);
    };
    return renewedCredentials(login, clock);
  }
  throw unknown(
    `the user "${name}" logs in by the auth-provider "${authProvider?.name}", which Kubernetes has given up; its vendor has a credential plugin instead`,
    { user: name },
  );
}

function impersonationOf(written: Impersonation | undefined, options: AccessOptions): Record<string, string | string[]> {
  const user = options.as ?? written?.user;
  const uid = options.asUid ?? written?.uid;
  const groups = options.asGroup ?? written?.groups ?? [];
  const extra = Object.entries(written?.extra ?? {});
  if (user === undefined || user === '') {
    if (uid === undefined && groups.length === 0 && extra.length === 0) return {};
    throw new TscertError('usage', 'Cannot act with other groups or another uid: --as says as whom');
  }
  const headers: Record<string, string | string[]> = { 'impersonate-user': user };
  if (uid !== undefined) headers['impersonate-uid'] = uid;
  if (groups.length > 0) headers['impersonate-group'] = [...groups];
  for (const [key, values] of extra) headers[`impersonate-extra-${encodeURIComponent(key.toLowerCase())}`] = [...values];
  const values = Object.values(headers).flat();
  if (values.every((value) => /^[\u0020-\u007e]+$/.test(value))) return headers;
  throw new TscertError('usage', 'Cannot act as somebody else: a name or group cannot stand in a header');
}

/** What a pod is given: the server's address in the environment, the rest in files. */
async function inClusterAccess(options: AccessOptions, world: AccessWorld): Promise<Access> {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = world.env;
  const folder = world.serviceAccount ?? SERVICE_ACCOUNT;
  const tokenFile = path.join(folder, 'token');
  const token = host && port ? await readFile(tokenFile, 'utf8').catch(() => undefined) : undefined;
  if (!host || !port || token === undefined) {
    const place = world.env.KUBECONFIG ? 'KUBECONFIG names no file that is there' : 'there is no ~/.kube/config, and KUBECONFIG is not set';
    const pod = host && port ? `the pod has no service account in "${folder}"` : 'this is no pod';
    throw unknown(`${place}; ${pod}`, {});
  }
  const read = (name: string): Promise<string> => readMaterial({ file: path.join(folder, name) }, `the pod's service account`);
  const namespace = options.namespace ?? (await read('namespace').catch(() => 'default')).trim();
  return {
    name: 'in-cluster',
    server: new URL(`https://${host.includes(':') ? `[${host}]` : host}:${port}`),
    namespace: namespace === '' ? 'default' : namespace,
    roots: await read('ca.crt'),
    insecure: false,
    proxy: world.proxy,
    proxyRoots: world.roots,
    userAgent: world.userAgent,
    impersonation: impersonationOf(undefined, options),
    credentials: fixedCredentials({ file: '', tokenFile }, 'the service account', world.clock),
  };
}

function unknown(reason: string, data: Readonly<Record<string, string>>): TscertError {
  return new TscertError('cluster-unknown', `Cannot tell which cluster is meant: ${reason}`, { data: { ...data, reason } });
}
