/** The dns-01 challenge (RFC 8555 §8.4) with one DNS provider. */
import type { Challenge, Solver } from '../acme/solver.js';
import { isTscertError, TscertError } from '../base/errors.js';
import type { Json } from '../base/json.js';
import type { Batch } from '../dns/batch.js';
import type { Propagation } from '../dns/propagation.js';
import type { TxtRecord, Zone } from '../dns/provider.js';
import type { Zones } from '../dns/zones.js';

/** Where exactly a value stands; kept in the journal, so that a later process can take it away. */
interface Note {
  readonly provider: string;
  readonly zone: Zone;
  readonly record: TxtRecord;
}

/** A solver that puts values where `zones` says, through the batch of its provider, and looks for them with `propagation`. */
export function createDns01Solver(options: { readonly batch: Batch; readonly zones: Zones; readonly propagation: Propagation }): Solver {
  const { batch, zones, propagation } = options;
  const places = new Map<string, { readonly name: string; readonly zone: Zone }>();

  const locate = async (challenge: Challenge, signal: AbortSignal): Promise<{ readonly name: string; readonly zone: Zone }> => {
    const asked = `_acme-challenge.${challenge.identifier.value}`;
    const place = places.get(asked) ?? (await zones.locate(asked, batch, signal));
    places.set(asked, place);
    return place;
  };

  return {
    type: 'dns-01',

    async present(challenge, { signal, remember }) {
      const seat = batch.expect('present');
      try {
        const { name, zone } = await locate(challenge, signal);
        const record: TxtRecord = { name, value: challenge.digest };
        const note: Note = { provider: batch.name, zone, record };
        await remember(challenge, toJson(note));
        const [added] = await seat.change(zone, { add: [record], remove: [] }, signal);
        if (added?.id !== undefined) await remember(challenge, toJson({ ...note, record: added }));
      } finally {
        seat.leave();
      }
    },

    async check(challenge, { signal }) {
      const { name, zone } = await locate(challenge, signal);
      try {
        await propagation.wait(
          {
            fqdn: name,
            value: challenge.digest,
            zone: zone.name,
            settled: batch.settled === undefined ? undefined : async (own) => batch.settled?.(zone, own),
            timeout: batch.propagationTimeout,
          },
          signal,
        );
      } catch (error) {
        if (batch.manual !== true || !isTscertError(error, 'propagation-timeout')) throw error;
        throw new TscertError('manual-pending', `Cannot go on with "${challenge.identifier.value}" yet: its TXT record is not there`, {
          data: { ...error.data, records: [{ name, value: challenge.digest }] },
          cause: error,
        });
      }
    },

    async cleanUp(challenge, note, { signal }) {
      if (note === undefined) return;
      const seat = batch.expect('clean-up');
      try {
        const { provider: owner, zone, record } = fromJson(note, challenge);
        if (owner !== batch.name) {
          throw new TscertError(
            'solver-missing',
            `Cannot remove the TXT value at "${record.name}": it was made with ${owner}, not ${batch.name}`,
            {
              data: { name: record.name, provider: owner },
            },
          );
        }
        await seat.change(zone, { add: [], remove: [record] }, signal);
      } finally {
        seat.leave();
      }
    },
  };
}

function toJson({ provider, zone, record }: Note): Json {
  return {
    provider,
    zone: { name: zone.name, id: zone.id },
    name: record.name,
    value: record.value,
    id: record.id,
  };
}

/** @throws {TscertError} `store-damaged` for a note that no dns-01 solver wrote */
function fromJson(note: Json, challenge: Challenge): Note {
  const { provider, zone, name, value, id } = asObject(note);
  const { name: zoneName, id: zoneId } = asObject(zone);
  if (typeof provider !== 'string' || typeof zoneName !== 'string' || typeof name !== 'string' || typeof value !== 'string') {
    throw new TscertError('store-damaged', `Cannot clean up after "${challenge.identifier.value}": the note in the journal is not whole`, {
      data: { identifier: challenge.identifier.value },
    });
  }
  return {
    provider,
    zone: { name: zoneName, ...(typeof zoneId === 'string' ? { id: zoneId } : {}) },
    record: { name, value, ...(typeof id === 'string' ? { id } : {}) },
  };
}

function asObject(value: Json | undefined): { readonly [key: string]: Json | undefined } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as { readonly [key: string]: Json | undefined })
    : {};
}
