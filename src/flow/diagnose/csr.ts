/** Why a CertificateSigningRequest has not become a certificate: judging what was read of it. Pure. */
import { formatDuration } from '../../base/duration.js';
import { type CertificateSigningRequest, type CsrCondition, conditionOf, conditionsOf, stateOf, textOf } from '../../kubernetes/csr.js';
import { type Right, rightWords } from '../../kubernetes/failure.js';
import { type CertificateContent, readCertificates } from '../../pki/certificate.js';
import { preflight } from '../../policy/signers/preflight.js';
import { type Look, lookAt } from '../../policy/whole/look.js';
import { type Read, valueIn } from './attempt.js';
import { CERTIFICATE_LINKS, certificateLinks } from './certificate-links.js';
import { type ClusterEvidence, clusterLink } from './cluster.js';
import { grantWords, refusedLink } from './grant.js';
import { broken, type Link, listed, ok, unknown, waiting, walk } from './link.js';
import { absentLink } from './object.js';
import { signerWords, unsignedNext } from './signer.js';

export interface CsrEvidence {
  readonly name: string;
  readonly cluster: ClusterEvidence;
  readonly csr: Read<CertificateSigningRequest | undefined>;
  /** Every request of the cluster: for names that are near, and for what its signer does with others. */
  readonly all: Read<readonly CertificateSigningRequest[]>;
  /** Those who may approve it, and those who may sign it: `Group "ops"`. */
  readonly approvers: Read<readonly string[]>;
  readonly signers: Read<readonly string[]>;
  /** What we would need to approve it, and lack. */
  readonly missing: Read<readonly Right[]>;
  readonly roots: Iterable<CertificateContent>;
  readonly areRootsNamed: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

const CHAIN = ['cluster', 'rights', 'object', 'request', 'rules', 'approval', 'signing', ...CERTIFICATE_LINKS] as const;

/** Milliseconds that a signer may take before it is missed: kube-controller-manager needs a tenth of a second. */
const PATIENCE = 15_000;

/** The chain, to the first link that does not hold. Never throws. */
export function judgeCsr(evidence: CsrEvidence): readonly Link[] {
  return walk(CHAIN, linksOf(evidence));
}

function* linksOf(evidence: CsrEvidence): Generator<Link> {
  const { name, cluster, now } = evidence;
  const username = valueIn(cluster.who);
  yield clusterLink(cluster);
  if (evidence.csr.error !== undefined) {
    yield refusedLink('rights', evidence.csr.error, username);
    return;
  }
  yield ok('rights', 'we may read CertificateSigningRequests');
  const csr = evidence.csr.value;
  if (csr === undefined) {
    yield absentLink({
      ...{ kind: 'CertificateSigningRequest', name },
      known: valueIn(evidence.all)?.map(({ metadata }) => metadata.name),
      why: 'a cluster removes them: an hour after the verdict or the certificate, undecided ones after a day',
      next: `make it anew: tscert csr submit --name ${name}`,
    });
    return;
  }
  yield ok('object', objectWords(csr, now));
  const state = stateOf(csr);
  const look = lookAt(Buffer.from(csr.spec.request, 'base64'));
  yield requestLink(look, state === 'pending' || state === 'approved');
  if (state === 'pending' || state === 'approved') yield rulesLink(csr, look);
  yield approvalLink(csr, evidence);
  yield signingLink(csr, look, evidence);
  if (look.csr === undefined) return;
  const { publicKey, extensions } = look.csr;
  yield* certificateLinks({
    ...evidence,
    pem: textOf(csr.status?.certificate ?? ''),
    where: 'status.certificate',
    key: { publicKey, words: 'the key of the request' },
    wanted: { names: extensions.names, by: 'the request asks' },
    renew: `the request cannot be mended: delete it and make another one, and tell whoever runs the signer "${csr.spec.signerName}"`,
  });
}

function objectWords({ metadata, spec }: CertificateSigningRequest, now: number): string {
  const age = metadata.creationTimestamp ? `, ${formatDuration(now - Date.parse(metadata.creationTimestamp))} ago` : '';
  return `made by "${spec.username}"${age}, for the signer "${spec.signerName}"`;
}

function requestLink({ csr, isWhole, faults, description }: Look, isOpen: boolean): Link {
  const why = faults.map(({ message }) => message).join('; ');
  if (csr === undefined) return broken('request', `spec.request cannot be read: ${why}`, 'make another request: tscert csr submit');
  const names = csr.extensions.names.map(({ value }) => value);
  const asks = `it asks for ${names.length === 0 ? 'no alternative names' : listed(names)}, with a key of ${description?.key.kind ?? 'another kind'}`;
  if (isWhole) return ok('request', asks);
  const message = `it holds more than it shows: ${why}`;
  if (isOpen) return broken('request', message, 'no policy may approve it; make a plain one: tscert csr submit');
  return ok('request', `${asks}; ${message}`, 'look at what came of it: the certificate may hold what nobody saw');
}

function rulesLink({ spec }: CertificateSigningRequest, { csr }: Look): Link {
  if (csr === undefined) return unknown('rules', 'the request cannot be read');
  const { signerName, expirationSeconds } = spec;
  const verdict = preflight({
    ...{ csr, signerName, usages: spec.usages ?? [] },
    ...(expirationSeconds ? { expirationSeconds } : {}),
    requester: { username: spec.username ?? '', groups: spec.groups ?? [] },
  });
  if (verdict.isSigned) {
    return verdict.kind === 'custom'
      ? unknown('rules', `what the signer "${signerName}" wants is not known here`)
      : ok('rules', `nothing in it is against the rules of "${signerName}"`);
  }
  const why = verdict.broken.map(({ message }) => message).join('; ');
  return broken('rules', `"${signerName}" will not sign it, approved or not: ${why}`, verdict.fits?.message);
}

function approvalLink(csr: CertificateSigningRequest, evidence: CsrEvidence): Link {
  const denied = conditionOf(csr, 'Denied');
  if (denied !== undefined) {
    return broken(
      'approval',
      `it was denied${conditionWords(denied, evidence.now)}`,
      'that is final: mend what was wrong, and make another one',
    );
  }
  const approved = conditionOf(csr, 'Approved');
  if (approved !== undefined) return ok('approval', `it was approved${conditionWords(approved, evidence.now)}`);
  if ((csr.status?.certificate ?? '') !== '') {
    const next = `do not use the certificate; whoever runs the signer "${csr.spec.signerName}" must wait for an approval`;
    return broken('approval', 'nobody has approved it, and yet somebody has signed it', next);
  }
  const failed = conditionOf(csr, 'Failed');
  if (failed !== undefined) return ok('approval', 'nobody has approved it, and its signer has refused it already');
  const others = conditionsOf(csr).map(({ type }) => type);
  const seen = others.length === 0 ? '' : `; it has the condition${others.length === 1 ? '' : 's'} ${listed(others)}, which decide nothing`;
  const since = csr.metadata.creationTimestamp ?? '';
  return broken(
    'approval',
    `pending since ${since}: nobody has approved or denied it${seen}; ${approverWords(csr.spec.signerName, evidence)}`,
    nextForPending(csr, evidence),
  );
}

function approverWords(signerName: string, { approvers }: CsrEvidence): string {
  const found = valueIn(approvers);
  const by = signerWords(signerName).approvedBy;
  const admins = 'the group "system:masters"';
  const may = found === undefined ? 'who may approve it cannot be read here' : `those who may are ${[...found, admins].join(', ')}`;
  return `${may}${by === undefined ? '' : `; ${by}`}`;
}

function nextForPending({ metadata }: CertificateSigningRequest, { missing, cluster }: CsrEvidence): string {
  const lacking = valueIn(missing);
  const approve = `tscert approve ${metadata.name}`;
  if (lacking === undefined) return `whoever may runs: ${approve}`;
  if (lacking.length === 0) return `look at it with tscert csr show ${metadata.name}, and approve it: ${approve}`;
  const [first] = lacking;
  const words = lacking.map((right) => rightWords(right)).join(' and ');
  return `ask one of them to run ${approve}; to do it ourselves we lack ${words}${
    first === undefined ? '' : `; ${grantWords(first, valueIn(cluster.who))}`
  }`;
}

function signingLink(csr: CertificateSigningRequest, { csr: content }: Look, evidence: CsrEvidence): Link {
  const { signerName, usages } = csr.spec;
  const failed = conditionOf(csr, 'Failed');
  if (failed !== undefined) {
    const fits = content === undefined ? undefined : preflight({ csr: content, signerName, usages: usages ?? [] }).fits?.message;
    const next = `that is final: delete it and make another one${fits === undefined ? '' : `; ${fits}`}`;
    return broken('signing', `"${signerName}" refuses to sign it${conditionWords(failed, evidence.now)}`, next);
  }
  if ((csr.status?.certificate ?? '') !== '') return ok('signing', `"${signerName}" has signed it${lifetimeWords(csr)}`);
  const approved = conditionOf(csr, 'Approved');
  const at = Date.parse(approved?.lastUpdateTime ?? approved?.lastTransitionTime ?? '');
  const waited = Number.isNaN(at) ? undefined : evidence.now - at;
  if (waited !== undefined && waited < PATIENCE) {
    return waiting('signing', `approved ${formatDuration(waited)} ago and not signed yet`, 'look again in some seconds');
  }
  const since = waited === undefined ? '' : `, ${formatDuration(waited)} after its approval`;
  const others = (valueIn(evidence.all) ?? []).filter(
    ({ spec, metadata }) => spec.signerName === signerName && metadata.name !== csr.metadata.name,
  );
  return broken(
    'signing',
    `"${signerName}" has not signed it${since}: ${signerWords(signerName).missing}`,
    unsignedNext(signerName, {
      hasSigned: others.some((other) => (other.status?.certificate ?? '') !== ''),
      mayBeServedBy: valueIn(evidence.signers),
    }),
  );
}

/** That the server dropped or shortened what was asked for shows only here. */
function lifetimeWords({ spec, status }: CertificateSigningRequest): string {
  const asked = spec.expirationSeconds;
  const leaf = firstCertificate(textOf(status?.certificate ?? ''));
  if (!asked || leaf === undefined) return '';
  const got = (leaf.notAfter.getTime() - leaf.notBefore.getTime()) / 1_000;
  const words = `for ${formatDuration(got * 1_000)} where ${formatDuration(asked * 1_000)} were asked for`;
  // A signer may date the beginning some minutes back.
  return Math.abs(got - asked) > Math.max(600, asked * 0.01) ? `, ${words}` : '';
}

function firstCertificate(pem: string): CertificateContent | undefined {
  try {
    return readCertificates(pem)[0];
  } catch {
    return undefined;
  }
}

function conditionWords({ reason, message, lastUpdateTime }: CsrCondition, now: number): string {
  const at = Date.parse(lastUpdateTime ?? '');
  const when = Number.isNaN(at) ? '' : ` ${formatDuration(now - at)} ago`;
  const why = [reason, message].filter((text) => text).join(': ');
  return `${when}${why === '' ? '' : ` (${why})`}`;
}
