/** Brings flags, environment and configuration file together in the one shape of src/request/options.ts. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { systemCodeOf, TscertError } from '../base/errors.js';
import { checkOwnOptions, parseConfig } from '../request/config.js';
import { CERTIFICATE_KEYS, type CertificateOptions, type ConfigOptions, type OwnOptions, RUN_KEYS } from '../request/options.js';
import { reasonOf } from '../store/files.js';
import type { Context } from './context.js';
import { dataFolder, storePlace } from './places.js';

/** The options of a run from all three doors. */
export interface Options {
  /** Flags, and the environment where there is no flag: they stand before the configuration file. */
  readonly own: CertificateOptions;
  /** The configuration file, its options of the run overridden by `own`'s. */
  readonly config: ConfigOptions;
  /** `own` and the options of the run that stood beside it: with these the same can be asked for again. */
  readonly given: OwnOptions;
  /** Everything is kept in a cluster. */
  readonly inCluster: boolean;
}

const BOOLEANS: ReadonlySet<string> = new Set(['staging', 'agreeTos', 'reuseKey', 'mustStaple', 'revocationCheck', 'allowPrivate']);
const NUMBERS: ReadonlySet<string> = new Set(['jobs', 'challenges', 'keepGenerations']);
const LISTS: ReadonlySet<string> = new Set([
  'domains',
  'dns',
  'http',
  'dnsResolver',
  'dnsNameserver',
  'deploy',
  'secret',
  'secretAnnotation',
  'secretLabel',
  'usage',
]);

/**
 * Reads the options of a command from its flags, the environment (`TSCERT_` and the key in capitals) and the configuration file.
 * @param flags what commander parsed, under the keys of the options table
 * @throws {TscertError} `config-invalid`
 */
export async function readOptions(context: Context, flags: Readonly<Record<string, unknown>>): Promise<Options> {
  const { system, globals } = context;
  const config = await readConfig(context);
  const { isInCluster: inCluster } = storePlace(system, globals);
  const environment: Record<string, unknown> = {};
  for (const key of [...CERTIFICATE_KEYS, ...RUN_KEYS]) {
    const name = environmentName(key);
    const value = system.env[name];
    if (value !== undefined && value !== '') environment[key] = key === 'eabHmac' ? { env: name } : fromText(key, value);
  }
  checkOwnOptions(environment, 'the environment', environmentName);
  const caBundle = globals.caBundle === undefined ? {} : { caBundle: globals.caBundle };
  const given = Object.fromEntries(Object.entries({ ...flags, ...caBundle }).filter(([, value]) => value !== undefined));
  // A secret given by a flag stands before one from the environment, under whichever of its two keys.
  if (given.eabHmacFile !== undefined) delete environment.eabHmac;
  const own = checkOwnOptions({ ...environment, ...given }, 'the command line', flagName);
  const run = Object.fromEntries(RUN_KEYS.filter((key) => own[key] !== undefined).map((key) => [key, own[key]]));
  const certificate = Object.fromEntries(CERTIFICATE_KEYS.filter((key) => key in own).map((key) => [key, own[key]]));
  return { own: certificate as CertificateOptions, config: { ...config, ...run } as ConfigOptions, given: own, inCluster };
}

/** The variable of an option: `dnsResolver` is TSCERT_DNS_RESOLVER. */
export function environmentName(key: string): string {
  return `TSCERT_${key.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/** The flag of an option: `dnsResolver` is --dns-resolver. */
function flagName(key: string): string {
  return `--${key === 'domains' ? 'domain' : key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** A text of the environment as what its key wants; a text that is none of that stays one, and is refused with its name. */
function fromText(key: string, text: string): unknown {
  if (NUMBERS.has(key) || (key === 'tlsAlpn' && text !== '1')) if (/^\d{1,9}$/.test(text)) return Number(text);
  if (BOOLEANS.has(key) || key === 'tlsAlpn') {
    if (/^(1|true|yes|on)$/i.test(text)) return true;
    if (/^(0|false|no|off)$/i.test(text)) return false;
  }
  return LISTS.has(key) ? text.split(',').map((part) => part.trim()) : text;
}

async function readConfig({ system, globals }: Context): Promise<ConfigOptions> {
  const named = globals.config ?? (system.env.TSCERT_CONFIG || undefined);
  const file = named === undefined ? path.join(dataFolder(system, globals), 'tscert.yaml') : path.resolve(system.cwd, named);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    // Without a data folder there is no configuration in it; the store says what is wrong with the folder.
    if (named === undefined && /^(ENOENT|ENOTDIR)$/.test(systemCodeOf(error) ?? '')) return {};
    throw new TscertError('config-invalid', `Cannot read the configuration "${file}": ${reasonOf(error)}`, {
      data: { file },
      cause: error,
    });
  }
  return parseConfig(text, `"${file}"`);
}
