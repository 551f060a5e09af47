/** What CRLs say of many certificates of one issuer: each list is had once, and no more of them than it takes. */
import { createLimiter } from '../../net/limiter.js';
import type { CertificateContent } from '../../pki/certificate.js';
import type { CrlDoubt } from '../../pki/crl.js';
import { readCrls } from '../../pki/crl-reader.js';
import { crlSignersOf } from '../../pki/crl-signers.js';
import { type CrlAddress, crlAddressesOf } from '../../pki/crl-urls.js';
import { type CrlVerdict, crlVerdict } from '../../pki/crl-verdict.js';
import { type CrlSourceParts, readCrlAt } from './crl-source.js';
import type { CrlEvidence, Failure, Origin, SourcedCrl } from './evidence.js';
import { failureOf } from './failure.js';

/** A CRL that was named: a URL, or the file that it lies in, with one or several in PEM. */
export type GivenCrl = { readonly url: string } | { readonly file: string; open(): AsyncIterable<Uint8Array> };

export interface CrlParts extends CrlSourceParts {
  /** False leaves out what certificates and CRLs say where CRLs are. */
  readonly usesPoints: boolean;
  /** The moment that is asked about, in milliseconds since the epoch. */
  readonly at: number;
}

export interface CrlQuestion {
  readonly issuer: CertificateContent;
  /** All of this issuer. */
  readonly certificates: readonly CertificateContent[];
  /** Certificates among which there may be one of the same CA that signs CRLs. */
  readonly others: readonly CertificateContent[];
  readonly given: readonly GivenCrl[];
}

export interface CrlFindings {
  readonly evidence: CrlEvidence | undefined;
  readonly failures: readonly Failure[];
}

/** Lists that are fetched at once, by one run. */
const PARALLEL = 4;

/** Gives what tells, for one issuer at a time, what its CRLs say; one for a whole run. */
export function createCrlReader(parts: CrlParts): (question: CrlQuestion) => Promise<readonly CrlFindings[]> {
  const limit = createLimiter(PARALLEL);
  return async (question) => {
    const lists = listsOf(question, parts, (operation) => limit(operation, parts.signal));
    return Promise.all(question.certificates.map((certificate) => findingsOf(certificate, lists, parts)));
  };
}

type Had = readonly (SourcedCrl | Failure)[];

/** The lists of one issuer, each had once. */
interface Lists {
  /** Those that were named. */
  given(): Promise<Had>;
  /** The one at the first of these URLs where there is one. */
  at(address: CrlAddress): Promise<Had>;
}

function listsOf(
  { issuer, certificates, others, given }: CrlQuestion,
  parts: CrlParts,
  limit: (operation: () => Promise<Had>) => Promise<Had>,
): Lists {
  const signers = crlSignersOf(issuer, others);
  const serialNumbers = certificates.map(({ serialNumber }) => serialNumber);
  const read = new Map<string, Promise<Had>>();
  const once = (origin: Origin, operation: () => Promise<readonly SourcedCrl[]>): Promise<Had> => {
    const attempt = async (): Promise<Had> => {
      try {
        return await operation();
      } catch (error) {
        parts.signal.throwIfAborted();
        return [failureOf('crl', origin, error)];
      }
    };
    const known = read.get(origin.place) ?? limit(attempt);
    read.set(origin.place, known);
    return known;
  };
  const atUrl = (url: string): Promise<Had> =>
    once({ by: 'url', place: url }, async () => [await readCrlAt(url, { signers, serialNumbers }, parts)]);
  const atFile = ({ file, open }: Extract<GivenCrl, { file: string }>): Promise<Had> => {
    const origin = { by: 'file', place: file } as const;
    return once(origin, async () => {
      const crls = await readCrls(open(), { source: file, signers, serialNumbers });
      return crls.map((crl) => ({ crl, origin }));
    });
  };
  return {
    given: async () => (await Promise.all(given.map((one) => ('url' in one ? atUrl(one.url) : atFile(one))))).flat(),
    async at({ urls }) {
      const failures: Failure[] = [];
      for (const url of urls) {
        const had = await atUrl(url);
        if (!had.some(isFailure)) return [...failures, ...had];
        failures.push(...had.filter(isFailure));
      }
      return failures;
    },
  };
}

async function findingsOf(certificate: CertificateContent, lists: Lists, { at, usesPoints }: CrlParts): Promise<CrlFindings> {
  const addresses = usesPoints ? crlAddressesOf(certificate.extensions.crlPoints).addresses : [];
  const had: (SourcedCrl | Failure)[] = [...(await lists.given())];
  let verdict = verdictOf(certificate, had, at);
  for (const address of addresses) {
    if (verdict !== undefined && verdict.status !== 'undetermined') break;
    had.push(...(await lists.at(address)));
    verdict = verdictOf(certificate, had, at);
  }
  // A hold may have ended since.
  const isFinal = verdict === undefined || (verdict.status === 'revoked' && verdict.reason !== 'certificateHold');
  if (usesPoints && !isFinal) {
    const deltas = deltaAddresses(certificate, had);
    for (const address of deltas) had.push(...(await lists.at(address)));
    if (deltas.length > 0) verdict = verdictOf(certificate, had, at);
  }
  const found = had.filter((one): one is SourcedCrl => !isFailure(one));
  const evidence = verdict && evidenceOf(verdict, found);
  const doubts = (verdict?.doubts ?? []).map((doubt) => doubtFailure(doubt, found));
  return { evidence, failures: [...had.filter(isFailure), ...doubts] };
}

/** What all lists that were had say together; undefined without any. */
function verdictOf(certificate: CertificateContent, had: Had, at: number): CrlVerdict | undefined {
  const crls = had.flatMap((one) => (isFailure(one) ? [] : [one.crl]));
  return crls.length === 0 ? undefined : crlVerdict(certificate, crls, { at });
}

/** Where the changes since are, each place once. */
function deltaAddresses({ extensions }: CertificateContent, had: Had): CrlAddress[] {
  const points = [...extensions.deltaCrlPoints, ...had.flatMap((one) => (isFailure(one) ? [] : one.crl.deltaPoints))];
  const { addresses } = crlAddressesOf(points);
  return [...new Map(addresses.map((address) => [address.urls.join(' '), address])).values()];
}

function evidenceOf(verdict: CrlVerdict, found: readonly SourcedCrl[]): CrlEvidence | undefined {
  if (verdict.status === 'undetermined') return undefined;
  const crls = verdict.status === 'revoked' ? [verdict.crl] : verdict.crls;
  const lists = found.filter(({ crl }) => crls.includes(crl));
  const thisUpdate = new Date(Math.min(...crls.map((crl) => crl.thisUpdate.getTime())));
  if (verdict.status === 'good') return { kind: 'crl', status: 'good', lists, thisUpdate, nextUpdate: verdict.until };
  const { at, reason, invalidityDate, crl } = verdict;
  return {
    ...{ kind: 'crl', status: 'revoked', lists, thisUpdate },
    revocation: { at, reason, ...(invalidityDate === undefined ? {} : { invalidityDate }) },
    ...(crl.nextUpdate === undefined ? {} : { nextUpdate: crl.nextUpdate }),
  };
}

/** Why a list was not relied on, or what all of them lack. */
function doubtFailure({ code, source, words }: CrlDoubt, found: readonly SourcedCrl[]): Failure {
  const origin = found.find(({ crl }) => crl.source === source)?.origin;
  const what = source === undefined ? 'Cannot tell by CRLs' : 'Cannot rely on the CRL';
  return { kind: 'crl', reason: code, message: `${what}: ${words}`, ...(origin === undefined ? {} : { origin }) };
}

function isFailure(one: SourcedCrl | Failure): one is Failure {
  return 'reason' in one;
}
