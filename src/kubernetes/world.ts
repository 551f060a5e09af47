/** What surrounds a run that talks to a cluster. */
import type { Clock } from '../base/clock.js';
import type { Environment } from '../host/program.js';
import type { ProxySettings } from '../net/proxy.js';

export interface AccessWorld {
  readonly env: Environment;
  readonly cwd: string;
  readonly clock: Clock;
  /** Standard input is a terminal, and nothing else reads it: a credential plugin may ask there. */
  readonly isTerminal: boolean;
  /** PEM texts of --ca-bundle: trusted where the kubeconfig names no authority. */
  readonly roots: readonly string[];
  readonly proxy: ProxySettings;
  /** Names this program to a server. */
  readonly userAgent: string;
  /** Where a pod has its service account; Kubernetes' own place unless given. */
  readonly serviceAccount?: string;
}
