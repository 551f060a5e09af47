/** Reloads that many certificates ask for at once: hundreds of them cost a server two or three. */

/**
 * Does the reload of this key, never two of them at once. Who asks while one is under way shares the next one with all others who
 * do: it begins after their files were written.
 */
export type Reloads = (key: string, reload: () => Promise<void>) => Promise<void>;

export function createReloads(): Reloads {
  const last = new Map<string, Promise<void>>();
  const waiting = new Map<string, Promise<void>>();
  return (key, reload) => {
    const shared = waiting.get(key);
    if (shared !== undefined) return shared;
    const next = (last.get(key) ?? Promise.resolve())
      .catch(() => undefined)
      .then(() => {
        waiting.delete(key);
        return reload();
      });
    waiting.set(key, next);
    last.set(key, next);
    return next;
  };
}
