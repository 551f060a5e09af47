/** What certificates need of the machine when they are renewed: a sandbox is cut to it. */
import path from 'node:path';
import type { CertificateRequest, SolverRequest, TargetRequest } from '../../request/request.js';

export interface Needs {
  /** Ports below 1024 are listened on. */
  readonly ports: boolean;
  /** Programs of others are run, or files of others written. */
  readonly hooks: boolean;
  /** Folders that are written beside the data folder; absolute, sorted. */
  readonly folders: readonly string[];
}

/** For certificates that are not there yet: all that they may need. */
export const ALL_NEEDS: Needs = { ports: true, hooks: true, folders: [] };

/** @param cwd against which relative paths of the requests are meant */
export function needsOf(requests: readonly CertificateRequest[], cwd: string): Needs {
  const solvers = requests.flatMap((request) => request.solvers);
  const webroots = solvers.flatMap((solver) => ('webroot' in solver ? [path.resolve(cwd, solver.webroot)] : []));
  const files = requests.flatMap(writtenBy).map((file) => path.dirname(path.resolve(cwd, file)));
  return {
    ports: solvers.some((solver) => 'port' in solver && solver.port < 1_024),
    hooks: webroots.length > 0 || requests.some(isDeployed) || solvers.some(runsPrograms),
    folders: [...new Set([...webroots, ...files])].sort(),
  };
}

/** Both together. */
export function joinNeeds(one: Needs, other: Needs): Needs {
  return {
    ports: one.ports || other.ports,
    hooks: one.hooks || other.hooks,
    folders: [...new Set([...one.folders, ...other.folders])].sort(),
  };
}

/** To look at what is served, nothing is run. */
function isDeployed({ deploy, preHook, postHook }: CertificateRequest): boolean {
  return preHook !== undefined || postHook !== undefined || deploy.some(({ kind }) => kind !== 'probe');
}

function writtenBy({ deploy, revocation }: CertificateRequest): string[] {
  return [...deploy.flatMap(filesOf), ...(revocation?.staple === undefined ? [] : [revocation.staple])];
}

function filesOf(target: TargetRequest): string[] {
  if (target.kind === 'file') return [target.path];
  return target.kind === 'haproxy' && target.file !== undefined ? [target.file.path] : [];
}

function runsPrograms(solver: SolverRequest): boolean {
  return solver.type === 'dns-01' && (solver.provider === 'exec' || solver.provider.startsWith('acmesh:'));
}
