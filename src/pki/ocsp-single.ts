/** SingleResponse (RFC 6960 §4.2.1): what a responder says of one certificate. */

import type { CrlReason } from './crl-reason.js';
import { readCrlReason } from './crl-reason-reader.js';
import { derError, type Element, fieldsOf, readDer, TAG } from './der-reader.js';
import { generalizedTimeOf } from './der-values.js';
import { type RawExtension, readRawExtensions } from './extension-reader.js';
import { type CertId, readCertId } from './ocsp-cert-id.js';

export type CertStatus =
  | { readonly type: 'good' }
  | { readonly type: 'revoked'; readonly at: Date; readonly reason: CrlReason | undefined }
  | { readonly type: 'unknown' };

export interface SingleResponse {
  readonly id: CertId;
  readonly status: CertStatus;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date | undefined;
  /** How far back the responder knows of revocations after a certificate has expired (RFC 6960 §4.4.4). */
  readonly archiveCutoff: Date | undefined;
  readonly extensions: ReadonlyMap<string, RawExtension>;
}

const ARCHIVE_CUTOFF = '1.3.6.1.5.5.7.48.1.6';
const REASON_CODE = '2.5.29.21';

/**
 * Reads a SingleResponse. A reason of revocation is taken from the extension of CRL entries too (RFC 6960 §4.4.5).
 * @throws {TscertError} `der-invalid`
 */
export function readSingleResponse(element: Element): SingleResponse {
  const fields = fieldsOf(element, 'a single response');
  const id = readCertId(fields.next(TAG.sequence, 'the CertID'));
  const choice = fields.any('the status');
  const thisUpdate = generalizedTimeOf(fields.any('thisUpdate'));
  const nextUpdate = wrapped(fields.optional(TAG.tagged(0)), TAG.tagged(0), 'nextUpdate');
  const list = wrapped(fields.optional(TAG.tagged(1)), TAG.tagged(1), 'the single extensions');
  fields.end();
  const extensions = readRawExtensions(list);
  const valueIn = (oid: string): Element | undefined => {
    const found = extensions.get(oid);
    return found === undefined ? undefined : readDer(found.value);
  };
  const reasonCode = valueIn(REASON_CODE);
  const cutoff = valueIn(ARCHIVE_CUTOFF);
  return {
    id,
    status: readStatus(choice, reasonCode === undefined ? undefined : readCrlReason(reasonCode)),
    thisUpdate,
    nextUpdate: nextUpdate === undefined ? undefined : generalizedTimeOf(nextUpdate),
    archiveCutoff: cutoff === undefined ? undefined : generalizedTimeOf(cutoff),
    extensions,
  };
}

function readStatus(choice: Element, reasonCode: CrlReason | undefined): CertStatus {
  const { tag, content } = choice;
  if (tag === TAG.implicit(0) || tag === TAG.implicit(2)) {
    if (content.length > 0) throw derError('a NULL is not empty');
    return { type: tag === TAG.implicit(0) ? 'good' : 'unknown' };
  }
  const fields = fieldsOf(choice, 'the status', TAG.tagged(1));
  const at = generalizedTimeOf(fields.any('the time of revocation'));
  const reason = wrapped(fields.optional(TAG.tagged(0)), TAG.tagged(0), 'the reason of revocation');
  fields.end();
  return { type: 'revoked', at, reason: reason === undefined ? reasonCode : readCrlReason(reason) };
}

/** What an EXPLICIT tag holds: one element. */
export function wrapped(element: Element | undefined, tag: number, what: string): Element | undefined {
  if (element === undefined) return undefined;
  const fields = fieldsOf(element, what, tag);
  const inner = fields.any('the value');
  fields.end();
  return inner;
}
