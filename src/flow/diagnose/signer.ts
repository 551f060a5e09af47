/** Who stands behind a signer's name, and what to look at when it does not sign. */
import { nearest } from '../../base/nearest.js';
import { isBuiltIn, isReserved, SIGNER } from '../../policy/signers/names.js';

interface SignerWords {
  /** Who approves by itself, if anybody does; a clause. */
  readonly approvedBy: string | undefined;
  /** Why it may not sign; a clause. */
  readonly missing: string;
}

const CERT_MANAGER = /^(issuers|clusterissuers)\.cert-manager\.io\//;

export function signerWords(signerName: string): SignerWords {
  if (isBuiltIn(signerName)) {
    const isKubelet = signerName === SIGNER.kubeletClient;
    return {
      approvedBy: isKubelet
        ? 'kube-controller-manager approves such by itself where the requester may create "certificatesigningrequests/nodeclient" or "selfnodeclient"'
        : 'the cluster approves none of this signer by itself',
      missing: 'kube-controller-manager signs for it, and skips without a word what it has no key for',
    };
  }
  if (isReserved(signerName)) {
    const near = nearest(signerName, Object.values(SIGNER));
    return { approvedBy: undefined, missing: `Kubernetes has no such signer${near === undefined ? '' : `; there is "${near}"`}` };
  }
  if (CERT_MANAGER.test(signerName)) {
    return {
      approvedBy: 'cert-manager approves none of them by itself',
      missing:
        'cert-manager signs for it only with the feature gate ExperimentalCertificateSigningRequestControllers, which is off by default',
    };
  }
  return { approvedBy: undefined, missing: 'it is none of the four that Kubernetes has: a controller of its own must be running for it' };
}

export interface SignerTraces {
  /** Another request of this signer has its certificate. */
  readonly hasSigned: boolean;
  /** Those with the right to sign for it; undefined when that cannot be read. */
  readonly mayBeServedBy: readonly string[] | undefined;
}

/** What to look at, as a clause. */
export function unsignedNext(signerName: string, { hasSigned, mayBeServedBy }: SignerTraces): string {
  const worked = hasSigned ? '; it has signed others that are still here, so it was there once' : '';
  if (isBuiltIn(signerName)) {
    const flags = '--cluster-signing-cert-file and --cluster-signing-key-file (or those of this signer alone)';
    return `look at kube-controller-manager: is it running, with the controller certificatesigningrequest-signing-controller, and with ${flags}? A cluster of a cloud may keep the key elsewhere${worked}`;
  }
  if (isReserved(signerName)) return 'make another request, for one of the signers that there are';
  const who =
    mayBeServedBy === undefined
      ? ''
      : mayBeServedBy.length === 0
        ? '; nobody has the right "sign" on it, so nobody serves it'
        : `; those with the right to sign for it are ${mayBeServedBy.join(', ')}`;
  if (CERT_MANAGER.test(signerName)) {
    return `start cert-manager's controller with --feature-gates=ExperimentalCertificateSigningRequestControllers=true, and see that the issuer is ready${who}${worked}`;
  }
  return `look at the controller of "${signerName}" and its log${who}${worked}`;
}
