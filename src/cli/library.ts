/** `issue` for programs: the same line as the command's, with values instead of flags, and results instead of words. */
import { TscertError } from '../base/errors.js';
import type { Emit } from '../base/events.js';
import type { Outcome } from '../flow/outcome.js';
import { buildRequests } from '../request/build.js';
import { checkOptions } from '../request/config.js';
import { issueRequests } from './issue-run.js';
import type { IssueOptions } from './library-options.js';
import { storePlace } from './places.js';
import { buildHelp } from './requests.js';
import { createSystem } from './system.js';

/** What became of one certificate. */
export type IssueResult = Exclude<Outcome, { readonly state: 'failed' }>;

/**
 * Issues one certificate, or leaves the good one that is stored alone; exactly what `tscert issue` does, configured by the same keys.
 * Settings of DNS providers come from the environment or from `dns: [{ provider, ... }]`. No configuration file is read.
 * @throws {TscertError} with a stable `code`; when the run was cancelled, the reason of `signal`
 */
export async function issue(options: IssueOptions): Promise<IssueResult> {
  const [outcome, ...others] = await issueMany(options);
  if (outcome === undefined || others.length > 0) {
    throw new TscertError('usage', `Cannot issue one certificate: ${others.length + 1} are asked for; use issueMany`);
  }
  if (outcome.state === 'failed') throw outcome.error;
  return outcome;
}

/**
 * Issues every certificate of `certificates` (or the one of `domains`), side by side; one that fails does not stop the others.
 * @returns what became of each, in their order
 * @throws {TscertError} when nothing was tried: `config-invalid`, `request-invalid`, `name-invalid`
 */
export async function issueMany({ dir, force, dryRun, signal, onEvent, domains, ...rest }: IssueOptions): Promise<Outcome[]> {
  const system = createSystem();
  const place = storePlace(system, dir === undefined ? {} : { dir });
  const config = checkOptions(domains === undefined ? rest : { ...rest, certificates: [{ domains }] }, 'the options');
  const emitFor =
    (name: string): Emit =>
    (event) =>
      onEvent?.(name, event);
  return issueRequests(
    buildRequests({}, config, buildHelp(system, dryRun)),
    config,
    { force: force ?? false, dryRun: dryRun ?? false },
    {
      system,
      command: 'a program with tscert',
      place,
      signal: signal ?? new AbortController().signal,
      emitFor,
    },
  );
}
