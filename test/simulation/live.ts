/** Lives through years in a thread of their own. */
import { Worker } from 'node:worker_threads';
import type { History, YearOptions } from './history.js';

/** One after the other, in one thread. */
export function live(...years: readonly YearOptions[]): Promise<readonly History[]> {
  return new Promise((resolve, reject) => {
    const histories: History[] = [];
    const worker = new Worker(new URL('./year-child.js', import.meta.url), { workerData: years });
    worker.on('message', (history: History) => histories.push(history));
    worker.once('error', reject);
    worker.once('exit', (code) => (code === 0 ? resolve(histories) : reject(new Error(`the thread ended with ${code}`))));
  });
}
