/** What the API server refuses when a CertificateSigningRequest is made, whoever shall sign it (Kubernetes 1.36). */
import { EXTENSION } from '../../pki/extension.js';
import { publicKeyInfo } from '../../pki/key.js';
import { USAGES } from '../../pki/usage.js';
import { SIGNER, signerNameFault } from './names.js';
import { organizationsOf } from './subject.js';
import { isReadableUri } from './uri.js';
import type { BrokenRule, SignerQuestion } from './verdict.js';

type Rule = (question: SignerQuestion) => readonly Pick<BrokenRule, 'rule' | 'message'>[];

const LEAST_SECONDS = 600;
const MOST_SECONDS = 2 ** 31 - 1;

/** The curves that Go has; the signature of any other is not understood. */
const CURVES: readonly string[] = ['1.2.840.10045.3.1.7', '1.3.132.0.34', '1.3.132.0.35', '1.3.132.0.33'];
const LEAST_RSA_BITS = 1024;

const signerName: Rule = (question) => {
  if (question.signerName === SIGNER.legacyUnknown)
    return [
      { rule: 'signer-name', message: `The signer "${SIGNER.legacyUnknown}" is only there for objects of old: no new request may name it` },
    ];
  const fault = signerNameFault(question.signerName);
  return fault === undefined ? [] : [{ rule: 'signer-name', message: `The signer name "${question.signerName}" is not one: ${fault}` }];
};

const usages: Rule = ({ usages: words }) => {
  if (words.length === 0) return [{ rule: 'usages', message: 'It asks for no usage, and at least one is required' }];
  const unknown = words.filter((word) => !(USAGES as readonly string[]).includes(word)).map((word) => `The usage "${word}" is not known`);
  const repeated = [...new Set(words.filter((word, at) => words.indexOf(word) !== at))].map(
    (word) => `The usage "${word}" stands there twice`,
  );
  return [...unknown, ...repeated].map((message) => ({ rule: 'usages', message }));
};

const expiration: Rule = ({ expirationSeconds: seconds }) => {
  if (seconds === undefined) return [];
  if (!Number.isInteger(seconds) || seconds > MOST_SECONDS)
    return [{ rule: 'expiration', message: `An expiration of ${seconds} seconds is no whole number up to ${MOST_SECONDS}` }];
  return seconds < LEAST_SECONDS
    ? [{ rule: 'expiration', message: `An expiration of ${seconds} seconds is shorter than the least, ${LEAST_SECONDS}` }]
    : [];
};

const signature: Rule = ({ csr }) => {
  const key = keyFault(csr.publicKey);
  if (key !== undefined) return [{ rule: 'key', message: key }];
  return csr.signatureValid ? [] : [{ rule: 'signature', message: 'It is not signed by the key that it is for' }];
};

function keyFault(key: SignerQuestion['csr']['publicKey']): string | undefined {
  const { modulusLength, curve } = publicKeyInfo(key);
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return (modulusLength ?? 0) < LEAST_RSA_BITS
        ? `A key of RSA with ${modulusLength ?? 0} bits is not verified, ${LEAST_RSA_BITS} are the least`
        : undefined;
    case 'ec':
      return CURVES.includes(curve ?? '') ? undefined : 'The curve of its key is not one of P-224, P-256, P-384 and P-521';
    case 'ed25519':
      return undefined;
    default:
      return `Keys of the kind "${key.asymmetricKeyType ?? 'unknown'}" are not verified`;
  }
}

/** The alternative names must be such as Go reads: ASCII, and URIs whose host is one. */
const names: Rule = ({ csr }) => {
  const faults: string[] = [];
  for (const name of csr.extensions.names) {
    if (name.type === 'other') continue;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: every character of ASCII is meant
    if (!/^[\u0000-\u007f]*$/.test(name.value))
      faults.push(`The ${name.type} name ${JSON.stringify(name.value)} holds characters beyond ASCII`);
    else if (name.type === 'uri' && !isReadableUri(name.value)) faults.push(`The URI ${JSON.stringify(name.value)} cannot be read`);
  }
  return faults.map((message) => ({ rule: 'names', message }));
};

/** No client certificate of the API server may be for the group that may do everything (admission plugin CertificateSubjectRestriction). */
const masters: Rule = ({ csr, signerName: name }) =>
  name === SIGNER.apiserverClient && organizationsOf(csr.subject).includes('system:masters')
    ? [
        {
          rule: 'system-masters',
          message: `The organization "system:masters" is refused for "${name}": it would be an administrator for good`,
        },
      ]
    : [];

const RULES: readonly Rule[] = [signerName, usages, expiration, signature, names, masters];

/** Every rule of the API server that the request breaks. */
export function brokenAtServer(question: SignerQuestion): BrokenRule[] {
  return RULES.flatMap((rule) => rule(question)).map((broken) => ({ ...broken, by: 'server' }));
}

/** True when the request asks for anything by an extension; the built-in signers take the alternative names alone of it. */
export function ignoredExtensions({ csr }: SignerQuestion): string[] {
  return csr.extensions.all.map(({ oid }) => oid).filter((oid) => oid !== EXTENSION.subjectAltName);
}
