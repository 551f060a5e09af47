/** The extensions of a CRL (RFC 5280 §5.2). */
import type { Crl, CrlDoubt } from './crl.js';
import { readCrlScope } from './crl-scope.js';
import { derError, type Element, readDer } from './der-reader.js';
import { integerOf, timeOf } from './der-values.js';
import { FRESHEST_CRL, readDistributionPoints } from './distribution-point.js';
import { EXTENSION } from './extension.js';
import { readAuthorityKeyIdentifier, readRawExtensions } from './extension-reader.js';

const NUMBER = '2.5.29.20';
const DELTA_INDICATOR = '2.5.29.27';
const SCOPE = '2.5.29.28';
const EXPIRED_CERTIFICATES = '2.5.29.60';
const KNOWN: ReadonlySet<string> = new Set([
  NUMBER,
  DELTA_INDICATOR,
  SCOPE,
  EXPIRED_CERTIFICATES,
  EXTENSION.authorityKeyIdentifier,
  FRESHEST_CRL,
]);
const NOTHING = Buffer.alloc(0);

type Said = 'number' | 'baseNumber' | 'scope' | 'authorityKeyIdentifier' | 'deltaPoints' | 'listsExpiredSince';

export interface CrlExtensions extends Pick<Crl, Said> {
  readonly raw: Pick<Crl['raw'], 'scope' | 'authorityKeyIdentifier'>;
  readonly doubt: Omit<CrlDoubt, 'source'> | undefined;
}

/**
 * Reads a SEQUENCE of extensions, or none.
 * @throws {TscertError} `der-invalid`
 */
export function readCrlExtensions(element: Element | undefined): CrlExtensions {
  const byOid = readRawExtensions(element);
  const read = <T>(oid: string, reader: (value: Element) => T): T | undefined => {
    const raw = byOid.get(oid);
    return raw === undefined ? undefined : reader(readDer(raw.value));
  };
  const scope = read(SCOPE, readCrlScope);
  const unknown = [...byOid.values()].find(({ oid, critical }) => critical && !KNOWN.has(oid))?.oid;
  return {
    number: read(NUMBER, readNumber),
    baseNumber: read(DELTA_INDICATOR, readNumber),
    scope,
    authorityKeyIdentifier: read(EXTENSION.authorityKeyIdentifier, readAuthorityKeyIdentifier),
    deltaPoints: read(FRESHEST_CRL, readDistributionPoints) ?? [],
    listsExpiredSince: read(EXPIRED_CERTIFICATES, timeOf),
    raw: {
      scope: byOid.get(SCOPE)?.value ?? NOTHING,
      authorityKeyIdentifier: byOid.get(EXTENSION.authorityKeyIdentifier)?.value ?? NOTHING,
    },
    doubt: scope?.isIndirect
      ? { code: 'indirect', words: 'it is an indirect CRL, which lists certificates of other issuers' }
      : unknown === undefined
        ? undefined
        : { code: 'extension-unknown', words: `it has the critical extension ${unknown}, which is not known` },
  };
}

function readNumber(element: Element): bigint {
  const number = integerOf(element);
  if (number < 0n) throw derError('the number of the CRL is negative');
  return number;
}
