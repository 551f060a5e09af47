// Runs the tests: `npm test` all of them, `npm test -- pki dns/batch` those whose path contains one of the words.
// Sources and tests are transpiled into a folder of this run alone, and the command is bundled into it as users get it
// (when a test that starts the command is among them), so that several runs never disturb each other.
// With CI set, a skipped test is a failure. --keep leaves the folder; --seed and other words of node:test go by environment.
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { finished } from 'node:stream/promises';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import esbuild from 'esbuild';
import { define } from './define.mjs';

const root = process.cwd();
const words = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const flags = new Set(process.argv.slice(2).filter((word) => word.startsWith('--')));

const filesBelow = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)));

const sources = [...filesBelow('src'), ...filesBelow('test')].filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'));
const tests = sources
  .filter((file) => file.endsWith('.test.ts'))
  .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
  .sort();
if (tests.length === 0) {
  console.error(`no test file has one of these words in its path: ${words.join(' ')}`);
  process.exit(2);
}

/**
 * Property tests begin where FUZZ_SEED says, and always at the same place otherwise: a change is judged by the same values each time, and new ones
 * are for the night (scripts/fuzz.mjs).
 */
const SEED = Number(process.env.FUZZ_SEED ?? 2_026);
const seeds = {
  name: 'seeds',
  setup(build) {
    build.onLoad({ filter: /\/test\/.*\.ts$/ }, async ({ path: file }) => {
      const text = await readFile(file, 'utf8');
      if (!/^import fc from 'fast-check';$/m.test(text)) return undefined;
      return { contents: `${text}\nfc.configureGlobal({ ...fc.readConfigureGlobal(), seed: ${SEED} });\n`, loader: 'ts' };
    });
  },
};

await mkdir('.build', { recursive: true });
const build = await mkdtemp(path.join(root, '.build', 'test-'));
let failed = 0;
let passed = 0;
const skipped = [];
try {
  await esbuild.build({
    entryPoints: sources,
    outdir: build,
    outbase: '.',
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    define,
    sourcemap: 'linked',
    plugins: [seeds],
    logLevel: 'warning',
  });
  const startsTheCommand = (file) => /^test\/(e2e|examples|transcripts|docs|package)\//.test(file);
  if (tests.some(startsTheCommand)) {
    execFileSync(process.execPath, ['scripts/build.mjs', '--no-types', '--outdir', path.join(build, 'dist')], { stdio: 'inherit' });
    await cp('bin', path.join(build, 'bin'), { recursive: true });
    await cp('package.json', path.join(build, 'package.json'));
  }
  const env = { ...process.env, TSCERT_TEST_BIN: path.join(build, 'bin', 'tscert.js'), NODE_OPTIONS: '--enable-source-maps --no-warnings' };
  for (const name of Object.keys(env))
    if (
      /^(NODE_EXTRA_CA_CERTS|NO_COLOR|FORCE_COLOR|TSCERT_(?!TEST_)|AWS_|ALIBABA_|ALICLOUD_|RFC2136_|KUBE|EXEC_|HTTPS?_PROXY|NO_PROXY|https?_proxy|no_proxy)/.test(
        name,
      )
    )
      delete env[name];
  for (const name of Object.keys(process.env)) if (!(name in env)) delete process.env[name];
  Object.assign(process.env, env);

  const stream = run({
    files: tests.map((file) => path.join(build, file.replace(/\.ts$/, '.js'))),
    concurrency: os.availableParallelism(),
    // Seconds of one file; the sizes for the night take longer.
    timeout: 1_000 * Number(process.env.TSCERT_TEST_TIMEOUT ?? 600),
  });
  stream.on('test:fail', (event) => {
    if (event.todo === undefined && event.details?.type !== 'suite') failed++;
  });
  stream.on('test:pass', (event) => {
    if (event.skip !== undefined && event.skip !== false)
      skipped.push(`${event.name}: ${event.skip === true ? 'no reason given' : event.skip}`);
    else if (event.details?.type !== 'suite') passed++;
  });
  const report = stream.compose(new spec());
  report.pipe(process.stdout, { end: false });
  await finished(report);
} finally {
  if (!flags.has('--keep')) await rm(build, { recursive: true, force: true });
}
for (const line of skipped) console.log(`skipped: ${line}`);
console.log(`${passed} passed, ${failed} failed, ${skipped.length} skipped`);
process.exit(failed > 0 || (process.env.CI && skipped.length > 0) ? 1 : 0);
