/** What hooks are told, in environment variables: certbot's, and ours. Nothing secret, only where it is. */
import path from 'node:path';
import type { Delivery } from './target.js';

/** Of a command that runs after a certificate was stored. */
export function deployVariables({ stored, domains, notAfter }: Delivery): Record<string, string> {
  const { locations } = stored;
  return {
    ...aboutNames('deploy', [stored.name], domains),
    RENEWED_LINEAGE: path.dirname(locations.fullchain),
    RENEWED_DOMAINS: domains.join(' '),
    TSCERT_CERT: locations.certificate,
    TSCERT_CHAIN: locations.chain,
    TSCERT_FULLCHAIN: locations.fullchain,
    ...(stored.privateKey === undefined ? {} : { TSCERT_KEY: locations.privateKey }),
    TSCERT_NOT_AFTER: new Date(notAfter).toISOString(),
  };
}

/** Of a command that runs before a certificate is ordered. */
export function preVariables(name: string, domains: readonly string[]): Record<string, string> {
  return aboutNames('pre', [name], domains);
}

/** What became of a certificate, for its post-hook. */
export interface PostResult {
  readonly name: string;
  readonly domains: readonly string[];
  readonly result: 'issued' | 'tested' | 'pending' | 'failed';
}

/** The worst first. */
const RESULTS: readonly PostResult['result'][] = ['failed', 'pending', 'tested', 'issued'];

/** Of a command that runs at the end of a run that ordered certificates. */
export function postVariables(results: readonly PostResult[]): Record<string, string> {
  const domainsOf = (...wanted: readonly PostResult['result'][]): string[] =>
    results.filter(({ result }) => wanted.includes(result)).flatMap(({ domains }) => domains);
  return {
    ...aboutNames(
      'post',
      results.map(({ name }) => name),
      domainsOf(...RESULTS),
    ),
    TSCERT_RESULT: RESULTS.find((word) => results.some(({ result }) => result === word)) ?? 'issued',
    RENEWED_DOMAINS: domainsOf('issued').join(' '),
    FAILED_DOMAINS: domainsOf('failed').join(' '),
  };
}

function aboutNames(event: 'pre' | 'deploy' | 'post', names: readonly string[], domains: readonly string[]): Record<string, string> {
  return { TSCERT_EVENT: event, TSCERT_NAME: names.join(' '), TSCERT_DOMAINS: domains.join(' ') };
}
