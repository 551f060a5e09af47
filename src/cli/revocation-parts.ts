/** What revocation checks need of the outside: HTTP to URLs that strangers wrote, and the cache of CRLs. */
import type { Clock } from '../base/clock.js';
import { createGuardedHttp, type GuardedHttp } from '../net/guarded.js';
import { proxyFor } from '../net/proxy.js';
import type { CrlCache } from '../store/crl-cache.js';
import { createDiskCrlCache } from '../store/disk-crl-cache.js';
import { extraRoots, proxyOf } from './outside.js';
import type { System } from './system.js';
import { isAlive } from './wire.js';

export interface RevocationOptions {
  /** The folder where everything is kept. */
  readonly folder: string;
  readonly caBundle: string | undefined;
  /** Loopback, private and other inner addresses may be reached. */
  readonly allowPrivate: boolean;
}

export interface RevocationConnections {
  readonly http: GuardedHttp;
  readonly cache: CrlCache;
  readonly clock: Clock;
  /** The versions of IP by which a URL is reached; undefined stands for the choice of a proxy. */
  families(url: string): readonly (4 | 6 | undefined)[];
}

/**
 * Makes them; `http` has to be closed.
 * @throws {TscertError} `config-invalid` for a CA bundle that cannot be used
 */
export function openRevocation(system: System, { folder, caBundle, allowPrivate }: RevocationOptions): RevocationConnections {
  const proxy = proxyOf(system.env);
  return {
    http: createGuardedHttp({
      proxy,
      userAgent: `tscert/${system.version} (Node.js ${process.versions.node})`,
      allowPrivate,
      ...(caBundle === undefined ? {} : { roots: extraRoots(system, caBundle) }),
    }),
    cache: createDiskCrlCache({ folder, process: { pid: system.pid, host: system.host }, isAlive, clock: system.clock }),
    clock: system.clock,
    families: (url) => (proxyFor(new URL(url), proxy) === undefined ? [4, 6] : [undefined]),
  };
}

/** Connections for what may be at inner addresses, and for what may not; each made when it is first needed. They have to be closed. */
export function createRevocationSources(
  system: System,
  options: Omit<RevocationOptions, 'allowPrivate'>,
): { of(allowPrivate: boolean): RevocationConnections; close(): void } {
  const made = new Map<boolean, RevocationConnections>();
  return {
    of(allowPrivate) {
      const connections = made.get(allowPrivate) ?? openRevocation(system, { ...options, allowPrivate });
      made.set(allowPrivate, connections);
      return connections;
    },
    close() {
      for (const { http } of made.values()) http.close();
    },
  };
}
