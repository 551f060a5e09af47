/**
 * Whom the run trusts: the roots that come with Node.js, and extra ones. Making a TLS context of all of them takes a tenth of a
 * second, a third of a whole issuance from a CA nearby; so the extra roots are tried alone first, and all together where they do not suffice.
 */
import tls from 'node:tls';
import { isTscertError } from '../base/errors.js';

/** The roots that come with Node.js, PEM. */
export function rootCertificates(): readonly string[] {
  return tls.rootCertificates;
}

export interface Trust {
  /**
   * Makes a connection to an origin by `attempt`, with the roots that trust it.
   * @throws {TscertError} what the last attempt throws: `tls-untrusted` when no root trusts the server
   */
  connect<T>(origin: string, attempt: (context: tls.SecureContext | undefined) => Promise<T>): Promise<T>;
}

/**
 * @param roots extra ones, PEM
 * @param builtIn those that are trusted anyway, PEM
 */
export function createTrust(roots: readonly string[], builtIn: readonly string[] = rootCertificates()): Trust {
  let extra: tls.SecureContext | undefined;
  let all: tls.SecureContext | undefined;
  const ordinary = new Set<string>();
  return {
    async connect(origin, attempt) {
      if (roots.length === 0) return attempt(undefined);
      if (!ordinary.has(origin)) {
        try {
          extra ??= tls.createSecureContext({ ca: [...roots] });
          return await attempt(extra);
        } catch (error) {
          if (!isOfOtherRoots(error)) throw error;
        }
      }
      all ??= tls.createSecureContext({ ca: [...builtIn, ...roots] });
      const made = await attempt(all);
      ordinary.add(origin);
      return made;
    },
  };
}

/** True when other roots might trust the server. */
function isOfOtherRoots(error: unknown): boolean {
  if (!isTscertError(error, 'tls-untrusted')) return false;
  return ['unknown-authority', 'self-signed', 'invalid'].includes(String(error.data.reason));
}
