/**
 * What OCSP responders say of many certificates, with few questions: all of one issuer in one; those of which a responder does not speak then
 * one by one, for many responders answer nothing else (RFC 5019 §2.1.1).
 */
import { isTscertError } from '../../base/errors.js';
import { createLimiter } from '../../net/limiter.js';
import type { CertificateContent } from '../../pki/certificate.js';
import type { OcspAnswered, OcspRefused } from '../../pki/ocsp-verdict.js';
import type { Failure, OcspEvidence, Origin, Revocation } from './evidence.js';
import { askOcsp, type ExchangeParts, type OcspAsk, type OcspReply } from './exchange.js';
import { failureOf } from './failure.js';

export interface Responders {
  /**
   * What the responder at a URL says of certificates of this issuer, each once and in their order. What goes wrong is a value.
   * @throws the signal's reason
   */
  ask(
    url: string,
    issuer: CertificateContent,
    certificates: readonly CertificateContent[],
  ): Promise<readonly (OcspEvidence | Failure | undefined)[]>;
}

/** Questions under way at once, in all and to one responder. */
const PARALLEL = { all: 32, each: 6 } as const;
/** Certificates in one question: their answers stay well below the limit on an answer's size. */
const MOST = 256;
/** Questions in a row that a responder leaves unanswered; after them it is not asked again. */
const PATIENCE = 3;

/** Failures that another form of the same question may mend. */
const ASK_OTHERWISE: ReadonlySet<string> = new Set(['malformed-request', 'internal-error', 'unauthorized', 'not-covered', 'unreadable']);
/** What responders that do not serve GET say. */
const NOT_BY_GET: ReadonlySet<string> = new Set(['http-status', 'malformed-request', 'unreadable']);

/** Asks responders in one run. */
export function createResponders(parts: ExchangeParts): Responders {
  const overall = createLimiter(PARALLEL.all);
  const lines = new Map<string, Line>();
  const lineOf = (url: string): Line => {
    const { origin } = URL.canParse(url) ? new URL(url) : { origin: url };
    const line = lines.get(origin) ?? { limit: createLimiter(PARALLEL.each), silent: 0, error: undefined };
    lines.set(origin, line);
    return line;
  };
  const send = (ask: OcspAsk): Promise<OcspReply> => {
    const line = lineOf(ask.url);
    const asked = async (): Promise<OcspReply> => {
      if (line.silent >= PATIENCE) throw line.error;
      try {
        const reply = await askOcsp(ask, parts);
        line.silent = 0;
        return reply;
      } catch (error) {
        if (isSilence(error)) line.silent++;
        line.error = error;
        throw error;
      }
    };
    return line.limit(() => overall(asked, parts.signal), parts.signal);
  };

  /** One question, with what goes wrong as a value. */
  const one = async (ask: OcspAsk): Promise<readonly (OcspEvidence | Failure)[]> => {
    const origin: Origin = { by: 'responder', place: ask.url };
    try {
      const reply = await send(ask);
      return ask.certificates.map((_, at) => evidenceOf(reply, at, origin));
    } catch (error) {
      parts.signal.throwIfAborted();
      const failure = failureOf('ocsp', origin, error);
      return ask.certificates.map(() => failure);
    }
  };

  /** About one certificate: by GET first, by POST where GET is not served; by SHA-1, which all know, then by SHA-256. */
  const single = async (about: Omit<OcspAsk, 'hash' | 'by'>): Promise<OcspEvidence | Failure | undefined> => {
    const ask = async (form: Pick<OcspAsk, 'hash' | 'by'>): Promise<OcspEvidence | Failure | undefined> =>
      (await one({ ...about, ...form }))[0];
    let by: OcspAsk['by'] = 'get';
    let said = await ask({ hash: 'sha1', by });
    if (said !== undefined && !('status' in said) && NOT_BY_GET.has(said.reason)) {
      by = 'post';
      said = await ask({ hash: 'sha1', by });
    }
    return said === undefined || isWorthAsking(said) ? better(said, await ask({ hash: 'sha256', by })) : said;
  };

  /** About many at once; those that are not answered so are asked about alone. */
  const many = async (about: Omit<OcspAsk, 'hash' | 'by'>): Promise<readonly (OcspEvidence | Failure | undefined)[]> => {
    const said = await one({ ...about, hash: 'sha1', by: 'post' });
    const pick = (wanted: (one: OcspEvidence | Failure) => boolean): CertificateContent[] =>
      about.certificates.filter((_, at) => said.slice(at, at + 1).some(wanted));
    const unknown = pick((each) => 'status' in each && each.status === 'unknown');
    const again = unknown.length === 0 ? [] : await one({ ...about, certificates: unknown, hash: 'sha256', by: 'post' });
    const alone = pick((each) => !('status' in each) && (isWorthAsking(each) || each.reason === 'http-status'));
    const answers = await Promise.all(alone.map((certificate) => single({ ...about, certificates: [certificate] })));
    return about.certificates.map((certificate, at) => {
      if (alone.includes(certificate)) return answers[alone.indexOf(certificate)];
      return unknown.includes(certificate) ? better(said[at], again[unknown.indexOf(certificate)]) : said[at];
    });
  };

  return {
    async ask(url, issuer, certificates) {
      const parcels = Array.from({ length: Math.ceil(certificates.length / MOST) }, (_, nth) =>
        certificates.slice(nth * MOST, (nth + 1) * MOST),
      );
      const said = await Promise.all(
        parcels.map(async (parcel) => {
          const about = { url, issuer, certificates: parcel };
          return parcel.length === 1 ? [await single(about)] : many(about);
        }),
      );
      return said.flat();
    },
  };
}

/** The way to one responder. */
interface Line {
  readonly limit: ReturnType<typeof createLimiter>;
  /** Questions without an answer since the last one with one. */
  silent: number;
  error: unknown;
}

/** True for a failure of the responder, whatever it was asked. */
function isSilence(error: unknown): boolean {
  const status = isTscertError(error, 'response-invalid') ? Number(error.data.status ?? 0) : 0;
  return isTscertError(error, 'network') || isTscertError(error, 'timeout') || status === 429 || status >= 500;
}

/** True when it is no answer to the question, or one of somebody who may not have understood it. */
function isWorthAsking(said: OcspEvidence | Failure): boolean {
  return 'status' in said ? said.status === 'unknown' : ASK_OTHERWISE.has(said.reason);
}

/** The second answer where it says more than the first. */
function better(first: OcspEvidence | Failure | undefined, second: OcspEvidence | Failure | undefined): OcspEvidence | Failure | undefined {
  return first === undefined || (second !== undefined && 'status' in second) ? second : first;
}

/**
 * What a reply says of the certificate at this place of the question.
 * @param at which of the certificates that were asked about
 */
export function evidenceOf(
  { response, checked }: { readonly response: Buffer; readonly checked: OcspAnswered | OcspRefused },
  at: number,
  origin: Origin,
): OcspEvidence | Failure {
  if (checked.verdict === 'refused') return { kind: 'ocsp', origin, reason: checked.reason, message: checked.message };
  const said = checked.certificates[at];
  if (said === undefined || said.verdict === 'refused') {
    const { reason = 'not-covered', message = 'Cannot believe the OCSP response: it says nothing of this certificate' } = said ?? {};
    return { kind: 'ocsp', origin, reason, message };
  }
  const { signedBy, producedAt, nonce, warnings } = checked;
  const { thisUpdate, nextUpdate, archiveCutoff } = said;
  return {
    ...(said.verdict === 'revoked' ? { status: said.verdict, revocation: revocationIn(said) } : { status: said.verdict }),
    ...{ kind: 'ocsp', origin, signedBy, producedAt, thisUpdate, nonce, warnings, response },
    ...(nextUpdate === undefined ? {} : { nextUpdate }),
    ...(archiveCutoff === undefined ? {} : { archiveCutoff }),
  };
}

function revocationIn({ at, reason, neverIssued }: Pick<Revocation, 'at' | 'reason' | 'neverIssued'>): Revocation {
  return { at, ...(reason === undefined ? {} : { reason }), ...(neverIssued === undefined ? {} : { neverIssued }) };
}
