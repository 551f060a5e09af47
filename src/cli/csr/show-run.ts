/** A run of `csr show`: all that is in a request of a cluster. */
import { isTscertError } from '../../base/errors.js';
import { printable } from '../../base/printable.js';
import { type CertificateSigningRequest, CSR, conditionsOf, stateOf } from '../../kubernetes/csr.js';
import { readCsr } from '../../pki/csr.js';
import { preflight } from '../../policy/signers/preflight.js';
import type { SignerVerdict } from '../../policy/signers/verdict.js';
import { lookAt } from '../../policy/whole/look.js';
import { type ClusterFlags, openCluster } from '../cluster.js';
import type { Context } from '../context.js';
import { EXIT } from '../exit.js';
import { foundText } from '../inspect-text.js';
import type { Paint } from '../ui/paint.js';
import { paintOfOutput } from '../ui/states.js';
import { distanceWords } from '../ui/times.js';
import { absent } from './delete-run.js';
import { certificatesIn, csrDocument, durationOf } from './describe.js';

const WIDTH = 13;

/** Runs `csr show` and gives its exit code. */
export async function runShow(context: Context, name: string, flags: ClusterFlags): Promise<number> {
  const { system, globals, ui, signal } = context;
  const { client } = await openCluster(context, flags);
  try {
    const csr = await client.get(CSR, { name }, { signal });
    if (csr === undefined) throw absent(name);
    const verdict = verdictOn(csr);
    const now = system.clock.now();
    if (ui.json) ui.document('csr-show', { ...csrDocument(csr), certificates: certificatesIn(csr, now) ?? [], signer: verdict ?? null });
    else ui.data(`${textLines(csr, verdict, { now, paint: await paintOfOutput(system, globals) }).join('\n')}\n`);
    return EXIT.done;
  } finally {
    client.close();
  }
}

/** What the rules of the signer say; undefined for a request that cannot be read. */
function verdictOn({ spec }: CertificateSigningRequest): SignerVerdict | undefined {
  try {
    const { signerName, usages, expirationSeconds, username, groups } = spec;
    return preflight({
      csr: readCsr(Buffer.from(spec.request, 'base64').toString('latin1')),
      ...{ signerName, usages: usages ?? [] },
      ...(typeof expirationSeconds === 'number' ? { expirationSeconds } : {}),
      requester: { username: username ?? '', groups: groups ?? [] },
    });
  } catch (error) {
    if (isTscertError(error)) return undefined;
    throw error;
  }
}

function textLines(
  csr: CertificateSigningRequest,
  verdict: SignerVerdict | undefined,
  { now, paint }: { now: number; paint: Paint },
): string[] {
  const { metadata, spec } = csr;
  const row = (label: string, text: string): string => `  ${label.padEnd(WIDTH)} ${printable(text)}`;
  const rows = (label: string, texts: readonly string[]): string[] => texts.map((text, at) => row(at === 0 ? label : '', text));
  const made = Date.parse(metadata.creationTimestamp ?? '');
  const { description, faults } = lookAt(Buffer.from(spec.request, 'base64'));
  const labels = Object.entries(metadata.labels ?? {}).map(([key, value]) => `${key}=${value}`);
  const state = stateOf(csr);
  const unsigned = state === 'pending' || state === 'approved' ? (verdict?.broken ?? []) : [];
  return [
    paint.strong(`CertificateSigningRequest ${printable(metadata.name)}`),
    row('state', state),
    row('made', Number.isNaN(made) ? '' : `${metadata.creationTimestamp} (${distanceWords(made, now)})`),
    ...rows('labels', labels),
    row('asked by', spec.username ?? ''),
    ...rows('groups', spec.groups ?? []),
    row('signer', spec.signerName),
    row('usages', (spec.usages ?? []).join(', ')),
    row('duration', durationOf(csr) ?? "the signer's own"),
    ...rows('conditions', conditionsOf(csr).map(conditionWords)),
    ...keptWords(csr).map((words) => row('kept', words)),
    ...unsigned.map(({ message }) => `  ${paint.bad('NOT SIGNABLE')}  ${printable(message)}`),
    ...faults.map(({ message }) => `  ${paint.bad('NOT WHOLE')}     ${printable(message)}`),
    ...(description === undefined ? [] : ['', foundText({ type: 'csr', ...description }, undefined)]),
    ...(certificatesIn(csr, now) ?? []).flatMap((certificate, at, all) => [
      '',
      foundText({ type: 'certificate', ...certificate }, all.length > 1 ? at + 1 : undefined),
    ]),
  ];
}

function conditionWords({ type, status, reason, message, lastUpdateTime }: ReturnType<typeof conditionsOf>[number]): string {
  const is = status === 'True' ? type : `${type}=${status}`;
  const why = [reason, message].filter((word) => word).join(': ');
  return `${is}${lastUpdateTime ? ` at ${lastUpdateTime}` : ''}${why === '' ? '' : ` (${why})`}`;
}

/** How long the cluster keeps it (the controller csrcleaner). */
function keptWords(csr: CertificateSigningRequest): string[] {
  switch (stateOf(csr)) {
    case 'pending':
      return ['for a day after it was made, unless somebody decides'];
    case 'approved':
      return ['until it is signed or removed'];
    default:
      return ['for an hour after the last condition'];
  }
}
