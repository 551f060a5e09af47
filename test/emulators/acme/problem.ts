/** What the server refuses with (RFC 8555 §6.7), by Boulder's words. */

interface More {
  /** Seconds. */
  readonly retryAfter?: number;
  readonly algorithms?: readonly string[];
  readonly location?: string;
}

/** A refusal; it becomes a problem document. */
export class AcmeProblem extends Error {
  readonly status: number;
  /** Without its namespace, as `malformed`. */
  readonly type: string;
  readonly more: More;

  constructor(status: number, type: string, detail: string, more: More = {}) {
    super(detail);
    this.status = status;
    this.type = type;
    this.more = more;
  }
}

export const malformed = (detail: string): AcmeProblem => new AcmeProblem(400, 'malformed', detail);
export const notFound = (detail: string): AcmeProblem => new AcmeProblem(404, 'malformed', detail);
export const unauthorized = (detail: string): AcmeProblem => new AcmeProblem(403, 'unauthorized', detail);

/** The document of a problem, as it stands in answers, challenges and orders. */
export function problemDocument({ type, message, status, more }: AcmeProblem): Readonly<Record<string, unknown>> {
  const { algorithms } = more;
  return {
    type: `urn:ietf:params:acme:error:${type}`,
    detail: message,
    status,
    ...(algorithms === undefined ? {} : { algorithms }),
  };
}
