/** Why a Certificate of cert-manager is not what it should be: its conditions and those of all that hangs on it. Pure. */
import { formatDuration } from '../../base/duration.js';
import { type Read, valueIn } from './attempt.js';
import { clusterLink } from './cluster.js';
import { refusedLink } from './grant.js';
import { broken, type Link, ok, unknown, waiting, walk } from './link.js';
import { absentLink } from './object.js';
import type { AcmeObject, CertificateObject, Condition, StatedObject } from './objects.js';
import { SECRET_CHAIN, type SecretEvidence, secretLinks } from './secret.js';

export interface CertManagerEvidence {
  readonly name: string;
  /** The Secret that it is kept in, and with it the cluster and all Certificates of the namespace. */
  readonly secret: SecretEvidence;
  /** Undefined when it is not there. */
  readonly issuer: Read<StatedObject | undefined>;
  /** Those of this Certificate, newest last. */
  readonly requests: Read<readonly StatedObject[]>;
  /** Of the newest request. */
  readonly orders: Read<readonly AcmeObject[]>;
  readonly challenges: Read<readonly AcmeObject[]>;
}

const CHAIN = [
  'cluster',
  'rights',
  'object',
  'controller',
  'issuer',
  'request',
  'challenge',
  'order',
  'issuance',
  ...inSecret(SECRET_CHAIN),
];
/** Milliseconds that a controller may take to see an object, and that a proof may take to show. */
const PATIENCE = 60_000;
const PROOF_PATIENCE = 10 * 60_000;
const HOUR = 3_600_000;
const LONGEST_PAUSE = 32 * HOUR;

/** The chain, to the first link that does not hold. Never throws. */
export function judgeCertManager(evidence: CertManagerEvidence): readonly Link[] {
  return walk(CHAIN, linksOf(evidence));
}

/** The links of the Secret behind those of the Certificate, under words of their own where both have one. */
function inSecret(links: readonly string[]): string[] {
  return links.filter((link) => link !== 'cluster').map(renamed);
}

function renamed(link: string): string {
  return ['rights', 'object', 'issuer'].includes(link) ? `secret-${link}` : link;
}

function* linksOf(evidence: CertManagerEvidence): Generator<Link> {
  const { name, secret } = evidence;
  const { cluster, certificates, namespace, now } = secret;
  yield clusterLink(cluster);
  if (certificates.error !== undefined) {
    yield refusedLink('rights', certificates.error, valueIn(cluster.who));
    return;
  }
  yield ok('rights', `we may read Certificates in the namespace "${namespace}"`);
  const all = certificates.value ?? [];
  const certificate = all.find(({ metadata }) => metadata.name === name);
  if (certificate === undefined) {
    yield certificates.value === undefined
      ? broken(
          'object',
          'cert-manager is not in this cluster: it has no Certificates',
          'tscert issue --secret makes and keeps one without it',
        )
      : absentLink({ kind: 'Certificate', name, namespace, known: all.map(({ metadata }) => metadata.name) });
    return;
  }
  yield ok('object', `the Certificate "${name}" is there, for the Secret "${certificate.spec.secretName}"`);
  const ready = conditionOf(certificate, 'Ready');
  yield controllerLink(certificate, ready, now);
  if (ready?.status !== 'True' || conditionOf(certificate, 'Issuing')?.status === 'True') yield* issuanceLinks(certificate, evidence, now);
  for (const link of secretLinks(secret)) yield { ...link, link: renamed(link.link) };
}

function controllerLink({ metadata }: CertificateObject, ready: Condition | undefined, now: number): Link {
  if (ready !== undefined) return ok('controller', `cert-manager says Ready=${ready.status}${why(ready)}`);
  const age = now - Date.parse(metadata.creationTimestamp ?? '');
  if (age < PATIENCE) return waiting('controller', `it was made ${formatDuration(age)} ago, and cert-manager has not looked at it yet`);
  const next = 'look whether its controller runs: kubectl get pods -n cert-manager, and at its log';
  return broken('controller', 'cert-manager has never looked at it: it has no condition Ready', next);
}

function* issuanceLinks(certificate: CertificateObject, evidence: CertManagerEvidence, now: number): Generator<Link> {
  yield issuerLink(certificate, evidence);
  const [request] = (valueIn(evidence.requests) ?? []).slice(-1);
  yield requestLink(request, evidence);
  if (request !== undefined) {
    const orders = valueIn(evidence.orders) ?? [];
    for (const challenge of valueIn(evidence.challenges) ?? []) yield challengeLink(challenge, now);
    for (const order of orders) yield orderLink(order);
  }
  yield lastLink(certificate, request, now);
}

function issuerLink({ spec, metadata }: CertificateObject, { issuer }: CertManagerEvidence): Link {
  const { kind, name, group } = spec.issuerRef ?? {};
  const title = `${kind} "${name}"`;
  if (issuer.error !== undefined) return unknown('issuer', `the ${title} cannot be read: ${issuer.error.message}`);
  if (issuer.value === undefined) {
    if (group !== 'cert-manager.io') return unknown('issuer', `the ${title} is of the group "${group}", whose controller alone knows it`);
    const where = kind === 'ClusterIssuer' ? '' : ` in the namespace "${metadata.namespace}"`;
    return broken(
      'issuer',
      `there is no ${title}${where}`,
      `make it, or have issuerRef name one that is there: kubectl get issuers,clusterissuers -A`,
    );
  }
  const ready = conditionOf(issuer.value, 'Ready');
  if (ready?.status === 'True') return ok('issuer', `the ${title} is ready`);
  const message = ready === undefined ? 'has no condition Ready' : `is not ready${why(ready)}`;
  return broken(
    'issuer',
    `the ${title} ${message}`,
    `kubectl describe ${kind?.toLowerCase()} ${name}: its account, its secrets and its URL`,
  );
}

function requestLink(request: StatedObject | undefined, { requests, name }: CertManagerEvidence): Link {
  if (requests.error !== undefined) return unknown('request', `its CertificateRequests cannot be read: ${requests.error.message}`);
  if (request === undefined) {
    return broken(
      'request',
      'there is no CertificateRequest of it',
      `cmctl renew ${name} asks for one; then look at the log of cert-manager's controller`,
    );
  }
  const title = `the CertificateRequest "${request.metadata.name}"`;
  for (const type of ['Denied', 'InvalidRequest'] as const) {
    const condition = conditionOf(request, type);
    if (condition?.status === 'True') {
      const next =
        type === 'Denied'
          ? 'a policy refuses it: mend the Certificate, or the policy; then cmctl renew'
          : 'mend the Certificate; then cmctl renew';
      return broken('request', `${title} is ${type === 'Denied' ? 'denied' : 'invalid'}${why(condition)}`, next);
    }
  }
  if (conditionOf(request, 'Approved')?.status !== 'True') {
    return broken(
      'request',
      `${title} is not approved`,
      `cmctl approve ${request.metadata.name}; see whether approver-policy has a policy that applies to it`,
    );
  }
  return ok('request', `${title} is approved`);
}

function challengeLink({ metadata, spec, status }: AcmeObject, now: number): Link {
  const state = status?.state ?? '';
  const title = `the Challenge "${metadata.name}" for "${spec?.wildcard === true ? '*.' : ''}${spec?.dnsName}" (${spec?.type})`;
  const reason = status?.reason ? `: ${status.reason}` : '';
  if (state === 'valid' || state === 'ready') return ok('challenge', `${title} is ${state}`);
  const next =
    spec?.type === 'DNS-01'
      ? `ask the zone's own name servers for TXT of _acme-challenge.${spec.dnsName}; see the credentials of the solver`
      : `see that http://${spec?.dnsName}/.well-known/acme-challenge/ is reached from outside`;
  if (['invalid', 'expired', 'errored'].includes(state)) return broken('challenge', `${title} is ${state}${reason}`, next);
  const age = now - Date.parse(metadata.creationTimestamp ?? '');
  const presented = status?.presented === true ? 'its proof was put out' : 'its proof was not put out yet';
  const message = `${title} is ${state === '' ? 'not begun' : state} for ${formatDuration(age)}, ${presented}${reason}`;
  return age > PROOF_PATIENCE ? broken('challenge', message, next) : waiting('challenge', message, next);
}

function orderLink({ metadata, status }: AcmeObject): Link {
  const state = status?.state ?? '';
  const title = `the Order "${metadata.name}"`;
  const reason = status?.reason ? `: ${status.reason}` : '';
  if (['invalid', 'expired', 'errored'].includes(state))
    return broken('order', `${title} is ${state}${reason}`, 'read what the CA says; then cmctl renew');
  return state === 'valid' || state === 'ready'
    ? ok('order', `${title} is ${state}`)
    : waiting('order', `${title} is ${state === '' ? 'not begun' : state}${reason}`);
}

/** What the Certificate itself says, when nothing below it is at fault. */
function lastLink({ metadata, status }: CertificateObject, request: StatedObject | undefined, now: number): Link {
  const ready = request === undefined ? undefined : conditionOf(request, 'Ready');
  const failed = ready?.status === 'False' && ready.reason === 'Failed' ? why(ready) : '';
  const attempts = status?.failedIssuanceAttempts ?? 0;
  const last = Date.parse(status?.lastFailureTime ?? '');
  if (!Number.isNaN(last)) {
    const again = last + Math.min(HOUR * 2 ** Math.max(0, attempts - 1), LONGEST_PAUSE);
    const issuing = (status?.conditions ?? []).find(({ type }) => type === 'Issuing');
    const words = failed === '' && issuing !== undefined ? why(issuing) : failed;
    const when = again > now ? `; cert-manager tries it again at ${new Date(again).toISOString()}` : '';
    const next = `cmctl status certificate ${metadata.name} -n ${metadata.namespace}; a changed spec is tried at once, cmctl renew only after that time`;
    return broken('issuance', `${attempts || 1} attempts failed, the last at ${status?.lastFailureTime}${words}${when}`, next);
  }
  if (failed !== '') return broken('issuance', `the CertificateRequest "${request?.metadata.name}" failed${failed}`);
  return waiting('issuance', `it is being issued${ready === undefined ? '' : why(ready)}`, 'look again in a minute');
}

function conditionOf({ status }: CertificateObject | StatedObject, type: string): Condition | undefined {
  return (status?.conditions ?? []).find((condition) => condition.type === type);
}

function why({ reason, message }: Condition): string {
  const words = [reason, message].filter((text) => text).join(': ');
  return words === '' ? '' : ` (${words})`;
}

/** True when it belongs to one of these objects. */
export function isOwnedBy({ metadata }: AcmeObject, kind: string, names: readonly string[]): boolean {
  return (metadata.ownerReferences ?? []).some((owner) => owner.kind === kind && names.includes(owner.name ?? ''));
}
