/** What there is to tell of a stored or wanted certificate: what `list`, `status`, `metrics` and the status page show. */
import { createHash } from 'node:crypto';
import { certificateId } from '../acme/renewal-info.js';
import type { Clock } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import { inOrder } from '../base/in-order.js';
import type { Json } from '../base/json.js';
import type { GeneralName } from '../base/names.js';
import type { CertificateContent } from '../pki/certificate.js';
import { keyTypeOfSpki } from '../pki/key.js';
import type { KeyType } from '../pki/key-type.js';
import { formatDistinguishedName } from '../pki/rfc4514.js';
import { commonNameOf } from '../pki/subject.js';
import type { Deferral } from '../policy/deferral.js';
import { issuerOf } from '../policy/meta.js';
import { type Due, type RenewalTime, renewalOf } from '../policy/renewal.js';
import type { CertificateRequest } from '../request/request.js';
import { readTargets, type TargetState } from '../store/deployments.js';
import { type CertificateLedger, emptyLedger, readLedger } from '../store/ledger.js';
import { storedName } from '../store/name.js';
import { readOrderRecord } from '../store/order-record.js';
import type { Store, Stored } from '../store/store.js';
import { adviceOf } from './advice.js';
import { type Judged, judge } from './judge.js';
import { type Found, findStored } from './stored.js';

/**
 * In one word: `ready` (good, not due), `due`, `waiting` (due, but not to be tried before a time), `failing` (due, and the last try
 * failed), `deploy-failed` (good, but not everywhere), `expired`, `missing` (wanted, not there), `damaged`.
 */
export type CertificateState = 'ready' | 'due' | 'waiting' | 'failing' | 'deploy-failed' | 'expired' | 'missing' | 'damaged';

/** Times are milliseconds since the epoch. */
export interface CertificateOverview {
  readonly name: string;
  readonly state: CertificateState;
  /** As they are asked for; absent when it is not known how. */
  readonly wantedNames?: readonly GeneralName[];
  /** Absent when nothing is stored that can be read. */
  readonly certificate?: {
    readonly names: readonly GeneralName[];
    readonly serialNumber: string;
    /** SHA-256 of the DER, lower-case hex. */
    readonly fingerprint: string;
    readonly notBefore: number;
    readonly notAfter: number;
    readonly keyType: KeyType | undefined;
    /** Common name of who signed it, or the whole issuer name. */
    readonly signedBy: string;
    readonly generation: string;
    readonly fullchain: string;
  };
  /** The authority: kind and where it is (a directory URL); from the request, else from what is stored. */
  readonly issuer?: { readonly kind: string; readonly name: string };
  readonly renewal?: RenewalTime & {
    readonly window?: { readonly start: number; readonly end: number };
    readonly explanationUrl?: string;
  };
  /** Why it would be issued now. */
  readonly due?: Due;
  /** Why `renew` does not try it yet, though it is due, and until when. */
  readonly deferral?: Deferral;
  /** What an earlier run left to be finished, or another one is at: as the journal has it. */
  readonly underWay?: {
    /** URL; absent before there is an order. */
    readonly order?: string;
    readonly isFinalizing: boolean;
    /** That may stand in the world; each once. */
    readonly challenges: readonly { readonly type: string; readonly domain: string }[];
  };
  readonly ledger: CertificateLedger;
  readonly targets: readonly TargetState[];
  /** What could not be read, in words: a damaged record, an unreadable request. */
  readonly trouble?: string;
}

/** What to look at: a certificate that is wanted; or one that is stored, of which it cannot be told how it is wanted, and why. */
export type Subject = CertificateRequest | { readonly name: string; readonly error?: unknown };

export interface OverviewParts {
  readonly store: Pick<Store, 'load' | 'get'>;
  readonly clock: Pick<Clock, 'now'>;
  /** When `renew` is expected to run next, milliseconds since the epoch. */
  readonly nextLook?: number;
}

/** Certificates that are looked at together: enough for a store that is far away, few enough for flat memory. */
const WIDTH = 16;

/** Looks at many, and gives them in the order of the subjects as they come; never throws. */
export async function* readOverviews(subjects: readonly Subject[], parts: OverviewParts): AsyncGenerator<CertificateOverview> {
  for await (const [subject, outcome] of inOrder(subjects, WIDTH, (one) => readOverview(one, parts))) {
    if (outcome.status === 'fulfilled') yield outcome.value;
    else yield { name: subject.name, state: 'damaged', ledger: emptyLedger(), targets: [], trouble: messageOf(outcome.reason) };
  }
}

/**
 * Looks at one certificate: what is stored, what is remembered, and, where it is known how it is wanted, whether it is due. Nothing is
 * changed and nobody is asked. What cannot be read is told in `trouble`, never thrown.
 */
export async function readOverview(subject: Subject, parts: OverviewParts): Promise<CertificateOverview> {
  const { store, clock } = parts;
  const troubles: string[] = [];
  const attempt = async <Value>(read: () => Value | Promise<Value>): Promise<Value | undefined> => {
    try {
      return await read();
    } catch (error) {
      troubles.push(messageOf(error));
      return undefined;
    }
  };
  const wanted = 'spec' in subject ? subject : undefined;
  if ('error' in subject && subject.error !== undefined) troubles.push(messageOf(subject.error));
  const now = clock.now();
  const name = (await attempt(() => storedName(subject.name))) ?? subject.name;
  const ledger = (await attempt(() => readLedger(name, store))) ?? emptyLedger();
  const targets = (await attempt(() => readTargets(name, store))) ?? [];
  const underWay = await attempt(async () => underWayOf(await store.get('journal', name), name));
  const found = await attempt(async () => ({ what: await findStored(name, store) }));
  const { stored, certificate } = found?.what?.state === 'whole' ? found.what : { stored: undefined, certificate: undefined };
  if (found?.what?.state === 'damaged') troubles.push(found.what.message);
  if (stored !== undefined && certificate === undefined) troubles.push('The stored certificate cannot be read');
  const renewal = certificate && renewalIn(certificate, wanted, ledger);
  const judged = wanted && found && (await attempt(() => judge({ ...wanted, name }, found.what, ledger, parts)));
  const issuer = wanted?.issuer ?? (stored && issuerIn(stored));
  return {
    name,
    state: stateOf({ found, certificate, renewal, judged, ledger, targets, now }),
    ...(wanted === undefined ? {} : { wantedNames: wanted.spec.names }),
    ...(stored === undefined || certificate === undefined ? {} : { certificate: factsOf(stored, certificate) }),
    ...(issuer === undefined ? {} : { issuer: 'directory' in issuer ? { kind: issuer.kind, name: issuer.directory } : issuer }),
    ...(renewal === undefined ? {} : { renewal }),
    ...(judged?.due === undefined ? {} : { due: judged.due }),
    ...(judged?.deferral === undefined ? {} : { deferral: judged.deferral }),
    ...(underWay === undefined ? {} : { underWay }),
    ledger,
    targets,
    ...(troubles.length === 0 ? {} : { trouble: troubles.join('; ') }),
  };
}

/** A CA that wants to be left alone for a while is waited for; anything else that failed wants somebody's eye. */
const WAITED_FOR: ReadonlySet<string> = new Set(['rate-limited', 'unavailable']);

function stateOf({
  found,
  certificate,
  renewal,
  judged,
  ledger: { failure },
  targets,
  now,
}: {
  /** Absent when it cannot be looked at. */
  readonly found: { readonly what: Found | undefined } | undefined;
  readonly certificate: CertificateContent | undefined;
  readonly renewal: RenewalTime | undefined;
  readonly judged: Judged | undefined;
  readonly ledger: CertificateLedger;
  readonly targets: readonly TargetState[];
  readonly now: number;
}): CertificateState {
  if (found === undefined) return 'damaged';
  if (found.what === undefined) return 'missing';
  if (certificate === undefined || renewal === undefined) return 'damaged';
  if (now > certificate.notAfter.getTime()) return 'expired';
  if (judged?.due !== undefined || (judged === undefined && now >= renewal.at)) {
    const failed = judged?.isAnother === true ? undefined : failure;
    if (failed !== undefined && !WAITED_FOR.has(failed.kind)) return 'failing';
    if (judged?.deferral !== undefined) return 'waiting';
    return failed === undefined ? 'due' : 'failing';
  }
  return targets.some(({ state }) => state === 'failed') ? 'deploy-failed' : 'ready';
}

function factsOf({ generation, locations }: Stored, content: CertificateContent): NonNullable<CertificateOverview['certificate']> {
  const { der, extensions, serialNumber, notBefore, notAfter, raw, issuer } = content;
  return {
    names: extensions.names,
    serialNumber,
    fingerprint: createHash('sha256').update(der).digest('hex'),
    notBefore: notBefore.getTime(),
    notAfter: notAfter.getTime(),
    keyType: keyTypeOfSpki(raw.spki),
    signedBy: commonNameOf(issuer) ?? formatDistinguishedName(issuer),
    generation,
    fullchain: locations.fullchain,
  };
}

/** @throws {TscertError} `store-damaged` */
function underWayOf(record: Json | undefined, name: string): CertificateOverview['underWay'] {
  if (record === undefined) return undefined;
  const { order, finalizing, challenges } = readOrderRecord(record, name);
  const standing = challenges.map(({ challenge: { type, identifier, wildcard } }) => {
    const one = { type, domain: `${wildcard ? '*.' : ''}${identifier.value}` };
    return [`${type} ${one.domain}`, one] as const;
  });
  return {
    ...(order === undefined ? {} : { order: order.url }),
    isFinalizing: finalizing === true,
    challenges: [...new Map(standing).values()],
  };
}

/** Who issued a stored certificate, as its meta has it: `acme:URL`. */
function issuerIn({ meta }: Stored): CertificateOverview['issuer'] {
  const [, kind, name] = /^([^:]+):(.+)$/s.exec(issuerOf(meta) ?? '') ?? [];
  return kind === undefined || name === undefined ? undefined : { kind, name };
}

function renewalIn(
  certificate: CertificateContent,
  wanted: CertificateRequest | undefined,
  { renewalInfo }: CertificateLedger,
): NonNullable<CertificateOverview['renewal']> {
  const advice = renewalInfo?.certificate === certificateId(certificate) ? adviceOf(renewalInfo) : undefined;
  const dates = { notBefore: certificate.notBefore.getTime(), notAfter: certificate.notAfter.getTime() };
  const { window, explanationUrl } = advice ?? {};
  return {
    ...renewalOf(dates, wanted?.renewBefore, advice),
    ...(window === undefined ? {} : { window }),
    ...(explanationUrl === undefined ? {} : { explanationUrl }),
  };
}
