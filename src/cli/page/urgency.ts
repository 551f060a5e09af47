/** What a person must look at first. */
import type { CertificateOverview, CertificateState } from '../../flow/overview.js';

/** How a state is to be taken: something is wrong, something is to be done by the next run, or nothing. */
export type Mood = 'bad' | 'due' | 'good';

interface Meaning {
  readonly mood: Mood;
  /** The most urgent first. */
  readonly rank: number;
  /** In a word or two. */
  readonly word: string;
}

export const MEANINGS: Readonly<Record<CertificateState, Meaning>> = {
  expired: { mood: 'bad', rank: 0, word: 'expired' },
  missing: { mood: 'bad', rank: 1, word: 'missing' },
  damaged: { mood: 'bad', rank: 2, word: 'damaged' },
  failing: { mood: 'bad', rank: 3, word: 'failing' },
  'deploy-failed': { mood: 'bad', rank: 4, word: 'deploy failed' },
  due: { mood: 'due', rank: 5, word: 'due' },
  waiting: { mood: 'due', rank: 6, word: 'waiting' },
  ready: { mood: 'good', rank: 7, word: 'ready' },
};

/** The most urgent first: by state, then by what comes first, then by name. */
export function byUrgency(overviews: readonly CertificateOverview[]): CertificateOverview[] {
  const key = (overview: CertificateOverview): readonly [number, number, string] => {
    const { state, certificate, renewal, name } = overview;
    const { rank, mood } = MEANINGS[state];
    const at = mood === 'good' ? renewal?.at : certificate?.notAfter;
    return [rank, at ?? Number.NEGATIVE_INFINITY, name];
  };
  return overviews
    .map((overview) => ({ overview, key: key(overview) }))
    .sort((a, b) => a.key[0] - b.key[0] || compare(a.key[1], b.key[1]) || compare(a.key[2], b.key[2]))
    .map(({ overview }) => overview);
}

function compare<Value extends number | string>(a: Value, b: Value): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
