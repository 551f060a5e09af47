/** Let's Encrypt's profiles. All times in milliseconds. */

export interface Profile {
  readonly description: string;
  readonly lifetime: number;
  readonly mostNames: number;
  readonly orderLifetime: number;
  readonly pendingLifetime: number;
  /** How long a valid authorization stays so. */
  readonly validLifetime: number;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const BRIEF = { mostNames: 25, orderLifetime: 8 * HOUR, pendingLifetime: HOUR, validLifetime: 7 * HOUR } as const;

export const PROFILES: Readonly<Record<string, Profile>> = {
  classic: {
    description: 'The profile of orders that name none',
    lifetime: 90 * DAY,
    mostNames: 100,
    orderLifetime: 7 * DAY,
    pendingLifetime: 7 * DAY,
    validLifetime: 30 * DAY,
  },
  tlsserver: { description: 'For servers', lifetime: 45 * DAY, ...BRIEF },
  shortlived: { description: 'For servers, and short', lifetime: 160 * HOUR, ...BRIEF },
};

/** Of orders that name none. */
export const DEFAULT_PROFILE = 'classic';
