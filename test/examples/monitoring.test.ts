/** examples/monitoring: the rules fire when they should and not before, the dashboard asks for what there is, the timers call what works. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { parse } from 'yaml';
import { metricsText } from '../../src/flow/metrics.js';
import { COUNTED, FULL } from '../flow/looking-kit.js';
import { tscert } from '../support/command.js';
import { complaintsAbout, promtool } from '../support/promtool.js';
import { skipUnless } from '../support/servers.js';

const FOLDER = 'examples/monitoring';
const read = (name: string): string => readFileSync(path.join(FOLDER, name), 'utf8');

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
}
const rules: Rule[] = parse(read('tscert-rules.yaml')).groups.flatMap(({ rules: some }: { rules: Rule[] }) => some);

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly datasource: { readonly uid: string };
  readonly gridPos: Readonly<Record<'x' | 'y' | 'w' | 'h', number>>;
  readonly targets: readonly { readonly expr: string; readonly refId: string; readonly datasource: { readonly uid: string } }[];
}
const dashboard: {
  readonly uid: string;
  readonly panels: readonly Panel[];
  readonly templating: { list: readonly { name: string; query: unknown }[] };
} = JSON.parse(read('tscert-dashboard.json'));
const expressions = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));

/** Names of series that there are: what tscert writes of a certificate with everything, and what the rules record. */
const known = new Set([
  ...[...metricsText([FULL], COUNTED, { now: 0, version: '1' }).matchAll(/^([a-z_]+)[{ ]/gm)].map(([, name]) => name),
  ...rules.map(({ record }) => record),
]);
const strangers = (expr: string): string[] =>
  [...expr.matchAll(/\b(?:tscert|certmanager)[a-z_:]+/g)].map(([name]) => name).filter((name) => !known.has(name));

describe(FOLDER, { skip: skipUnless('promtool') }, () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'tscert-monitoring-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  test('every rule is well formed, and fires and keeps still as its tests say', () => {
    assert.deepEqual(promtool(['check', 'rules', path.join(FOLDER, 'tscert-rules.yaml')]).code, 0);
    const { code, lines } = promtool(['test', 'rules', 'tscert-rules-test.yaml'], { cwd: FOLDER });
    assert.equal(code, 0, lines.join('\n'));
  });

  test('every alert is shown to fire', () => {
    const tests: { alert_rule_test: { alertname: string; exp_alerts: unknown[] }[] }[] = parse(read('tscert-rules-test.yaml')).tests;
    const fired = new Set(
      tests.flatMap((one) => one.alert_rule_test.filter(({ exp_alerts: alerts }) => alerts.length > 0).map(({ alertname }) => alertname)),
    );
    assert.deepEqual(
      rules.flatMap(({ alert }) => (alert === undefined || fired.has(alert) ? [] : [alert])),
      [],
    );
  });

  test('rules that are changed make their tests red', () => {
    cpSync(FOLDER, folder, { recursive: true });
    for (const [from, to] of [
      ['< 20 * 86400', '< 10 * 86400'],
      ['consecutive_failures', 'failed_total'],
    ] as const) {
      writeFileSync(path.join(folder, 'tscert-rules.yaml'), read('tscert-rules.yaml').replaceAll(from, to));
      assert.notEqual(promtool(['test', 'rules', 'tscert-rules-test.yaml'], { cwd: folder }).code, 0, from);
    }
  });

  test('rules and dashboard ask for series that there are', () => {
    for (const expr of [...rules.map((rule) => rule.expr), ...expressions]) assert.deepEqual(strangers(expr), [], expr);
    assert.deepEqual(strangers('tscert_certificate_lifetime_second + certmanager_certificate_ready_status'), [
      'tscert_certificate_lifetime_second',
    ]);
  });

  test('every expression of the dashboard parses', () => {
    const check = (all: readonly string[]): number => {
      const file = path.join(folder, 'expressions.json');
      const recorded = all.map((expr, at) => ({ record: `panel:${at}`, expr: expr.replaceAll('$__rate_interval', '5m') }));
      writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules: recorded }] }));
      return promtool(['check', 'rules', file]).code;
    };
    assert.ok(expressions.length > 15);
    assert.equal(check(expressions), 0);
    assert.notEqual(check([...expressions, 'sum by (']), 0);
  });

  test('panels have numbers of their own, stand beside each other, and use the data source that is chosen', () => {
    const { panels } = dashboard;
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    for (const [at, panel] of panels.entries()) {
      const { x, y, w, h } = panel.gridPos;
      assert.ok(x >= 0 && x + w <= 24, panel.title);
      assert.ok(
        panels.slice(at + 1).every(({ gridPos: other }) => {
          return other.x >= x + w || x >= other.x + other.w || other.y >= y + h || y >= other.y + other.h;
        }),
        `${panel.title} overlaps`,
      );
      for (const { datasource } of [panel, ...panel.targets]) assert.equal(datasource.uid, '$' + '{datasource}');
      assert.equal(new Set(panel.targets.map(({ refId }) => refId)).size, panel.targets.length);
    }
    const variables = new Set(dashboard.templating.list.map(({ name }) => name));
    for (const expr of expressions)
      for (const [, name = ''] of expr.matchAll(/\$(\w+)/g)) assert.ok(variables.has(name), `${name} in ${expr}`);
  });

  test('the cron line and the unit call what writes the file', async () => {
    const commands = [
      /root (tscert .*)$/m.exec(read('tscert-metrics.cron'))?.[1],
      /^ExecStart=\/usr\/bin\/(tscert .*)$/m.exec(read('tscert-metrics.service'))?.[1],
    ];
    for (const [at, command] of commands.entries()) {
      const file = path.join(folder, `${at}.prom`);
      const args = (command ?? '')
        .replace(/\S+\.prom/, file)
        .split(' ')
        .slice(1);
      const { code, stdout, stderr } = await tscert(args, { env: { TSCERT_DIR: path.join(folder, 'data') } });
      assert.deepEqual([code, stdout, stderr], [0, '', ''], command);
      assert.deepEqual(complaintsAbout(readFileSync(file, 'utf8')), []);
      assert.equal(statSync(file).mode & 0o777, 0o644);
    }
  });
});

const noSystemd = spawnSync('systemd-analyze', ['--version']).error === undefined ? false : 'systemd-analyze is not installed';

test('systemd has nothing to say about the units', { skip: noSystemd }, () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'tscert-units-'));
  try {
    const files = ['tscert-metrics.service', 'tscert-metrics.timer'].map((name) => path.join(folder, name));
    for (const file of files) writeFileSync(file, read(path.basename(file)).replace('/usr/bin/tscert', process.execPath));
    const verify = (): string => spawnSync('systemd-analyze', ['verify', ...files], { encoding: 'utf8' }).stderr;
    assert.equal(verify(), '');
    writeFileSync(files[0] ?? '', `${readFileSync(files[0] ?? '', 'utf8')}ProtectSystems=strict\n`);
    assert.match(verify(), /ProtectSystems/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
