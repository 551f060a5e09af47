/** The thread in which years are lived through: away from the test runner, whose hooks make every promise three times as dear. */
import './fast-keys.js';
import { parentPort, workerData } from 'node:worker_threads';
import type { YearOptions } from './history.js';
import { simulate } from './year.js';

for (const options of workerData as readonly YearOptions[]) parentPort?.postMessage(await simulate(options));
