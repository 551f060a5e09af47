/** A signer of a cluster as the authority of a certificate: the options that name it. */
import { parseDuration } from '../base/duration.js';
import { TscertError } from '../base/errors.js';
import { parseUsage, type Usage } from '../pki/usage.js';
import type { CertificateOptions } from './options.js';
import type { KubernetesRequest } from './request.js';

/** What the signers of Kubernetes give, where nobody says what a certificate is for. */
const USAGES: Readonly<Record<string, readonly Usage[]>> = {
  'kubernetes.io/kube-apiserver-client': ['digital signature', 'key encipherment', 'client auth'],
  'kubernetes.io/kube-apiserver-client-kubelet': ['digital signature', 'key encipherment', 'client auth'],
  'kubernetes.io/kubelet-serving': ['digital signature', 'key encipherment', 'server auth'],
};

/** Options that are of ACME alone; what else they could mean for a cluster nobody knows. */
const ACME_ONLY = ['mustStaple', 'notAfter', 'profile', 'preferredChain', 'eabKid', 'staging'] as const;

/**
 * The usages that are asked of a signer.
 * @param words of the options; also several in one text with commas between
 * @throws {TscertError} `usage` for a signer of somebody else without any, `request-invalid` for words that are none
 */
export function signerUsages(signer: string, words: readonly string[] | undefined): readonly Usage[] {
  if (words !== undefined) return [...new Set(words.flatMap((text) => text.split(',')).map((word) => parseUsage(word.trim())))];
  const known = USAGES[signer];
  if (known !== undefined) return known;
  throw new TscertError('usage', `Cannot tell what the certificate is for: "${signer}" is no signer of Kubernetes; say it with --usage`, {
    data: { field: 'usage' },
  });
}

/**
 * The request for a signer.
 * @throws {TscertError} `usage`, `request-invalid`
 */
export function signerOf(options: CertificateOptions): KubernetesRequest {
  const stray = ACME_ONLY.find((key) => options[key] !== undefined && options[key] !== false);
  if (stray !== undefined) {
    const flag = stray.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    throw new TscertError('usage', `Cannot use --${flag} with a signer of Kubernetes: it is for ACME`, { data: { field: stray } });
  }
  const [signer = '', context, ...more] = (options.signer ?? '').split('@');
  const fault =
    options.signer === undefined
      ? 'none is named: say --signer NAME'
      : more.length > 0 || !signer.includes('/')
        ? 'it wants the form "example.com/signer-name"'
        : undefined;
  if (fault !== undefined) {
    throw new TscertError('request-invalid', `Cannot use the signer "${options.signer ?? ''}": ${fault}`, { data: { field: 'signer' } });
  }
  return {
    kind: 'kubernetes',
    directory: options.signer ?? '',
    signer,
    ...(context === undefined ? {} : { context }),
    usages: signerUsages(signer, options.usage),
    ...(options.expiration === undefined ? {} : { expirationSeconds: Math.ceil(parseDuration(options.expiration) / 1_000) }),
  };
}
