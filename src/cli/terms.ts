/** The one question that tscert asks: whether a person on a terminal agrees to a CA's terms of service. */
import { TscertError } from '../base/errors.js';
import type { CertificateRequest } from '../request/request.js';
import type { Issuers } from './issuers.js';

/**
 * Asks once a directory whose account is not made yet and whose terms nobody has agreed to; the requests come back with the answer.
 * @throws {TscertError} `terms-not-agreed` for any answer but yes
 */
export async function agreeToTerms(
  requests: readonly CertificateRequest[],
  issuers: Pick<Issuers, 'accountFor'>,
  ask: (question: string) => Promise<string | undefined>,
  signal: AbortSignal,
): Promise<CertificateRequest[]> {
  const agreed = new Map<string, boolean>();
  const out: CertificateRequest[] = [];
  for (const request of requests) {
    const { issuer } = request;
    if (issuer.kind !== 'acme') {
      out.push(request);
      continue;
    }
    if (!issuer.agreeTos && !agreed.has(issuer.directory)) {
      const { account, session } = await issuers.accountFor(issuer);
      const { termsOfService } = (await account.isKnown()) ? {} : await session.directory(signal);
      agreed.set(issuer.directory, termsOfService === undefined ? false : await askFor(termsOfService, issuer.directory, ask));
    }
    out.push(agreed.get(issuer.directory) === true ? { ...request, issuer: { ...issuer, agreeTos: true } } : request);
  }
  return out;
}

async function askFor(url: string, directory: string, ask: (question: string) => Promise<string | undefined>): Promise<boolean> {
  const answer = await ask(`The terms of service of ${new URL(directory).host} are at ${url}\nDo you agree to them? [y/N] `);
  if (/^y(es)?$/i.test(answer?.trim() ?? '')) return true;
  throw new TscertError('terms-not-agreed', `Cannot make an account at ${directory}: its terms of service are not agreed to`, {
    data: { url },
  });
}
