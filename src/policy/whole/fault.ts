/** Why what is shown of a request would not be all of it. */

/** One thing that hides something, or is too weak to be certified; `check` is a stable word. */
export interface Fault {
  readonly check: FaultCheck;
  /** A sentence without its full stop. */
  readonly message: string;
}

export type FaultCheck =
  | 'size'
  | 'pem'
  | 'der'
  | 'unreadable'
  | 'signature'
  | 'signature-algorithm'
  | 'key'
  | 'subject'
  | 'common-name'
  | 'attributes'
  | 'extensions'
  | 'encoding'
  | 'name-kind'
  | 'names';

/** Makes faults of one check. */
export const faultsOf =
  (check: FaultCheck) =>
  (...messages: readonly (string | undefined)[]): Fault[] =>
    messages.flatMap((message) => (message === undefined ? [] : [{ check, message }]));
