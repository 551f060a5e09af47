/**
 * Requests that want more than they show, or are not what they seem: each with the check of the strict view that finds it, or `policy` where it is
 * whole and for a policy to refuse. All would otherwise pass as the serving certificate of node worker-1, or as what their title says.
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { boolean, integer, nothing, octetString, oid, sequence, setOf, tagged } from '../../src/pki/der.js';
import { publicKeyDer } from '../../src/pki/key.js';
import type { FaultCheck } from '../../src/policy/whole/fault.js';
import { keyOf } from '../pki/support.js';
import { attribute, CN, dnsName, ext, extensionRequest, forge, forgeDer, NODE_SUBJECT, O, pemOf, raw, rdn, san } from './forge.js';

export interface Hostile {
  readonly title: string;
  readonly request: Buffer;
  readonly finds: FaultCheck | 'policy';
  readonly expirationSeconds?: number;
  /** Whether the API server itself takes it. */
  readonly isTaken: boolean;
  readonly usages?: readonly string[];
}

const good = dnsName('worker-1');
const directory = tagged(4, sequence(...NODE_SUBJECT));
const registered = raw(0x88, Buffer.from('2a0304', 'hex'));
const nodes = rdn(O, 'system:nodes');
const text = (...parts: readonly (string | Buffer)[]): Buffer => Buffer.concat(parts.map((part) => Buffer.from(part as string)));
const names = (...list: readonly ReturnType<typeof raw>[]): Buffer => forge({ extensions: [san(...list)] });
const subject = (...parts: readonly ReturnType<typeof rdn>[]): Buffer => forge({ subject: parts });
const rsa = (modulusLength: number, publicExponent?: number): KeyObject =>
  generateKeyPairSync('rsa', { modulusLength, ...(publicExponent !== undefined && { publicExponent }) }).privateKey;

function hostile(title: string, finds: Hostile['finds'], request: Buffer, isTaken = true, more: Partial<Hostile> = {}): Hostile {
  return { title, finds, request, isTaken, ...more };
}

/** Made anew for every call: some need keys. */
export function hostileRequests(): readonly Hostile[] {
  const clean = forgeDer();
  const damaged = Buffer.from(clean);
  damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1;
  const foreign = publicKeyDer(keyOf('ec256', 7));
  return [
    hostile('a second PEM block', 'pem', text(forge(), forge({ extensions: [san(dnsName('evil.example'))] }))),
    hostile('a key behind the block', 'pem', text(forge(), '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')),
    hostile('a text in front that shows another request', 'pem', text('Subject: CN=harmless\n', forge())),
    hostile('headers within the block', 'pem', text(forge().toString().replace('-----\n', '-----\nSubject: harmless\n\n'))),
    hostile('bytes behind the request, in the block', 'der', text(pemOf(Buffer.concat([clean, Buffer.from('trailing')]))), false),
    hostile(
      'two extension requests',
      'attributes',
      forge({ attributes: [extensionRequest(san(good)), extensionRequest(ext('2.5.29.15', raw(3, Buffer.from([7, 0x80]))))] }),
    ),
    hostile(
      'two values in the extension request',
      'attributes',
      forge({ attributes: [sequence(oid('1.2.840.113549.1.9.14'), setOf([sequence(san(good)), sequence(san(dnsName('evil.example')))]))] }),
    ),
    hostile('two SAN extensions', 'extensions', forge({ extensions: [san(good), san(dnsName('evil.example'))] }), false),
    hostile(
      'a challenge password',
      'attributes',
      forge({ attributes: [extensionRequest(san(good)), sequence(oid('1.2.840.113549.1.9.7'), setOf([raw(0x0c, 'secret')]))] }),
    ),
    hostile('an unknown extension', 'extensions', forge({ extensions: [san(good), ext('1.2.3.4.5', octetString(Buffer.from('x')))] })),
    hostile(
      'name constraints',
      'extensions',
      forge({ extensions: [san(good), ext('2.5.29.30', sequence(tagged(0, sequence(raw(0x82, 'example')))))] }),
    ),
    hostile('a directoryName', 'name-kind', names(good, directory)),
    hostile('a registeredID', 'name-kind', names(good, registered)),
    hostile('an x400Address', 'name-kind', names(good, tagged(3, sequence()))),
    hostile('an ediPartyName', 'name-kind', names(good, tagged(5, tagged(1, raw(0x0c, 'x'))))),
    hostile('an otherName that is no text', 'name-kind', names(good, tagged(0, oid('1.2.3'), tagged(0, integer(1))))),
    hostile('a user principal name', 'policy', names(good, tagged(0, oid('1.3.6.1.4.1.311.20.2.3'), tagged(0, raw(0x0c, 'admin@corp'))))),
    hostile('NUL in a DNS name', 'names', names(dnsName('worker-1\0.evil.example'))),
    hostile('letters beyond ASCII in a DNS name', 'names', names(dnsName('w\u00f6rker-1')), false),
    hostile('an address of five octets', 'names', names(good, raw(0x87, Buffer.alloc(5))), false),
    hostile('an IPv4 address in an IPv6 one', 'names', names(good, raw(0x87, Buffer.from('00000000000000000000ffff0a000001', 'hex')))),
    hostile('an address as a DNS name', 'names', names(dnsName('10.0.0.1'))),
    hostile('a wildcard within a label', 'names', names(dnsName('w*.example'))),
    hostile('two common names', 'common-name', subject(nodes, rdn(CN, 'system:node:worker-1'), rdn(CN, 'system:admin'))),
    hostile(
      'a common name folded into the organization',
      'subject',
      subject(setOf([attribute(O, 'system:nodes'), attribute(CN, 'system:node:worker-1')])),
    ),
    hostile('NUL in the common name', 'common-name', subject(nodes, rdn(CN, 'system:node:worker-1\0'))),
    hostile('a letter that looks like another', 'common-name', subject(nodes, rdn(CN, 'system:node:w\u043erker-1'))),
    hostile('a common name of two octets a letter', 'common-name', subject(nodes, rdn(CN, '\0s\0y\0s', 0x1e))),
    hostile('a space behind the organization', 'subject', subject(rdn(O, 'system:nodes '), rdn(CN, 'system:node:worker-1'))),
    hostile(
      'a writing direction within the organization',
      'subject',
      subject(rdn(O, 'system:\u202enodes'), rdn(CN, 'system:node:worker-1')),
    ),
    hostile('a damaged signature', 'signature', text(pemOf(damaged)), false),
    hostile("another's key, signed with one's own", 'signature', forge({ spki: foreign }), false),
    hostile('RSA of 1024 bits', 'key', forge({ key: rsa(1024) })),
    hostile('RSA with the exponent 3', 'key', forge({ key: rsa(2048, 3) })),
    hostile('a curve of 224 bits', 'key', forge({ key: generateKeyPairSync('ec', { namedCurve: 'secp224r1' }).privateKey })),
    hostile('signed with SHA-1', 'signature-algorithm', forge({ hash: 'sha1' })),
    hostile(
      'parameters of the signature that nobody reads',
      'signature-algorithm',
      forge({ algorithm: sequence(oid('1.2.840.10045.4.3.2'), nothing()) }),
    ),
    hostile(
      'false written out where it is the default',
      'encoding',
      forge({ extensions: [ext('2.5.29.17', sequence(good), boolean(false))] }),
    ),
    hostile(
      'a usage with zero bits at its end',
      'encoding',
      forge({ extensions: [san(good), ext('2.5.29.15', raw(3, Buffer.from([0, 0x80])), boolean(true))] }),
    ),
    hostile('a CA', 'policy', forge({ extensions: [san(good), ext('2.5.29.19', sequence(boolean(true)), boolean(true))] })),
    hostile(
      'the purpose of a CA in its own extension',
      'policy',
      forge({ extensions: [san(good), ext('2.5.29.15', raw(3, Buffer.from([2, 0x04])), boolean(true))] }),
    ),
    hostile("another node's name", 'policy', subject(nodes, rdn(CN, 'system:node:worker-2'))),
    hostile("another node's address", 'policy', names(dnsName('worker-2'))),
    hostile('the name of the API server', 'policy', names(good, dnsName('kubernetes.default.svc'))),
    hostile('a wildcard', 'policy', names(dnsName('*.worker-1'))),
    hostile('O=system:masters', 'policy', subject(rdn(O, 'system:masters'), rdn(CN, 'system:node:worker-1'))),
    hostile(
      'system:masters beside the nodes',
      'policy',
      subject(setOf([attribute(O, 'system:nodes'), attribute(O, 'system:masters')]), rdn(CN, 'system:node:worker-1')),
    ),
    hostile(
      'an attribute that kubectl does not show',
      'policy',
      subject(nodes, rdn(CN, 'system:node:worker-1'), rdn('0.9.2342.19200300.100.1.1', 'root')),
    ),
    hostile('a negative expiration', 'policy', forge(), false, { expirationSeconds: -1 }),
    hostile('an expiration of 68 years', 'policy', forge(), true, { expirationSeconds: 2_147_483_647 }),
    hostile('client auth besides', 'policy', forge(), true, {
      usages: ['digital signature', 'key encipherment', 'server auth', 'client auth'],
    }),
    hostile('more names than anybody reads', 'names', names(...Array.from({ length: 201 }, (_, at) => dnsName(`a${at}`)))),
    hostile('a hundred kilobytes', 'size', text(forge(), ' '.repeat(100_000))),
    hostile('no request at all', 'pem', text('hello'), false),
    hostile('a certificate in its place', 'pem', text(forge().toString().replaceAll('CERTIFICATE REQUEST', 'CERTIFICATE')), false),
    hostile('an empty list of names', 'names', forge({ extensions: [ext('2.5.29.17', sequence())] })),
    hostile('an extension that is no DER', 'extensions', forge({ extensions: [san(good), ext('2.5.29.37', Buffer.from('00'))] })),
    hostile('another version', 'unreadable', forge({ version: 1 })),
  ];
}
