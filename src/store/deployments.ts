/** What was deployed of a certificate, and what failed: one record a certificate (`deploy:NAME`), one entry a target. */
import { type ErrorData, TscertError } from '../base/errors.js';
import type { Json } from '../base/json.js';
import type { Records } from './store.js';

/** One place that a certificate goes to. */
export interface TargetState {
  /** Digest of what is done there: another command is another target. */
  readonly id: string;
  /** For people, without secrets: `files /etc/haproxy/www.pem`, `nginx`, `hook`, `probe www.example.com:443`. */
  readonly title: string;
  readonly state: 'done' | 'failed';
  /** SHA-256 of the leaf's DER, lower-case hex, that was brought there, or should have been. */
  readonly certificate: string;
  /** RFC 3339. */
  readonly at: string;
  /** Why it failed. */
  readonly message?: string;
}

const VERSION = 2;
export const deployKey = (name: string): string => `deploy:${name}`;

/**
 * The targets of a certificate as the last deployment left them, in their order; none when nothing was deployed. A record of the first
 * version, which did not tell targets apart, is as good as none: everything is deployed once more.
 * @throws {TscertError} `store-damaged`, with `version` in `data` when it is another tscert's
 */
export async function readTargets(name: string, records: Pick<Records, 'get'>): Promise<readonly TargetState[]> {
  const record = await records.get('ledger', deployKey(name));
  if (record === undefined) return [];
  const fault = (reason: string, data: ErrorData = {}): TscertError =>
    new TscertError('store-damaged', `Cannot tell what was deployed of "${name}": ${reason}`, {
      data: { name, record: deployKey(name), ...data },
    });
  if (typeof record !== 'object' || record === null || Array.isArray(record)) throw fault('its record is damaged');
  const { version, targets } = record as { readonly [key: string]: Json | undefined };
  if (version === 1) return [];
  if (version !== VERSION) throw fault(`its record has the unknown version ${JSON.stringify(version)} (of a later tscert?)`, { version });
  if (!Array.isArray(targets) || !targets.every(isTarget)) throw fault('its record is damaged');
  return targets as unknown as readonly TargetState[];
}

/** Writes the states of all targets of a certificate; those that are not wanted any more are left out by the caller. */
export async function writeTargets(name: string, targets: readonly TargetState[], records: Pick<Records, 'put'>): Promise<void> {
  await records.put('ledger', deployKey(name), JSON.parse(JSON.stringify({ version: VERSION, targets })) as Json);
}

function isTarget(value: Json): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const { id, title, state, certificate, at, message } = value as { readonly [key: string]: Json | undefined };
  const texts = [id, title, certificate, at, ...(message === undefined ? [] : [message])];
  return texts.every((text) => typeof text === 'string') && (state === 'done' || state === 'failed');
}
