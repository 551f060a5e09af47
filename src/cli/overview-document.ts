/** A certificate as data, for `list --json` and `status --json`. Times are RFC 3339, names as in a certificate. */
import type { CertificateOverview } from '../flow/overview.js';

const timeText = (milliseconds: number): string => new Date(milliseconds).toISOString();

/** What a line of the list has, and a little more. */
export function listDocument(overview: CertificateOverview): Record<string, unknown> {
  const { name, state, certificate, wantedNames, issuer, renewal, due, ledger, trouble } = overview;
  const names = certificate?.names ?? wantedNames;
  const error = lastErrorOf(overview);
  return {
    name,
    state,
    ...(names === undefined ? {} : { names: names.map(({ type, value }) => ({ type, value })) }),
    ...(certificate === undefined
      ? {}
      : {
          notBefore: timeText(certificate.notBefore),
          notAfter: timeText(certificate.notAfter),
          fullchain: certificate.fullchain,
        }),
    ...(issuer === undefined ? {} : { issuer }),
    ...(renewal === undefined ? {} : { renewAt: timeText(renewal.at), renewBy: renewal.by }),
    ...(due === undefined ? {} : { due }),
    ...(error === undefined ? {} : { lastError: error }),
    ...(ledger.failure === undefined ? {} : { failures: ledger.failure.count, nextAttempt: ledger.failure.nextAt }),
    ...(trouble === undefined ? {} : { trouble }),
  };
}

/** All that is known. */
export function statusDocument(overview: CertificateOverview): Record<string, unknown> {
  const { name, state, certificate, wantedNames, issuer, renewal, due, deferral, underWay, ledger, targets, trouble } = overview;
  const { version: _, ...remembered } = ledger;
  return {
    name,
    state,
    ...(certificate === undefined
      ? {}
      : { certificate: { ...certificate, notBefore: timeText(certificate.notBefore), notAfter: timeText(certificate.notAfter) } }),
    ...(issuer === undefined ? {} : { issuer }),
    ...(renewal === undefined
      ? {}
      : {
          renewal: {
            ...renewal,
            at: timeText(renewal.at),
            ...(renewal.window === undefined
              ? {}
              : { window: { start: timeText(renewal.window.start), end: timeText(renewal.window.end) } }),
          },
        }),
    ...(wantedNames === undefined ? {} : { wantedNames }),
    ...(due === undefined ? {} : { due }),
    ...(deferral === undefined ? {} : { deferral: { ...deferral, until: timeText(deferral.until) } }),
    ...(underWay === undefined ? {} : { underWay }),
    ledger: remembered,
    targets,
    ...(trouble === undefined ? {} : { trouble }),
  };
}

/** What went wrong last and is not mended: issuing it, deploying it, reading it. */
export function lastErrorOf({ ledger, targets, trouble }: CertificateOverview): string | undefined {
  return ledger.failure?.message ?? trouble ?? targets.find(({ state, message }) => state === 'failed' && message !== undefined)?.message;
}
