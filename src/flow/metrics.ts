/**
 * What a monitoring system is told: cert-manager's families with its labels, so that alerts and dashboards made for it go on working,
 * and tscert's own beside them.
 */
import { authorityAt } from '../acme/authorities.js';
import { BOUNDS, type Labels, type Spread, type Telemetry } from '../store/telemetry.js';
import { readyOf } from './condition.js';
import { createExposition, type Exposition, type Sample } from './exposition.js';
import type { CertificateOverview, CertificateState } from './overview.js';

export interface MetricsOptions {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Of this tscert. */
  readonly version: string;
  /** False when the configuration cannot be read: then only what is stored is shown. */
  readonly isConfigured?: boolean;
}

/** Takes certificates one by one, so that ten thousand of them need not be remembered. */
export interface Metrics {
  add(overview: CertificateOverview): void;
  /** The whole text, in the format of Prometheus (0.0.4). */
  text(): string;
}

const STATES: readonly CertificateState[] = ['ready', 'due', 'waiting', 'failing', 'deploy-failed', 'expired', 'missing', 'damaged'];
/** All that cert-manager knows; the empty one is "unknown". */
const CHALLENGE_STATUSES = ['ready', 'valid', 'errored', 'expired', 'invalid', 'processing', '', 'pending'] as const;
/** `namespace` is a cluster's; Prometheus takes an empty label for none. */
const NAMESPACE = '';
/** What cert-manager has as the API group of an issuer. */
const GROUP = 'tscert';

/** @param telemetry undefined when no run has counted anything */
export function metricsText(overviews: Iterable<CertificateOverview>, telemetry: Telemetry | undefined, options: MetricsOptions): string {
  const metrics = createMetrics(telemetry, options);
  for (const overview of overviews) metrics.add(overview);
  return metrics.text();
}

export function createMetrics(telemetry: Telemetry | undefined, { now, version, isConfigured = true }: MetricsOptions): Metrics {
  const exposition = createExposition();
  const certificate = certificateFamilies(exposition);
  const counts = new Map<CertificateState, number>(STATES.map((state) => [state, 0]));
  const total = exposition.family('tscert_certificates', 'gauge', 'Certificates by state.');
  if (telemetry !== undefined) addRuns(exposition, telemetry);
  const clock = Math.floor(now / 1_000);
  exposition.family(
    'certmanager_clock_time_seconds',
    'counter',
    'DEPRECATED: use clock_time_seconds_gauge instead. The clock time given in seconds (from 1970/01/01 UTC).',
  )({}, clock);
  exposition.family(
    'certmanager_clock_time_seconds_gauge',
    'gauge',
    'The clock time given in seconds (from 1970/01/01 UTC). Gauge form of the deprecated clock_time_seconds counter. No labels.',
  )({}, clock);
  exposition.family(
    'tscert_configuration_ok',
    'gauge',
    '0 when the configuration cannot be read: then only what is stored is shown.',
  )({}, isConfigured ? 1 : 0);
  exposition.family('tscert_build_info', 'gauge', 'The version of tscert that wrote this.')({ version }, 1);
  return {
    add(overview) {
      counts.set(overview.state, (counts.get(overview.state) ?? 0) + 1);
      certificate(overview);
    },
    text() {
      for (const [state, count] of counts) total({ state }, count);
      counts.clear();
      return exposition.text();
    },
  };
}

/** The families that have a sample, or several, of every certificate. */
function certificateFamilies(exposition: Exposition): (overview: CertificateOverview) => void {
  const gauge = (name: string, help: string): Sample => exposition.family(name, 'gauge', help);
  const expiration = gauge(
    'certmanager_certificate_expiration_timestamp_seconds',
    'The timestamp after which the certificate expires, expressed in Unix Epoch Time.',
  );
  const notAfter = gauge(
    'certmanager_certificate_not_after_timestamp_seconds',
    'The timestamp after which the certificate is invalid, expressed as a Unix Epoch Time.',
  );
  const notBefore = gauge(
    'certmanager_certificate_not_before_timestamp_seconds',
    'The timestamp before which the certificate is invalid, expressed as a Unix Epoch Time.',
  );
  const renewal = gauge(
    'certmanager_certificate_renewal_timestamp_seconds',
    'The timestamp after which the certificate should be renewed, expressed in Unix Epoch Time.',
  );
  const ready = gauge('certmanager_certificate_ready_status', 'The ready status of the certificate.');
  const challenge = gauge('certmanager_certificate_challenge_status', 'The status of certificate challenges');
  const state = gauge(
    'tscert_certificate_state',
    '1, with the state of the certificate in one word: ready, due, waiting, failing, deploy-failed, expired, missing or damaged.',
  );
  const lifetime = gauge('tscert_certificate_lifetime_seconds', 'From the beginning of the certificate to its end.');
  const decision = gauge(
    'tscert_certificate_renewal_decision',
    'Who decides when the certificate is renewed: ari, renewBefore or lifetime.',
  );
  const issued = exposition.family('tscert_certificate_issued_total', 'counter', 'How often the certificate was issued.');
  const failed = exposition.family('tscert_certificate_failed_total', 'counter', 'How often issuing the certificate failed.');
  const inARow = gauge('tscert_certificate_consecutive_failures', 'Failures since the certificate was last issued.');
  const failure = gauge('tscert_certificate_failing', 'Why the certificate could not be issued the last time; absent when it could.');
  const failing = gauge('tscert_certificate_failing_since_timestamp_seconds', 'When the first of the failures in a row was.');
  const attempt = gauge('tscert_certificate_next_attempt_timestamp_seconds', 'Before it the certificate is not tried again.');
  const revoked = gauge('tscert_certificate_revoked', '1 when the stored certificate is known to be revoked.');
  const trouble = gauge('tscert_certificate_trouble', '1 when something of the certificate could not be read: tscert status says what.');
  const target = gauge('tscert_deploy_target_ok', '1 when the last deployment to the target went well, 0 when it failed.');
  const deployed = gauge('tscert_deploy_target_timestamp_seconds', 'When the target was last deployed to, or tried.');

  return (overview) => {
    const { certificate, ledger, name } = overview;
    const labels = labelsOf(overview);
    const own = { name, namespace: NAMESPACE };
    const seconds = (milliseconds: number | undefined): number =>
      milliseconds === undefined || Number.isNaN(milliseconds) ? 0 : Math.floor(milliseconds / 1_000);
    expiration(labels, seconds(certificate?.notAfter));
    notAfter(labels, seconds(certificate?.notAfter));
    notBefore(labels, seconds(certificate?.notBefore));
    renewal(labels, seconds(overview.renewal?.at));
    const { status } = readyOf(overview);
    for (const one of ['True', 'False', 'Unknown'] as const) ready({ ...labels, condition: one }, one === status ? 1 : 0);
    for (const { type, domain } of overview.underWay?.challenges ?? []) {
      const which = { domain, reason: '', processing: 'true', ...own, type: type.toUpperCase() };
      for (const word of CHALLENGE_STATUSES) challenge({ status: word, ...which }, word === 'pending' ? 1 : 0);
    }
    state({ ...own, state: overview.state }, 1);
    if (certificate !== undefined) lifetime(own, seconds(certificate.notAfter - certificate.notBefore));
    if (overview.renewal !== undefined) decision({ ...own, by: overview.renewal.by }, 1);
    issued(own, ledger.counts.issued);
    failed(own, ledger.counts.failed);
    inARow(own, ledger.failure?.count ?? 0);
    if (ledger.failure !== undefined) {
      const { kind, code, since, nextAt } = ledger.failure;
      failure({ ...own, kind, code }, 1);
      failing(own, seconds(Date.parse(since)));
      attempt(own, seconds(Date.parse(nextAt)));
    }
    revoked(own, ledger.revocation !== undefined && ledger.revocation.serialNumber === certificate?.serialNumber ? 1 : 0);
    trouble(own, overview.trouble === undefined ? 0 : 1);
    for (const { id, title, state: result, at } of overview.targets) {
      const which = { ...own, target: title, target_id: id.slice(0, 12) };
      target(which, result === 'done' ? 1 : 0);
      deployed(which, seconds(Date.parse(at)));
    }
  };
}

function labelsOf({ name, issuer }: CertificateOverview): Labels {
  return { name, namespace: NAMESPACE, issuer_name: issuerName(issuer), issuer_kind: issuer?.kind ?? '', issuer_group: GROUP };
}

/** The short name of a known authority, else the host of its directory. */
export function issuerName(issuer: CertificateOverview['issuer']): string {
  if (issuer === undefined) return '';
  const { name } = issuer;
  return authorityAt(name)?.name ?? (URL.canParse(name) ? new URL(name).host : name);
}

function addRuns(exposition: Exposition, telemetry: Telemetry): void {
  const { lastRuns, runs, certificates, failures, stages, challenges, requests } = telemetry;
  const counter = (name: string, help: string): Sample => exposition.family(name, 'counter', help);
  const last = exposition.family('tscert_last_run_timestamp_seconds', 'gauge', 'When the last run of the command ended.');
  const took = exposition.family('tscert_last_run_duration_seconds', 'gauge', 'How long the last run of the command took.');
  const done = exposition.family(
    'tscert_last_done_run_timestamp_seconds',
    'gauge',
    'When a run of the command last ended without a failure.',
  );
  for (const { command, at, seconds, doneAt } of lastRuns) {
    last({ command }, Date.parse(at) / 1_000);
    took({ command }, seconds);
    if (doneAt !== undefined) done({ command }, Date.parse(doneAt) / 1_000);
  }
  const ran = counter('tscert_runs_total', 'Runs by command and result.');
  for (const { labels, count } of runs) ran(labels, count);
  const handled = counter('tscert_run_certificates_total', 'Certificates that runs were about, by what became of them.');
  for (const { labels, count } of certificates) handled(labels, count);
  const failed = counter('tscert_failures_total', 'Failures by kind and code.');
  for (const { labels, count } of failures) failed(labels, count);
  addSpreads(exposition, 'tscert_stage_duration_seconds', 'How long the stages of an issuance took.', stages);
  addSpreads(exposition, 'tscert_challenge_duration_seconds', 'From the first step of a challenge until it was decided.', challenges);
  const requested = counter(
    'certmanager_http_acme_client_request_count',
    'Total number of outbound ACME HTTP requests. Labels: scheme (http/https), host (ACME host), action (logical ACME operation), method (HTTP verb), status (HTTP status code).',
  );
  const lasted = exposition.family(
    'certmanager_http_acme_client_request_duration_seconds',
    'summary',
    'Latency of outbound ACME HTTP requests in seconds. Labels: scheme (http/https), host (ACME host), action (logical ACME operation), method (HTTP verb), status (HTTP status code). Use with acme_client_request_count for rate/error analysis.',
  );
  for (const { labels, count, seconds } of requests) {
    requested(labels, count);
    lasted(labels, seconds, '_sum');
    lasted(labels, count, '_count');
  }
}

function addSpreads(exposition: Exposition, name: string, help: string, spreads: readonly Spread[]): void {
  const sample = exposition.family(name, 'histogram', help);
  for (const { labels, count, seconds, within } of spreads) {
    let below = 0;
    for (const [at, bound] of BOUNDS.entries()) {
      below += within[at] ?? 0;
      sample({ ...labels, le: String(bound) }, below, '_bucket');
    }
    sample({ ...labels, le: '+Inf' }, count, '_bucket');
    sample(labels, seconds, '_sum');
    sample(labels, count, '_count');
  }
}
