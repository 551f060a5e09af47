/** Whether an earlier run has left something in the world. */
import type { Journal } from '../store/journal.js';

/** True while a key, an order or challenges of an earlier run are there; a kill in the middle of closing may leave the key alone. */
export async function isUnderWay(journal: Journal): Promise<boolean> {
  const isListed = journal.fingerprint !== undefined || journal.order !== undefined || journal.challenges.length > 0;
  return isListed || (await journal.privateKey()) !== undefined;
}
