/** How long and from where property tests run: `FUZZ_RUNS` runs a property, the first of them from `FUZZ_SEED` where one is given. */
import process from 'node:process';
import fc from 'fast-check';

/** Runs of each property. */
export const RUNS = Number(process.env.FUZZ_RUNS ?? 1_000);

const seed = process.env.FUZZ_SEED;
if (seed !== undefined) fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(seed) });
