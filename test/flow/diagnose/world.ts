/** What the tests of diagnoses share: a cluster, its users' eyes, and objects as somebody else would have made them. */
import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import type { GeneralName } from '../../../src/base/names.js';
import { parseName } from '../../../src/base/names.js';
import type { CsrEvidence } from '../../../src/flow/diagnose/csr.js';
import { judgeCsr } from '../../../src/flow/diagnose/csr.js';
import { readCsrEvidence } from '../../../src/flow/diagnose/csr-evidence.js';
import type { Link } from '../../../src/flow/diagnose/link.js';
import { judgeSecret } from '../../../src/flow/diagnose/secret.js';
import { readSecretEvidence, type SecretParts } from '../../../src/flow/diagnose/secret-evidence.js';
import { handshake } from '../../../src/net/tls.js';
import { createCertificate, readCertificates } from '../../../src/pki/certificate.js';
import { createCsr } from '../../../src/pki/csr.js';
import { encodePrivateKey, generateKey } from '../../../src/pki/key.js';
import { distinguishedNameOf } from '../../../src/pki/subject.js';
import { clientFor } from '../../kubernetes/world.js';
import type { ClusterUser, KubernetesCluster } from '../../support/kubernetes.js';

const { signal } = new AbortController();

const names = (...values: readonly string[]): GeneralName[] => values.map((value) => parseName(value));

/** The link at which a chain is broken, which must be this one; nothing behind it may have been reached. */
export function brokenAt(links: readonly Link[], link: string, words: RegExp, next?: RegExp): void {
  const at = links.findIndex(({ state }) => state === 'broken');
  const found = links[at];
  assert.equal(found?.link, link, JSON.stringify(links, undefined, 1));
  assert.match(found?.message ?? '', words);
  if (next !== undefined) assert.match(found?.next ?? '', next);
  for (const behind of links.slice(at + 1)) assert.equal(behind.state, 'not-reached', behind.link);
  for (const { message, next: more } of links) assert.doesNotMatch(`${message}${more ?? ''}`, /undefined|\[object|NaN/);
}

/** No link is broken, and none was left out. */
export function allHold(links: readonly Link[]): void {
  for (const link of links) {
    assert.ok(link.state === 'ok' || link.state === 'unknown', JSON.stringify(link));
    assert.doesNotMatch(`${link.message}${link.next ?? ''}`, /undefined|\[object|NaN/);
  }
}

export const stateOf = (links: readonly Link[], link: string): Link | undefined => links.find((one) => one.link === link);

/** Diagnoses in a cluster, as one of its users. */
export function eyesOn(cluster: KubernetesCluster) {
  const partsFor = async (user: ClusterUser, more: Partial<SecretParts> = {}): Promise<SecretParts> => ({
    client: await clientFor({ kubeconfig: cluster.kubeconfig(user) }),
    clock: { now: () => Date.now() },
    signal,
    roots: () => readCertificates(cluster.ca),
    areRootsNamed: false,
    shake: (target, servername) => handshake(target, { timeout: 5_000, signal, ...(servername === undefined ? {} : { servername }) }),
    ...more,
  });
  const look = async <T>(
    user: ClusterUser,
    more: Partial<SecretParts> | undefined,
    act: (parts: SecretParts) => Promise<T>,
  ): Promise<T> => {
    const parts = await partsFor(user, more);
    try {
      return await act(parts);
    } finally {
      parts.client.close();
    }
  };
  return {
    look,
    /** By another kubeconfig. */
    async as(kubeconfig: string, name: string): Promise<readonly Link[]> {
      const client = await clientFor({ kubeconfig });
      return look('admin', { client }, async (parts) => judgeCsr(await readCsrEvidence(name, parts)));
    },
    csr: (name: string, user: ClusterUser = 'admin', more?: Partial<SecretParts>): Promise<readonly Link[]> =>
      look(user, more, async (parts) => judgeCsr(await readCsrEvidence(name, parts))),
    csrEvidence: (name: string): Promise<CsrEvidence> => look('admin', undefined, (parts) => readCsrEvidence(name, parts)),
    secret: (name: string, namespace = 'default', user: ClusterUser = 'admin', probes: readonly string[] = []): Promise<readonly Link[]> =>
      look(user, undefined, async (parts) => judgeSecret(await readSecretEvidence({ name, namespace }, probes, parts))),
  };
}

const CSRS = '/apis/certificates.k8s.io/v1/certificatesigningrequests';

export interface CsrDraft {
  readonly signerName?: string;
  readonly usages?: readonly string[];
  readonly commonName?: string;
  readonly organizations?: readonly string[];
  readonly dns?: readonly string[];
  readonly expirationSeconds?: number;
  readonly key?: KeyObject;
  /** In place of the PEM text. */
  readonly request?: (pem: string) => string;
}

/** Makes a CertificateSigningRequest, and gives verdicts about it. */
export function csrsOf(cluster: KubernetesCluster) {
  const must = async (
    ...[method, place, body, options]: Parameters<KubernetesCluster['ask']>
  ): Promise<Readonly<Record<string, unknown>>> => {
    const answer = await cluster.ask(method, place, body, options);
    assert.ok(answer.status < 300, JSON.stringify(answer.body));
    return answer.body;
  };
  return {
    async make(name: string, draft: CsrDraft = {}, user: ClusterUser = 'admin'): Promise<KeyObject> {
      const key = draft.key ?? (await generateKey('ec256'));
      const { commonName = 'web', organizations, dns = [] } = draft;
      const { pem } = createCsr(
        { names: names(...dns), commonName, ...(organizations === undefined ? {} : { subject: { organizations } }), usages: [] },
        key,
      );
      const { signerName = 'kubernetes.io/kube-apiserver-client', usages = ['client auth'], expirationSeconds } = draft;
      await must(
        'POST',
        CSRS,
        {
          metadata: { name },
          spec: {
            request: Buffer.from(draft.request?.(pem) ?? pem).toString('base64'),
            ...{ signerName, usages },
            ...(expirationSeconds === undefined ? {} : { expirationSeconds }),
          },
        },
        { user },
      );
      return key;
    },
    async decide(name: string, type: 'Approved' | 'Denied', reason = 'Tested', message = 'by a test'): Promise<void> {
      const value = { type, status: 'True', reason, message, lastUpdateTime: new Date().toISOString() };
      const found = await must('GET', `${CSRS}/${name}`);
      await must('PUT', `${CSRS}/${name}/approval`, { ...found, status: { conditions: [value] } });
    },
    /** Puts a certificate there, as a signer would. */
    async sign(name: string, pem: string): Promise<void> {
      const found = await must('GET', `${CSRS}/${name}`);
      const certificate = Buffer.from(pem).toString('base64');
      await must('PUT', `${CSRS}/${name}/status`, { ...found, status: { ...(found.status as object), certificate } });
    },
    /** What the server says to a certificate. */
    async trySign(name: string, pem: string): Promise<number> {
      const found = await must('GET', `${CSRS}/${name}`);
      const certificate = Buffer.from(pem).toString('base64');
      return (await cluster.ask('PUT', `${CSRS}/${name}/status`, { ...found, status: { ...(found.status as object), certificate } }))
        .status;
    },
    /** Waits until the request has a certificate, or a condition `Failed`. */
    async settled(name: string): Promise<void> {
      for (let tries = 0; tries < 200; tries++) {
        const { status } = (await must('GET', `${CSRS}/${name}`)) as unknown as {
          status: { certificate?: string; conditions?: { type: string }[] };
        };
        if (status.certificate !== undefined || (status.conditions ?? []).some(({ type }) => type === 'Failed')) return;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      assert.fail(`${name} does not settle`);
    },
  };
}

export interface Made {
  readonly pem: string;
  readonly keyPem: string;
  readonly key: KeyObject;
  readonly commonName: string;
}

export interface MadeSpec {
  readonly commonName?: string;
  readonly dns?: readonly string[];
  readonly ca?: boolean;
  readonly key?: KeyObject;
  readonly issuer?: Made;
  /** Valid for so many days from now, and from so many days on. */
  readonly days?: number;
  readonly from?: number;
  readonly caIssuerUrl?: string;
}

/** A certificate, as any authority could have made it. */
export function madeCertificate(spec: MadeSpec = {}): Made {
  const { commonName = 'web', dns = [], ca = false, issuer, days = 30, from = -2, caIssuerUrl } = spec;
  const key = spec.key ?? generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const day = 86_400_000;
  const { pem } = createCertificate(
    {
      ...{ commonName, names: names(...dns), usages: [] },
      ...(ca ? { isCa: true } : {}),
      serialNumber: randomBytes(16),
      notBefore: new Date(Date.now() + from * day),
      notAfter: new Date(Date.now() + days * day),
      ...(caIssuerUrl === undefined ? {} : { caIssuerUrls: [caIssuerUrl] }),
    },
    key,
    issuer === undefined ? undefined : { name: distinguishedNameOf(issuer.commonName, undefined), key: issuer.key },
  );
  return { pem, key, commonName, keyPem: key.type === 'private' ? encodePrivateKey(key) : '' };
}
