/** The options that every command takes. */

/** Which cluster, and as whom: kubectl's words. */
export interface ClusterFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
  readonly as?: string;
  readonly asGroup?: readonly string[];
}

/** The options of every verb that reads the store, or talks to a cluster. */
export const STORE_KEYS = ['store', 'kubeconfig', 'context', 'namespace', 'as', 'asGroup'] as const;

/** The options that stand before or behind every verb, as they were given; and those of the store, where the verb has them. */
export interface GlobalOptions extends ClusterFlags {
  readonly store?: string;
  readonly dir?: string;
  readonly config?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly color?: boolean;
  readonly caBundle?: string;
  readonly timeout?: string;
}
