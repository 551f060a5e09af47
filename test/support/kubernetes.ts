/** A real Kubernetes control plane as child processes on free ports of loopback: etcd, kube-apiserver, kube-controller-manager. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.js';
import { servers } from './servers.js';

/** Users who have a token, and their groups. Rights are granted by tests; only `admin` may do everything. */
const USERS = {
  admin: ['system:masters'],
  alice: ['developers'],
  bob: ['approvers'],
  carol: [],
  dave: [],
  erin: [],
  'system:node:worker-1': ['system:nodes'],
  'system:node:worker-2': ['system:nodes'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type ClusterUser = keyof typeof USERS;

export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

export interface KubernetesOptions {
  /** Without the controller manager nothing is signed, and nothing approved by itself. */
  readonly controllers?: boolean;
  /** Further flags of the controller manager. */
  readonly controllerFlags?: readonly string[];
}

export interface KubernetesCluster {
  readonly url: string;
  readonly port: number;
  /** Of this run; gone after `stop`. */
  readonly folder: string;
  /** PEM of the authority of the API server, of client certificates and of what is signed; its files. */
  readonly ca: string;
  readonly caFile: string;
  readonly caKeyFile: string;
  tokenOf(user: ClusterUser): string;
  /** A kubeconfig with one context, `test`, whose `user` is what is given; its path. @param cluster more of its cluster entry */
  kubeconfig(
    user: ClusterUser | Readonly<Record<string, unknown>>,
    more?: { readonly namespace?: string; readonly cluster?: Readonly<Record<string, unknown>> },
  ): string;
  /** A client certificate by the cluster's own authority: `/CN=user/O=group` as openssl takes it. Files of PEM. */
  clientCertificate(subject: string): { readonly certFile: string; readonly keyFile: string };
  /** One request as `admin`, or as another; its answer as JSON. Any status is an answer. */
  ask(
    method: string,
    path: string,
    body?: unknown,
    options?: { readonly user?: ClusterUser; readonly type?: string },
  ): Promise<KubernetesAnswer>;
  /** Gives rights in the whole cluster, or in one namespace. */
  grant(user: ClusterUser, rules: readonly Rule[], namespace?: string): Promise<void>;
  /** `kubectl ARGS` of the same version, as `admin` unless another kubeconfig is given. Throws when it fails. */
  kubectl(args: readonly string[], options?: { readonly kubeconfig?: string; readonly input?: string }): string;
  /** Ends the API server at once and starts another on the same port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface KubernetesAnswer {
  readonly status: number;
  // What the server says is looked at by assertions only.
  // biome-ignore lint/suspicious/noExplicitAny: any JSON
  readonly body: any;
}

interface Running {
  log(): string;
  end(signal: NodeJS.Signals): Promise<void>;
}

/** Starts the control plane; `stop` ends it and removes its folder. */
export async function startKubernetes(options: KubernetesOptions = {}): Promise<KubernetesCluster> {
  for (let tries = 1; ; tries++) {
    try {
      return await tryStart(options);
    } catch (error) {
      // Somebody took a port between the question and the start.
      if (tries === 3 || !String(error).includes('address already in use')) throw error;
    }
  }
}

async function tryStart(options: KubernetesOptions): Promise<KubernetesCluster> {
  const programs = servers('kubernetes');
  const folder = mkdtempSync(path.join(tmpdir(), 'tscert-kubernetes-'));
  const at = (name: string): string => path.join(folder, name);
  const running: Running[] = [];
  const stop = async (): Promise<void> => {
    // With etcd gone first the API server would not end for minutes; what it holds is thrown away, so that nobody has to be asked twice.
    for (const one of running.splice(0).reverse()) await one.end('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    makeFiles(folder);
    const [etcdPort, peerPort, port, controllerPort] = [await freePort(), await freePort(), await freePort(), await freePort()];
    const etcdUrl = `http://127.0.0.1:${etcdPort}`;
    const url = `https://127.0.0.1:${port}`;
    const ca = readFileSync(at('ca.crt'), 'utf8');
    const agent = new Agent({ ca, keepAlive: true });
    const tokenOf = (user: ClusterUser): string => `token-of-${user.replaceAll(':', '-')}`;
    const lines = Object.entries(USERS).map(
      ([user, groups], nth) => `${tokenOf(user as ClusterUser)},${user},u${nth},"${groups.join(',')}"`,
    );
    writeFileSync(at('tokens.csv'), `${lines.join('\n')}\n`);

    const ask: KubernetesCluster['ask'] = async (method, place, body, { user = 'admin', type = 'application/json' } = {}) => {
      const client = request(`${url}${place}`, {
        method,
        agent,
        headers: { authorization: `Bearer ${tokenOf(user)}`, ...(body === undefined ? {} : { 'content-type': type }) },
      });
      client.end(body === undefined ? undefined : JSON.stringify(body));
      const [response] = await once(client, 'response');
      let text = '';
      for await (const chunk of response) text += chunk;
      try {
        return { status: response.statusCode, body: JSON.parse(text) };
      } catch {
        return { status: response.statusCode, body: text };
      }
    };
    const isReady = async (): Promise<void> => {
      const { status, body } = await ask('GET', '/readyz');
      if (status !== 200) throw new Error(`the API server says ${status}: ${JSON.stringify(body)}`);
    };
    let files = 0;
    const kubeconfig: KubernetesCluster['kubeconfig'] = (user, more = {}) => {
      const file = at(`kubeconfig-${files++}`);
      const config = {
        apiVersion: 'v1',
        kind: 'Config',
        'current-context': 'test',
        clusters: [
          { name: 'local', cluster: { server: url, 'certificate-authority-data': Buffer.from(ca).toString('base64'), ...more.cluster } },
        ],
        users: [{ name: 'me', user: typeof user === 'string' ? { token: tokenOf(user) } : user }],
        contexts: [
          {
            name: 'test',
            context: { cluster: 'local', user: 'me', ...(more.namespace === undefined ? {} : { namespace: more.namespace }) },
          },
        ],
      };
      writeFileSync(file, JSON.stringify(config, undefined, 2), { mode: 0o600 });
      return file;
    };

    const etcd = launch(programs.etcd ?? '', [
      ...['--data-dir', at('etcd'), '--unsafe-no-fsync', '--log-level', 'error'],
      ...['--listen-client-urls', etcdUrl, '--advertise-client-urls', etcdUrl, '--listen-peer-urls', `http://127.0.0.1:${peerPort}`],
      ...['--initial-advertise-peer-urls', `http://127.0.0.1:${peerPort}`, '--initial-cluster', `default=http://127.0.0.1:${peerPort}`],
    ]);
    running.push(etcd.running);
    const apiServer = () =>
      launch(programs['kube-apiserver'] ?? '', [
        ...['--etcd-servers', etcdUrl, '--bind-address', '127.0.0.1', '--secure-port', String(port), '--advertise-address', '127.0.0.1'],
        ...['--tls-cert-file', at('server.crt'), '--tls-private-key-file', at('server.key'), '--client-ca-file', at('ca.crt')],
        ...['--service-account-key-file', at('sa.key'), '--service-account-signing-key-file', at('sa.key')],
        ...['--service-account-issuer', 'https://kubernetes.default.svc', '--service-cluster-ip-range', '10.0.0.0/24'],
        ...['--token-auth-file', at('tokens.csv'), '--authorization-mode', 'Node,RBAC', '--endpoint-reconciler-type', 'none'],
        ...['--profiling=false', '--disable-admission-plugins', 'ServiceAccount'],
      ]);
    let api = apiServer();
    running.push(api.running);
    await api.until(isReady);
    const adminConfig = kubeconfig('admin');
    if (options.controllers !== false) {
      const controllers = launch(programs['kube-controller-manager'] ?? '', [
        ...['--kubeconfig', adminConfig, '--root-ca-file', at('ca.crt'), '--leader-elect=false'],
        ...['--cluster-signing-cert-file', at('ca.crt'), '--cluster-signing-key-file', at('ca.key')],
        ...['--service-account-private-key-file', at('sa.key'), '--bind-address', '127.0.0.1', '--secure-port', String(controllerPort)],
        ...['--cert-dir', at('controllers.d'), '--controllers', CONTROLLERS.join(',')],
        ...(options.controllerFlags ?? []),
      ]);
      running.push(controllers.running);
      await controllers.until(async () => {
        // Signs once this runs: its first act is to make the accounts of the default namespace.
        const { status } = await ask('GET', '/api/v1/namespaces/default/serviceaccounts/default');
        if (status !== 200) throw new Error('the controllers do not run yet');
      });
    }
    let roles = 0;
    let certificates = 0;
    return {
      url,
      port,
      folder,
      ca,
      caFile: at('ca.crt'),
      caKeyFile: at('ca.key'),
      tokenOf,
      kubeconfig,
      ask,
      clientCertificate(subject) {
        const name = `client-${certificates++}`;
        openssl(folder, 'req', ...EC_KEY, '-subj', subject, '-keyout', `${name}.key`, '-out', `${name}.csr`);
        const authority = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2'];
        openssl(folder, 'x509', '-req', '-in', `${name}.csr`, ...authority, '-out', `${name}.crt`);
        return { certFile: at(`${name}.crt`), keyFile: at(`${name}.key`) };
      },
      async grant(user, rules, namespace) {
        const name = `test-${roles++}`;
        const [kind, place] = namespace === undefined ? ['ClusterRole', ''] : ['Role', `/namespaces/${namespace}`];
        const root = `/apis/rbac.authorization.k8s.io/v1${place}`;
        const metadata = { name };
        const subjects = [{ kind: 'User', name: user, apiGroup: 'rbac.authorization.k8s.io' }];
        const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind, name };
        for (const [plural, object] of [
          [`${kind.toLowerCase()}s`, { metadata, rules }],
          [`${kind.toLowerCase()}bindings`, { metadata, subjects, roleRef }],
        ] as const) {
          const { status, body } = await ask('POST', `${root}/${plural}`, object);
          if (status !== 201) throw new Error(`cannot grant: ${JSON.stringify(body)}`);
        }
      },
      kubectl: (args, { kubeconfig: file = adminConfig, input } = {}) =>
        execFileSync(programs.kubectl ?? '', args, {
          encoding: 'utf8',
          env: { PATH: process.env.PATH ?? '', HOME: folder, KUBECONFIG: file },
          ...(input === undefined ? {} : { input }),
        }),
      async restart() {
        const nth = running.indexOf(api.running);
        await api.running.end('SIGKILL');
        api = apiServer();
        running[nth] = api.running;
        await api.until(isReady);
      },
      async stop() {
        agent.destroy();
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

const CONTROLLERS = [
  ...['signing', 'approving', 'cleaner'].map((what) => `certificatesigningrequest-${what}-controller`),
  ...['root-ca-certificate-publisher-controller', 'serviceaccount-controller', 'serviceaccount-token-controller', 'namespace-controller'],
];

const EC_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

function openssl(cwd: string, ...args: readonly string[]): void {
  execFileSync(servers('openssl').openssl ?? 'openssl', args, { cwd, stdio: ['ignore', 'ignore', 'pipe'] });
}

/** The authority, the API server's certificate, and the key of service accounts. */
function makeFiles(folder: string): void {
  openssl(folder, 'req', '-x509', ...EC_KEY, '-subj', '/CN=kubernetes', '-days', '30', '-keyout', 'ca.key', '-out', 'ca.crt');
  openssl(folder, 'req', ...EC_KEY, '-subj', '/CN=kube-apiserver', '-keyout', 'server.key', '-out', 'server.csr');
  writeFileSync(
    path.join(folder, 'san.cnf'),
    'subjectAltName=DNS:localhost,DNS:kubernetes.default.svc,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n',
  );
  const authority = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '30', '-extfile', 'san.cnf'];
  openssl(folder, 'x509', '-req', '-in', 'server.csr', ...authority, '-out', 'server.crt');
  openssl(folder, 'ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', 'sa.key');
}

/** Starts a program; `until` waits for it, and fails with its last words when it ends before. */
function launch(file: string, args: readonly string[]): { readonly running: Running; until(ready: () => Promise<unknown>): Promise<void> } {
  const child: ChildProcess = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const kill = (): void => {
    child.kill('SIGKILL');
  };
  process.once('exit', kill);
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-100_000);
    });
  }
  const ended = once(child, 'close');
  const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null;
  return {
    running: {
      log: () => log,
      async end(signal) {
        process.off('exit', kill);
        if (!isOver()) child.kill(signal);
        await ended;
      },
    },
    async until(ready) {
      for (let tries = 0; ; tries++) {
        if (isOver()) throw new Error(`${path.basename(file)} ended: ${log.slice(-2_000)}`);
        try {
          await ready();
          return;
        } catch (error) {
          if (tries > 1_200) throw new Error(`${path.basename(file)} does not get ready: ${log.slice(-2_000)}`, { cause: error });
        }
        await sleep(50);
      }
    },
  };
}
