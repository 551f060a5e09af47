/** The signers that Kubernetes itself has (kube-controller-manager), and the form of every signer's name. */

export const SIGNER = {
  apiserverClient: 'kubernetes.io/kube-apiserver-client',
  kubeletClient: 'kubernetes.io/kube-apiserver-client-kubelet',
  kubeletServing: 'kubernetes.io/kubelet-serving',
  legacyUnknown: 'kubernetes.io/legacy-unknown',
} as const;

export type BuiltInSigner = (typeof SIGNER)[keyof typeof SIGNER];

/** True for the four names that kube-controller-manager signs. */
export function isBuiltIn(signerName: string): signerName is BuiltInSigner {
  return Object.values<string>(SIGNER).includes(signerName);
}

/** True for names in the domain that Kubernetes keeps for itself. */
export function isReserved(signerName: string): boolean {
  const [domain = ''] = signerName.split('/');
  return domain === 'kubernetes.io' || domain.endsWith('.kubernetes.io');
}

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
/** A label of the path: like one of a domain, without its limit of 63 characters. */
const PATH_LABEL = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;
const MAX_LENGTH = 571;

/** What is wrong with the form of a signer's name, as a clause; nothing when the API server takes it. */
export function signerNameFault(signerName: string): string | undefined {
  const [domain = '', path = '', more] = signerName.split('/');
  if (domain === '' || path === '' || more !== undefined) return 'it wants the form "example.com/signer-name"';
  const labels = domain.split('.');
  if (labels.length < 2) return `"${domain}" is no domain with at least two labels`;
  if (domain.length > 253 || !labels.every((label) => LABEL.test(label))) return `"${domain}" is no domain in lower case`;
  const parts = path.split('.');
  if (!parts.every((part) => part.length <= 253 && PATH_LABEL.test(part)))
    return `"${path}" may only hold lower case letters, digits, inner hyphens and dots`;
  return signerName.length > MAX_LENGTH ? `it is longer than ${MAX_LENGTH} characters` : undefined;
}
