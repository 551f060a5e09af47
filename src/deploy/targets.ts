/** Requests become targets: one kind a file. */
import { createHash } from 'node:crypto';
import type { Clock } from '../base/clock.js';
import type { Environment } from '../host/program.js';
import type { KubernetesClient } from '../kubernetes/client.js';
import type { TargetRequest } from '../request/request.js';
import type { FileSystem } from '../store/files.js';
import { apache } from './apache.js';
import { commandTarget } from './command.js';
import { fileTarget } from './file.js';
import { haproxyTarget } from './haproxy.js';
import { nginx } from './nginx.js';
import { probeTarget } from './probe.js';
import type { Reloads } from './reloads.js';
import { rolloutTarget } from './rollout.js';
import { secretTarget } from './secret.js';
import { serverTarget } from './server.js';
import type { Target } from './target.js';

/** What targets stand on; the same for all of a run. */
export interface TargetParts {
  readonly clock: Clock;
  /** Of this process; programs see a listed part of it. */
  readonly environment: Environment;
  readonly fs: FileSystem;
  readonly reloads: Reloads;
  /** The API server of a context; of the run's own unless one is named. */
  clusters(context?: string): Promise<KubernetesClient>;
}

export function createTarget(request: TargetRequest, parts: TargetParts): Target {
  return { id: createHash('sha256').update(JSON.stringify(request)).digest('hex'), feedsOthers: false, ...kindOf(request, parts) };
}

function kindOf(request: TargetRequest, parts: TargetParts): Pick<Target, 'title' | 'bring'> & Partial<Target> {
  switch (request.kind) {
    case 'file':
      return { ...fileTarget(request, parts), feedsOthers: true };
    case 'command':
      return commandTarget(request, parts);
    case 'nginx':
      return serverTarget(nginx, request, parts);
    case 'apache':
      return serverTarget(apache, request, parts);
    case 'haproxy':
      return haproxyTarget(request, parts);
    case 'secret':
      return { ...secretTarget(request, parts), feedsOthers: true };
    case 'rollout':
      return rolloutTarget(request, parts);
    case 'probe':
      return probeTarget(request, parts);
  }
}
