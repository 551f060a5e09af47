/** The options that every command takes. */

/** The options that stand before or behind every verb, as they were given. */
export interface GlobalOptions {
  readonly dir?: string;
  readonly config?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly color?: boolean;
  readonly caBundle?: string;
  readonly timeout?: string;
}
