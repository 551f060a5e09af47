/** How a target stands after all: what is known of its certificate, and of what its server sends along; and the exit code for that. */
import type { Evidence, Failure, RevocationReport, RevocationStatus } from '../../flow/revocation/evidence.js';
import { EXIT } from '../exit.js';
import type { Target } from './targets.js';

/** A target that was checked. */
export interface Checked extends Target {
  readonly report: RevocationReport;
}

/** What a server sent along by status_request. */
export interface Stapling {
  readonly result: 'successful' | 'no-response' | 'refused';
  /** What a staple says that is believed. */
  readonly evidence?: Evidence;
  /** Why a staple is not believed. */
  readonly failure?: Failure;
}

/** `not-stapled`: the certificate demands a staple (RFC 7633), and the server sends none that is believed. */
export type Standing = RevocationStatus | 'not-stapled';

/** From the worst to the best, with their exit codes. */
const CODES: Readonly<Record<Standing, number>> = {
  revoked: EXIT.revoked,
  unknown: EXIT.unknown,
  'not-stapled': EXIT.notStapled,
  unchecked: EXIT.failed,
  'no-way': EXIT.noWay,
  good: EXIT.done,
};

/** The stapling of a server; undefined for other targets. */
export function staplingOf({ of, subject, report }: Checked): Stapling | undefined {
  if (of !== 'server') return undefined;
  if (subject.staple === undefined) return { result: 'no-response' };
  const isStaple = ({ origin }: { readonly origin?: { readonly by: string } }): boolean => origin?.by === 'staple';
  const evidence = report.evidence.find((one) => one.kind === 'ocsp' && isStaple(one));
  if (evidence !== undefined) return { result: 'successful', evidence };
  const failure = report.failures.find(isStaple);
  return { result: 'refused', ...(failure === undefined ? {} : { failure }) };
}

export function standingOf(checked: Checked): Standing {
  const stapling = staplingOf(checked);
  const { status } = checked.report;
  const lacksStaple = checked.subject.certificate.extensions.mustStaple && stapling !== undefined && stapling.result !== 'successful';
  return lacksStaple ? worst([status, 'not-stapled']) : status;
}

export function exitCodeOfStanding(standing: Standing): number {
  return CODES[standing];
}

/** The worst of them; `good` for none. */
export function worst(standings: readonly Standing[]): Standing {
  return (Object.keys(CODES) as Standing[]).find((one) => standings.includes(one)) ?? 'good';
}
