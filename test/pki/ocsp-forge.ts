/** OCSP responses of any shape, rightly signed: what no responder of openssl would say. */
import { createHash, type KeyObject } from 'node:crypto';
import type { CertificateContent } from '../../src/pki/certificate.js';
import { bitString, type Der, encodeDer, encoded, implicit, integer, octetString, oid, sequence, tagged } from '../../src/pki/der.js';
import { certIdsOf, publicKeyBits } from '../../src/pki/ocsp-cert-id.js';
import { signerOf, signWith } from '../../src/pki/signature.js';

/** Any primitive. */
export function primitive(tag: number, content: string | Uint8Array): Der {
  return encoded(tlv(tag, Buffer.from(content)));
}

function tlv(tag: number, content: Buffer): Buffer {
  const { length } = content;
  return Buffer.concat([Buffer.from(length < 0x80 ? [tag, length] : [tag, 0x82, length >> 8, length & 0xff]), content]);
}

export function generalizedTime(at: number): Der {
  return primitive(0x18, `${new Date(at).toISOString().slice(0, 19).replaceAll(/[-:T]/g, '')}Z`);
}

export function enumerated(value: number): Der {
  return primitive(0x0a, Buffer.of(value));
}

export function criticalExtension(dotted: string, value: Uint8Array | Der = Buffer.from('0500', 'hex'), critical = true): Der {
  return sequence(oid(dotted), critical ? primitive(0x01, Buffer.of(0xff)) : undefined, octetString(value));
}

export const GOOD = implicit(0, '');
export const UNKNOWN = implicit(2, '');

export function revoked(at: number, reason?: number): Der {
  return tagged(1, generalizedTime(at), ...(reason === undefined ? [] : [tagged(0, enumerated(reason))]));
}

export interface Single {
  readonly id?: Der;
  readonly status?: Der;
  readonly thisUpdate: number;
  readonly nextUpdate?: number;
  readonly extensions?: readonly Der[];
}

export interface Forged {
  readonly issuer: CertificateContent;
  readonly serialNumber: string;
  /** Who signs; `certificate` is whom the responder's id names. */
  readonly signer: { readonly key: KeyObject; readonly certificate: CertificateContent };
  readonly byKey?: boolean;
  /** Instead of the signer's. */
  readonly responderId?: Der;
  readonly producedAt: number;
  readonly singles: readonly Single[];
  readonly extensions?: readonly Der[];
  /** DER. */
  readonly certificates?: readonly Buffer[];
  readonly version?: number;
  /** Instead of the key's own. */
  readonly algorithm?: Der;
  /** A last change before it is signed. */
  readonly change?: (tbs: Buffer) => Buffer;
}

/** An OCSPResponse. */
export function forge(what: Forged): Buffer {
  const { issuer, serialNumber, signer, singles, extensions = [], certificates = [], change = (tbs) => tbs } = what;
  const usual = certIdsOf(issuer).der(serialNumber, 'sha1');
  const tbs = change(
    encodeDer(
      sequence(
        what.version === undefined ? undefined : tagged(0, integer(what.version)),
        what.responderId ?? responderIdOf(signer.certificate, what.byKey === true),
        generalizedTime(what.producedAt),
        sequence(
          ...singles.map(({ id = usual, status = GOOD, thisUpdate, nextUpdate, extensions: own = [] }) =>
            sequence(
              id,
              status,
              generalizedTime(thisUpdate),
              nextUpdate === undefined ? undefined : tagged(0, generalizedTime(nextUpdate)),
              own.length === 0 ? undefined : tagged(1, sequence(...own)),
            ),
          ),
        ),
        extensions.length === 0 ? undefined : tagged(1, sequence(...extensions)),
      ),
    ),
  );
  return wrap(tbs, signer.key, certificates, what.algorithm);
}

function responderIdOf({ raw }: CertificateContent, byKey: boolean): Der {
  return byKey ? tagged(2, octetString(createHash('sha1').update(publicKeyBits(raw.spki)).digest())) : tagged(1, encoded(raw.subject));
}

/** Signs the data of a response and puts it in its envelopes. */
export function wrap(tbs: Buffer, key: KeyObject, certificates: readonly Buffer[] = [], algorithm: Der = signerOf(key).identifier): Buffer {
  const basic = sequence(
    encoded(tbs),
    algorithm,
    bitString(signWith(key, tbs)),
    certificates.length === 0 ? undefined : tagged(0, sequence(...certificates.map(encoded))),
  );
  return envelope('1.3.6.1.5.5.7.48.1.1', encodeDer(basic));
}

/** A successful response of a type. */
export function envelope(type: string, value: Buffer): Buffer {
  return encodeDer(sequence(enumerated(0), tagged(0, sequence(oid(type), octetString(value)))));
}
