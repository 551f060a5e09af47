/**
 * HAProxy: its own copy of certificate and key, `haproxy -c`, then `systemctl reload haproxy`, or SIGUSR2 to its master process, which
 * starts new workers and lets the old ones end.
 */
import path from 'node:path';
import { messageOf, TscertError } from '../base/errors.js';
import { describeProcess, sendSignal } from '../host/signals.js';
import type { TargetRequest } from '../request/request.js';
import { reasonOf } from '../store/files.js';
import { type FileParts, placeFile } from './file.js';
import { type Recipe, reloadServer, type ServerParts } from './server.js';
import type { Target } from './target.js';

const CONFIG = '/etc/haproxy/haproxy.cfg';
const PID_FILE = '/run/haproxy.pid';
/** Characters of its name that the kernel keeps. */
const NAME_LIMIT = 15;

export function haproxyTarget(
  request: Extract<TargetRequest, { readonly kind: 'haproxy' }>,
  parts: FileParts & ServerParts,
): Pick<Target, 'title' | 'bring'> {
  const { kind: _, file, ...server } = request;
  return {
    title: file === undefined ? 'haproxy' : `haproxy ${file.path}`,
    async bring({ stored }, { signal }) {
      if (file !== undefined) await placeFile(file, stored, parts, signal);
      await reloadServer(recipeFor(parts), server, `Cannot deploy "${stored.name}" to haproxy`, parts, signal);
    },
  };
}

function recipeFor({ fs }: Pick<FileParts, 'fs'>): Recipe {
  return {
    title: 'haproxy',
    programs: ['haproxy'],
    units: ['haproxy'],
    test: ({ config }) => ['-c', '-f', config ?? CONFIG],
    async reload({ pidFile = PID_FILE }, program) {
      const refuse = (reason: string, cause?: unknown): TscertError =>
        new TscertError('hook-failed', `it is no unit of systemd that runs, and ${reason}`, { data: { pidFile }, cause });
      let text: string;
      try {
        text = fs.readFileSync(pidFile, 'utf8');
      } catch (error) {
        throw refuse(`"${pidFile}" cannot be read: ${reasonOf(error)}`, error);
      }
      const pid = Number(/^\s*(\d{1,10})\s*$/.exec(text)?.[1] ?? Number.NaN);
      const found = pid > 0 ? describeProcess(pid) : undefined;
      if (found?.name !== path.basename(program).slice(0, NAME_LIMIT)) throw refuse(`"${pidFile}" names no process of it`);
      // A process without a master would end of it.
      if (!found.catches('SIGUSR2')) throw refuse(`its process ${pid} is no master: start it with -W`);
      try {
        sendSignal(pid, 'SIGUSR2');
      } catch (error) {
        throw refuse(`its master ${pid} cannot be told to reload: ${messageOf(error)}`, error);
      }
    },
  };
}
