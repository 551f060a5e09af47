/** The link for an object that is not there. */
import { nearest } from '../../base/nearest.js';
import { broken, type Link } from './link.js';

export interface Absent {
  /** In one word, as "Secret". */
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
  /** Names of the same kind in the same place; undefined when they may not be listed. */
  readonly known: readonly string[] | undefined;
  /** Namespaces in which one of this name is. */
  readonly elsewhere?: readonly string[];
  /** How it may have come to this. */
  readonly why?: string;
  readonly next?: string;
}

export function absentLink({ kind, name, namespace, known, elsewhere = [], why, next }: Absent): Link {
  const where = namespace === undefined ? '' : ` in the namespace "${namespace}"`;
  const near = known === undefined ? undefined : nearest(name, known);
  const others =
    elsewhere.length > 0
      ? `; one of this name is in ${elsewhere.map((one) => `"${one}"`).join(', ')}`
      : near !== undefined
        ? `; there is "${near}"`
        : known?.length === 0
          ? `; there is no ${kind} at all`
          : '';
  const message = `there is no ${kind} "${name}"${where}${others}${why === undefined ? '' : ` (${why})`}`;
  const [place] = elsewhere;
  const move = place === undefined ? undefined : `say where: -n ${place}; Pods and Ingresses only take what is in their own namespace`;
  return broken('object', message, move ?? (near === undefined ? next : `try "${near}"`));
}
