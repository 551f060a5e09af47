// Command lines, shown as a person types them and then run.
import { spawn } from 'node:child_process';

/**
 * A function that shows a command line and runs it by sh, its output on this terminal.
 * @throws {Error} when it ends with another exit code than 0
 */
export function createShell({ cwd, env }) {
  return (line) =>
    new Promise((resolve, reject) => {
      console.log(`\n$ ${line}`);
      const child = spawn('/bin/sh', ['-c', line], { cwd, env, stdio: 'inherit' });
      child.once('error', reject);
      child.once('exit', (code, signal) => {
        if (code === 0) resolve();
        else reject(Object.assign(new Error(`"${line}" ended with ${signal ?? `exit code ${code}`}`), { isPlain: true }));
      });
    });
}
