/** How one stored certificate is asked for, for commands that are about it and do not issue. */
import { TscertError } from '../base/errors.js';
import { nearest } from '../base/nearest.js';
import type { ConfigOptions } from '../request/options.js';
import type { CertificateRequest } from '../request/request.js';
import { storedName } from '../store/name.js';
import type { Store } from '../store/store.js';
import type { Options } from './options.js';
import { findRenewals } from './renewals.js';
import type { System } from './system.js';

export interface Renewal {
  /** Absent when it cannot be told; then `error` says why. */
  readonly request?: CertificateRequest;
  readonly error?: unknown;
  /** The options of the run that belong to it. */
  readonly config: ConfigOptions;
}

/** @param name as it is stored */
export async function findRenewal(
  options: Options,
  name: string,
  parts: { readonly store: Store; readonly system: System },
): Promise<Renewal> {
  try {
    const { groups, unknown } = await findRenewals(options, { names: [name], ...parts, dryRun: false });
    const [group] = groups;
    const request = group?.requests[0];
    if (group !== undefined && request !== undefined) return { request, config: group.config };
    return { error: unknown[0]?.error, config: options.config };
  } catch (error) {
    if (!(error instanceof TscertError)) throw error;
    return { error, config: options.config };
  }
}

/**
 * The name under which a certificate is stored.
 * @throws {TscertError} `usage` with the one that was probably meant, `name-invalid`
 */
export async function knownName(name: string, store: Store): Promise<string> {
  const safe = storedName(name);
  const known = await store.list();
  if (known.includes(safe)) return safe;
  const meant = nearest(safe, known);
  throw new TscertError(
    'usage',
    `Cannot find the certificate "${name}": none is stored under this name${meant === undefined ? '' : ` (did you mean ${meant}?)`}`,
    { data: { name } },
  );
}
