/**
 * The self check: a TXT value counts as visible when every authoritative server of its zone has it, twice in a row. Names of all
 * certificates of a run are looked at side by side, and two values at one name share their questions.
 */
import { isIPv6 } from 'node:net';
import type { Clock } from '../base/clock.js';
import { formatDuration } from '../base/duration.js';
import { isTscertError, messageOf, TscertError } from '../base/errors.js';
import type { Emit, ServerAnswer } from '../base/events.js';
import type { DnsClient, DnsFailure } from '../net/dns.js';
import { formatServer } from '../net/dns-address.js';
import type { Resolver } from '../net/resolver.js';
import type { DnsOptions } from '../request/request.js';
import { createNameservers, type Nameserver } from './nameservers.js';
import { describe, isClean, judge, type Look, type Verdict } from './verdict.js';

/** Milliseconds between two rounds: at first, and at last. */
const FIRST_INTERVAL = 250;
const LONGEST_INTERVAL = 10_000;
const GROWTH = 1.6;
const CLEAN_ROUNDS = 2;

export interface Wanted {
  /** Where the value stands, after aliases. */
  readonly fqdn: string;
  readonly value: string;
  readonly zone: string;
  /** The provider's own word that the change is on all its servers. It has to come too, but a failure other than a denial is only told. */
  readonly settled?: ((signal: AbortSignal) => Promise<void>) | undefined;
  /** The deadline is at least this long. Milliseconds. */
  readonly timeout?: number | undefined;
}

export interface Propagation {
  /**
   * Resolves when the value is visible.
   * @throws {TscertError} `propagation-timeout` with {@link ServerAnswer}s of the last round in `data.diagnosis`; `provider-denied` from `settled`
   */
  wait(wanted: Wanted, signal: AbortSignal): Promise<void>;
  /**
   * Looks once: true when the value is at every server.
   * @throws {TscertError} `dns-failed` when there is no server to ask
   */
  sees(wanted: Pick<Wanted, 'fqdn' | 'value' | 'zone'>, signal: AbortSignal): Promise<boolean>;
}

interface Waiter {
  readonly value: string;
  clean: number;
  verdicts: readonly Verdict[];
  /** Why no server could be asked in the last round. */
  obstacle: string | undefined;
  seen: () => void;
  fail: (error: unknown) => void;
}

interface Watch {
  readonly fqdn: string;
  readonly zone: string;
  readonly waiters: Set<Waiter>;
  readonly stop: AbortController;
  /** Ends the pause between two rounds. */
  wake: AbortController;
  round: number;
  told: string;
}

/**
 * The self check of one run.
 * @param options `port` is where authoritative servers listen: 53 but in tests
 */
export function createPropagation(options: {
  readonly dnsOptions: DnsOptions;
  readonly resolver: Resolver;
  readonly client: DnsClient;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly port?: number;
}): Propagation {
  const { dnsOptions, resolver, client, clock, emit, port = 53 } = options;
  const authoritative = dnsOptions.check === 'authoritative';
  const nameserversOf = createNameservers({ resolver, given: dnsOptions.nameservers, port });
  const watches = new Map<string, Watch>();
  /** A host whose IPv6 leads nowhere is not made to wait in every round: while only IPv4 has answered, silent ones are not asked again. */
  const silentIpv6 = new Set<string>();
  let heardIpv4 = false;
  let heardIpv6 = false;

  const look = async (nameserver: Nameserver, fqdn: string, signal: AbortSignal): Promise<Look> => {
    const { host } = nameserver.address;
    if (silentIpv6.has(host) && heardIpv4 && !heardIpv6) return { nameserver, failure: 'timed out' };
    try {
      const answer = await client.ask(nameserver.address, { name: fqdn, type: 'TXT', recursion: !authoritative }, signal);
      if (isIPv6(host)) heardIpv6 = true;
      else heardIpv4 = true;
      return { nameserver, answer };
    } catch (error) {
      if (!isTscertError(error, 'dns-failed')) throw error;
      const failure = (error.data.failure ?? 'connection failed') as DnsFailure;
      if (isIPv6(host) && failure === 'timed out') silentIpv6.add(host);
      return { nameserver, failure };
    }
  };

  const lookAround = async (fqdn: string, zone: string, signal: AbortSignal): Promise<Look[]> => {
    const servers = authoritative
      ? await nameserversOf(fqdn, zone, signal)
      : resolver.servers.map((address) => ({ host: formatServer(address), address }));
    return Promise.all(servers.map((server) => look(server, fqdn, signal)));
  };

  /** One look at all servers; `rested` says that the pause since the last one was a whole one. */
  const round = async (watch: Watch, rested: boolean): Promise<void> => {
    const waiters = [...watch.waiters];
    watch.round++;
    let looks: Look[];
    try {
      looks = await lookAround(watch.fqdn, watch.zone, watch.stop.signal);
    } catch (error) {
      if (!isTscertError(error)) throw error;
      for (const waiter of waiters) {
        waiter.clean = 0;
        waiter.obstacle = typeof error.data.reason === 'string' ? error.data.reason : messageOf(error);
      }
      const obstacle = `nobody can be asked for "${watch.fqdn}" yet: ${waiters[0]?.obstacle ?? messageOf(error)}`;
      if (obstacle !== watch.told) emit({ type: 'note', message: obstacle });
      watch.told = obstacle;
      return;
    }
    for (const waiter of waiters) {
      waiter.obstacle = undefined;
      waiter.verdicts = judge(looks, { fqdn: watch.fqdn, value: waiter.value }, { authoritative, heardIpv6 });
      waiter.clean = isClean(waiter.verdicts) ? (rested ? waiter.clean + 1 : Math.max(1, waiter.clean)) : 0;
    }
    tell(watch, waiters);
    for (const waiter of waiters) if (waiter.clean >= CLEAN_ROUNDS && watch.waiters.delete(waiter)) waiter.seen();
    retire(watch);
  };

  /** Ends the look-out for a name for which nobody waits any more. */
  const retire = (watch: Watch): void => {
    if (watch.waiters.size > 0) return;
    if (watches.get(keyOf(watch)) === watch) watches.delete(keyOf(watch));
    watch.stop.abort();
  };

  /** One event a round for all values of the name, when something is new. */
  const tell = (watch: Watch, waiters: readonly Waiter[]): void => {
    const worst = waiters.find((waiter) => !isClean(waiter.verdicts)) ?? waiters[0];
    const servers = (worst?.verdicts ?? []).map(toServerAnswer);
    const told = JSON.stringify(servers);
    if (told === watch.told) return;
    watch.told = told;
    emit({ type: 'propagation', fqdn: watch.fqdn, zone: watch.zone, round: watch.round, servers });
  };

  const run = async (watch: Watch): Promise<void> => {
    let interval = FIRST_INTERVAL;
    let rested = true;
    // Values of one name that are brought in one go share the first round.
    await Promise.resolve();
    while (watch.waiters.size > 0) {
      watch.wake = new AbortController();
      const either = AbortSignal.any([watch.wake.signal, watch.stop.signal]);
      await round(watch, rested);
      if (watch.waiters.size === 0) return;
      const confirming = [...watch.waiters].some((waiter) => waiter.clean > 0);
      rested = await clock.sleep(confirming ? FIRST_INTERVAL : interval, either).then(
        () => true,
        () => false,
      );
      if (!rested) interval = FIRST_INTERVAL;
      else if (!confirming) interval = Math.min(LONGEST_INTERVAL, interval * GROWTH);
    }
  };

  const join = (wanted: Wanted, waiter: Waiter): Watch => {
    const existing = watches.get(keyOf(wanted));
    if (existing !== undefined) {
      existing.waiters.add(waiter);
      existing.wake.abort();
      return existing;
    }
    const watch: Watch = {
      fqdn: wanted.fqdn,
      zone: wanted.zone,
      waiters: new Set([waiter]),
      stop: new AbortController(),
      wake: new AbortController(),
      round: 0,
      told: '',
    };
    watches.set(keyOf(watch), watch);
    run(watch).catch((error) => {
      if (watches.get(keyOf(watch)) === watch) watches.delete(keyOf(watch));
      for (const other of watch.waiters) other.fail(error);
    });
    return watch;
  };

  const hint = async ({ settled, fqdn }: Wanted, signal: AbortSignal): Promise<void> => {
    try {
      await settled?.(signal);
    } catch (error) {
      signal.throwIfAborted();
      if (isTscertError(error, 'provider-denied')) throw error;
      emit({ type: 'warning', message: `the provider cannot say whether "${fqdn}" is on all its servers: ${messageOf(error)}` });
    }
  };

  return {
    async sees(wanted, signal) {
      const looks = await lookAround(wanted.fqdn, wanted.zone, signal);
      return isClean(judge(looks, wanted, { authoritative, heardIpv6 }));
    },

    async wait(wanted, signal) {
      signal.throwIfAborted();
      if (dnsOptions.check === 'none') return;
      const timeout = Math.max(dnsOptions.timeout, wanted.timeout ?? 0);
      const end = new AbortController();
      const own = AbortSignal.any([signal, end.signal]);
      let visible = false;
      const waiter: Waiter = {
        value: wanted.value,
        clean: 0,
        verdicts: [],
        obstacle: undefined,
        seen: () => undefined,
        fail: () => undefined,
      };
      const seen = new Promise<void>((resolve, reject) => {
        waiter.seen = resolve;
        waiter.fail = reject;
      }).then(() => {
        visible = true;
      });
      const settled = hint(wanted, own);
      const deadline = clock.sleep(timeout, own).then(() => {
        throw timedOut(wanted, waiter, visible, timeout);
      });
      const watch = join(wanted, waiter);
      try {
        await Promise.race([Promise.all([seen, settled]), deadline]);
      } finally {
        end.abort();
        watch.waiters.delete(waiter);
        retire(watch);
      }
    },
  };
}

function timedOut(wanted: Wanted, waiter: Waiter, visible: boolean, timeout: number): TscertError {
  const { fqdn, value, zone } = wanted;
  const diagnosis = waiter.verdicts.map(toServerAnswer);
  const why = visible
    ? 'all name servers have it, but the provider does not say that the change is done'
    : (waiter.obstacle ?? (diagnosis.length === 0 ? 'no name server has answered yet' : describe(waiter.verdicts)));
  return new TscertError('propagation-timeout', `Cannot see the TXT value at "${fqdn}" within ${formatDuration(timeout)}: ${why}`, {
    data: { fqdn, zone, value, diagnosis, reason: why },
  });
}

const keyOf = ({ fqdn, zone }: { readonly fqdn: string; readonly zone: string }): string => `${fqdn} ${zone}`;

function toServerAnswer({ server, address, holds, answer }: Verdict): ServerAnswer {
  return { server, address, holds, answer };
}
