/** What there is to tell of an ACME account. */
import { createPrivateKey } from 'node:crypto';
import { keyWords } from '../pki/key.js';
import type { AccountRecord } from './account-record.js';
import { isObject, type JsonObject } from './answer.js';
import type { Signer } from './client.js';

/** What the server says about an account, and what is known of its key. */
export interface AccountDetails {
  readonly url: string;
  readonly status: string;
  readonly contact: readonly string[];
  /** When the server tells. */
  readonly termsAgreed?: boolean;
  /** Kind of the account key in words: `ECDSA P-256`. */
  readonly key: string;
  /** RFC 7638, SHA-256, base64url. */
  readonly thumbprint: string;
  /** Key id of the external account that it is bound to. */
  readonly eab?: string;
}

/** The account object of a server (RFC 8555 §7.1.2), with what the record knows of its key. */
export async function detailsOf(
  body: JsonObject,
  record: AccountRecord & { readonly url: string },
  signer: Signer,
): Promise<AccountDetails> {
  const contact = Array.isArray(body.contact) ? body.contact.filter((one) => typeof one === 'string') : [];
  const { keyAuthorization } = await signer.keyAuthorization('token');
  const eab = boundTo(body.externalAccountBinding) ?? record.eab;
  return {
    url: record.url,
    status: typeof body.status === 'string' ? body.status : 'unknown',
    contact,
    ...(typeof body.termsOfServiceAgreed === 'boolean' ? { termsAgreed: body.termsOfServiceAgreed } : {}),
    key: keyWords(createPrivateKey(record.key)),
    thumbprint: keyAuthorization.slice('token.'.length),
    ...(eab === undefined ? {} : { eab }),
  };
}

/** The key id in the binding that a server shows (RFC 8555 §7.1.2). */
function boundTo(binding: unknown): string | undefined {
  if (!isObject(binding) || typeof binding.protected !== 'string') return undefined;
  try {
    const header: unknown = JSON.parse(Buffer.from(binding.protected, 'base64url').toString('utf8'));
    return isObject(header) && typeof header.kid === 'string' ? header.kid : undefined;
  } catch {
    return undefined;
  }
}
