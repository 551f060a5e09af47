/**
 * How a certificate was asked for that stands in no configuration file: the flags of `issue` are kept beside it, as certbot keeps
 * its renewal configuration, so that `renew` can ask again.
 */
import { TscertError } from '../base/errors.js';
import type { Json } from '../base/json.js';
import { checkOwnOptions } from '../request/config.js';
import type { OwnOptions } from '../request/options.js';
import type { Records } from '../store/store.js';

const VERSION = 1;
export const givenKey = (name: string): string => `given:${name}`;

/**
 * The options that a stored certificate was asked for with; undefined when the configuration file, or a program, did so.
 * @throws {TscertError} `store-damaged`
 */
export async function readGiven(name: string, records: Pick<Records, 'get'>): Promise<OwnOptions | undefined> {
  const record = await records.get('ledger', givenKey(name));
  if (record === undefined) return undefined;
  const damaged = (reason: string, cause?: unknown): TscertError =>
    new TscertError('store-damaged', `Cannot tell how "${name}" is to be renewed: ${reason}; issue it again to heal this`, {
      data: { name },
      cause,
    });
  if (typeof record !== 'object' || record === null || !('version' in record) || !('options' in record))
    throw damaged('its record is damaged');
  if (record.version !== VERSION)
    throw damaged(`its record has the unknown version ${JSON.stringify(record.version)} (of a later tscert?)`);
  try {
    return checkOwnOptions(record.options, 'what was kept of the flags');
  } catch (error) {
    throw damaged('its record holds options that this version does not know', error);
  }
}

/** Keeps the options of a certificate, where they are others than those that are kept. */
export async function keepGiven(name: string, given: OwnOptions, records: Pick<Records, 'get' | 'put'>): Promise<void> {
  if (!(await isGiven(name, given, records))) await records.put('ledger', givenKey(name), recordOf(given));
}

/** True when these are the options that are kept. */
export async function isGiven(name: string, given: OwnOptions, records: Pick<Records, 'get'>): Promise<boolean> {
  return JSON.stringify(await records.get('ledger', givenKey(name))) === JSON.stringify(recordOf(given));
}

function recordOf(given: OwnOptions): Json {
  return { version: VERSION, options: JSON.parse(JSON.stringify(given)) as Json };
}
