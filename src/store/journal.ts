/**
 * The journal of an order under way: one record a certificate, written before each act, so that the next run can go on after a
 * kill at any point. The private key lies beside it.
 */
import type { Challenge } from '../acme/solver.js';
import type { Json } from '../base/json.js';
import { type JournaledChallenge, type OrderRecord, readOrderRecord } from './order-record.js';
import type { Records } from './store.js';

/** The journal of one certificate. Every call resolves when its news are on stable storage; calls that come together are one write. */
export interface Journal {
  readonly fingerprint: string | undefined;
  /** URLs of the order under way and of the account it belongs to. */
  readonly order: { readonly url: string; readonly account: string } | undefined;
  /** True from just before finalize is sent: nothing of the order is pending any more. */
  readonly isFinalizing: boolean;
  readonly challenges: readonly JournaledChallenge[];
  /** The key that `begin` was given, PEM. */
  privateKey(): Promise<string | undefined>;
  /**
   * A new order begins: an older one is forgotten before its key goes, and the new key is on stable storage before the record that
   * speaks of it. What stands in the world stays listed.
   */
  begin(fingerprint: string, privateKey: string | undefined): Promise<void>;
  setOrder(order: { readonly url: string; readonly account: string } | undefined): Promise<void>;
  setFinalizing(): Promise<void>;
  /** These will be presented. */
  add(challenges: readonly Challenge[]): Promise<void>;
  remember(challenge: Challenge, note: Json): Promise<void>;
  /** This one is gone from the world. */
  withdrawn(challenge: Challenge): Promise<void>;
  /** The order is over: forgets it and the key, and the whole record once nothing stands in the world. */
  close(): Promise<void>;
}

/**
 * Opens the journal of a certificate; one that was never written is empty. At most one is open a certificate, under its lock.
 * @throws {TscertError} `store-damaged` for a record that is not whole, or of a version that this tscert does not know
 */
export async function openJournal(records: Records, name: string): Promise<Journal> {
  const keyName = `key:${name}`;
  let record = readOrderRecord(await records.get('journal', name), name);
  let writing: Promise<void> | undefined;
  let next: Promise<void> | undefined;

  const write = async (): Promise<void> => {
    const isEmpty = record.fingerprint === undefined && record.order === undefined && record.challenges.length === 0;
    await (isEmpty ? records.delete('journal', name) : records.put('journal', name, record as unknown as Json));
  };
  /** Writes what is so now; who comes while a write is under way shares the one after it. */
  const save = (): Promise<void> => {
    if (next !== undefined) return next;
    const turn = (writing ?? Promise.resolve())
      .catch(() => undefined)
      .then(() => {
        writing = turn;
        next = undefined;
        return write();
      });
    next = turn;
    return turn;
  };
  const update = (change: Partial<OrderRecord>): Promise<void> => {
    record = { ...record, ...change };
    return save();
  };
  const without = (challenge: Challenge): JournaledChallenge[] => record.challenges.filter((one) => !isSame(one.challenge, challenge));

  return {
    get fingerprint() {
      return record.fingerprint;
    },
    get order() {
      return record.order;
    },
    get isFinalizing() {
      return record.finalizing === true;
    },
    get challenges() {
      return record.challenges;
    },
    async privateKey() {
      const value = await records.get('journal', keyName);
      return typeof value === 'string' ? value : undefined;
    },
    async begin(fingerprint, privateKey) {
      if (record.fingerprint !== undefined || record.order !== undefined) {
        record = { version: 1, challenges: record.challenges };
        await save();
      }
      if (privateKey === undefined) await records.delete('journal', keyName);
      else await records.put('journal', keyName, privateKey);
      record = { version: 1, fingerprint, challenges: record.challenges };
      await save();
    },
    async setOrder(order) {
      const { order: _, finalizing: __, ...rest } = record;
      record = order === undefined ? rest : { ...rest, order };
      await save();
    },
    setFinalizing: () => update({ finalizing: true }),
    add: (challenges) =>
      update({
        challenges: [
          ...record.challenges,
          ...challenges.filter((one) => without(one).length === record.challenges.length).map((challenge) => ({ challenge })),
        ],
      }),
    remember: (challenge, note) => update({ challenges: [...without(challenge), { challenge, note }] }),
    withdrawn: (challenge) => update({ challenges: without(challenge) }),
    async close() {
      record = { version: 1, challenges: record.challenges };
      await save();
      await records.delete('journal', keyName);
    },
  };
}

function isSame(a: Challenge, b: Challenge): boolean {
  return a.type === b.type && a.token === b.token && a.wildcard === b.wildcard && a.identifier.value === b.identifier.value;
}
