// The whole gate: `npm run ok`. Types, lint, dead code, build, schema, servers, all tests, each with the time it took; the first that fails ends it.
import { spawnSync } from 'node:child_process';
import { performance } from 'node:perf_hooks';

const PARTS = [
  ['types', 'npm', 'run', '--silent', 'types'],
  ['lint', 'npm', 'run', '--silent', 'lint'],
  ['deadcode', 'npm', 'run', '--silent', 'deadcode'],
  ['build', 'npm', 'run', '--silent', 'build'],
  ['schema', process.execPath, 'scripts/schema.mjs', '--check'],
  // What takes minutes to build the first time is not to do so in a test's time.
  ['servers', process.execPath, 'scripts/servers.mjs', 'pebble', 'cfssl', 'lego', 'lego5', 'kubernetes'],
  ['tests', process.execPath, 'scripts/test.mjs'],
];
/** A server cannot be had here: it has said so, and the tests that want it decide what that means. */
const UNAVAILABLE = 3;

const times = [];
let failed;
for (const [name, program, ...args] of PARTS) {
  console.log(`\n== ${name}`);
  const began = performance.now();
  const { status } = spawnSync(program, args, { stdio: name === 'servers' ? ['ignore', 'ignore', 'inherit'] : 'inherit' });
  times.push(`${name} ${((performance.now() - began) / 1_000).toFixed(1)} s`);
  if (status !== 0 && !(name === 'servers' && status === UNAVAILABLE)) {
    failed = name;
    break;
  }
}
console.log(`\n${times.join(', ')}`);
console.log(failed === undefined ? 'ok' : `not ok: ${failed} failed`);
process.exit(failed === undefined ? 0 : 1);
