/** The rate limits of Let's Encrypt: what orders, failures and certificates spend (Boulder's ratelimits/transaction.go), and its words. */
import type { Clock, Random } from '../../../src/base/clock.js';
import { createBuckets, type Limit } from './buckets.js';
import { AcmeProblem } from './problem.js';

const HOUR = 3_600_000;
const evenly = (count: number, period: number): Limit => ({ burst: count, count, period });

export const LETS_ENCRYPT = {
  accountsPerAddress: evenly(10, 3 * HOUR),
  ordersPerAccount: evenly(300, 3 * HOUR),
  certificatesPerDomain: evenly(50, 168 * HOUR),
  certificatesPerSet: evenly(5, 168 * HOUR),
  failuresPerName: evenly(5, HOUR),
  /** Failures in a row until the name is paused; one a day is forgiven. */
  failuresUntilPause: { burst: 1_152, count: 1, period: 24 * HOUR },
} as const satisfies Readonly<Record<string, Limit>>;

export type Limits = Readonly<Record<keyof typeof LETS_ENCRYPT, Limit>>;

export interface Limiter {
  /** Spends one order of an account, and looks whether certificates for these names could be issued. */
  order(account: number, names: readonly string[], isRenewal: boolean): void;
  /** Spends one new account of an address. */
  account(address: string): void;
  /** A certificate was issued. */
  issued(names: readonly string[], isRenewal: boolean): void;
  /** A validation failed, or its authorization was given back. True when the name is to be paused. */
  failed(account: number, name: string): boolean;
  /** A validation went well: failures in a row begin anew. */
  validated(account: number, name: string): void;
}

/** One bucket of those that are looked at together, and what is said when it is empty. */
interface Stake {
  readonly limit: Limit;
  readonly key: string;
  readonly words: string;
  /** In the documentation of the limits. */
  readonly anchor: string;
}

/** @param registeredDomain of a name, as the public suffix list has it */
export function createLimiter(
  limits: Limits,
  options: { readonly clock: Clock; readonly random: Random; readonly registeredDomain: (name: string) => string },
): Limiter {
  const { clock, random, registeredDomain } = options;
  const buckets = createBuckets(clock);
  const domainsOf = (names: readonly string[]): string[] => [...new Set(names.map(registeredDomain))];

  /** Refuses by the bucket that is empty for longest. */
  const check = (stakes: readonly Stake[]): void => {
    const waits = stakes.map((stake) => ({ ...stake, wait: buckets.wait(stake.limit, stake.key) })).sort((a, b) => b.wait - a.wait);
    const [worst] = waits;
    if (worst === undefined || worst.wait === 0) return;
    const milliseconds = worst.wait * (1 + 0.03 * random());
    const retryAt = new Date(clock.now() + milliseconds).toISOString().replace('T', ' ').replace(/\..*/, ' UTC');
    const period = `${worst.limit.period / HOUR}h0m0s`;
    const see = `see https://letsencrypt.org/docs/rate-limits/#${worst.anchor}`;
    const seconds = Math.round(milliseconds / 1_000);
    const detail = `${worst.words} in the last ${period}, retry after ${retryAt}: ${see}`;
    throw new AcmeProblem(429, 'rateLimited', detail, seconds > 0 ? { retryAfter: seconds } : {});
  };

  const ordersOf = (account: number): Stake => ({
    limit: limits.ordersPerAccount,
    key: `orders ${account}`,
    words: `too many new orders (${limits.ordersPerAccount.burst}) from this account`,
    anchor: 'new-orders-per-account',
  });
  const failuresOf = (account: number, name: string): Stake => ({
    limit: limits.failuresPerName,
    key: `failures ${account} ${name}`,
    words: `too many failed authorizations (${limits.failuresPerName.burst}) for "${name}"`,
    anchor: 'authorization-failures-per-identifier-per-account',
  });
  const domainOf = (domain: string): Stake => ({
    limit: limits.certificatesPerDomain,
    key: `domain ${domain}`,
    words: `too many certificates (${limits.certificatesPerDomain.burst}) already issued for "${domain}"`,
    anchor: 'new-certificates-per-registered-domain',
  });
  const setOf = (names: readonly string[]): Stake => ({
    limit: limits.certificatesPerSet,
    key: `set ${setKey(names)}`,
    words: `too many certificates (${limits.certificatesPerSet.burst}) already issued for this exact set of identifiers`,
    anchor: 'new-certificates-per-exact-set-of-identifiers',
  });
  const spend = ({ limit, key }: Pick<Stake, 'limit' | 'key'>): boolean => buckets.spend(limit, key);

  return {
    order(account, names, isRenewal) {
      const failures = names.map((name) => failuresOf(account, name));
      const others = isRenewal ? [] : [ordersOf(account), ...domainsOf(names).map(domainOf)];
      check([...failures, ...others, setOf(names)]);
      if (!isRenewal) spend(ordersOf(account));
    },
    account(address) {
      const limit = limits.accountsPerAddress;
      const words = `too many new registrations (${limit.burst}) from this IP address`;
      const stake = { limit, key: `accounts ${address}`, words, anchor: 'new-registrations-per-ip-address' };
      check([stake]);
      spend(stake);
    },
    issued(names, isRenewal) {
      if (!isRenewal) for (const domain of domainsOf(names)) spend(domainOf(domain));
      spend(setOf(names));
    },
    failed(account, name) {
      spend(failuresOf(account, name));
      return !spend({ limit: limits.failuresUntilPause, key: `pause ${account} ${name}` });
    },
    validated: (account, name) => buckets.fill(`pause ${account} ${name}`),
  };
}

/** Limits that nobody meets. */
export const LIMITLESS: Limiter = {
  order: () => undefined,
  account: () => undefined,
  issued: () => undefined,
  failed: () => false,
  validated: () => undefined,
};

/** The same text for the same names, however they are written and ordered. */
export function setKey(names: readonly string[]): string {
  return [...new Set(names.map((name) => name.toLowerCase()))].sort().join(' ');
}
