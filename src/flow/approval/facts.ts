/** What rules ask, answered by a cluster, DNS and the servers themselves. An answer is kept for some seconds; a failure is never kept. */
import { createHash } from 'node:crypto';
import type { Clock } from '../../base/clock.js';
import { isTscertError, systemCodeOf, TscertError } from '../../base/errors.js';
import type { KubernetesClient } from '../../kubernetes/client.js';
import { type CertificateSigningRequest, CSR, stateOf } from '../../kubernetes/csr.js';
import { NAMESPACE, NODE, SERVICE, SUBJECT_ACCESS_REVIEW } from '../../kubernetes/objects.js';
import { type CertificateContent, readCertificate } from '../../pki/certificate.js';
import { chainFaults, rootOf } from '../../pki/chain-check.js';
import { readCsr } from '../../pki/csr.js';
import { describeKey } from '../../pki/describe.js';
import { commonNameOf } from '../../pki/subject.js';
import type { Access, AccessRequester, AlikeFacts, ApprovalFacts, ServedFacts } from '../../policy/approval/facts.js';
import { openEnvelope } from '../../policy/whole/envelope.js';

export interface ClusterFactsParts {
  readonly client: KubernetesClient;
  /** A and AAAA records of a name; empty when it does not exist. */
  resolve(name: string): Promise<readonly string[]>;
  /** DER of what `HOST:PORT` serves, leaf first. */
  shake(target: string): Promise<readonly Buffer[]>;
  /** The cluster's own authorities. */
  readonly roots: readonly CertificateContent[];
  readonly clock: Pick<Clock, 'now'>;
  /** Milliseconds since some moment, going on evenly. */
  readonly uptime: () => number;
  readonly signal: AbortSignal;
}

export interface ClusterFacts {
  /**
   * The facts for a request that was read from the cluster at this `uptime`: other requests are told as of then or later, so that none that
   * was made before it is missed.
   */
  asOf(uptime: number): ApprovalFacts;
  /** All requests, as they were read at this `uptime`: need not be read again for those among them. */
  know(requests: readonly CertificateSigningRequest[], uptime: number): void;
}

/** Milliseconds for which an answer is good. */
const FRESH = 10_000;

export function createClusterFacts(parts: ClusterFactsParts): ClusterFacts {
  const { client, clock, uptime, signal } = parts;
  const answers = new Map<string, { readonly at: number; readonly answer: Promise<unknown> }>();
  const remember = <T>(key: string, since: number, ask: () => Promise<T>): Promise<T> => {
    const known = answers.get(key);
    if (known !== undefined && known.at >= since && uptime() - known.at < FRESH) return known.answer as Promise<T>;
    if (answers.size > 10_000) answers.clear();
    const entry = { at: uptime(), answer: ask() };
    answers.set(key, entry);
    entry.answer.catch(() => {
      if (answers.get(key) === entry) answers.delete(key);
    });
    return entry.answer;
  };
  const requests = (since: number): Promise<Index> =>
    remember('requests', since, async () => indexOf((await client.list(CSR, {}, { signal })).items));
  const lately = (): number => uptime() - FRESH;

  return {
    know(items, at) {
      answers.set('requests', { at, answer: Promise.resolve(indexOf(items)) });
    },
    asOf: (since) => ({
      node: (name) =>
        remember(`node/${name}`, lately(), async () => {
          const found = await client.get(NODE, { name }, { signal });
          return found && { addresses: found.status?.addresses ?? [] };
        }),
      services: (namespace) =>
        remember(`services/${namespace}`, lately(), async () => {
          const { items } = await client.list(SERVICE, { namespace }, { signal });
          return items.map(({ metadata, spec }) => ({
            name: metadata.name,
            // A headless Service says "None".
            clusterIps: [...new Set([...(spec?.clusterIPs ?? []), spec?.clusterIP ?? ''])].filter((ip) => /^[\da-f.:]+$/i.test(ip)),
          }));
        }),
      namespaceLabels: (name) =>
        remember(
          `namespace/${name}`,
          lately(),
          async () => (await client.get(NAMESPACE, { name }, { signal }))?.metadata.labels ?? undefined,
        ),
      resolve: (name) => remember(`resolve/${name}`, lately(), () => parts.resolve(name)),
      served: (host, port) => remember(`served/${host} ${port}`, lately(), () => servedAt(host, port, parts, clock.now())),
      pending: async (signerName) => (await requests(lately())).pending.get(signerName) ?? 0,
      mayDo: (requester, access) =>
        remember(`access/${JSON.stringify([requester, access])}`, lately(), () => mayDo(client, requester, access, signal)),
      alike: async ({ uid, digest, keyDigest }) => {
        const index = await requests(since);
        const all = new Set([...(index.byDigest.get(digest) ?? []), ...(index.byKey.get(keyDigest) ?? [])]);
        return [...all]
          .filter((csr) => csr.metadata.uid !== uid)
          .map((csr) => alikeOf(csr, index.byDigest.get(digest)?.includes(csr) === true));
      },
    }),
  };
}

async function mayDo(
  client: KubernetesClient,
  { username, uid, groups, extra }: AccessRequester,
  access: Access,
  signal: AbortSignal,
): Promise<boolean> {
  const { verb, resource, group = '', subresource, name, namespace } = access;
  const spec = {
    user: username,
    groups,
    ...(uid !== undefined && { uid }),
    ...(extra !== undefined && { extra }),
    resourceAttributes: {
      ...{ verb, group, resource },
      ...(subresource !== undefined && { subresource }),
      ...(name !== undefined && { name }),
      ...(namespace !== undefined && { namespace }),
    },
  };
  const { status } = await client.create(SUBJECT_ACCESS_REVIEW, { metadata: {}, spec }, { signal });
  if (status.allowed) return true;
  if ((status.evaluationError ?? '') === '') return false;
  throw new TscertError('cluster-failed', `Cannot find out what "${username}" may do: ${status.evaluationError}`);
}

async function servedAt(host: string, port: number, { shake, roots }: ClusterFactsParts, now: number): Promise<ServedFacts | undefined> {
  let chain: readonly CertificateContent[];
  try {
    chain = (await shake(host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)).map((der) => readCertificate(der));
  } catch (error) {
    if (isTscertError(error, 'network') && systemCodeOf(error.cause) === 'ECONNREFUSED') return undefined;
    throw error;
  }
  const [leaf] = chain;
  if (leaf === undefined) throw new TscertError('response-invalid', `Cannot look at what ${host}:${port} serves: it sent no certificate`);
  const isValid = now >= leaf.notBefore.getTime() && now <= leaf.notAfter.getTime();
  const commonName = commonNameOf(leaf.subject);
  return {
    names: leaf.extensions.names,
    ...(commonName !== undefined && { commonName }),
    isTrusted: isValid && chainFaults(chain, now).length === 0 && rootOf(chain, roots, now) !== undefined,
  };
}

interface Index {
  readonly pending: ReadonlyMap<string, number>;
  readonly byDigest: ReadonlyMap<string, readonly CertificateSigningRequest[]>;
  readonly byKey: ReadonlyMap<string, readonly CertificateSigningRequest[]>;
}

function indexOf(items: readonly CertificateSigningRequest[]): Index {
  const pending = new Map<string, number>();
  const byDigest = new Map<string, CertificateSigningRequest[]>();
  const byKey = new Map<string, CertificateSigningRequest[]>();
  const put = (map: Map<string, CertificateSigningRequest[]>, key: string, csr: CertificateSigningRequest): void => {
    map.set(key, [...(map.get(key) ?? []), csr]);
  };
  for (const csr of items) {
    const { signerName } = csr.spec;
    if (stateOf(csr) === 'pending') pending.set(signerName, (pending.get(signerName) ?? 0) + 1);
    const { digest, keyDigest } = digestsOf(csr.spec.request);
    if (digest !== undefined) put(byDigest, digest, csr);
    if (keyDigest !== undefined) put(byKey, keyDigest, csr);
  }
  return { pending, byDigest, byKey };
}

interface Digests {
  readonly digest?: string;
  readonly keyDigest?: string;
}

/** Of the requests that were seen last: they do not change, and reading one takes a moment. */
const digests = new Map<string, Digests>();
const MOST_DIGESTS = 20_000;

function digestsOf(request: string): Digests {
  const known = digests.get(request);
  if (known !== undefined) return known;
  const { der } = openEnvelope(Buffer.from(request, 'base64'));
  const found: Digests = der === undefined ? {} : { digest: createHash('sha256').update(der).digest('hex'), ...keyDigestOf(der) };
  if (digests.size >= MOST_DIGESTS) digests.clear();
  digests.set(request, found);
  return found;
}

function keyDigestOf(der: Buffer): Pick<Digests, 'keyDigest'> {
  try {
    return { keyDigest: describeKey(readCsr(der).publicKey).publicKeySha256 };
  } catch {
    return {};
  }
}

function alikeOf(csr: CertificateSigningRequest, isSameRequest: boolean): AlikeFacts {
  const state = stateOf(csr);
  return {
    name: csr.metadata.name,
    username: csr.spec.username ?? '',
    createdAt: Date.parse(csr.metadata.creationTimestamp ?? ''),
    state: state === 'issued' ? 'approved' : state,
    isSameRequest,
  };
}
