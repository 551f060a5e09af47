// The whole gate: `npm run ok`. Types, lint, dead code, build, schema, all tests, each with the time it took; the first that fails ends it.
import { spawnSync } from 'node:child_process';
import { performance } from 'node:perf_hooks';

const PARTS = [
  ['types', 'npm', 'run', '--silent', 'types'],
  ['lint', 'npm', 'run', '--silent', 'lint'],
  ['deadcode', 'npm', 'run', '--silent', 'deadcode'],
  ['build', 'npm', 'run', '--silent', 'build'],
  ['schema', process.execPath, 'scripts/schema.mjs', '--check'],
  ['tests', process.execPath, 'scripts/test.mjs'],
];

const times = [];
let failed;
for (const [name, program, ...args] of PARTS) {
  console.log(`\n== ${name}`);
  const began = performance.now();
  const { status } = spawnSync(program, args, { stdio: 'inherit' });
  times.push(`${name} ${((performance.now() - began) / 1_000).toFixed(1)} s`);
  if (status !== 0) {
    failed = name;
    break;
  }
}
console.log(`\n${times.join(', ')}`);
console.log(failed === undefined ? 'ok' : `not ok: ${failed} failed`);
process.exit(failed === undefined ? 0 : 1);
