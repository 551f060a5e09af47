/** URIs as Go's reader takes them (net/url, and crypto/x509's rule for hosts): what it refuses, the API server refuses. */

const HOST = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=]*|\[[0-9A-Fa-f:.]+\])$/;

/** True for an absolute URI that means the same to every reader. */
export function isPlainUri(uri: string): boolean {
  // RFC 3986 §2: what else stands there is escaped by some readers, and not by others.
  if (!/^[a-z][a-z0-9+.-]*:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%]+$/.test(uri)) return false;
  // A user in it is shown as it stands, or escaped, or not at all; an empty fragment is dropped.
  return !/^[^:]+:\/\/[^/?#]*@|#.*#|#$/.test(uri) && isReadableUri(uri);
}

/** True for what Go reads at all. */
export function isReadableUri(uri: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused here
  if (/[\u0000-\u001f\u007f]/.test(uri) || uri.startsWith(':') || /%(?![0-9a-fA-F]{2})/.test(uri.replace(/\?[^#]*/, ''))) return false;
  const authority = /^(?:[A-Za-z][A-Za-z0-9+.-]*:)?\/\/([^/?#]*)/.exec(uri)?.[1];
  if (authority === undefined) return true;
  const host = authority.replace(/^.*@/, '').replace(/:\d*$/, '');
  if (!HOST.test(host)) return false;
  return (
    host === '' || host.startsWith('[') || (!host.endsWith('.') && host.split('.').every((label) => label !== '' && label.length <= 63))
  );
}
