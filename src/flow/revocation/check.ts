/**
 * Whether certificates were revoked: evidence is gathered for many at once, from what was given and from where the certificates say that it is, and
 * each gets a verdict. Whether their CAs are to be trusted is another question.
 */
import type { Clock } from '../../base/clock.js';
import type { GuardedHttp } from '../../net/guarded.js';
import { type CertificateContent, isIssuedBy } from '../../pki/certificate.js';
import { checkOcspResponse } from '../../pki/ocsp-verdict.js';
import { type RevocationPlaces, revocationPlacesOf } from '../../pki/revocation-places.js';
import type { CrlCache } from '../../store/crl-cache.js';
import { createCrlReader, type GivenCrl } from './crl.js';
import { decisiveOf, type Evidence, type Failure, type Origin, type RevocationReport } from './evidence.js';
import { createIssuerFinder } from './issuer.js';
import { createResponders, evidenceOf } from './responder.js';

/** A certificate that is asked about. */
export interface RevocationSubject {
  readonly certificate: CertificateContent;
  /** Certificates that came with it or were given: its issuer may be among them. */
  readonly others: readonly CertificateContent[];
  /** Responders are asked about it alone: the response is for a server to send along. */
  readonly isAlone?: boolean;
  /** What its server sent along, DER, and the server. */
  readonly staple?: { readonly response: Buffer; readonly place: string };
}

/** What there is to go by beside the certificates. */
export interface GivenEvidence {
  /** OCSP responses, DER: where there are some nobody is asked for others. */
  readonly responses: readonly { readonly file: string; readonly response: Buffer }[];
  /** CRLs: with them the CRLs are looked at also where a responder has answered. */
  readonly crls: readonly GivenCrl[];
}

export interface RevocationParts {
  /** Absent where nobody is to be asked. */
  readonly http?: Pick<GuardedHttp, 'request' | 'stream'> | undefined;
  readonly cache?: CrlCache | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly given: GivenEvidence;
  /** False leaves CRLs out. */
  readonly usesCrls: boolean;
  /** The moment that is asked about, in milliseconds since the epoch; now unless given. */
  readonly at?: number;
}

/** What is known so far of one certificate. */
interface Case extends RevocationSubject {
  readonly places: RevocationPlaces;
  /** There is somebody, or something, that could tell. */
  readonly isAsked: boolean;
  readonly issuer: CertificateContent | undefined;
  readonly evidence: Evidence[];
  readonly failures: Failure[];
}

/**
 * Finds out about all of them, in their order. What goes wrong for one is told in its report and stops no other.
 * @throws the signal's reason
 */
export async function checkRevocation(subjects: readonly RevocationSubject[], parts: RevocationParts): Promise<RevocationReport[]> {
  const find = createIssuerFinder(parts);
  const cases = await Promise.all(
    subjects.map(async (subject): Promise<Case> => {
      const places = revocationPlacesOf(subject.certificate);
      const isAsked = canBeTold(subject, places, parts);
      const { issuer, failures } = isAsked ? await find(subject.certificate, subject.others) : { issuer: undefined, failures: [] };
      return { ...subject, places, isAsked, issuer, evidence: [], failures: [...failures] };
    }),
  );
  for (const one of cases) judgeGiven(one, parts);
  if (parts.given.responses.length === 0) await askResponders(cases, parts);
  if (parts.usesCrls) await readLists(cases, parts);
  return cases.map((one) => reportOf(one, parts));
}

function reportOf(one: Case, parts: RevocationParts): RevocationReport {
  const { issuer, evidence, failures } = one;
  const decisive = decisiveOf(evidence);
  const status = decisive?.status ?? (one.isAsked ? 'unchecked' : 'no-way');
  return { status, issuer, decisive, evidence, failures, notes: decisive === undefined ? notesOf(one, parts) : [] };
}

/** Why nobody could tell. */
function notesOf({ certificate, places, isAsked }: Case, { http, usesCrls }: RevocationParts): string[] {
  if (isRoot(certificate)) return ['it has signed itself: there is nobody above it who could revoke it'];
  const { responders, hasNone, strange, skipped } = places;
  const isUnasked = http === undefined && isAsked && responders.length > 0;
  return [
    ...(isUnasked ? [`nobody was asked: its OCSP responder is ${responders.join(', ')}`] : []),
    ...(hasNone ? ['its CA says that there is no revocation information for it (noRevAvail, RFC 9608)'] : []),
    ...strange.map((url) => `the OCSP responder "${url}" was left out: responders are asked by http and https only`),
    ...(usesCrls ? skipped : []).map(({ url, words }) =>
      url === undefined ? `a CRL was left out: ${words}` : `the CRL "${url}" was left out: ${words}`,
    ),
    ...(usesCrls || certificate.extensions.crlPoints.length === 0 ? [] : ['its CRLs were left out']),
  ];
}

function isRoot(certificate: CertificateContent): boolean {
  return isIssuedBy(certificate, certificate);
}

function canBeTold(
  { certificate, staple }: RevocationSubject,
  { responders, addresses }: RevocationPlaces,
  { given, usesCrls }: RevocationParts,
): boolean {
  if (isRoot(certificate)) return false;
  const isGiven = staple !== undefined || given.responses.length + given.crls.length > 0;
  return isGiven || responders.length > 0 || (usesCrls && addresses.length > 0);
}

/** The staple, and the responses of files that speak of the certificate. */
function judgeGiven({ certificate, issuer, staple, evidence, failures }: Case, { given, clock, at }: RevocationParts): void {
  if (issuer === undefined) return;
  const judged = (response: Buffer, origin: Origin): Evidence | Failure => {
    const checked = checkOcspResponse({ response, certificates: [certificate], issuer, now: at ?? clock.now() });
    return evidenceOf({ response, checked }, 0, origin);
  };
  const all = [
    ...(staple === undefined ? [] : [judged(staple.response, { by: 'staple', place: staple.place })]),
    ...given.responses.map(({ file, response }) => judged(response, { by: 'file', place: file })),
  ];
  for (const one of all) take(one, { evidence, failures });
}

/** Sorts an answer in. */
function take(one: Evidence | Failure, { evidence, failures }: Pick<Case, 'evidence' | 'failures'>): void {
  if ('status' in one) evidence.push(one);
  else failures.push(one);
}

/**
 * Certificates of one issuer, and of one place to ask.
 * @param keepsApart those that are to be alone form groups of their own
 */
function groupsBy(
  cases: readonly Case[],
  placeOf: (one: Case) => string | undefined,
  keepsApart = false,
): { place: string; issuer: CertificateContent; cases: Case[] }[] {
  const groups = new Map<string, { place: string; issuer: CertificateContent; cases: Case[] }>();
  for (const one of cases) {
    const { issuer } = one;
    const place = placeOf(one);
    if (issuer === undefined || place === undefined) continue;
    const whose = `${place} ${issuer.raw.subject.toString('base64')} ${issuer.raw.spki.toString('base64')}`;
    const key = keepsApart && one.isAlone === true ? `${whose} ${one.certificate.serialNumber}` : whose;
    const group = groups.get(key) ?? { place, issuer, cases: [] };
    groups.set(key, group);
    group.cases.push(one);
  }
  return [...groups.values()];
}

/** Asks each certificate's responders, the next one where the one before has given no answer. */
async function askResponders(cases: readonly Case[], { http, clock, signal }: RevocationParts): Promise<void> {
  if (http === undefined) return;
  const responders = createResponders({ http, clock, signal });
  const answered = new Set<Case>();
  const most = Math.max(0, ...cases.map(({ places }) => places.responders.length));
  for (let nth = 0; nth < most; nth++) {
    const open = cases.filter((one) => !answered.has(one));
    const groups = groupsBy(open, ({ places }) => places.responders[nth], true);
    await Promise.all(
      groups.map(async ({ place, issuer, cases: own }) => {
        const certificates = [...new Map(own.map(({ certificate }) => [certificate.serialNumber, certificate])).values()];
        const said = await responders.ask(place, issuer, certificates);
        for (const one of own) {
          const answer = said[certificates.findIndex(({ serialNumber }) => serialNumber === one.certificate.serialNumber)];
          if (answer === undefined) continue;
          take(answer, one);
          if ('status' in answer) answered.add(one);
        }
      }),
    );
  }
}

/** The CRLs, for those of whom no response speaks; for all where CRLs were given. */
async function readLists(cases: readonly Case[], { http, cache, clock, signal, given, at }: RevocationParts): Promise<void> {
  // A staple is what the server chose to show.
  const isOpen = ({ evidence }: Case): boolean => evidence.every((one) => one.kind === 'ocsp' && one.origin.by === 'staple');
  const usesPoints = given.responses.length === 0;
  const read = createCrlReader({ http, cache, signal, at: at ?? clock.now(), usesPoints });
  const wanted = cases.filter((one) => given.crls.length > 0 || (usesPoints && isOpen(one)));
  await Promise.all(
    groupsBy(wanted, () => '').map(async ({ issuer, cases: own }) => {
      const others = own.flatMap((one) => one.others);
      const found = await read({ issuer, certificates: own.map(({ certificate }) => certificate), others, given: given.crls });
      for (const [nth, one] of own.entries()) {
        const { evidence, failures = [] } = found[nth] ?? {};
        if (evidence !== undefined) one.evidence.push(evidence);
        one.failures.push(...failures);
      }
    }),
  );
}
