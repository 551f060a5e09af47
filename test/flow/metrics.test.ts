import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createExposition } from '../../src/flow/exposition.js';
import { createMetrics, metricsText } from '../../src/flow/metrics.js';
import { type CertificateOverview, readOverview } from '../../src/flow/overview.js';
import { emptyLedger, writeLedger } from '../../src/store/ledger.js';
import { DAY, NOW } from '../pki/support.js';
import { complaintsAbout } from '../support/promtool.js';
import { RUNS } from '../support/property.js';
import { skipUnless } from '../support/servers.js';
import { COUNTED, createLookingWorld, FULL, request } from './looking-kit.js';

const skip = skipUnless('promtool');
const OPTIONS = { now: NOW, version: '1.2.3' };

function samples(text: string, name: string): string[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .map((line) => line.slice(name.length));
}

test("cert-manager's families have its names and labels, and their values", async () => {
  const world = createLookingWorld();
  await world.put('www');
  const text = metricsText([await readOverview(request('www'), world)], undefined, OPTIONS);
  const labels = 'name="www",namespace="",issuer_name="ca.test",issuer_kind="acme",issuer_group="tscert"';
  const [begin, end] = [(NOW - DAY) / 1_000, (NOW + 90 * DAY) / 1_000];
  const of = (name: string): string[] => samples(text, `certmanager_${name}`);
  assert.deepEqual(of('certificate_expiration_timestamp_seconds'), [`{${labels}} ${end}`]);
  assert.deepEqual(of('certificate_not_after_timestamp_seconds'), [`{${labels}} ${end}`]);
  assert.deepEqual(of('certificate_not_before_timestamp_seconds'), [`{${labels}} ${begin}`]);
  assert.deepEqual(of('certificate_renewal_timestamp_seconds'), [`{${labels}} ${Math.floor(end - (91 * DAY) / 3_000)}`]);
  assert.deepEqual(of('certificate_ready_status'), [
    `{${labels},condition="True"} 1`,
    `{${labels},condition="False"} 0`,
    `{${labels},condition="Unknown"} 0`,
  ]);
  assert.deepEqual(of('clock_time_seconds_gauge'), [` ${NOW / 1_000}`]);
  assert.deepEqual(of('clock_time_seconds'), [` ${NOW / 1_000}`]);
});

test('what is missing has zeros, as with cert-manager, and is not ready; what cannot be looked at is unknown', async () => {
  const world = createLookingWorld();
  const text = metricsText([await readOverview(request('new'), world)], undefined, OPTIONS);
  assert.match(samples(text, 'certmanager_certificate_expiration_timestamp_seconds').join(), /^\{name="new",.*\} 0$/);
  assert.match(text, /ready_status\{name="new",.*condition="False"\} 1$/m);
  assert.match(text, /^tscert_certificate_state\{name="new",namespace="",state="missing"\} 1$/m);
  const unreadable = metricsText([{ name: 'x', state: 'damaged', ledger: emptyLedger(), targets: [], trouble: 'no' }], undefined, OPTIONS);
  assert.match(unreadable, /ready_status\{name="x",.*condition="Unknown"\} 1$/m);
  assert.match(unreadable, /^tscert_certificate_trouble\{name="x",namespace=""\} 1$/m);
  assert.match(unreadable, /^tscert_certificates\{state="damaged"\} 1$/m);
});

test('failures, targets, challenges and who decides are told', () => {
  const text = metricsText([FULL], undefined, OPTIONS);
  const own = 'name="www",namespace=""';
  for (const line of [
    `tscert_certificate_consecutive_failures{${own}} 2`,
    `tscert_certificate_failing{${own},kind="validation",code="order-invalid"} 1`,
    `tscert_certificate_failing_since_timestamp_seconds{${own}} ${Date.parse('2026-11-20T00:00:00Z') / 1_000}`,
    `tscert_certificate_next_attempt_timestamp_seconds{${own}} ${Date.parse('2026-11-24T00:00:00Z') / 1_000}`,
    `tscert_certificate_issued_total{${own}} 3`,
    `tscert_certificate_failed_total{${own}} 7`,
    `tscert_certificate_revoked{${own}} 1`,
    `tscert_certificate_renewal_decision{${own},by="ari"} 1`,
    `tscert_certificate_lifetime_seconds{${own}} ${(90 * DAY) / 1_000}`,
    `tscert_deploy_target_ok{${own},target="hook",target_id="111111111111"} 1`,
    `tscert_deploy_target_ok{${own},target="hook",target_id="222222222222"} 0`,
    `tscert_deploy_target_timestamp_seconds{${own},target="hook",target_id="222222222222"} 0`,
    `certmanager_certificate_challenge_status{status="pending",domain="*.www.test",reason="",processing="true",${own},type="DNS-01"} 1`,
    `certmanager_certificate_challenge_status{status="valid",domain="www.test",reason="",processing="true",${own},type="DNS-01"} 0`,
    'tscert_build_info{version="1.2.3"} 1',
    'tscert_configuration_ok 1',
  ]) {
    assert.ok(text.includes(`\n${line}\n`), `${line} is not in\n${text}`);
  }
  const broken = createMetrics(undefined, { ...OPTIONS, isConfigured: false }).text();
  assert.match(broken, /^tscert_configuration_ok 0$/m);
  assert.doesNotMatch(broken, /undefined|NaN/);
});

test('what runs have counted has the form of histograms and summaries', () => {
  const text = metricsText([], COUNTED, OPTIONS);
  const labels = 'scheme="https",host="ca.test",action="discover",method="GET",status="200"';
  assert.deepEqual(samples(text, 'certmanager_http_acme_client_request_count'), [`{${labels}} 2`]);
  assert.deepEqual(samples(text, 'certmanager_http_acme_client_request_duration_seconds_sum'), [`{${labels}} 0.5`]);
  assert.deepEqual(samples(text, 'certmanager_http_acme_client_request_duration_seconds_count'), [`{${labels}} 2`]);
  const buckets = samples(text, 'tscert_stage_duration_seconds_bucket');
  assert.ok(buckets.includes('{stage="order",le="0.25"} 0') && buckets.includes('{stage="order",le="0.5"} 1'));
  assert.ok(buckets.includes('{stage="order",le="1800"} 1') && buckets.includes('{stage="order",le="+Inf"} 2'));
  assert.deepEqual(samples(text, 'tscert_stage_duration_seconds_count'), ['{stage="order"} 2']);
  assert.deepEqual(samples(text, 'tscert_last_done_run_timestamp_seconds'), [`{command="renew"} ${NOW / 1_000}`]);
});

test('promtool is content with all of it, hostile names included, and would not be with less', { skip }, () => {
  const names = ['a"b', 'a\\b', 'a\nb', 'a\0b', 'ä€😀', '\ud800', '{name="x"} 1', ''];
  const overviews = names.map((name, at) => ({ ...FULL, name: `${at}${name}`, targets: [{ ...FULL.targets[0], title: name }] }));
  const text = metricsText(overviews as CertificateOverview[], COUNTED, OPTIONS);
  assert.deepEqual(complaintsAbout(text), []);
  assert.notDeepEqual(complaintsAbout(text.replaceAll('\\"', '"')), []);
  assert.notDeepEqual(complaintsAbout(text.replace(/# HELP tscert_runs_total .*\n/, '')), []);
  assert.notDeepEqual(complaintsAbout(text.slice(0, -5)), [], 'cut off');
});

test('a family of many samples is in one piece, and one without samples is left out', () => {
  const exposition = createExposition();
  const [many, none] = [exposition.family('many', 'gauge', 'a\\b\nc'), exposition.family('none', 'gauge', 'x')];
  for (let at = 0; at < 2_500; at++) many({ at: String(at) }, at);
  assert.equal(typeof none, 'function');
  const lines = exposition.text().split('\n');
  assert.deepEqual(lines.slice(0, 3), ['# HELP many a\\\\b\\nc', '# TYPE many gauge', 'many{at="0"} 0']);
  assert.deepEqual(lines.slice(-2), ['many{at="2499"} 2499', '']);
  assert.equal(lines.length, 2_503);
});

test('whatever a label holds, the line is one line and gives it back', () => {
  const plain = (text: string): string => text.replaceAll(/\\(.)/g, (_, one: string) => (one === 'n' ? '\n' : one));
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (value) => {
      const exposition = createExposition();
      exposition.family('x', 'gauge', 'x')({ label: value }, 1);
      const line = exposition.text().slice('# HELP x x\n# TYPE x gauge\n'.length);
      const [, label = ''] = /^x\{label="((?:[^"\\\n]|\\["\\n])*)"\} 1\n$/.exec(line) ?? [];
      assert.equal(plain(label), value.replaceAll('\0', '\ufffd'));
    }),
    { numRuns: RUNS },
  );
});

test('a ledger with odd times costs no number', async () => {
  const world = createLookingWorld();
  await world.put('www');
  await writeLedger('www', { ...emptyLedger(), events: [{ at: 'x', type: 'Normal', reason: 'Issuing', message: '' }] }, world.store);
  assert.doesNotMatch(metricsText([await readOverview(request('www'), world)], undefined, OPTIONS), /NaN/);
});
