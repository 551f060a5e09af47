/** How long property tests run: `FUZZ_RUNS` runs a property. Where from, scripts/test.mjs tells each file that has some. */
import process from 'node:process';

/** Runs of each property. */
export const RUNS = Number(process.env.FUZZ_RUNS ?? 1_000);
