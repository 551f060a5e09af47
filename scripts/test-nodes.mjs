// The tests on other lines of Node.js: `npm run test:nodes` all of them on 22 and 24, `npm run test:nodes -- pki e2e` those whose path
// has one of the words, as with `npm test`. The lines come from scripts/servers.mjs.
import { spawnSync } from 'node:child_process';
import path from 'node:path';

const LINES = ['node22', 'node24'];
const { status, stdout } = spawnSync(process.execPath, ['scripts/servers.mjs', ...LINES], {
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'inherit'],
});
if (status !== 0) process.exit(1);
const programs = JSON.parse(stdout);
let failed = false;
for (const line of LINES) {
  const node = programs[line];
  const env = { ...process.env, PATH: `${path.dirname(node)}${path.delimiter}${process.env.PATH}` };
  console.log(`\nNode.js ${spawnSync(node, ['-p', 'process.version'], { encoding: 'utf8' }).stdout.trim()}`);
  const run = spawnSync(node, ['scripts/test.mjs', ...process.argv.slice(2)], { env, stdio: 'inherit' });
  failed ||= run.status !== 0;
}
process.exit(failed ? 1 : 0);
