/** What each signer of Kubernetes 1.36 wants of an approved request; what it refuses becomes `Failed`, for good. */
import type { Name } from '../../base/names.js';
import { type BuiltInSigner, SIGNER } from './names.js';
import { commonNameText, organizationsOf } from './subject.js';
import type { BrokenRule, SignerQuestion } from './verdict.js';

type Rule = (question: SignerQuestion) => Pick<BrokenRule, 'rule' | 'message'> | undefined;

const NODES = 'system:nodes';
const NODE_PREFIX = 'system:node:';

const KIND_WORDS: Readonly<Record<Name['type'], string>> = { dns: 'DNS name', ip: 'IP address', email: 'e-mail address', uri: 'URI' };

const isOfNodes: Rule = ({ csr }) => {
  const organizations = organizationsOf(csr.subject);
  if (organizations.length === 1 && organizations[0] === NODES) return undefined;
  const found = organizations.length === 0 ? 'it has none' : `it has ${organizations.map((word) => JSON.stringify(word)).join(', ')}`;
  return { rule: 'organization', message: `The organization must be "${NODES}" alone, and ${found}` };
};

const isNode: Rule = ({ csr }) => {
  const name = commonNameText(csr.subject);
  if (name.startsWith(NODE_PREFIX)) return undefined;
  return {
    rule: 'common-name',
    message: `The common name must begin with "${NODE_PREFIX}", and ${name === '' ? 'there is none' : `it is ${JSON.stringify(name)}`}`,
  };
};

const hasAddress: Rule = ({ csr }) =>
  csr.extensions.names.some(({ type }) => type === 'dns' || type === 'ip')
    ? undefined
    : { rule: 'names', message: 'At least one DNS name or IP address is required, and it asks for none' };

const without =
  (...kinds: readonly Name['type'][]): Rule =>
  ({ csr }) => {
    const found = csr.extensions.names.filter((name): name is Name => (kinds as readonly string[]).includes(name.type));
    if (found.length === 0) return undefined;
    const list = found.map(({ type, value }) => `the ${KIND_WORDS[type]} ${JSON.stringify(value)}`).join(', ');
    return { rule: 'names', message: `No ${kinds.map((kind) => KIND_WORDS[kind]).join(' or ')} is allowed, and it asks for ${list}` };
  };

/** Exactly these usages; key encipherment may be left out, for only RSA has a use for it. */
const exactly =
  (purpose: string): Rule =>
  ({ usages }) => {
    const wanted = ['digital signature', 'key encipherment', purpose];
    const found = new Set(usages);
    const isFit = found.has('digital signature') && found.has(purpose) && [...found].every((usage) => wanted.includes(usage));
    if (isFit) return undefined;
    return {
      rule: 'usages',
      message: `The usages must be "digital signature" and "${purpose}", with or without "key encipherment", and it asks for ${list(usages)}`,
    };
  };

const isForClients: Rule = ({ usages }) => {
  const wanted = ['client auth', 'digital signature', 'key encipherment'];
  if (usages.includes('client auth') && usages.every((usage) => wanted.includes(usage))) return undefined;
  return {
    rule: 'usages',
    message: `The usages must be "client auth", and besides it only "digital signature" and "key encipherment", and it asks for ${list(usages)}`,
  };
};

function list(usages: readonly string[]): string {
  return usages.length === 0 ? 'none' : usages.map((usage) => `"${usage}"`).join(', ');
}

const RULES: Readonly<Record<BuiltInSigner, readonly Rule[]>> = {
  [SIGNER.apiserverClient]: [isForClients],
  [SIGNER.kubeletClient]: [isOfNodes, isNode, without('dns', 'ip', 'email', 'uri'), exactly('client auth')],
  [SIGNER.kubeletServing]: [isOfNodes, isNode, hasAddress, without('email', 'uri'), exactly('server auth')],
  [SIGNER.legacyUnknown]: [],
};

/** The usages that each of them is content with. */
export const USAGES_OF: Readonly<Record<Exclude<BuiltInSigner, typeof SIGNER.legacyUnknown>, readonly string[]>> = {
  [SIGNER.apiserverClient]: ['digital signature', 'client auth'],
  [SIGNER.kubeletClient]: ['digital signature', 'client auth'],
  [SIGNER.kubeletServing]: ['digital signature', 'server auth'],
};

/** Every rule of this signer that the request breaks. */
export function brokenAtSigner(signer: BuiltInSigner, question: SignerQuestion): BrokenRule[] {
  return RULES[signer].flatMap((rule) => {
    const broken = rule(question);
    return broken === undefined ? [] : [{ ...broken, by: 'signer' as const }];
  });
}
