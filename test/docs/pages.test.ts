/** What the pages say beside command lines: tables of keys, variables and exit codes, configurations, programs, links. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { Command } from 'commander';
import { isTscertError } from '../../src/base/errors.js';
import { addIssueOptions } from '../../src/cli/commands/issue-options.js';
import { EXIT } from '../../src/cli/exit.js';
import { createProvider, type ProviderHelp } from '../../src/cli/registry.js';
import { deployVariables, postVariables, preVariables } from '../../src/deploy/variables.js';
import { metricsText } from '../../src/flow/metrics.js';
import { parseConfig } from '../../src/request/config.js';
import { CERTIFICATE_KEYS, RUN_KEYS } from '../../src/request/options.js';
import { COUNTED, FULL } from '../flow/looking-kit.js';
import { blocksOf, PAGES } from './blocks.js';

const run = promisify(execFile);

/** The rows of the table below a comment, without its head. */
function table(file: string, mark: string): string[][] {
  const text = readFileSync(file, 'utf8');
  const lines = text
    .slice(text.indexOf(mark) + mark.length)
    .trimStart()
    .split('\n');
  const end = lines.findIndex((line) => !line.startsWith('|'));
  return lines.slice(2, end < 0 ? undefined : end).map((line) =>
    line
      .slice(1, -1)
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim()),
  );
}

const words = (cell: string | undefined): string[] => [...(cell ?? '').matchAll(/`([^`]+)`/g)].map(([, word]) => word ?? '');

describe('docs/configuration.md', () => {
  for (const [kind, keys] of [
    ['certificate', CERTIFICATE_KEYS],
    ['run', RUN_KEYS],
  ] as const) {
    const rows = table('docs/configuration.md', `<!-- keys: ${kind} -->`);

    test(`names every key of a ${kind}, and no other`, () => {
      assert.deepEqual(rows.map(([key]) => words(key)[0]).sort(), [...keys].sort());
    });

    test(`gives each key of a ${kind} its flag`, () => {
      const command = new Command();
      addIssueOptions(command);
      const flags = new Set(command.options.flatMap(({ long, short }) => [long, short]));
      for (const [key, cell] of rows) {
        if (cell?.startsWith('none') || words(key)[0] === 'caBundle') continue;
        assert.ok(words(cell).length > 0, key);
        for (const flag of words(cell)) assert.ok(flags.has(flag), `${key}: ${flag}`);
      }
    });
  }
});

test('docs/providers.md names the variables that the configuration takes for each provider, and no other', async () => {
  for (const provider of ['route53', 'alidns', 'rfc2136']) {
    const named = table('docs/providers.md', `<!-- variables: ${provider} -->`)
      .flatMap(([cell]) => words(cell))
      .sort();
    await assert.rejects(createProvider(provider, { settings: { NO_SUCH_SETTING: '1' } } as unknown as ProviderHelp), (error) => {
      assert.ok(isTscertError(error, 'config-invalid'));
      const taken = /it takes ([\w, ]+)/.exec(error.message)?.[1]?.split(', ').sort();
      assert.deepEqual(named, taken);
      return true;
    });
  }
});

test('docs/deploy.md names the variables that hooks are given, and no other', () => {
  const locations = { privateKey: '/k', certificate: '/c', chain: '/i', fullchain: '/f' };
  const stored = { name: 'www', generation: '0001', privateKey: 'key', certificate: '', chain: '', meta: {}, locations };
  const given = {
    pre: preVariables('www', []),
    deploy: deployVariables({ stored, domains: [], notAfter: 0 }),
    post: postVariables([]),
  };
  const named = table('docs/deploy.md', '<!-- variables: hook -->').flatMap(([cell, hooks = '']) =>
    words(cell).flatMap((word) => (hooks === 'all' ? Object.keys(given) : hooks.split(', ')).map((hook) => `${hook} ${word}`)),
  );
  const real = Object.entries(given).flatMap(([hook, variables]) => Object.keys(variables).map((word) => `${hook} ${word}`));
  assert.deepEqual(named.sort(), real.sort());
});

test('docs/monitoring.md names every family of metrics, and no other', () => {
  const text = metricsText([FULL], COUNTED, { now: 0, version: '1' });
  for (const whose of ['certmanager', 'tscert']) {
    const named = table('docs/monitoring.md', `<!-- metrics: ${whose} -->`).flatMap(([cell]) => words(cell));
    const told = [...text.matchAll(/^# TYPE (\w+) /gm)].map(([, name]) => name ?? '').filter((name) => name.startsWith(`${whose}_`));
    assert.deepEqual(named.sort(), told.sort());
  }
});

test('README.md has the table of exit codes', () => {
  const rows = table('README.md', '## Exit codes');
  const codes = rows.flatMap(([cell]) => (cell ?? '').split(', ').map(Number));
  assert.deepEqual(codes.sort(), Object.values(EXIT).sort());
});

test('every configuration that is shown can be read', () => {
  const shown = PAGES.flatMap(blocksOf).filter(({ language, text }) => language === 'yaml' && !text.startsWith('apiVersion:'));
  assert.ok(shown.length >= 3);
  for (const { text, place } of shown) assert.doesNotThrow(() => parseConfig(text, place));
});

test('every program that is shown compiles', async () => {
  const shown = PAGES.flatMap(blocksOf).filter(({ language }) => language === 'ts');
  assert.ok(shown.length >= 2);
  const folder = await mkdtemp(path.resolve('.build', 'docs-'));
  try {
    for (const [at, { text }] of shown.entries()) await writeFile(path.join(folder, `program-${at}.ts`), text);
    await writeFile(path.join(folder, 'package.json'), '{ "type": "module" }');
    const include = ['*.ts', path.resolve('src/pki/node-forge.d.ts')];
    const compilerOptions = { noEmit: true, rootDir: '/', paths: { tscert: [path.resolve('src/index.ts')] } };
    const config = { extends: path.resolve('tsconfig.json'), compilerOptions, include };
    await writeFile(path.join(folder, 'tsconfig.json'), JSON.stringify(config));
    const tsc = path.resolve('node_modules/typescript/bin/tsc');
    await run(process.execPath, [tsc, '-p', folder]).catch(({ stdout }: { stdout: string }) => assert.fail(stdout));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('every link inside the repository leads somewhere', () => {
  for (const page of PAGES) {
    for (const [, target = ''] of readFileSync(page, 'utf8').matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)) {
      if (/^https?:/.test(target)) continue;
      assert.ok(existsSync(path.join(path.dirname(page), target)), `${page}: ${target}`);
    }
  }
});
