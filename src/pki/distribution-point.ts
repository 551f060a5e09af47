/** Where CRLs are, as certificates and CRLs say it: CRLDistributionPoints and FreshestCRL (RFC 5280 §4.2.1.13, §4.2.1.15). */
import { type ReasonMask, reasonMaskOf } from './crl-reason.js';
import { encodeDer, encoded, sequence, setOf, tagged } from './der.js';
import { derError, type Element, fieldsOf, readDer, TAG } from './der-reader.js';
import { namedBitsOf } from './der-values.js';
import { readGeneralName } from './general-name.js';

/** Of certificates and of CRLs: where their delta CRLs are. */
export const FRESHEST_CRL = '2.5.29.46';

/** DistributionPointName: names of one and the same CRL, or what is to be added to the name of its issuer. */
export type PointName =
  | { readonly kind: 'full'; readonly names: readonly PointAlias[] }
  /** RelativeDistinguishedName: the elements of its SET. */
  | { readonly kind: 'relative'; readonly attributes: readonly Buffer[] };

/** A GeneralName of a CRL. */
export interface PointAlias {
  readonly der: Buffer;
  readonly url: string | undefined;
}

export interface DistributionPoint {
  readonly name: PointName | undefined;
  /** The reasons that the CRLs there are kept for; undefined for all. */
  readonly reasons: ReasonMask | undefined;
  /** GeneralNames in DER: somebody other than the certificate's issuer signs the CRLs there. */
  readonly crlIssuer: readonly Buffer[] | undefined;
}

/**
 * Reads CRLDistributionPoints.
 * @throws {TscertError} `der-invalid`
 */
export function readDistributionPoints(element: Element): DistributionPoint[] {
  fieldsOf(element, 'the CRL distribution points');
  return element.children.map((point) => {
    const fields = fieldsOf(point, 'a CRL distribution point');
    const name = fields.optional(TAG.tagged(0));
    const reasons = fields.optional(TAG.implicit(1));
    const issuer = fields.optional(TAG.tagged(2));
    fields.end();
    return {
      name: name && readPointName(name),
      reasons: reasons && readReasons(reasons),
      crlIssuer: issuer?.children.map(({ der }) => der),
    };
  });
}

/**
 * Reads a DistributionPointName within its [0].
 * @throws {TscertError} `der-invalid`
 */
export function readPointName(wrapped: Element): PointName {
  const fields = fieldsOf(wrapped, 'the name of a CRL distribution point', TAG.tagged(0));
  const choice = fields.any('the choice');
  fields.end();
  if (choice.tag === TAG.tagged(1)) return { kind: 'relative', attributes: choice.children.map(({ der }) => der) };
  if (choice.tag !== TAG.tagged(0)) throw derError(`the name of a CRL distribution point has the tag 0x${choice.tag.toString(16)}`);
  return {
    kind: 'full',
    names: choice.children.map((child) => {
      const name = readGeneralName(child);
      return { der: child.der, url: name.type === 'uri' ? name.value : undefined };
    }),
  };
}

/**
 * Reads ReasonFlags under any IMPLICIT tag.
 * @throws {TscertError} `der-invalid`
 */
export function readReasons(element: Element): ReasonMask {
  return reasonMaskOf(namedBitsOf({ ...element, tag: TAG.bitString }));
}

/** The URLs that a point has for its CRL, of any scheme. */
export function urlsOf({ name }: DistributionPoint): string[] {
  return name?.kind === 'full' ? name.names.flatMap(({ url }) => (url === undefined ? [] : [url])) : [];
}

/** The GeneralNames in DER that a name stands for; `issuer` is the Name of the CRL's issuer in DER. */
export function aliasesOf(name: PointName, issuer: Buffer): Buffer[] {
  if (name.kind === 'full') return name.names.map(({ der }) => der);
  const parts = readDer(issuer).children.map(({ der }) => encoded(der));
  return [encodeDer(tagged(4, sequence(...parts, setOf(name.attributes.map(encoded)))))];
}

/** The GeneralName in DER that a Name in DER is. */
export function directoryName(name: Buffer): Buffer {
  return encodeDer(tagged(4, encoded(name)));
}
