/** Names as AliDNS wants them: its domains in U-labels, its records relative to them. */
import { domainToUnicode } from 'node:url';
import { TscertError } from '../../../base/errors.js';
import { isWithin } from '../../../base/names.js';
import type { Zone } from '../../provider.js';

/** The domain as AliDNS names it: as listed, or in U-labels (RFC 5890) when the zone comes from elsewhere. */
export function domainNameOf(zone: Zone): string {
  return zone.id ?? domainToUnicode(zone.name);
}

/**
 * The record's name relative to the zone, in A-labels; `@` at the apex.
 * @throws {TscertError} `internal` when the name does not lie in the zone
 */
export function relativeName(name: string, zone: Zone): string {
  if (name === zone.name) return '@';
  if (!isWithin(name, zone.name)) {
    throw new TscertError('internal', `Cannot put "${name}" into the zone "${zone.name}": it lies outside`, {
      data: { name, zone: zone.name },
    });
  }
  return name.slice(0, -zone.name.length - 1).toLowerCase();
}
