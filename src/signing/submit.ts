/** A CertificateSigningRequest is made: under a name that is known before, and compared with what was asked afterwards. */
import type { Random } from '../base/clock.js';
import { isTscertError, TscertError } from '../base/errors.js';
import type { KubernetesClient, WriteCall } from '../kubernetes/client.js';
import { type CertificateSigningRequest, CSR, textOf } from '../kubernetes/csr.js';
import { readCsr } from '../pki/csr.js';
import { readDer } from '../pki/der-reader.js';
import type { SigningQuestion } from './question.js';

export interface Submission extends SigningQuestion {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface Submitted {
  readonly object: CertificateSigningRequest;
  /** False when the same request stood there already. */
  readonly isNew: boolean;
  /** What the server made of it that was not asked; sentences without their full stops. */
  readonly differences: readonly string[];
}

const LETTERS = 'bcdfghjklmnpqrstvwxz2456789';

/** A name for a request that is for `title`; no two are the same. */
export function requestName(title: string, random: Random): string {
  const word = title
    .toLowerCase()
    .replaceAll(/[^a-z0-9.-]+/g, '-')
    .replaceAll(/^[.-]+|[.-]+$/g, '')
    .slice(0, 100);
  const end = Array.from({ length: 5 }, () => LETTERS[Math.floor(random() * LETTERS.length)]).join('');
  return `${word === '' ? 'tscert' : word}-${end}`;
}

/**
 * Makes the request. One of the same name that asks for the very same is taken as ours: a run that was killed, or whose answer was lost.
 * @throws {TscertError} `cluster-exists` when one of the name asks for something else; what the client throws
 */
export async function submitRequest(client: KubernetesClient, submission: Submission, call: WriteCall): Promise<Submitted> {
  const { name, csr, signerName, usages, expirationSeconds, labels, annotations } = submission;
  const spec = {
    request: Buffer.from(csr.pem).toString('base64'),
    signerName,
    usages,
    ...(expirationSeconds === undefined ? {} : { expirationSeconds }),
  };
  const metadata = { name, ...(labels === undefined ? {} : { labels }), ...(annotations === undefined ? {} : { annotations }) };
  try {
    const object = await client.create(CSR, { metadata, spec }, call);
    return { object, isNew: true, differences: compare(object, submission) };
  } catch (error) {
    const mayBeThere = isTscertError(error, 'cluster-exists') || (isTscertError(error) && error.data.sent === true);
    if (!mayBeThere || call.dryRun === true) throw error;
    const object = await client.get(CSR, { name }, call);
    if (object === undefined) throw error;
    if (isSame(object, submission)) return { object, isNew: false, differences: compare(object, submission) };
    throw new TscertError(
      'cluster-exists',
      `Cannot create the CertificateSigningRequest "${name}": one of that name asks for something else`,
      {
        data: { name },
        cause: error,
      },
    );
  }
}

/** True when the object asks for what the submission asks for, whatever the server made of its duration. */
function isSame({ spec }: CertificateSigningRequest, { csr, signerName, usages }: SigningQuestion): boolean {
  return isRequest(textOf(spec.request), csr) && spec.signerName === signerName && sameWords(spec.usages ?? [], usages);
}

/** The server answers 200 to much that it does not do: what stands there is compared with what was meant. */
function compare({ spec }: CertificateSigningRequest, { csr, signerName, usages, expirationSeconds }: SigningQuestion): string[] {
  return [
    isRequest(textOf(spec.request), csr) ? undefined : 'the request that the server has is another one',
    spec.signerName === signerName ? undefined : `the server has the signer "${spec.signerName}"`,
    sameWords(spec.usages ?? [], usages)
      ? undefined
      : `the server has the usages ${(spec.usages ?? []).map((word) => `"${word}"`).join(', ')}`,
    expirationSeconds !== undefined && typeof spec.expirationSeconds !== 'number'
      ? 'the server has dropped the duration (Kubernetes before 1.22 knows none): the signer gives what it likes'
      : undefined,
    typeof spec.expirationSeconds === 'number' && spec.expirationSeconds !== expirationSeconds
      ? `the server has a duration of ${spec.expirationSeconds} seconds`
      : undefined,
  ].filter((difference) => difference !== undefined);
}

/** True when the PEM asks for the same with the same key: signing again with ECDSA gives another signature, and no other request. */
function isRequest(pem: string, { der }: SigningQuestion['csr']): boolean {
  try {
    return bodyOf(readCsr(pem).der).equals(bodyOf(der));
  } catch (error) {
    if (isTscertError(error)) return false;
    throw error;
  }
}

/** CertificationRequestInfo (RFC 2986 §4.1). */
function bodyOf(der: Buffer): Buffer {
  return readDer(der).children[0]?.der ?? der;
}

function sameWords(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && [...some].sort().every((word, at) => word === [...others].sort()[at]);
}
