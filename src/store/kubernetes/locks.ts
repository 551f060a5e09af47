/** Locks as Leases, one for each key, gone when they are let go. */
import { randomUUID } from 'node:crypto';
import type { Clock, Random } from '../../base/clock.js';
import { isTscertError, TscertError } from '../../base/errors.js';
import { acquireLease } from '../../kubernetes/lease.js';
import type { Store } from '../store.js';
import { createTurns } from '../turns.js';
import { type Cluster, labelsOf, stateName } from './state.js';

export interface ClusterLockOptions {
  /** Names this process for people: `tscert renew on web-7c9 (1)`. */
  readonly holder: string;
  readonly clock: Clock;
  readonly background: Pick<Clock, 'sleep'>;
  readonly uptime: () => number;
  readonly random: Random;
  /** Seconds without a sign of life after which a holder counts as dead. */
  readonly seconds: number;
}

export function createClusterLocks({ client, namespace }: Cluster, options: ClusterLockOptions): Pick<Store, 'lock'> {
  const turns = createTurns(options.clock);
  const { holder, uptime } = options;
  return {
    async lock(key, { wait, signal }) {
      const began = uptime();
      const end = await turns.take(key, { wait, signal });
      if (end === undefined) throw locked(key, `${holder}, this process,`);
      try {
        const held = await acquireLease({
          ...options,
          ...{ client, namespace, signal, name: stateName('lock', key), labels: labelsOf('lock') },
          // A process that asks twice is two holders.
          identity: `${holder} ${randomUUID()}`,
          wait: Math.max(0, wait - (uptime() - began)),
          untilSeenAlive: true,
          afterwards: 'remove',
        });
        let isOver = false;
        return {
          lost: held.lost,
          async release() {
            if (isOver) return;
            isOver = true;
            await held.release();
            end();
          },
        };
      } catch (error) {
        end();
        throw isTscertError(error, 'locked') ? locked(key, String(error.data.holder).replace(/ [0-9a-f-]{36}$/, ''), error) : error;
      }
    },
  };
}

function locked(key: string, holder: string, cause?: unknown): TscertError {
  return new TscertError('locked', `Cannot lock "${key}": ${holder} holds it`, { data: { key, holder }, cause });
}
