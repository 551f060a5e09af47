/** What is wrong with a certificate of our own, from how it is wanted to what is served: judging what was read of it. Pure. */
import { formatDuration } from '../../base/duration.js';
import { nearest } from '../../base/nearest.js';
import type { FailureRecord } from '../../store/ledger.js';
import type { CertificateOverview } from '../overview.js';
import type { Check } from '../verify.js';
import { broken, type Link, listed, ok, unknown, waiting, walk } from './link.js';

export interface StoredEvidence {
  readonly name: string;
  /** Absent when nothing of this name is stored or wanted. */
  readonly overview: CertificateOverview | undefined;
  readonly checks: readonly Check[];
  /** Why it cannot be told how it is wanted, if so. */
  readonly unclear: string | undefined;
  /** All that are stored or configured. */
  readonly known: readonly string[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

const ATTEMPT = ['request', 'machine', 'authority', 'dns', 'challenge', 'signing'] as const;
type Stage = (typeof ATTEMPT)[number];
const CHECKS = ['files', 'key', 'dates', 'chain', 'root', 'request', 'served'] as const;
const STORED_CHAIN = ['object', ...ATTEMPT, 'files', 'key', 'dates', 'chain', 'root', 'wanted', 'renewal', 'deploy', 'served'] as const;

/** Where on its way an attempt failed: later stages were not reached, earlier ones were passed. */
const STAGES: Readonly<Record<FailureRecord['kind'], Stage>> = {
  request: 'request',
  local: 'machine',
  'rate-limited': 'authority',
  paused: 'authority',
  unavailable: 'authority',
  provider: 'dns',
  validation: 'challenge',
  refused: 'signing',
};
const NEXT: Readonly<Record<Stage, (name: string) => string>> = {
  request: (name) => `mend the request or the configuration of "${name}"`,
  machine: (name) => `look at this machine: disk, rights, hooks; then tscert renew ${name}`,
  authority: (name) => `tscert renew ${name} goes on when the CA is there again; tscert account show says whether it knows us`,
  dns: (name) => `tscert dns test writes and reads a harmless record; then tscert renew --force ${name}`,
  challenge: (name) => `look whether the CA can see the proof (DNS, port 80 or 443 from outside); then tscert renew --force ${name}`,
  signing: (name) => `read what the CA says above; then tscert renew --force ${name}`,
};
/** Milliseconds after which a renewal that nobody has tried is missed: timers run twice a day. */
const OVERDUE = 24 * 3_600_000;

/** The chain, to the first link that does not hold. Never throws. */
export function judgeStored(evidence: StoredEvidence): readonly Link[] {
  return walk(STORED_CHAIN, linksOf(evidence));
}

function* linksOf({ name, overview, checks, unclear, known, now }: StoredEvidence): Generator<Link> {
  if (overview === undefined) {
    const near = nearest(name, known);
    const others =
      near === undefined ? (known.length === 0 ? '; there is none at all' : `; there is ${listed(known)}`) : `; there is "${near}"`;
    const next = near === undefined ? `tscert issue -d NAME --name ${name}` : `try "${near}"`;
    yield broken('object', `no certificate "${name}" is stored or configured here${others}`, next);
    return;
  }
  const isStored = overview.certificate !== undefined;
  yield ok('object', `"${name}" is ${overview.state}${isStored ? '' : ', and nothing of it is stored'}`);
  if (overview.trouble !== undefined && unclear === undefined) yield unknown('records', overview.trouble);
  if (unclear !== undefined)
    yield broken('request', `it cannot be told how it is wanted: ${unclear}`, `say it once more: tscert issue --name ${name} -d ...`);
  yield* attemptLinks(overview, now);
  for (const check of CHECKS) {
    // Of these the order is that of the chain, whatever the order of the checks is.
    if (check === 'served') yield deployLink(overview);
    for (const one of checks.filter((other) => other.check === check)) yield checkLink(one, name);
    if (check === 'request') yield renewalLink(overview, now);
  }
}

function* attemptLinks({ name, ledger: { failure }, deferral, underWay, certificate }: CertificateOverview, now: number): Generator<Link> {
  if (failure === undefined) {
    if (deferral !== undefined) {
      yield waiting('authority', `it is not tried before ${new Date(deferral.until).toISOString()}: ${deferral.reason}`);
      return;
    }
    if (underWay === undefined) {
      if (certificate !== undefined) yield ok('signing', 'no attempt has failed since the last certificate');
      return;
    }
    const standing = underWay.challenges.map(({ type, domain }) => `${domain} (${type})`);
    const proofs = standing.length === 0 ? '' : `; its proofs stand for ${listed(standing)}`;
    const words = `an order is under way${underWay.order === undefined ? '' : `, ${underWay.order}`}${proofs}`;
    const next = `tscert renew ${name} goes on with it, unless a run is at it now`;
    yield certificate === undefined ? waiting('signing', words, next) : ok('signing', words, next);
    return;
  }
  const stage = stageOf(failure);
  for (const passed of ATTEMPT.slice(0, ATTEMPT.indexOf(stage))) yield ok(passed, 'the last attempt came past it');
  const { count, at, since, message, nextAt, unpauseUrl } = failure;
  const times = count === 1 ? `the attempt at ${at} failed` : `${count} attempts since ${since} failed, the last at ${at}`;
  const later = Date.parse(nextAt) > now ? `; it is tried again at ${nextAt}` : '';
  const next = unpauseUrl === undefined ? NEXT[stage](name) : `lift the pause of the account at ${unpauseUrl}`;
  yield broken(stage, `${times}: ${message.replace(/^Cannot /, 'cannot ')}${later}`, next);
}

function stageOf({ kind, code }: FailureRecord): Stage {
  // The CA has not been asked yet: its kind says who is to blame, not where it was.
  return code === 'propagation-timeout' ? 'dns' : STAGES[kind];
}

function checkLink({ check, result, reason, message }: Check, name: string): Link {
  const link = check === 'request' ? 'wanted' : check;
  if (result === 'passed') return ok(link, message);
  if (result === 'unknown') return unknown(link, message);
  const words = `${reason === undefined ? '' : `${reason}: `}${message}`;
  const next =
    link === 'served'
      ? `tscert renew ${name} deploys what was not deployed; or have the server read its files anew`
      : `tscert renew ${name}`;
  return broken(link, words, next);
}

function renewalLink({ name, due, renewal }: CertificateOverview, now: number): Link {
  if (due?.reason !== 'Renewing' || renewal === undefined)
    return ok('renewal', renewal === undefined ? 'it is not known when' : `due at ${new Date(renewal.at).toISOString()}`);
  const late = now - renewal.at;
  const message = `due since ${new Date(renewal.at).toISOString()}`;
  if (late < OVERDUE) return ok('renewal', `${message}; the next run renews it`);
  const next = `tscert renew ${name} now, and see that something runs it: tscert schedule systemd, tscert watch`;
  return broken('renewal', `${message}, ${formatDuration(late)}, and nothing has tried it`, next);
}

function deployLink({ name, targets, certificate }: CertificateOverview): Link {
  const failed = targets.filter(({ state }) => state === 'failed');
  if (failed.length > 0) {
    const words = failed.map(
      ({ title, message }) => `${title}${message === undefined ? '' : `: ${message.replace(/^Cannot /, 'cannot ')}`}`,
    );
    return broken('deploy', words.join('; '), `mend that, and tscert renew ${name} deploys it once more`);
  }
  const old = targets.filter((target) => certificate !== undefined && target.certificate !== certificate.fingerprint);
  if (old.length > 0) {
    return broken('deploy', `${listed(old.map(({ title }) => title))} still has an older certificate`, `tscert renew ${name} deploys it`);
  }
  return ok('deploy', targets.length === 0 ? 'it is deployed to no target' : `${listed(targets.map(({ title }) => title))} has it`);
}
