/** A diagnosis as values: a chain of links, each of which holds or does not. */

/**
 * `broken` and `waiting` end the walk: somebody has to act, or it goes on by itself. `unknown` cannot be told, as for want of a right, and
 * is no fault. `not-reached` stands behind the end.
 */
export type LinkState = 'ok' | 'broken' | 'waiting' | 'unknown' | 'not-reached';

export interface Link {
  /** A stable word: `rights`, `object`, `approval`... */
  readonly link: string;
  readonly state: LinkState;
  /** What was seen, and why it is so: for people, without a full stop. Empty when not reached. */
  readonly message: string;
  /** What to do next, in the same form. */
  readonly next?: string;
}

/** A chain, and what it is a chain of. */
export interface Diagnosis {
  readonly subject: 'csr' | 'secret' | 'certificate';
  /** As it is known: `web`, `shop/web`. */
  readonly name: string;
  readonly links: readonly Link[];
}

export const ok = (link: string, message: string, next?: string): Link => make('ok', link, message, next);
export const broken = (link: string, message: string, next?: string): Link => make('broken', link, message, next);
export const waiting = (link: string, message: string, next?: string): Link => make('waiting', link, message, next);
export const unknown = (link: string, message: string, next?: string): Link => make('unknown', link, message, next);

function make(state: LinkState, link: string, message: string, next: string | undefined): Link {
  return { link, state, message, ...(next === undefined ? {} : { next }) };
}

/**
 * Walks to the first link that does not hold. Those of the chain behind it are there as not reached; links that the walk left out before do
 * not apply.
 * @param chain the words of all links, in their order
 */
export function walk(chain: readonly string[], links: Iterable<Link>): readonly Link[] {
  const seen: Link[] = [];
  for (const one of links) {
    seen.push(one);
    if (one.state !== 'broken' && one.state !== 'waiting') continue;
    const behind = chain.slice(chain.indexOf(one.link) + 1);
    return [...seen, ...behind.map((link) => make('not-reached', link, '', undefined))];
  }
  return seen;
}

/** The first broken link. */
export function brokenIn({ links }: Pick<Diagnosis, 'links'>): Link | undefined {
  return links.find(({ state }) => state === 'broken');
}

/** Words for a list: `"a", "b" and 3 more`. */
export function listed(names: readonly string[], most = 5): string {
  const shown = names.slice(0, most).map((name) => `"${name}"`);
  const more = names.length - shown.length;
  return `${shown.join(', ')}${more === 0 ? '' : ` and ${more} more`}`;
}
