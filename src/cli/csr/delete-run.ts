/** A run of `csr delete`. */
import { isTscertError, TscertError } from '../../base/errors.js';
import { CSR } from '../../kubernetes/csr.js';
import { type ClusterFlags, openCluster } from '../cluster.js';
import type { Context } from '../context.js';
import { EXIT, exitCodeOf } from '../exit.js';
import { errorDocument } from '../ui/words.js';

export interface DeleteFlags extends ClusterFlags {
  readonly dryRun?: boolean;
}

/** Runs `csr delete` and gives its exit code. */
export async function runDelete(context: Context, names: readonly string[], flags: DeleteFlags): Promise<number> {
  const { ui, signal } = context;
  const { client } = await openCluster(context, flags);
  const dryRun = flags.dryRun === true;
  const removed: string[] = [];
  const failed: { readonly name: string; readonly error: unknown }[] = [];
  try {
    for (const name of new Set(names)) {
      try {
        if (!(await client.remove(CSR, { name }, { signal, dryRun }))) throw absent(name);
        removed.push(name);
        ui.say(`${dryRun ? 'would remove' : 'removed'} the request "${name}"`);
      } catch (error) {
        if (signal.aborted || !isTscertError(error)) throw error;
        failed.push({ name, error });
        ui.fail(error, names.length > 1 ? name : undefined);
      }
    }
  } finally {
    client.close();
  }
  if (ui.json)
    ui.document('csr-delete', { dryRun, removed, failed: failed.map(({ name, error }) => ({ name, error: errorDocument(error) })) });
  if (failed.length === 0) return EXIT.done;
  return removed.length > 0 ? EXIT.partly : exitCodeOf(failed[0]?.error);
}

/** The error for a request that is not there. */
export function absent(name: string): TscertError {
  return new TscertError('cluster-absent', `Cannot find the CertificateSigningRequest "${name}": it is not there`, {
    data: { name, kind: 'CertificateSigningRequest' },
  });
}
