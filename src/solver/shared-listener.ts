/** One listener for all challenges of a run: open while anybody needs it. */

export interface SharedListener {
  /** Opens and closes it once, to see that it can be opened; later calls look no more. */
  test(): Promise<void>;
  /** Resolves when the listener is open; it stays so until `release` of the same user. */
  hold(user: string): Promise<void>;
  /** The last one closes it. Harmless for a user that does not hold it. */
  release(user: string): Promise<void>;
  /** Releases all. */
  close(): Promise<void>;
}

/** `open` gives back how to close; it is called again when somebody holds the listener after it was closed. */
export function createSharedListener(open: () => Promise<() => Promise<void>>): SharedListener {
  const users = new Set<string>();
  let shut: (() => Promise<void>) | undefined;
  let last: Promise<void> = Promise.resolve();
  const adjust = async (): Promise<void> => {
    if (users.size > 0) shut ??= await open();
    else {
      const now = shut;
      shut = undefined;
      await now?.();
    }
  };
  /** Opening and closing one after the other: a port that is being closed is in use. */
  const inTurn = (): Promise<void> => {
    last = last.then(adjust, adjust);
    return last;
  };
  const hold = async (user: string): Promise<void> => {
    users.add(user);
    try {
      await inTurn();
    } catch (error) {
      users.delete(user);
      throw error;
    }
  };
  const release = async (user: string): Promise<void> => {
    if (users.delete(user)) await inTurn();
  };
  let tested: Promise<void> | undefined;
  return {
    test() {
      tested ??= hold('').then(() => release(''));
      return tested;
    },
    hold,
    release,
    close() {
      users.clear();
      return inTurn();
    },
  };
}
