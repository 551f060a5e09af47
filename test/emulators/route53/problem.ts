/** A refusal as Route53 words it: code, HTTP status and message. */
export class Route53Problem extends Error {
  override readonly name = 'Route53Problem';
  readonly code: string;
  readonly status: number;

  constructor(code: string, message: string, status = 400) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/** `InvalidChangeBatch` with every reason, in brackets as Route53 lists them. */
export function invalidBatch(reasons: readonly string[]): Route53Problem {
  return new Route53Problem('InvalidChangeBatch', `[${reasons.join(', ')}]`);
}
