/**
 * Will this be signed? The rules of the API server and of its four signers (Kubernetes 1.36), asked before a request is sent: the server
 * itself tells most of them only after the approval, as a condition that stays.
 */

import { isBuiltIn, isReserved, SIGNER } from './names.js';
import { brokenAtServer, ignoredExtensions } from './server-rules.js';
import { brokenAtSigner, USAGES_OF } from './signer-rules.js';
import { commonNameText } from './subject.js';
import type { FittingSigner, SignerQuestion, SignerVerdict } from './verdict.js';

const DEFAULT_DURATION = 8_760 * 3_600;

/** Every rule that a request breaks, the signer that fits it, and what is worth knowing. Never throws. */
export function preflight(question: SignerQuestion): SignerVerdict {
  const { signerName } = question;
  const kind = isBuiltIn(signerName) ? 'built-in' : isReserved(signerName) ? 'unknown' : 'custom';
  const broken = brokenAtServer(question);
  if (isBuiltIn(signerName)) broken.push(...brokenAtSigner(signerName, question));
  else if (kind === 'unknown' && !broken.some(({ rule }) => rule === 'signer-name'))
    broken.push({ rule: 'signer-name', by: 'signer', message: `Kubernetes has no signer "${signerName}", and the domain is its own` });
  const isSigned = broken.length === 0;
  return { isSigned, kind, broken, ...(!isSigned && { fits: fitting(question) }), notes: notesOn(question, kind) };
}

const CANDIDATES = [SIGNER.kubeletClient, SIGNER.kubeletServing, SIGNER.apiserverClient] as const;

/** The built-in signer whose rules hold, with the usages that were asked for or at least with its own; else one of one's own. */
function fitting(question: SignerQuestion): FittingSigner {
  const others = brokenAtServer({ ...question, signerName: 'example.com/any', usages: ['digital signature'] });
  if (others.length > 0) return { message: 'No signer takes it: the API server refuses such a request whatever signer it names' };
  const isFit = (signerName: (typeof CANDIDATES)[number], usages: readonly string[]): boolean => {
    const asked = { ...question, signerName, usages };
    return brokenAtServer(asked).length + brokenAtSigner(signerName, asked).length === 0;
  };
  const asIs = CANDIDATES.find((signerName) => isFit(signerName, question.usages));
  if (asIs !== undefined) return { signerName: asIs, message: `"${asIs}" signs it as it is` };
  const wantsServer = question.usages.includes('server auth');
  const withOwn = CANDIDATES.find((name) => (name === SIGNER.kubeletServing) === wantsServer && isFit(name, USAGES_OF[name]));
  if (withOwn !== undefined) {
    const usages = USAGES_OF[withOwn];
    return {
      signerName: withOwn,
      usages,
      message: `"${withOwn}" signs it with the usages ${usages.map((usage) => `"${usage}"`).join(', ')}`,
    };
  }
  return {
    message: wantsServer
      ? 'No signer of Kubernetes gives server certificates to anything but nodes: names of Services and others need a signer of your own, such as cert-manager\'s "issuers.cert-manager.io/NAMESPACE.NAME"'
      : 'No signer of Kubernetes signs it: it needs a signer of your own',
  };
}

function notesOn(question: SignerQuestion, kind: SignerVerdict['kind']): string[] {
  const { csr, signerName, expirationSeconds, requester } = question;
  const notes: string[] = [];
  if (kind === 'custom') notes.push(`What "${signerName}" wants is not known here: only the rules of the API server were asked`);
  if (kind === 'built-in' && expirationSeconds !== undefined && expirationSeconds > DEFAULT_DURATION)
    notes.push('The signer gives a year at most unless the cluster is set to more (--cluster-signing-duration)');
  if (kind === 'built-in' && ignoredExtensions(question).length > 0)
    notes.push('Of the extensions that it asks for the signer takes the alternative names alone; usages are those of the request object');
  const isKubelet = signerName === SIGNER.kubeletClient || signerName === SIGNER.kubeletServing;
  const commonName = commonNameText(csr.subject);
  if (isKubelet && requester !== undefined && requester.username !== commonName) {
    notes.push(
      `"${requester.username}" asks for a certificate of ${JSON.stringify(commonName)}: the signer does not mind, whoever approves it must`,
    );
    if (requester.groups.includes('system:nodes'))
      notes.push('A cluster with the admission plugin NodeRestriction refuses it: a node asks for itself only');
  }
  return notes;
}
