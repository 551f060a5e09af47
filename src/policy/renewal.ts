/**
 * Whether a certificate is due, and why, in cert-manager's words: a chain of pure checks, the first that has something to say
 * decides. No clock, no disk: what is known comes in.
 */
import type { Json } from '../base/json.js';
import type { GeneralName } from '../base/names.js';
import type { KeyType } from '../pki/key-type.js';
import type { CertificateRequest } from '../request/request.js';
import { changedFacts, issuerOf, nameSet } from './meta.js';

/** cert-manager's reasons, as its events and conditions have them. */
type DueReason =
  | 'DoesNotExist'
  | 'MissingData'
  | 'InvalidKeyPair'
  | 'InvalidCertificate'
  | 'IncorrectIssuer'
  | 'SecretMismatch'
  | 'RequestChanged'
  | 'Revoked'
  | 'Expired'
  | 'Renewing';

/** A certificate must be issued, and why; the message is a sentence without its full stop. */
export interface Due {
  readonly reason: DueReason;
  readonly message: string;
}

/** What a stored certificate says of itself. Times in milliseconds since the epoch. */
export interface CertificateFacts {
  readonly names: readonly GeneralName[];
  readonly commonName: string | undefined;
  readonly notBefore: number;
  readonly notAfter: number;
  /** Undefined for a kind that tscert does not make. */
  readonly keyType: KeyType | undefined;
}

/** What is stored: damaged, with the words of whoever found it; or whole, with what is known of it. */
export type StoredFacts =
  | { readonly state: 'damaged'; readonly message: string; readonly isPairBroken: boolean }
  | {
      readonly state: 'whole';
      /** Undefined when it cannot be read. */
      readonly certificate: CertificateFacts | undefined;
      /** Whether a key is stored with it; the store has made sure that it belongs to it. */
      readonly hasKey: boolean;
      /** As `metaOf` gave it when it was stored. */
      readonly meta: Json;
    };

export interface DueInput {
  /** Undefined when there is nothing under this name. */
  readonly stored: StoredFacts | undefined;
  readonly wanted: CertificateRequest;
  /** The `Issuer.key` of the issuer that is wanted. */
  readonly issuerKey: string;
  /** Whether the certificate is for the key or CSR that the request brings along; absent when it brings none. */
  readonly broughtKeyFits?: boolean;
  /** What the CA advises for the certificate that is stored. */
  readonly advice?: Advice;
  /** That the certificate which is stored was revoked. */
  readonly revocation?: { readonly reason: string; readonly at: string };
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** When this is asked again, as far as is known; `now` unless given. */
  readonly nextLook?: number;
}

/** The CA's advice (RFC 9773), and the moment drawn in its window. Milliseconds since the epoch. */
export interface Advice {
  readonly window: { readonly start: number; readonly end: number };
  readonly pick: number;
  readonly explanationUrl?: string;
}

/** When a certificate is to be renewed, and who decides. */
export interface RenewalTime {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly by: 'ari' | 'renewBefore' | 'lifetime';
}

/** Says why the certificate is due, or nothing. */
type Check = (input: DueInput) => Due | undefined;

/** One check of many: the first that says something decides. */
export function createChain(checks: readonly Check[]): Check {
  return (input) => {
    for (const check of checks) {
      const due = check(input);
      if (due !== undefined) return due;
    }
    return undefined;
  };
}

type Whole = Extract<StoredFacts, { state: 'whole' }>;

/** A check of what is stored whole; of anything else it says nothing. */
const ofWhole =
  (check: (stored: Whole, input: DueInput) => Due | undefined): Check =>
  (input) =>
    input.stored?.state === 'whole' ? check(input.stored, input) : undefined;

/** A check of a certificate that can be read; of anything else it says nothing. */
const ofCertificate = (check: (certificate: CertificateFacts, input: DueInput) => Due | undefined): Check =>
  ofWhole(({ certificate }, input) => certificate && check(certificate, input));

const exists: Check = ({ stored, wanted }) =>
  stored === undefined ? { reason: 'DoesNotExist', message: `No certificate is stored under the name "${wanted.name}"` } : undefined;

const isWhole: Check = ({ stored, wanted }) => {
  if (stored?.state === 'damaged') return { reason: stored.isPairBroken ? 'InvalidKeyPair' : 'MissingData', message: stored.message };
  if (stored === undefined || stored.hasKey || wanted.csrFile !== undefined) return undefined;
  return { reason: 'MissingData', message: 'The certificate is stored without its private key' };
};

const isReadable = ofWhole(({ certificate }) =>
  certificate === undefined ? { reason: 'InvalidCertificate', message: 'The stored certificate cannot be read' } : undefined,
);

const issuerFits = ofWhole(({ meta }, { issuerKey }) => {
  const issuer = issuerOf(meta);
  if (issuer === issuerKey) return undefined;
  const other = issuer === undefined ? 'an unknown issuer' : `"${issuer}"`;
  return { reason: 'IncorrectIssuer', message: `The stored certificate was issued by ${other}, and "${issuerKey}" is wanted` };
});

const keyKindFits = ofCertificate(({ keyType }, { wanted, broughtKeyFits }) => {
  if (broughtKeyFits === true) return undefined;
  if (broughtKeyFits === false)
    return { reason: 'SecretMismatch', message: 'The stored certificate is for another key than the one brought along' };
  if (keyType === wanted.key.type) return undefined;
  return { reason: 'SecretMismatch', message: `The stored key is of kind ${keyType ?? 'unknown'}, and ${wanted.key.type} is wanted` };
});

const namesFit = ofCertificate((certificate, { wanted }) => {
  const have = nameSet(certificate.names, certificate.commonName);
  const want = nameSet(wanted.spec.names, wanted.spec.commonName);
  const added = [...want].filter((name) => !have.has(name)).map((name) => `+${name}`);
  const gone = [...have].filter((name) => !want.has(name)).map((name) => `-${name}`);
  if (added.length + gone.length === 0) return undefined;
  return { reason: 'RequestChanged', message: `The names have changed: ${[...added, ...gone].sort().join(' ')}` };
});

const requestFits = ofWhole(({ meta }, { wanted }) => {
  const changes = changedFacts(meta, wanted);
  return changes.length === 0 ? undefined : { reason: 'RequestChanged', message: `The request has changed: ${changes.join('; ')}` };
});

const isUnrevoked = ofWhole((_, { revocation }) =>
  revocation === undefined
    ? undefined
    : { reason: 'Revoked', message: `The certificate was revoked at ${revocation.at}, for the reason ${revocation.reason}` },
);

const lives = ofCertificate(({ notAfter }, { now }) =>
  now > notAfter ? { reason: 'Expired', message: `The certificate expired at ${timeText(notAfter)}` } : undefined,
);

const renewalLiesAhead = ofCertificate((certificate, { wanted, advice, now, nextLook = now }) => {
  const { at, by } = renewalOf(certificate, wanted.renewBefore, advice);
  if (by === 'ari' && advice !== undefined) {
    // RFC 9773 §4.2: a moment before the next look is not waited for.
    if (at > Math.max(now, nextLook)) return undefined;
    const window = `between ${timeText(advice.window.start)} and ${timeText(advice.window.end)}`;
    const why = advice.explanationUrl === undefined ? '' : `; it tells why at ${advice.explanationUrl}`;
    return {
      reason: 'Renewing',
      message: `The CA advises to renew it ${window}, and ${timeText(at)} was drawn; it expires at ${timeText(certificate.notAfter)}${why}`,
    };
  }
  if (now < at) return undefined;
  return {
    reason: 'Renewing',
    message: `The certificate was to be renewed at ${timeText(at)}; it expires at ${timeText(certificate.notAfter)}`,
  };
});

/** All the checks, in cert-manager's order. */
export const dueCheck: Check = createChain([
  exists,
  isWhole,
  isReadable,
  issuerFits,
  keyKindFits,
  namesFit,
  requestFits,
  isUnrevoked,
  lives,
  renewalLiesAhead,
]);

/** What a CA cannot put off: a twentieth of the lifetime before the end, whatever its window says. */
const EMERGENCY = 20;

/**
 * When a certificate is to be renewed: at the moment drawn in the CA's window, or by its dates where the CA advises nothing. A
 * `renewBefore` that people ask for is never later for the CA's sake.
 */
export function renewalOf(
  { notBefore, notAfter }: Pick<CertificateFacts, 'notBefore' | 'notAfter'>,
  renewBefore: CertificateRequest['renewBefore'],
  advice: Advice | undefined,
): RenewalTime {
  const byDates = renewalTime(notBefore, notAfter, renewBefore);
  const isAsked = renewBefore !== undefined && byDates !== renewalTime(notBefore, notAfter);
  if (advice === undefined || (isAsked && byDates < advice.pick)) return { at: byDates, by: isAsked ? 'renewBefore' : 'lifetime' };
  return { at: Math.min(advice.pick, notAfter - (notAfter - notBefore) / EMERGENCY), by: 'ari' };
}

/**
 * When a certificate is to be renewed, by cert-manager's rule: `renewBefore` ahead of its end where that lies within its real
 * lifetime, else a third of the lifetime ahead; truncated to the second. All in milliseconds (since the epoch).
 */
export function renewalTime(notBefore: number, notAfter: number, renewBefore?: CertificateRequest['renewBefore']): number {
  const lifetime = notAfter - notBefore;
  const asked = renewBefore && ('percent' in renewBefore ? (lifetime * renewBefore.percent) / 100 : renewBefore.milliseconds);
  const ahead = asked !== undefined && asked > 0 && asked < lifetime ? asked : lifetime / 3;
  return Math.floor((notAfter - ahead) / 1_000) * 1_000;
}

function timeText(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('.000Z', 'Z');
}
