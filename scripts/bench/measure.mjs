// Running a command and taking its time and memory; the middle of several runs.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

/** Runs a command to its end; gives `seconds` and, on Linux, the most memory it had in `megabytes`. Throws with its last words when it fails. */
export function runCommand({ file, args, env = {}, input = '' }) {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const child = spawn(file, args, { env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env } });
    let words = '';
    let megabytes = 0;
    const look = setInterval(() => {
      megabytes = Math.max(megabytes, memoryOf(child.pid));
    }, 100);
    child.stdout.resume();
    child.stderr.setEncoding('utf8').on('data', (text) => {
      words = (words + text).slice(-2_000);
    });
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    child.once('error', reject);
    child.once('close', (code) => {
      clearInterval(look);
      const seconds = (performance.now() - began) / 1_000;
      if (code === 0) resolve({ seconds, megabytes });
      else reject(new Error(`${file} ${args.slice(0, 3).join(' ')} ended with ${code}: ${words}`));
    });
  });
}

function memoryOf(pid) {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1_024;
  } catch {
    return 0;
  }
}

/** The middle of `times` runs of `work`, which gives a number. */
export async function median(times, work) {
  const values = [];
  for (let run = 0; run < times; run++) values.push(await work(run));
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
}
