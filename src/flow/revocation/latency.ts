/** How long responders take to answer: each on a connection of its own, by each version of IP, several times. */
import { isTscertError } from '../../base/errors.js';
import type { GuardedHttp } from '../../net/guarded.js';
import { createLimiter } from '../../net/limiter.js';
import type { CertificateContent } from '../../pki/certificate.js';
import { createOcspRequest, ocspGetUrl } from '../../pki/ocsp-request.js';

export interface LatencyQuestion {
  /** Of the responder. */
  readonly url: string;
  readonly issuer: CertificateContent;
  /** What it is asked about. */
  readonly certificate: CertificateContent;
}

/** Milliseconds with fractions, from looking the name up to the end of the answer's head. */
export interface Latency {
  readonly url: string;
  /** The version of IP; absent where a proxy chooses. */
  readonly family?: 4 | 6;
  readonly tries: number;
  readonly answered: number;
  /** Absent when nothing was answered. */
  readonly median?: number;
  readonly worst?: number;
  /** Why the last one that was not answered was not. */
  readonly failure?: string;
}

export interface LatencyParts {
  readonly http: Pick<GuardedHttp, 'request'>;
  readonly signal: AbortSignal;
  /** How often each is asked. */
  readonly tries: number;
  /** The versions of IP by which a URL is reached; undefined stands for the proxy's choice. */
  families(url: string): readonly (4 | 6 | undefined)[];
}

const MAX_BYTES = 1 << 20;
/** Responders that are measured at once. */
const PARALLEL = 4;

/**
 * Measures the responder of each question, each URL once; a version of IP in which a responder has no address is left out.
 * @throws the signal's reason
 */
export async function measureResponders(questions: readonly LatencyQuestion[], parts: LatencyParts): Promise<Latency[]> {
  const limit = createLimiter(PARALLEL);
  const each = [...new Map(questions.map((question) => [question.url, question])).values()];
  const measured = await Promise.all(
    each.map((question) =>
      limit(async () => {
        const found: (Latency | undefined)[] = [];
        for (const family of parts.families(question.url)) found.push(await measure(question, family, parts));
        return found.filter((one) => one !== undefined);
      }, parts.signal),
    ),
  );
  return measured.flat();
}

async function measure(
  { url, issuer, certificate }: LatencyQuestion,
  family: 4 | 6 | undefined,
  { http, signal, tries }: LatencyParts,
): Promise<Latency | undefined> {
  const body = createOcspRequest({ issuer, certificates: [certificate], hash: 'sha1' });
  const getUrl = ocspGetUrl(url, body);
  const post = { method: 'POST', url, body, headers: { 'content-type': 'application/ocsp-request' } } as const;
  const request = getUrl === undefined ? post : ({ method: 'GET', url: getUrl } as const);
  const times: number[] = [];
  let failure: string | undefined;
  for (let count = 0; count < tries; count++) {
    try {
      const by = family === undefined ? {} : { family };
      const { status, timing } = await http.request({ ...request, ...by, signal, maxBytes: MAX_BYTES, isFresh: true });
      if (status === 200) times.push(timing.answer);
      else failure = `it answered ${status}`;
    } catch (error) {
      signal.throwIfAborted();
      if (!isTscertError(error)) throw error;
      if (isTscertError(error, 'network') && error.data.code === 'ENODATA') return undefined;
      failure = error.message;
    }
  }
  times.sort((a, b) => a - b);
  const worst = times.at(-1);
  return {
    url,
    ...(family === undefined ? {} : { family }),
    ...{ tries, answered: times.length },
    ...(worst === undefined ? {} : { median: medianOf(times), worst }),
    ...(failure === undefined ? {} : { failure }),
  };
}

/** @param sorted one at least */
function medianOf(sorted: readonly number[]): number {
  const half = sorted.length / 2;
  const [low = 0, high = low] = sorted.slice(Math.ceil(half) - 1, Math.floor(half) + 1);
  return (low + high) / 2;
}
