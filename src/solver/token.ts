/** The token of a challenge, which becomes part of a path. */
import type { Challenge } from '../acme/solver.js';
import { TscertError } from '../base/errors.js';

/**
 * Refuses a token with anything but the base64url alphabet (RFC 8555 §8.3), since it comes from outside.
 * @throws {TscertError} `response-invalid`
 */
export function checkToken({ token, identifier }: Challenge): void {
  if (/^[A-Za-z0-9_-]{1,512}$/.test(token)) return;
  throw new TscertError('response-invalid', `Cannot present the challenge for "${identifier.value}": its token is not base64url`, {
    data: { identifier: identifier.value, token },
  });
}
