/** The configuration of lego 5 (YAML), as it keeps it beside its certificates. */
import { isAbsolute } from 'node:path';
import { parseDocument } from 'yaml';
import { TscertError } from '../base/errors.js';
import { proofByCode } from './dns-codes.js';
import type { ForeignCertificate, Proof } from './holdings.js';
import { aroundOf, quoted } from './shell.js';
import { textAt, textsAt, valueAt } from './values.js';

const MOST_ALIASES = 100;

/** What lego says to its hooks, in the words of tscert's. */
const HOOK_VARIABLES = [
  'LEGO_HOOK_CERT_NAME="$TSCERT_NAME"',
  'LEGO_HOOK_CERT_PATH="$TSCERT_FULLCHAIN"',
  'LEGO_HOOK_CERT_KEY_PATH="$TSCERT_KEY"',
  'LEGO_HOOK_ISSUER_CERT_PATH="$TSCERT_CHAIN"',
].join(' ');

/** One certificate of the configuration. */
export interface LegoEntry extends Pick<ForeignCertificate, 'around' | 'options' | 'proof' | 'losses'> {
  /** Id of its account. */
  readonly account?: string;
  readonly names?: readonly string[];
}

export interface LegoConfig {
  /** The certificate of this id, where there is one. */
  certificate(id: string, providers: readonly string[]): LegoEntry | undefined;
}

export const emptyConfig: LegoConfig = { certificate: () => undefined };

/** Reads a configuration. @throws {TscertError} `config-invalid`; nothing of the text, which may hold secrets, is repeated */
export function parseLegoConfig(text: string, file: string): LegoConfig {
  const config = yamlValue(text, file);
  return {
    certificate(id, providers) {
      const entry = valueAt(config, 'certificates', id);
      if (typeof entry !== 'object' || entry === null) return undefined;
      const [names, account] = [textsAt(entry, 'domains'), textAt(entry, 'account')];
      const deployHook = hookOf(config, 'deploy');
      return {
        ...(account === undefined ? {} : { account }),
        ...(names.length === 0 ? {} : { names }),
        options: { ...optionsOf(entry, names), ...(deployHook === undefined ? {} : { deployHook }) },
        ...aroundOf(hookOf(config, 'pre'), hookOf(config, 'post')),
        proof: proofOf(config, entry, providers),
        losses: lossesOf(config, entry),
      };
    },
  };
}

function yamlValue(text: string, file: string): unknown {
  const document = parseDocument(text, { prettyErrors: false });
  const unreadable = (): TscertError => new TscertError('config-invalid', `Cannot read "${file}": it is no YAML`, { data: { file } });
  if (document.errors.length > 0) throw unreadable();
  try {
    return document.toJS({ maxAliasCount: MOST_ALIASES });
  } catch {
    // Aliases that multiply are refused only here.
    throw unreadable();
  }
}

function optionsOf(entry: unknown, names: readonly string[]): ForeignCertificate['options'] {
  const [preferredChain, profile, days] = [textAt(entry, 'preferredChain'), textAt(entry, 'profile'), valueAt(entry, 'renew', 'days')];
  const [first] = names;
  return {
    ...(preferredChain === undefined ? {} : { preferredChain }),
    ...(profile === undefined ? {} : { profile }),
    ...(valueAt(entry, 'mustStaple') === true ? { mustStaple: true } : {}),
    ...(valueAt(entry, 'renew', 'reuseKey') === true ? { reuseKey: true } : {}),
    ...(valueAt(entry, 'enableCommonName') === true && first !== undefined ? { cn: first } : {}),
    ...(typeof days === 'number' && Number.isInteger(days) && days > 0 && days < 10_000 ? { renewBefore: `${days}d` } : {}),
  };
}

/** lego starts its hooks itself, without a shell; what they read from their environment no command line tells. */
function hookOf(config: unknown, kind: 'pre' | 'deploy' | 'post'): string | undefined {
  const words =
    textAt(config, 'hooks', kind, 'command')
      ?.split(/\s+/)
      .filter((word) => word !== '') ?? [];
  if (words.length === 0) return undefined;
  const command = words.map(quoted).join(' ');
  return kind === 'deploy' ? `${HOOK_VARIABLES} ${command}` : command;
}

function lossesOf(config: unknown, entry: unknown): string[] {
  const losses: string[] = [];
  const hook = textAt(config, 'hooks', 'deploy', 'command');
  if (hook !== undefined && /^\.{1,2}\//.test(hook))
    losses.push('its deploy hook is named by a relative path: say --deploy-hook with a whole one');
  if (textAt(entry, 'csr') !== undefined)
    losses.push('lego asks for it by a CSR, and tscert makes one itself: to go on with that CSR, issue with --csr');
  if (valueAt(entry, 'pfx') !== undefined && valueAt(entry, 'pfx') !== null)
    losses.push('lego writes a PKCS#12 file beside it, and tscert does not');
  return losses;
}

function proofOf(config: unknown, entry: unknown, providers: readonly string[]): Proof {
  const id = textAt(entry, 'challenge') ?? '';
  const challenge = valueAt(config, 'challenges', id);
  const proofs = (['http', 'tls', 'dns', 'dnsPersist'] as const).flatMap((kind) => {
    const settings = valueAt(challenge, kind);
    return typeof settings === 'object' && settings !== null ? [PROOFS[kind](settings, providers)] : [];
  });
  return {
    options: Object.assign({}, ...proofs.map(({ options }) => options)) as Proof['options'],
    losses: proofs.flatMap(({ losses }) => losses),
  };
}

const PROOFS: Readonly<Record<'http' | 'tls' | 'dns' | 'dnsPersist', (settings: unknown, providers: readonly string[]) => Proof>> = {
  http(settings) {
    const webroot = textAt(settings, 'webroot');
    if (webroot !== undefined) {
      if (isAbsolute(webroot)) return { options: { http: [`webroot:${webroot}`] }, losses: [] };
      return { options: {}, losses: [`its webroot "${webroot}" is a relative path: say --http webroot:DIR with a whole one`] };
    }
    if (textsAt(settings, 'memcachedHosts').length > 0 || textAt(settings, 's3Bucket') !== undefined)
      return { options: {}, losses: ['lego proves its names through memcached or S3, and tscert does not: say another --http, or --dns'] };
    return listening(textAt(settings, 'address') ?? ':80', (port) => ({ http: [port === 80 ? 'standalone' : `standalone:${port}`] }));
  },
  tls(settings) {
    return listening(textAt(settings, 'address') ?? ':443', (port) => ({ tlsAlpn: port === 443 ? true : port }));
  },
  dns(settings, providers) {
    const [code, file] = [textAt(settings, 'provider') ?? '', textAt(settings, 'envFile')];
    const { options, losses } = proofByCode(code, 'lego', providers);
    return {
      options,
      losses: [
        ...losses,
        ...(file === undefined ? [] : [`lego reads the settings of "${code}" from "${file}": set them where tscert runs`]),
      ],
    };
  },
  dnsPersist: () => ({
    options: {},
    losses: ['lego proves its names by dns-persist-01, and tscert does not: say --dns, --http or --tls-alpn'],
  }),
};

/** The proof by a server of one's own at `:PORT` or `HOST:PORT`. */
function listening(address: string, optionsAt: (port: number) => Proof['options']): Proof {
  const [, host = '', digits = ''] = /^(.*):(\d{1,5})$/.exec(address) ?? [];
  const port = Number(digits);
  if (port < 1 || port > 65_535)
    return { options: {}, losses: [`lego listens at "${address}", which names no port: say --http standalone:PORT or --tls-alpn PORT`] };
  return { options: optionsAt(port), losses: host === '' ? [] : [`lego listens at "${address}", and tscert at all addresses`] };
}
