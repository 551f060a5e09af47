/** What a signer of a cluster is asked, before anything is sent: the object, and whether it can ever be signed. */
import { TscertError } from '../base/errors.js';
import type { CsrContent } from '../pki/csr.js';
import { preflight } from '../policy/signers/preflight.js';
import type { SignerVerdict } from '../policy/signers/verdict.js';

/** A request for a signer. */
export interface SigningQuestion {
  readonly csr: CsrContent;
  readonly signerName: string;
  /** In the words of certificates.k8s.io, which are cert-manager's. */
  readonly usages: readonly string[];
  /** Seconds; the signer's own choice unless given. */
  readonly expirationSeconds?: number;
}

/**
 * Asks the rules of the API server and the signer.
 * @throws {TscertError} `csr-unsignable` when one is broken, with every rule and the signer that fits
 */
export function checkSignable(question: SigningQuestion): SignerVerdict {
  const verdict = preflight(question);
  if (verdict.isSigned) return verdict;
  const { signerName } = question;
  const { broken, fits } = verdict;
  const [first] = broken;
  const who = first?.by === 'server' ? 'the API server refuses it' : `"${signerName}" does not sign it`;
  throw new TscertError(
    'csr-unsignable',
    `Cannot have the request signed: ${who}: ${broken.map(({ message }) => lower(message)).join('; ')}`,
    {
      data: { signerName, broken, ...(fits === undefined ? {} : { fits }) },
    },
  );
}

function lower(sentence: string): string {
  return `${sentence.charAt(0).toLowerCase()}${sentence.slice(1)}`;
}
