/** What the environment and files of the machine say about reaching others: extra roots, proxies. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { TscertError } from '../base/errors.js';
import type { ProxySettings } from '../net/proxy.js';
import { reasonOf } from '../store/files.js';
import type { System } from './system.js';

/** The roots of --ca-bundle, PEM, and those that Node.js would have taken by itself were there no others. */
export function extraRoots(system: System, caBundle: string): string[] {
  const text = readText(system, caBundle, 'the CA bundle');
  if (!text.includes('-----BEGIN CERTIFICATE-----')) {
    throw new TscertError('config-invalid', `Cannot use the CA bundle "${caBundle}": it holds no certificate in PEM`, {
      data: { file: caBundle },
    });
  }
  const others = system.env.NODE_EXTRA_CA_CERTS;
  return others ? [text, readText(system, others, 'NODE_EXTRA_CA_CERTS')] : [text];
}

/**
 * The text of a file that the configuration names.
 * @throws {TscertError} `config-invalid`
 */
export function readText(system: System, file: string, what: string): string {
  try {
    return readFileSync(path.resolve(system.cwd, file), 'utf8');
  } catch (error) {
    throw new TscertError('config-invalid', `Cannot read ${what} "${file}": ${reasonOf(error)}`, { data: { file }, cause: error });
  }
}

/** The proxies that the environment names. */
export function proxyOf(env: System['env']): ProxySettings {
  const pick = (...names: string[]): string | undefined => names.map((name) => env[name]).find((value) => value);
  const [https, http, no] = [pick('https_proxy', 'HTTPS_PROXY'), pick('http_proxy'), pick('no_proxy', 'NO_PROXY')];
  return { ...(https === undefined ? {} : { https }), ...(http === undefined ? {} : { http }), ...(no === undefined ? {} : { no }) };
}
