// The long property tests of the night: `npm run fuzz`, or `node scripts/fuzz.mjs [RUNS] [SEED] [WORD...]`.
// Runs every test file that has properties with RUNS runs each (100000 unless given), in rounds of at most 10000 so that no
// file takes too long; each round has a seed of its own, printed so that a failure can be repeated: give RUNS of that round
// and its SEED again. Words choose the files whose path contains one of them.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const ROUND = 10_000;
const numbers = process.argv.slice(2).filter((word) => /^-?\d+$/.test(word));
const words = process.argv.slice(2).filter((word) => !/^-?\d+$/.test(word));
const runs = Number(numbers[0] ?? 100_000);
const first = Number(numbers[1] ?? Math.floor(Math.random() * 2 ** 31));

const files = readdirSync('test', { recursive: true })
  .map((file) => path.join('test', file))
  .filter((file) => file.endsWith('.test.ts') && (words.length === 0 || words.some((word) => file.includes(word))))
  .filter((file) => file.endsWith('.property.test.ts') || /\b(FUZZ_RUNS|TSCERT_TEST_FUZZ)\b/.test(readFileSync(file, 'utf8')))
  .sort();
if (files.length === 0) {
  console.error(`no test file with properties has one of these words in its path: ${words.join(' ')}`);
  process.exit(2);
}

for (let done = 0, seed = first; done < runs; done += ROUND, seed++) {
  const count = Math.min(ROUND, runs - done);
  console.log(`${files.length} files, runs ${done + 1} to ${done + count} of each property, seed ${seed}`);
  const { status, stdout } = spawnSync(process.execPath, ['scripts/test.mjs', ...files], {
    env: { ...process.env, FUZZ_RUNS: String(count), TSCERT_TEST_FUZZ: String(count), FUZZ_SEED: String(seed) },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 1 << 28,
  });
  if (status !== 0) {
    console.error(stdout);
    console.error(`a property failed; again with: node scripts/fuzz.mjs ${count} ${seed}`);
    process.exit(1);
  }
}
console.log(`${files.length} files held ${runs} runs of each property; the seeds began at ${first}`);
