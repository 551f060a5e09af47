/** Requests for the built-in signers: what each signs, and what each refuses, with the rule. The real server is asked them too. */
import type { CsrSpec } from '../../../src/pki/csr.js';
import type { KeyType } from '../../../src/pki/key-type.js';
import { SIGNER } from '../../../src/policy/signers/names.js';

export interface SignerCase {
  readonly title: string;
  readonly signerName: string;
  readonly spec: CsrSpec;
  readonly keyType?: KeyType;
  readonly usages: readonly string[];
  readonly expirationSeconds?: number;
}

export interface RefusedCase extends SignerCase {
  readonly rule: string;
  readonly by: 'server' | 'signer';
}

const NODE: CsrSpec = { commonName: 'system:node:worker-1', subject: { organizations: ['system:nodes'] }, names: [] };
const SERVING: CsrSpec = { ...NODE, names: [{ type: 'dns', value: 'worker-1' }] };
const dns = { type: 'dns', value: 'worker-1' } as const;
const CLIENT = ['digital signature', 'key encipherment', 'client auth'];
const SERVER = ['digital signature', 'key encipherment', 'server auth'];

type Part = Omit<SignerCase, 'signerName'>;
type RefusedPart = Omit<RefusedCase, 'signerName'>;

const person = (title: string, usages: readonly string[] = CLIENT, more: Partial<Part> = {}): Part => ({
  title,
  spec: { commonName: 'jane', names: [] },
  usages,
  ...more,
});
const node = (title: string, spec: Partial<CsrSpec> = {}, usages: readonly string[] = CLIENT): Part => ({
  title,
  spec: { ...NODE, ...spec },
  usages,
});
const serving = (title: string, spec: Partial<CsrSpec> = {}, usages: readonly string[] = SERVER): Part => ({
  title,
  spec: { ...SERVING, ...spec },
  usages,
});
const refused = (part: Part, rule: string, by: RefusedCase['by'] = 'signer'): RefusedPart => ({ ...part, rule, by });
const of = <T extends Part>(signerName: string, parts: readonly T[]): (T & { signerName: string })[] =>
  parts.map((part) => ({ ...part, signerName }));

export const SIGNED: readonly SignerCase[] = [
  ...of(SIGNER.apiserverClient, [
    person('a person'),
    person('client auth alone', ['client auth']),
    person('groups and names', CLIENT, {
      spec: { commonName: 'jane', subject: { organizations: ['devs', 'ops'] }, names: [dns, { type: 'uri', value: 'spiffe://a/b' }] },
    }),
    person('Ed25519, ten minutes', CLIENT, { keyType: 'ed25519', expirationSeconds: 600 }),
    person('no subject', CLIENT, { spec: { names: [{ type: 'email', value: 'a@b.c' }] } }),
    person('a CA, which is not heard', CLIENT, { spec: { commonName: 'jane', names: [], isCa: true, usages: ['cert sign'] } }),
  ]),
  ...of(SIGNER.kubeletClient, [
    node('a node'),
    node('without key encipherment', {}, ['digital signature', 'client auth']),
    node('a node without a name behind the prefix', { commonName: 'system:node:' }),
    node('with a unit', { subject: { organizations: ['system:nodes'], organizationalUnits: ['x'] } }),
  ]),
  ...of(SIGNER.kubeletServing, [
    serving('a DNS name'),
    serving('an address alone', { names: [{ type: 'ip', value: '10.0.0.1' }] }, ['digital signature', 'server auth']),
    serving("another's name", { names: [{ type: 'dns', value: 'kubernetes.default.svc' }] }),
  ]),
];

export const REFUSED: readonly RefusedCase[] = [
  ...of(SIGNER.apiserverClient, [
    refused(person('server auth', [...CLIENT, 'server auth']), 'usages'),
    refused(person('server auth alone', ['server auth']), 'usages'),
    refused(person('no client auth', ['digital signature']), 'usages'),
    refused(person('key agreement', [...CLIENT, 'key agreement']), 'usages'),
    refused(person('any', ['client auth', 'any']), 'usages'),
    refused(person('cert sign', ['client auth', 'cert sign']), 'usages'),
    refused(person('"signing" for digital signature', ['signing', 'client auth']), 'usages'),
    refused(person('code signing', ['client auth', 'code signing']), 'usages'),
    refused(
      person('system:masters', CLIENT, { spec: { commonName: 'jane', subject: { organizations: ['system:masters'] }, names: [] } }),
      'system-masters',
      'server',
    ),
    refused(
      person('system:masters among others', CLIENT, {
        spec: { commonName: 'jane', subject: { organizations: ['a', 'system:masters'] }, names: [] },
      }),
      'system-masters',
      'server',
    ),
    refused(person('no usage', []), 'usages', 'server'),
    refused(person('a usage twice', ['client auth', 'client auth']), 'usages', 'server'),
    refused(person('an unknown usage', ['client auth', 'web']), 'usages', 'server'),
    refused(person('nine minutes', CLIENT, { expirationSeconds: 599 }), 'expiration', 'server'),
    refused(person('a negative time', CLIENT, { expirationSeconds: -1 }), 'expiration', 'server'),
    refused(
      person('a host that is none', CLIENT, { spec: { commonName: 'jane', names: [{ type: 'uri', value: 'http://a..b/' }] } }),
      'names',
      'server',
    ),
  ]),
  ...of(SIGNER.kubeletClient, [
    refused(node('no organization', { subject: {} }), 'organization'),
    refused(node('another organization', { subject: { organizations: ['system:masters'] } }), 'organization'),
    refused(node('two organizations', { subject: { organizations: ['system:nodes', 'x'] } }), 'organization'),
    refused(node('another common name', { commonName: 'worker-1' }), 'common-name'),
    refused(node('the prefix in capitals', { commonName: 'System:node:worker-1' }), 'common-name'),
    refused(node('a DNS name', { names: [dns] }), 'names'),
    refused(node('an address', { names: [{ type: 'ip', value: '10.0.0.1' }] }), 'names'),
    refused(node('an e-mail address', { names: [{ type: 'email', value: 'a@b.c' }] }), 'names'),
    refused(node('a URI', { names: [{ type: 'uri', value: 'spiffe://a/b' }] }), 'names'),
    refused(node('client auth alone', {}, ['client auth']), 'usages'),
    refused(node('server auth', {}, SERVER), 'usages'),
    refused(node('both purposes', {}, [...CLIENT, 'server auth']), 'usages'),
    refused(node('data encipherment', {}, [...CLIENT, 'data encipherment']), 'usages'),
  ]),
  ...of(SIGNER.kubeletServing, [
    refused(serving('no organization', { subject: {} }), 'organization'),
    refused(serving('organization example', { subject: { organizations: ['example'] } }), 'organization'),
    refused(serving('the organization twice', { subject: { organizations: ['system:nodes', 'system:nodes '] } }), 'organization'),
    refused(serving('my-pod', { commonName: 'my-pod' }), 'common-name'),
    refused(
      serving('names of a Service', { commonName: 'svc', subject: {}, names: [{ type: 'dns', value: 'svc.ns.svc' }] }),
      'organization',
    ),
    refused(serving('no name', { names: [] }), 'names'),
    refused(serving('a URI alone', { names: [{ type: 'uri', value: 'spiffe://a/b' }] }), 'names'),
    refused(serving('a URI beside', { names: [dns, { type: 'uri', value: 'spiffe://a/b' }] }), 'names'),
    refused(serving('an e-mail address beside', { names: [dns, { type: 'email', value: 'a@b.c' }] }), 'names'),
    refused(serving('client auth', {}, CLIENT), 'usages'),
    refused(serving('server auth alone', {}, ['server auth']), 'usages'),
    refused(serving('both purposes', {}, [...SERVER, 'client auth']), 'usages'),
    refused(serving('key encipherment and server auth', {}, ['key encipherment', 'server auth']), 'usages'),
  ]),
  ...of(SIGNER.legacyUnknown, [refused(person('the signer of old'), 'signer-name', 'server')]),
];
