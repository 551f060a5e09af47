/**
 * Loaded into the command with `--import`: counts what it does in the world (writes to disk, HTTP requests, programs, before and after each)
 * and kills it at the step whose number stands in KILL_AT. From the step in FULL_AT on the disk is full: what would need room fails.
 * With KILL_TRACE every step is a line of that file.
 */
import childProcess from 'node:child_process';
import diagnostics from 'node:diagnostics_channel';
import fs from 'node:fs';
import http2 from 'node:http2';
import { syncBuiltinESMExports } from 'node:module';
import path from 'node:path';

const killAt = Number(process.env.KILL_AT ?? 0);
const fullAt = Number(process.env.FULL_AT ?? Number.POSITIVE_INFINITY);
const trace = process.env.KILL_TRACE === undefined ? undefined : fs.openSync(process.env.KILL_TRACE, 'a');
let steps = 0;

function step(label: string): void {
  steps++;
  if (trace !== undefined) fs.writeSync(trace, `${label}\n`);
  if (steps === killAt) process.kill(process.pid, 'SIGKILL');
}

type Work = (...values: never[]) => Promise<unknown>;

const NEEDS_ROOM = new Set(['link', 'mkdir', 'symlink', 'writeFile']);

/** Makes each call of `target[name]` two steps. */
function watch(target: object, name: string, label: (values: readonly unknown[]) => string): void {
  const methods = target as Record<string, Work>;
  const original = methods[name] as Work;
  methods[name] = async function (this: unknown, ...values) {
    const what = label(values);
    step(`before ${what}`);
    if (steps >= fullAt && NEEDS_ROOM.has(name)) throw Object.assign(new Error(`ENOSPC: ${what}`), { code: 'ENOSPC', syscall: name });
    const result = await original.apply(this, values);
    step(`after ${what}`);
    return result;
  };
}

const short = (file: unknown): string => String(file).split('/').slice(-3).join('/');
for (const name of ['link', 'mkdir', 'rename', 'rm', 'rmdir', 'symlink', 'unlink']) {
  watch(fs.promises, name, ([first, second]) => `${name} ${short(first)}${typeof second === 'string' ? ` ${short(second)}` : ''}`);
}
const sample = await fs.promises.open('/dev/null', 'r');
const handles = Object.getPrototypeOf(sample) as object;
await sample.close();
for (const name of ['writeFile', 'sync']) watch(handles, name, () => name);

diagnostics.subscribe('http.client.request.start', (message) => {
  const { request } = message as { request: { method: string; path: string } };
  step(`before ${request.method} ${request.path}`);
});
diagnostics.subscribe('http.client.response.finish', (message) => {
  const { request } = message as { request: { method: string; path: string } };
  step(`after ${request.method} ${request.path}`);
});

const connect = http2.connect;
http2.connect = ((...values: Parameters<typeof connect>) => {
  const session = connect(...values);
  const request = session.request;
  session.request = (headers = {}, options) => {
    const what = `${headers[':method']} ${headers[':path']}`;
    step(`before ${what}`);
    const stream = request.call(session, headers, options);
    stream.once('response', () => step(`after ${what}`));
    return stream;
  };
  return session;
}) as typeof connect;

const spawn = childProcess.spawn;
childProcess.spawn = ((...values: Parameters<typeof spawn>) => {
  const what = `run ${path.basename(values[0])}`;
  step(`before ${what}`);
  const child = spawn(...values);
  child.once('exit', () => step(`after ${what}`));
  return child;
}) as typeof spawn;

syncBuiltinESMExports();
