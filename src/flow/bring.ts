/** Brings a stored certificate to its targets. */
import type { CertificateRequest } from '../request/request.js';
import type { IssueParts } from './issue-parts.js';
import type { LineContext } from './run.js';
import type { keptOf } from './stored.js';

type Deployed = ReturnType<typeof keptOf> & { readonly deployError?: unknown };

export async function bring(
  kept: ReturnType<typeof keptOf>,
  wanted: CertificateRequest,
  parts: IssueParts,
  line: LineContext,
): Promise<Deployed> {
  try {
    await parts.deployer.deploy(wanted, kept, line);
    return kept;
  } catch (deployError) {
    return { ...kept, deployError };
  }
}
