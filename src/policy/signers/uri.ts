/** URIs as Go's reader takes them (net/url, and crypto/x509's rule for hosts): what it refuses, the API server refuses. */
import { isIPv6 } from 'node:net';

/** True for an absolute URI that means the same to every reader. */
export function isPlainUri(uri: string): boolean {
  // RFC 3986 §2: what else stands there is escaped by some readers, and not by others.
  if (/%(?![0-9a-fA-F]{2})/.test(uri) || !/^[a-z][a-z0-9+.-]*:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%]+$/.test(uri)) return false;
  // A user in it is shown as it stands, or escaped, or not at all; an empty host or fragment is dropped.
  return !/^[^:]+:\/\/(?:[^/?#]*@|(?:[/?#]|$))|#.*#|#$/.test(uri) && isReadableUri(uri);
}

/** Characters that Go takes in a host as they stand. */
const HOST = /^[A-Za-z0-9\-._~!$&'()*+,;=:[\]<>"]*$/;
const USER = /^[A-Za-z0-9\-._~!$&'()*+,;=:%@]*$/;

/** True for what Go reads at all: the rules of its net/url, and those of its crypto/x509 for the host. ASCII is taken for granted. */
export function isReadableUri(uri: string): boolean {
  const [, whole = '', fragment = ''] = /^([^#]*)(?:#(.*))?$/s.exec(uri) ?? [];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused here, and in fragments they are not
  if (/[\u0000-\u001f\u007f]/.test(whole) || !hasWholeEscapes(fragment)) return false;
  if (whole === '*') return true;
  if (whole.startsWith(':')) return false;
  const [, scheme, behind = ''] = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(.*)$/.exec(whole) ?? [];
  const [rest = ''] = behind.split('?');
  if (!rest.startsWith('/')) return scheme !== undefined || (!(rest.split('/')[0] ?? '').includes(':') && hasWholeEscapes(rest));
  if (!rest.startsWith('//') || (scheme === undefined && rest.startsWith('///'))) return hasWholeEscapes(rest);
  const slash = rest.indexOf('/', 2);
  const [authority, path] = slash < 0 ? [rest.slice(2), ''] : [rest.slice(2, slash), rest.slice(slash)];
  const at = authority.lastIndexOf('@');
  const user = authority.slice(0, Math.max(0, at));
  return hasWholeEscapes(path) && USER.test(user) && hasWholeEscapes(user) && isHost(authority.slice(at + 1), scheme ?? '');
}

function hasWholeEscapes(text: string): boolean {
  return !/%(?![0-9a-fA-F]{2})/.test(text);
}

function isHost(host: string, scheme: string): boolean {
  if (host === '') return true;
  const bracketed = /^\[(.*)\](.*)$/.exec(host);
  if (bracketed !== null && host.lastIndexOf('[') === 0) {
    const [, address = '', port = ''] = bracketed;
    return isPort(port) && isIPv6(address.replace(/%25.*$/, '')) && /^[A-Za-z0-9.:\-_~]*$/.test(address.replace('%25', ''));
  }
  if (host.includes('[')) return false;
  // Only of http and https may there be one colon alone.
  const colon = /^https?$/i.test(scheme) ? host.indexOf(':') : host.lastIndexOf(':');
  if (colon >= 0 && !isPort(host.slice(colon))) return false;
  const plain = host.replaceAll('%25', '!');
  return (
    HOST.test(plain) &&
    !plain.endsWith('.') &&
    host
      .replaceAll('%25', '%')
      .split('.')
      .every((label) => label !== '' && label.length <= 63)
  );
}

function isPort(text: string): boolean {
  return /^(?::\d*)?$/.test(text);
}
