/** Key and signature of a request: strong enough, of one form, and the one made with the other. */
import type { CsrContent } from '../../pki/csr.js';
import { type Element, fieldsOf, readDer, TAG } from '../../pki/der-reader.js';
import { integerOf } from '../../pki/der-values.js';
import { keyTypeOf, publicKeyInfo } from '../../pki/key.js';
import { type Fault, faultsOf } from './fault.js';

const key = faultsOf('key');
const signature = faultsOf('signature');
const algorithm = faultsOf('signature-algorithm');

const LEAST_RSA_BITS = 2048;
const MOST_RSA_BITS = 16_384;
const LEAST_EXPONENT = 65_537n;

const STRONG: readonly string[] = ['ECDSA-SHA256', 'ECDSA-SHA384', 'ECDSA-SHA512', 'SHA256-RSA', 'SHA384-RSA', 'SHA512-RSA', 'Ed25519'];
/** AlgorithmIdentifier with the parameters NULL, as RSA wants them; for the others they are absent (RFC 4055 §5, RFC 5758 §3.2). */
const NULL = '0500';

/** What is wrong with the key and the signature. */
export function keyFaults(csr: CsrContent, publicKey: Element, identifier: Element): Fault[] {
  const parameters = identifier.children.slice(1).map(({ der }) => der.toString('hex'));
  const isRsa = csr.publicKey.asymmetricKeyType === 'rsa';
  return [
    ...key(
      strengthFault(csr),
      publicKeyInfo(csr.publicKey).der.equals(publicKey.der) ? undefined : 'Its key is not written in its only form',
    ),
    ...algorithm(
      STRONG.includes(csr.signatureAlgorithm) ? undefined : `It is signed with ${csr.signatureAlgorithm}, which is weak or not known`,
      parameters.join() === (isRsa ? NULL : '') ? undefined : 'Its signature algorithm has parameters that it may not have',
    ),
    ...signature(csr.signatureValid ? undefined : 'It is not signed by the key that it is for'),
  ];
}

function strengthFault({ publicKey }: CsrContent): string | undefined {
  if (publicKey.asymmetricKeyType !== 'rsa')
    return keyTypeOf(publicKey) === undefined ? 'Its key is not of RSA, P-256, P-384, P-521 or Ed25519' : undefined;
  const { bits, modulusLength = 0 } = publicKeyInfo(publicKey);
  if (modulusLength < LEAST_RSA_BITS) return `Its key of RSA has ${modulusLength} bits, and ${LEAST_RSA_BITS} are the least`;
  if (modulusLength > MOST_RSA_BITS) return `Its key of RSA has ${modulusLength} bits, more than ${MOST_RSA_BITS}`;
  const fields = fieldsOf(readDer(bits), 'the RSA key');
  fields.next(TAG.integer, 'the modulus');
  const exponent = integerOf(fields.next(TAG.integer, 'the exponent'));
  return exponent < LEAST_EXPONENT || exponent % 2n === 0n ? `Its key of RSA has the weak exponent ${exponent}` : undefined;
}
