/** Which proxy a URL is reached through, by the words of HTTPS_PROXY, HTTP_PROXY and NO_PROXY. */
import { BlockList, isIP } from 'node:net';
import { TscertError } from '../base/errors.js';

/** The values of the usual variables, of this run only. */
export interface ProxySettings {
  /** Proxy for https URLs: `http://user:password@host:port`, `https://...`, or `host:port`. */
  readonly https?: string;
  /** Proxy for http URLs. */
  readonly http?: string;
  /** Hosts that are reached directly: names with all below them, `host:port`, addresses, CIDR blocks, or `*`. */
  readonly no?: string;
}

/** A proxy as it is spoken to. */
export interface ProxyServer {
  readonly url: URL;
  /** The value of Proxy-Authorization, where the URL has credentials. */
  readonly authorization?: string;
}

/**
 * The proxy for `url`, or undefined when it is reached directly.
 * @throws {TscertError} `config-invalid` for a proxy that is no http or https URL
 */
export function proxyFor(url: URL, settings: ProxySettings): ProxyServer | undefined {
  const text = url.protocol === 'https:' ? settings.https : settings.http;
  if (text === undefined || text === '' || isExempt(url, settings.no ?? '')) return undefined;
  const written = text.includes('://') ? text : `http://${text}`;
  const proxy = URL.canParse(written) ? new URL(written) : undefined;
  if (proxy === undefined || !/^https?:$/.test(proxy.protocol) || proxy.hostname === '') {
    throw new TscertError('config-invalid', 'Cannot use the proxy: it wants the form http://host:port or https://host:port', {
      data: { variable: url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY' },
    });
  }
  if (proxy.username === '') return { url: proxy };
  const credentials = `${decoded(proxy.username)}:${decoded(proxy.password)}`;
  return { url: proxy, authorization: `Basic ${Buffer.from(credentials).toString('base64')}` };
}

/** A password may hold a bare percent sign that is no escape. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** True when one entry of NO_PROXY (commas or blanks between them) covers the host, as curl and Node.js read it. */
function isExempt(url: URL, list: string): boolean {
  const host = bareHost(url.hostname);
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .some((entry) => entry === '*' || covers(entry, host, port));
}

function covers(entry: string, host: string, port: string): boolean {
  const [, address, bits] = /^\[?([0-9a-f.:]+)\]?\/(\d{1,3})$/.exec(entry) ?? [];
  if (address !== undefined) return isInBlock(host, address, Number(bits));
  const [, bracketed, bracketedPort] = /^\[([0-9a-f:.]+)\](?::(\d+))?$/.exec(entry) ?? [];
  const [, plain, plainPort] = isIP(entry) === 6 ? [entry, entry, undefined] : (/^([^:]+)(?::(\d+))?$/.exec(entry) ?? []);
  const wanted = bracketed ?? plain;
  const wantedPort = bracketedPort ?? plainPort;
  if (wanted === undefined || (wantedPort !== undefined && wantedPort !== port)) return false;
  if (isIP(wanted) !== 0) return isInBlock(host, wanted, isIP(wanted) === 4 ? 32 : 128);
  const name = wanted.replace(/^\*?\./, '').replace(/\.$/, '');
  return name !== '' && isIP(host) === 0 && (host === name || host.endsWith(`.${name}`));
}

function isInBlock(host: string, address: string, bits: number): boolean {
  const version = isIP(address);
  if (version === 0 || isIP(host) !== version || bits > (version === 4 ? 32 : 128)) return false;
  const block = new BlockList();
  block.addSubnet(address, bits, version === 4 ? 'ipv4' : 'ipv6');
  return block.check(host, version === 4 ? 'ipv4' : 'ipv6');
}

/** The host of a URL without the brackets of an IPv6 address and the dot at the end of a name. */
export function bareHost(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
}
