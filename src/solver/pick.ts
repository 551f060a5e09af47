/** Which of the configured solvers proves a name. */
import type { ChallengeType, SolverPicker } from '../acme/solver.js';
import { isWithin } from '../base/names.js';

/** A solver, for names of `zone` only where it has one (A-labels, lower case). */
export interface PickerEntry<Solver extends { readonly type: ChallengeType }> {
  readonly solver: Solver;
  readonly zone?: string | undefined;
}

/**
 * The solver with the longest zone that holds the name, then the first in the list; wildcards by dns-01 alone
 * (RFC 8555 §7.1.3), addresses by anything but dns-01 (RFC 8738 §7), and only by what the authorization offers.
 */
export function createPicker<Solver extends { readonly type: ChallengeType }>(
  entries: readonly PickerEntry<Solver>[],
): (...asked: Parameters<SolverPicker>) => Solver | undefined {
  return (identifier, wildcard, offered) => {
    const fits = ({ solver: { type }, zone }: PickerEntry<Solver>): boolean =>
      offered.includes(type) &&
      (!wildcard || type === 'dns-01') &&
      (identifier.type === 'dns' || type !== 'dns-01') &&
      (zone === undefined || (identifier.type === 'dns' && isWithin(identifier.value, zone)));
    return entries.filter(fits).reduce<PickerEntry<Solver> | undefined>((best, entry) => {
      return best === undefined || labels(entry.zone) > labels(best.zone) ? entry : best;
    }, undefined)?.solver;
  };
}

function labels(zone: string | undefined): number {
  return zone === undefined ? 0 : zone.split('.').length;
}
