/** The chain that a person prefers among those that the CA offers for one certificate (RFC 8555 §7.4.2). */
import { TscertError } from '../base/errors.js';
import { readCertificates } from '../pki/certificate.js';
import { formatDistinguishedName } from '../pki/rfc4514.js';
import { commonNameOf } from '../pki/subject.js';
import { downloadCertificate, type OrderContext } from './order.js';

/**
 * Downloads a certificate with the chain whose topmost certificate was issued by `preferred` (a common name); the CA's own
 * choice, with a warning, when none was. Alternates are only downloaded when they may be needed.
 * @throws {TscertError} `response-invalid` for a chain that cannot be read
 */
export async function downloadChain(url: string, preferred: string | undefined, context: OrderContext): Promise<string> {
  const first = await downloadCertificate(url, context);
  const offered = [topIssuer(first.chain)];
  if (preferred === undefined || offered[0] === preferred) return first.chain;
  for (const alternate of first.alternates) {
    const { chain } = await downloadCertificate(alternate, context);
    const issuer = topIssuer(chain);
    if (issuer === preferred) return chain;
    offered.push(issuer);
  }
  const names = [...new Set(offered)].map((name) => `"${name}"`).join(', ');
  context.emit({ type: 'warning', message: `No chain ends in "${preferred}"; the CA offers ${names} and its own choice is taken` });
  return first.chain;
}

/** Common name of the issuer of the last certificate in a chain; the whole issuer when it has none. */
function topIssuer(chain: string): string {
  try {
    const issuer = readCertificates(chain).at(-1)?.issuer;
    if (issuer !== undefined) return commonNameOf(issuer) ?? formatDistinguishedName(issuer);
  } catch (cause) {
    throw unreadable(cause);
  }
  throw unreadable();
}

function unreadable(cause?: unknown): TscertError {
  return new TscertError('response-invalid', 'Cannot read the chain that the CA sent: it holds no certificate that can be parsed', {
    cause,
  });
}
