/**
 * The ledger of one certificate: what is remembered of it between runs beside the certificate itself, as one record. It is written under
 * the lock of the certificate. How it was asked for (`given:NAME`) and what was deployed (`deploy:NAME`) are records of their own.
 */
import { TscertError } from '../base/errors.js';
import type { Json } from '../base/json.js';
import { FAILURE_KINDS, type FailureKind } from '../policy/failure.js';
import type { Records } from './store.js';

/** The failures in a row since the last success. Times are RFC 3339. */
export interface FailureRecord {
  /** How many in a row, this one included. */
  readonly count: number;
  /** When the first of them was. */
  readonly since: string;
  readonly at: string;
  /** Nothing is tried before. */
  readonly nextAt: string;
  readonly kind: FailureKind;
  /** `TscertError.code`. */
  readonly code: string;
  readonly message: string;
  /** Digest of what was asked for, and how it was to be proven: another request is another try. */
  readonly request: string;
  /** Where a person lifts the pause of an account. */
  readonly unpauseUrl?: string;
}

/** What the CA advises (RFC 9773), for the certificate that is stored. Times are RFC 3339. */
export interface RenewalInfoRecord {
  /** Certificate id, RFC 9773 §4.1. */
  readonly certificate: string;
  /** Absent when the CA had none to give: then the dates decide until it is asked again. */
  readonly window?: { readonly start: string; readonly end: string };
  /** Drawn once in the window, and kept while the window stands. */
  readonly pick?: string;
  readonly explanationUrl?: string;
  /** The CA is not asked again before. */
  readonly checkAt: string;
}

/** That the certificate which is stored was revoked, or its key is known to others. */
export interface RevocationRecord {
  /** Lower-case hex, as in `CertificateContent.serialNumber`. */
  readonly serialNumber: string;
  /** RFC 3339. */
  readonly at: string;
  /** A word of RFC 5280 §5.3.1, as `keyCompromise`. */
  readonly reason: string;
  /** Who says so: `revoke` (this tool did it), `ocsp`, `crl`. */
  readonly by: 'revoke' | 'ocsp' | 'crl';
}

/** When it was last asked whether the certificate that is stored was revoked, and what came of it. Times are RFC 3339. */
export interface RevocationCheckRecord {
  /** As in {@link RevocationRecord}. */
  readonly serialNumber: string;
  readonly at: string;
  readonly status: 'good' | 'revoked' | 'unknown' | 'unchecked' | 'no-way';
  /** Who said so, where somebody did. */
  readonly by?: 'ocsp' | 'crl';
  /** Why it could not be told. */
  readonly message?: string;
  /** Nobody is asked again before. */
  readonly checkAt: string;
  /** The file from which a server staples, where there is to be one; `until` is absent while no good response stands in it. */
  readonly staple?: { readonly file: string; readonly until?: string };
}

/** One thing that happened, with cert-manager's words: Issuing, Generated, Requested, Issued, Failed. */
export interface LedgerEvent {
  /** RFC 3339. */
  readonly at: string;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

export interface CertificateLedger {
  readonly version: 1;
  readonly failure?: FailureRecord;
  readonly renewalInfo?: RenewalInfoRecord;
  readonly revocation?: RevocationRecord;
  readonly revocationCheck?: RevocationCheckRecord;
  /** Newest last, at most {@link MOST_EVENTS}. */
  readonly events: readonly LedgerEvent[];
  /** Since the record began. */
  readonly counts: { readonly issued: number; readonly failed: number };
}

const MOST_EVENTS = 20;
const VERSION = 1;
const EMPTY: CertificateLedger = { version: VERSION, events: [], counts: { issued: 0, failed: 0 } };

export const ledgerKey = (name: string): string => `certificate:${name}`;

/**
 * Reads what is remembered of a certificate; one of which nothing is remembered has an empty ledger.
 * @throws {TscertError} `store-damaged` for a record that is not whole, or of a version that this tscert does not know
 */
export async function readLedger(name: string, records: Pick<Records, 'get'>): Promise<CertificateLedger> {
  const record = await records.get('ledger', ledgerKey(name));
  if (record === undefined) return EMPTY;
  const fault = faultOf(record);
  if (fault === undefined) return record as unknown as CertificateLedger;
  throw new TscertError('store-damaged', `Cannot read what is remembered of "${name}": ${fault}; renew it with --force to begin anew`, {
    data: { name, record: ledgerKey(name) },
  });
}

/** Writes the ledger of a certificate, unless it is what stands there; only the newest events are kept. */
export async function writeLedger(name: string, ledger: CertificateLedger, records: Pick<Records, 'get' | 'put'>): Promise<void> {
  const value = JSON.parse(JSON.stringify({ ...ledger, events: ledger.events.slice(-MOST_EVENTS) })) as Json;
  const before = await records.get('ledger', ledgerKey(name)).catch(() => undefined);
  if (JSON.stringify(before) !== JSON.stringify(value)) await records.put('ledger', ledgerKey(name), value);
}

/** A ledger of which nothing is remembered. */
export function emptyLedger(): CertificateLedger {
  return EMPTY;
}

function faultOf(record: Json): string | undefined {
  if (!isObject(record)) return 'its record is damaged';
  if (record.version !== VERSION) return `its record has the unknown version ${JSON.stringify(record.version)} (of a later tscert?)`;
  const { events, counts, failure, renewalInfo, revocation, revocationCheck } = record;
  const isWhole =
    Array.isArray(events) &&
    events.every((event) => hasTexts(event, 'at', 'type', 'reason', 'message')) &&
    isObject(counts) &&
    isCount(counts.issued) &&
    isCount(counts.failed) &&
    (failure === undefined || isFailure(failure)) &&
    (renewalInfo === undefined || isRenewalInfo(renewalInfo)) &&
    (revocation === undefined || hasTexts(revocation, 'serialNumber', 'at', 'reason', 'by')) &&
    (revocationCheck === undefined || isRevocationCheck(revocationCheck));
  return isWhole ? undefined : 'its record is damaged';
}

function isFailure(value: Json): boolean {
  if (!hasTexts(value, 'since', 'at', 'nextAt', 'kind', 'code', 'message', 'request')) return false;
  const { count, since, at, nextAt, kind } = value;
  return isCount(count) && [since, at, nextAt].every(isTime) && FAILURE_KINDS.some((one) => one === kind);
}

function isRenewalInfo(value: Json): boolean {
  if (!hasTexts(value, 'certificate', 'checkAt')) return false;
  const { window, pick, checkAt } = value;
  if (!isTime(checkAt)) return false;
  if (window === undefined) return pick === undefined;
  return hasTexts(window, 'start', 'end') && isTime(window.start) && isTime(window.end) && isTime(pick);
}

function isRevocationCheck(value: Json): boolean {
  if (!hasTexts(value, 'serialNumber', 'at', 'status', 'checkAt')) return false;
  const { at, checkAt, by, message, staple } = value;
  const areTexts = [by, message].every((text) => text === undefined || typeof text === 'string');
  const isStaple = staple === undefined || (hasTexts(staple, 'file') && (staple.until === undefined || isTime(staple.until)));
  return areTexts && isStaple && [at, checkAt].every(isTime);
}

type Members = { readonly [key: string]: Json | undefined };

function isObject(value: Json | undefined): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function hasTexts(value: Json | undefined, ...keys: readonly string[]): value is Members {
  return isObject(value) && keys.every((key) => typeof value[key] === 'string');
}

function isCount(value: Json | undefined): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isTime(value: Json | undefined): boolean {
  return typeof value === 'string' && !Number.isNaN(Date.parse(value));
}
