/** What `ocsp-check` found out, in lines for people. Nothing that others wrote reaches the terminal raw. */
import { formatDuration } from '../../base/duration.js';
import { printable } from '../../base/printable.js';
import type { Evidence, Failure, Origin, SourcedCrl } from '../../flow/revocation/evidence.js';
import type { Latency } from '../../flow/revocation/latency.js';
import type { CertificateContent } from '../../pki/certificate.js';
import { formatDistinguishedName } from '../../pki/rfc4514.js';
import type { Paint } from '../ui/paint.js';
import { distanceWords, minuteWords, timeWords } from '../ui/times.js';
import { hintOf, messageWords } from '../ui/words.js';
import { type Checked, type Standing, type Stapling, standingOf, staplingOf } from './standing.js';
import type { StapleOutcome } from './staple.js';

const WORDS: Readonly<Record<Standing, string>> = {
  good: 'good',
  revoked: 'REVOKED',
  unknown: 'UNKNOWN to its CA',
  'not-stapled': 'must-staple, and NOT STAPLED',
  unchecked: 'COULD NOT BE CHECKED',
  'no-way': 'no way to check it',
};
const MARKS: Readonly<Record<Standing, 'good' | 'bad' | 'warn'>> = {
  good: 'good',
  revoked: 'bad',
  unknown: 'bad',
  'not-stapled': 'bad',
  unchecked: 'bad',
  'no-way': 'warn',
};
const SIGNS = { good: '✔', bad: '✘', warn: '–' } as const;
const WIDTH = 12;

/** The lines of one target, without a line feed at the end. */
export function checkedText(
  checked: Checked,
  latency: readonly Latency[],
  staple: StapleOutcome | undefined,
  { now, paint }: { readonly now: number; readonly paint: Paint },
): string {
  const { name, report, subject } = checked;
  const standing = standingOf(checked);
  const mark = paint[MARKS[standing]];
  const { decisive, failures, notes } = report;
  const stapling = staplingOf(checked);
  const rows: readonly (readonly [label: string, text: string | undefined])[] = [
    ['certificate', certificateWords(subject.certificate, now)],
    ...(decisive === undefined ? [] : evidenceRows(decisive, now)),
    ['stapling', stapling && staplingWords(stapling, now)],
    ...failuresToTell(checked).map((failure) => ['not used', failureWords(failure)] as const),
    ...(decisive === undefined && failures.length === 0 && notes.length === 0
      ? [['why', 'the certificate names neither an OCSP responder nor a CRL'] as const]
      : notes.map((note) => ['note', note] as const)),
    ...latency.map((one) => ['latency', latencyWords(one)] as const),
    ['staple file', staple && stapleWords(staple, now)],
  ];
  const lines = rows.flatMap(([label, text], at) => {
    if (text === undefined) return [];
    return [`  ${(rows[at - 1]?.[0] === label ? '' : label).padEnd(WIDTH)} ${printable(text)}`];
  });
  return [`${mark(SIGNS[MARKS[standing]])} ${paint.strong(printable(name))}: ${mark(WORDS[standing])}`, ...lines].join('\n');
}

/** What went wrong is told where nothing decides, and where a responder was passed over for a CRL. */
function failuresToTell({ report: { decisive, failures } }: Checked): readonly Failure[] {
  const others = failures.filter(({ origin }) => origin?.by !== 'staple');
  return decisive === undefined ? others : others.filter(({ kind }) => kind === 'ocsp' && decisive.kind === 'crl');
}

function certificateWords({ extensions, subject, serialNumber, notAfter }: CertificateContent, now: number): string {
  const [first] = extensions.names;
  const name = first?.value ?? formatDistinguishedName(subject);
  const end = notAfter.getTime();
  const until = end < now ? `expired ${distanceWords(end, now)}` : `until ${minuteWords(end)}`;
  return `${name === '' ? '' : `${name}, `}serial number ${serialNumber}, ${until}`;
}

function evidenceRows(evidence: Evidence, now: number): (readonly [string, string | undefined])[] {
  const { thisUpdate, nextUpdate } = evidence;
  const age = now - thisUpdate.getTime();
  const next = nextUpdate === undefined ? 'it does not say until when' : `next ${timeWords(nextUpdate.getTime(), now)}`;
  const revoked = evidence.status === 'revoked' ? evidence.revocation : undefined;
  return [
    ['revoked', revoked && `${timeWords(revoked.at.getTime(), now)}, ${reasonWords(revoked)}`],
    ...(evidence.kind === 'ocsp'
      ? [['OCSP', originWords(evidence.origin)] as const, ['signed by', signerWords(evidence)] as const]
      : evidence.lists.map((list) => ['CRL', listWords(list)] as const)),
    ['updated', `${minuteWords(thisUpdate.getTime())} (${age < 0 ? 'ahead of the clock here' : `${formatDuration(age)} old`}), ${next}`],
  ];
}

function reasonWords({ reason, invalidityDate, neverIssued }: Extract<Evidence, { status: 'revoked' }>['revocation']): string {
  if (neverIssued === true) return 'never issued by this CA';
  const since = invalidityDate === undefined ? '' : `, key in other hands since ${minuteWords(invalidityDate.getTime())}`;
  return `${reason === undefined ? 'no reason given' : `reason ${reason}`}${since}`;
}

function signerWords({ signedBy: { role, name, noCheck } }: Extract<Evidence, { kind: 'ocsp' }>): string {
  const title = `"${formatDistinguishedName(name)}"`;
  if (role === 'issuer') return `its issuer ${title}`;
  return `${title}, whom its issuer lets answer${noCheck ? '' : '; whether that one was revoked was not asked'}`;
}

function originWords({ by, place }: Origin): string {
  const words = { responder: '', url: '', staple: 'staple of ', file: 'file ', kept: 'kept from ' } as const;
  return `${words[by]}${place}`;
}

function listWords({ crl, origin }: SourcedCrl): string {
  const kind = crl.baseNumber === undefined ? '' : 'changes only, ';
  return `${originWords(origin)} (${kind}${crl.entries} ${crl.entries === 1 ? 'entry' : 'entries'})`;
}

/** In openssl's words. */
function staplingWords({ result, evidence, failure }: Stapling, now: number): string {
  if (result === 'no-response') return 'no response sent';
  if (result === 'refused')
    return `a response was sent, and is not believed${failure === undefined ? '' : `: ${reasonOfFailure(failure)}`}`;
  const next = evidence?.nextUpdate === undefined ? '' : `, good for ${formatDuration(evidence.nextUpdate.getTime() - now)} more`;
  return `successful: ${evidence?.status ?? 'unknown'}${next}`;
}

function failureWords(failure: Failure): string {
  const { origin, error } = failure;
  const hint = error && hintOf(error);
  return `${origin === undefined ? '' : `${originWords(origin)}: `}${reasonOfFailure(failure)}${hint === undefined ? '' : `; ${hint}`}`;
}

function reasonOfFailure({ message }: Failure): string {
  return messageWords(new Error(message));
}

function latencyWords({ url, family, tries, answered, median, worst, failure }: Latency): string {
  const way = family === undefined ? '' : ` by IPv${family}`;
  const times =
    median === undefined || worst === undefined
      ? 'no answer'
      : `median ${milliseconds(median)}, worst ${milliseconds(worst)} of ${answered}`;
  const lost =
    answered === tries || failure === undefined ? '' : `; ${tries - answered} of ${tries} failed: ${messageWords(new Error(failure))}`;
  return `${url}${way}: ${times}${lost}`;
}

function milliseconds(value: number): string {
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}

function stapleWords(staple: StapleOutcome, now: number): string {
  if (staple.result === 'no-ocsp')
    return `${staple.file} was not written: the CA of this certificate has no OCSP, so there is nothing to staple`;
  if (staple.result === 'not-written') return `${staple.file} was not written: there is no response that is good and believed`;
  return `${staple.file}${staple.until === undefined ? '' : `, good until ${timeWords(staple.until.getTime(), now)}`}`;
}
