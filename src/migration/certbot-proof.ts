/** How certbot proves names, in tscert's options. */
import { isAbsolute } from 'node:path';
import { messageOf, type TscertError } from '../base/errors.js';
import { proofByCode } from './dns-codes.js';
import type { Proof } from './holdings.js';
import { listOf, type Section, textOf } from './ini.js';

/** certbot's default is older than what RFC 8945 recommends. */
const DEFAULT_TSIG = 'hmac-md5';
const TSIG = /^hmac-sha(256|384|512)$/;

/**
 * The proof of one lineage.
 * @param params its section [renewalparams]
 * @param credentials the file of dns_rfc2136_credentials, or what was wrong with it; undefined where none is named
 */
export function certbotProof(params: Section, providers: readonly string[], credentials: Section | TscertError | undefined): Proof {
  // Older plugins have the name of their package in front.
  const authenticator = (textOf(params, 'authenticator') ?? '').replace(/^.*:/, '');
  switch (authenticator) {
    case 'standalone':
      return standalone(params);
    case 'webroot':
      return webroot(params);
    case 'manual':
      return manual(params);
    case 'dns-rfc2136':
      return rfc2136(credentials);
    case '':
      return lost('its configuration names no authenticator: say --dns, --http or --tls-alpn');
    default:
      if (authenticator.startsWith('dns-')) return proofByCode(authenticator.slice('dns-'.length), 'certbot', providers);
      return lost(`certbot proves its names by its plugin "${authenticator}", and tscert does not: say --http webroot:DIR, or another way`);
  }
}

function lost(loss: string): Proof {
  return { options: {}, losses: [loss] };
}

function standalone(params: Section): Proof {
  const port = textOf(params, 'http01_port') ?? '80';
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535)
    return lost('its http01_port is no port: say --http standalone:PORT');
  return { options: { http: [Number(port) === 80 ? 'standalone' : `standalone:${Number(port)}`] }, losses: [] };
}

function webroot(params: Section): Proof {
  const mapped = [...(params.sections.get('webroot_map')?.values.values() ?? [])].flat();
  const roots = [...new Set([...mapped, ...(mapped.length === 0 ? listOf(params, 'webroot_path') : [])])].filter(isAbsolute);
  const [first, ...others] = roots;
  if (first === undefined) return lost('its configuration names no webroot: say --http webroot:DIR');
  const losses =
    others.length === 0
      ? []
      : [`its names are proven in ${roots.length} webroots, and tscert uses one, "${first}": say another --http where that will not do`];
  return { options: { http: [`webroot:${first}`] }, losses };
}

function manual(params: Section): Proof {
  const isDns = listOf(params, 'pref_challs').includes('dns-01');
  if (isDns && textOf(params, 'manual_auth_hook') === undefined) return { options: { dns: ['manual'] }, losses: [] };
  return lost(
    isDns
      ? "certbot proves its names by its manual_auth_hook, and tscert's programs speak another protocol: say --dns exec, with EXEC_PATH, or another provider"
      : 'certbot proves its names by its manual plugin: say --http webroot:DIR, or another way',
  );
}

/** Where the server is, and the key, are no secrets; the secret itself stays where it is. */
function rfc2136(credentials: Section | TscertError | undefined): Proof {
  const variables = 'RFC2136_NAMESERVER, RFC2136_TSIG_KEY, RFC2136_TSIG_SECRET and RFC2136_TSIG_ALGORITHM';
  if (credentials === undefined || 'code' in credentials) {
    const why = credentials === undefined ? 'its configuration names no credentials' : messageOf(credentials).replace(/^Cannot/, 'cannot');
    return { options: { dns: ['rfc2136'] }, losses: [`${why}: set ${variables} where tscert runs`] };
  }
  const setting = (name: string): string | undefined => textOf(credentials, `dns_rfc2136_${name}`);
  const [server, port = '53', key, written = DEFAULT_TSIG] = [setting('server'), setting('port'), setting('name'), setting('algorithm')];
  const algorithm = written.toLowerCase();
  const losses = [
    "the secret of its TSIG key stays in certbot's credentials (dns_rfc2136_secret): set RFC2136_TSIG_SECRET where tscert runs",
  ];
  if (!TSIG.test(algorithm))
    losses.push(`its TSIG key is for ${algorithm}, and tscert signs with hmac-sha256, hmac-sha384 and hmac-sha512: make another key`);
  if (server === undefined || key === undefined)
    losses.push('its credentials are not whole: set RFC2136_NAMESERVER and RFC2136_TSIG_KEY, too');
  return {
    options: {
      dns: [
        {
          provider: 'rfc2136',
          ...(server === undefined ? {} : { RFC2136_NAMESERVER: addressOf(server, port) }),
          ...(key === undefined ? {} : { RFC2136_TSIG_KEY: key }),
          ...(TSIG.test(algorithm) ? { RFC2136_TSIG_ALGORITHM: algorithm } : {}),
        },
      ],
    },
    losses,
  };
}

function addressOf(server: string, port: string): string {
  if (port === '53') return server;
  return server.includes(':') ? `[${server.replace(/^\[(.*)\]$/, '$1')}]:${port}` : `${server}:${port}`;
}
