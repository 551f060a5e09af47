/** Runs of `diagnose`: what is read is judged, link by link. */
import { isTscertError, messageOf, TscertError } from '../../base/errors.js';
import { judgeCertManager } from '../../flow/diagnose/cert-manager.js';
import { hasCertificate, readCertManagerEvidence } from '../../flow/diagnose/cert-manager-evidence.js';
import { judgeCsr } from '../../flow/diagnose/csr.js';
import { readCsrEvidence } from '../../flow/diagnose/csr-evidence.js';
import { brokenIn, type Diagnosis } from '../../flow/diagnose/link.js';
import { judgeSecret } from '../../flow/diagnose/secret.js';
import { readSecretEvidence, type SecretParts } from '../../flow/diagnose/secret-evidence.js';
import { judgeStored } from '../../flow/diagnose/stored.js';
import { readOverview } from '../../flow/overview.js';
import { verifyStored } from '../../flow/verify.js';
import type { KubernetesClient } from '../../kubernetes/client.js';
import { handshake } from '../../net/tls.js';
import type { CertificateContent } from '../../pki/certificate.js';
import { storedName } from '../../store/name.js';
import { type ClusterFlags, openCluster } from '../cluster.js';
import type { Context } from '../context.js';
import { EXIT } from '../exit.js';
import { findSubjects } from '../looking.js';
import { allRoots, certificatesIn, readRoots } from '../roots.js';
import { paintOfOutput } from '../ui/states.js';
import { diagnosisText } from './text.js';

export interface DiagnoseFlags extends ClusterFlags {
  readonly probe?: readonly string[];
  readonly roots?: readonly string[];
}

/** How long a server may take for a handshake, in milliseconds. */
const HANDSHAKE_TIME = 10_000;
const COMMAND = 'tscert diagnose';
const SERVER = /^(\[[0-9a-fA-F:.]+\]|[^:/\\\s]+):\d{1,5}$/;

/** Runs `diagnose csr` and gives its exit code. */
export async function diagnoseCsr(context: Context, name: string, flags: DiagnoseFlags): Promise<number> {
  return inCluster(context, flags, async (parts) => {
    const links = judgeCsr(await readCsrEvidence(name, parts));
    return tell(context, [{ subject: 'csr', name, links }]);
  });
}

/** Runs `diagnose secret` and gives its exit code. @param target `NAME`, `NAMESPACE/NAME` */
export async function diagnoseSecret(context: Context, target: string, flags: DiagnoseFlags): Promise<number> {
  return inCluster(context, flags, async (parts) => {
    const ref = refOf(target, flags, parts.client);
    const links = judgeSecret(await readSecretEvidence(ref, probesOf(flags), parts));
    return tell(context, [{ subject: 'secret', name: `${ref.namespace}/${ref.name}`, links }]);
  });
}

/** Runs `diagnose certificate` and gives its exit code: one of our own, one of cert-manager, or one of each. */
export async function diagnoseCertificate(context: Context, target: string, flags: DiagnoseFlags): Promise<number> {
  const { kubeconfig, context: contextName, namespace, as, asGroup } = flags;
  const isThere = target.includes('/');
  const isNamed = isThere || [kubeconfig, contextName, namespace, as, asGroup].some((flag) => flag !== undefined);
  const own = await diagnoseOwn(context, target, flags);
  if (own.isKnown && !isNamed) return tell(context, [own.diagnosis]);
  const inIt = await inCluster(context, flags, async (parts) => {
    const ref = refOf(target, flags, parts.client);
    const isWanted = isThere || (isNamed && !own.isKnown) || (await hasCertificate(ref.name, ref.namespace, parts));
    if (!isWanted) return undefined;
    const links = judgeCertManager(await readCertManagerEvidence(ref, probesOf(flags), parts));
    return { subject: 'certificate', name: `${ref.namespace}/${ref.name}`, links } as const;
  }).catch((error: unknown) => {
    // Without a cluster there is only what is here.
    if (!isNamed && isTscertError(error, 'cluster-unknown')) return undefined;
    throw error;
  });
  return tell(context, [...(own.isKnown || inIt === undefined ? [own.diagnosis] : []), ...(inIt === undefined ? [] : [inIt])]);
}

async function diagnoseOwn(
  context: Context,
  name: string,
  flags: DiagnoseFlags,
): Promise<{ readonly isKnown: boolean; readonly diagnosis: Diagnosis }> {
  const { system } = context;
  const { store, subjects } = await findSubjects(context, COMMAND);
  const subject = subjects.find((one) => storedName(one.name) === nameOrNothing(name));
  const parts = { store, clock: system.clock, ...connectionsOf(context, flags) };
  const evidence = {
    ...{ name, now: system.clock.now(), known: subjects.map((one) => one.name) },
    overview: subject && (await readOverview(subject, parts)),
    checks: subject === undefined ? [] : await verifyStored(subject, probesOf(flags), parts),
    unclear: subject !== undefined && 'error' in subject && subject.error !== undefined ? messageOf(subject.error) : undefined,
  };
  return { isKnown: subject !== undefined, diagnosis: { subject: 'certificate', name, links: judgeStored(evidence) } };
}

function nameOrNothing(target: string): string | undefined {
  try {
    return storedName(target);
  } catch {
    return undefined;
  }
}

async function inCluster<T>(context: Context, flags: DiagnoseFlags, act: (parts: SecretParts) => Promise<T>): Promise<T> {
  probesOf(flags);
  const { client, roots } = await openCluster(context, flags);
  // The authority of the API server has often signed what comes from the cluster's own signers.
  const connections = connectionsOf(context, flags, roots === undefined ? [] : certificatesIn(roots));
  try {
    return await act({ client, clock: context.system.clock, signal: context.signal, ...connections });
  } finally {
    client.close();
  }
}

type Connections = Pick<SecretParts, 'shake' | 'roots' | 'areRootsNamed'>;

function connectionsOf(
  { system, signal }: Context,
  { roots = [] }: DiagnoseFlags,
  others: readonly CertificateContent[] = [],
): Connections {
  const named = readRoots(system, roots);
  const known: CertificateContent[] = [];
  const more = allRoots(system, [...named, ...others]);
  return {
    shake: (target, servername) =>
      handshake(target, { timeout: HANDSHAKE_TIME, signal, ...(servername === undefined ? {} : { servername }) }),
    *roots() {
      yield* known;
      for (let next = more.next(); next.done !== true; next = more.next()) {
        known.push(next.value);
        yield next.value;
      }
    },
    areRootsNamed: named.length > 0,
  };
}

/** @throws {TscertError} `usage` */
function probesOf({ probe = [] }: DiagnoseFlags): readonly string[] {
  const odd = probe.find((one) => !SERVER.test(one));
  if (odd === undefined) return probe;
  throw new TscertError('usage', `Cannot probe "${odd}": it wants HOST:PORT`, { data: { target: odd } });
}

/** @throws {TscertError} `usage` */
function refOf(
  target: string,
  { namespace }: DiagnoseFlags,
  client: KubernetesClient,
): { readonly name: string; readonly namespace: string } {
  const [first = '', name, ...more] = target.split('/');
  if (first === '' || name === '' || more.length > 0) {
    throw new TscertError('usage', `Cannot look for "${target}": it wants NAME or NAMESPACE/NAME`, { data: { target } });
  }
  if (name === undefined) return { name: first, namespace: client.namespace };
  if (namespace === undefined || namespace === first) return { name, namespace: first };
  throw new TscertError('usage', `Cannot look for "${target}" in the namespace "${namespace}": say one of both`, { data: { target } });
}

async function tell({ system, globals, ui }: Context, diagnoses: readonly Diagnosis[]): Promise<number> {
  const isBroken = diagnoses.some((one) => brokenIn(one) !== undefined);
  if (ui.json) {
    const documents = diagnoses.map((one) => {
      const broken = brokenIn(one);
      const { subject, name, links } = one;
      return { subject, name, ok: broken === undefined, ...(broken === undefined ? {} : { broken: broken.link }), links };
    });
    ui.document('diagnose', { ok: !isBroken, diagnoses: documents });
  } else {
    const paint = await paintOfOutput(system, globals);
    ui.data(`${diagnoses.map((one) => diagnosisText(one, paint)).join('\n')}\n`);
  }
  return isBroken ? EXIT.failed : EXIT.done;
}
