/** CRLs of one scope as versions of one and the same: the newest that is valid counts, with the delta to it (RFC 5280 §5.2.4). */
import type { Crl, CrlDoubt, CrlEntry } from './crl.js';

/** The moment that is asked about, in milliseconds since the epoch, and how far the clocks may differ. */
export interface Timing {
  readonly at: number;
  readonly skew: number;
}

/** What the CRLs of one scope say of a certificate together. */
export interface Standing {
  readonly revocation: Revocation | undefined;
  /** The CRLs that are valid at the time and do not revoke it: a base, and the delta to it; empty when there are none. */
  readonly clear: readonly Crl[];
  readonly doubts: readonly CrlDoubt[];
}

export interface Revocation {
  readonly entry: CrlEntry;
  readonly crl: Crl;
}

/** A complete CRL (of its scope), and the newest delta to it that is valid. */
interface Pair {
  readonly base: Crl;
  readonly delta: Crl | undefined;
  /** Why the two are out of date. */
  readonly stale: CrlDoubt | undefined;
}

/**
 * @param group CRLs of one issuer with the same scope, all to be trusted, none of a time to come
 * @param serialNumber of a certificate that the scope fits
 */
export function standingOf(serialNumber: string, group: readonly Crl[], timing: Timing): Standing {
  const pair = newestPair(group, timing);
  // A newer delta that fits no base here says nothing when it is silent, but is believed when it revokes.
  const loose = looseDeltas(group, pair);
  const doubts = loose.map((delta) => looseDoubt(delta, pair?.base));
  if (pair?.stale !== undefined) doubts.push(pair.stale);
  for (const crl of loose) {
    const entry = crl.found.get(serialNumber);
    if (entry !== undefined && revokes(entry, staleness(crl, timing) !== undefined))
      return { revocation: { entry, crl }, clear: [], doubts };
  }
  if (pair === undefined) return { revocation: undefined, clear: [], doubts };
  const { base, delta, stale } = pair;
  const changed = delta?.found.get(serialNumber);
  const entry = changed ?? base.found.get(serialNumber);
  const crl = delta !== undefined && changed !== undefined ? delta : base;
  if (entry !== undefined && revokes(entry, stale !== undefined)) return { revocation: { entry, crl }, clear: [], doubts };
  const isMisplaced = crl === base && entry?.reason === 'removeFromCRL';
  if (isMisplaced) {
    const words = 'it lists the certificate as removed, which only a delta CRL may';
    doubts.push({ code: 'removal-misplaced', source: base.source, words });
  }
  const isClear = stale === undefined && !isMisplaced;
  return { revocation: undefined, clear: isClear ? [base, ...(delta === undefined ? [] : [delta])] : [], doubts };
}

/** True for an entry by which the certificate is revoked; a hold may have ended since when the CRL is out of date. */
function revokes({ reason }: CrlEntry, isStale: boolean): boolean {
  return reason !== 'removeFromCRL' && !(isStale && reason === 'certificateHold');
}

function newestPair(group: readonly Crl[], timing: Timing): Pair | undefined {
  const deltas = deltasOf(group).filter((delta) => staleness(delta, timing) === undefined);
  const [newest] = group
    .filter(({ baseNumber }) => baseNumber === undefined)
    .map((base): Pair => {
      const delta = deltas.find((each) => completes(each, base));
      // Base and delta together are as new as the delta, also when the base is out of date.
      return { base, delta, stale: delta === undefined ? staleness(base, timing) : undefined };
    })
    .sort((a, b) => Number(a.stale !== undefined) - Number(b.stale !== undefined) || byAge(a.base, b.base));
  return newest;
}

/** Deltas that are newer than all that the pair has. */
function looseDeltas(group: readonly Crl[], pair: Pair | undefined): Crl[] {
  return deltasOf(group).filter((delta) => pair === undefined || byAge(delta, pair.delta ?? pair.base) < 0);
}

function looseDoubt({ source }: Crl, base: Crl | undefined): CrlDoubt {
  const words =
    base === undefined ? 'it is a delta CRL, and there is no complete one' : 'it is a delta CRL to another complete one, or out of date';
  return { code: 'delta-unfit', source, words };
}

/** The delta CRLs, newest first. */
function deltasOf(group: readonly Crl[]): Crl[] {
  return group.filter(({ baseNumber }) => baseNumber !== undefined).sort(byAge);
}

/** True when the delta tells all that has changed since the base, and is of the same key. */
function completes(delta: Crl, base: Crl): boolean {
  if (delta.baseNumber === undefined || delta.number === undefined || base.number === undefined) return false;
  return (
    delta.baseNumber <= base.number &&
    base.number < delta.number &&
    delta.raw.authorityKeyIdentifier.equals(base.raw.authorityKeyIdentifier) &&
    delta.signers.some(({ raw }) => base.signers.some((signer) => signer.raw.spki.equals(raw.spki)))
  );
}

/** Newest first: by number where both have one, else by thisUpdate. */
function byAge(a: Crl, b: Crl): number {
  if (a.number !== undefined && b.number !== undefined && a.number !== b.number) return a.number > b.number ? -1 : 1;
  return b.thisUpdate.getTime() - a.thisUpdate.getTime();
}

/** Why a CRL is not known to be valid at the time any more; undefined when it is. */
function staleness({ nextUpdate, source }: Crl, { at, skew }: Timing): CrlDoubt | undefined {
  if (nextUpdate === undefined) return { code: 'no-next-update', source, words: 'it does not say until when it is valid' };
  if (nextUpdate.getTime() >= at - skew) return undefined;
  return { code: 'expired', source, words: `it was to be replaced at ${nextUpdate.toISOString()}` };
}
