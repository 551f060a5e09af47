/** Certificates to look at: of every state, or very many. */
import type { CertificateOverview, CertificateState } from '../../../src/flow/overview.js';
import { emptyLedger, type FailureRecord } from '../../../src/store/ledger.js';

export const DAY = 86_400_000;
export const NOW = Date.parse('2026-11-25T04:30:00Z');

export interface Sample {
  readonly name: string;
  readonly state?: CertificateState;
  /** Days. */
  readonly lifetime?: number;
  /** Days since it was issued. */
  readonly age?: number;
  readonly names?: readonly string[];
  /** Days after it was issued. */
  readonly window?: readonly [number, number];
  readonly more?: Partial<CertificateOverview>;
}

/** A certificate as the readers give it. */
export function overviewOf({
  name,
  state = 'ready',
  lifetime = 90,
  age = 20,
  names = [name],
  window,
  more = {},
}: Sample): CertificateOverview {
  const notBefore = NOW - age * DAY;
  const notAfter = notBefore + lifetime * DAY;
  const [start, end] = (window ?? []).map((days) => notBefore + days * DAY);
  const isAri = start !== undefined && end !== undefined;
  return {
    name,
    state,
    certificate: {
      names: names.map((value) => ({ type: 'dns', value })),
      serialNumber: '03a1f5',
      fingerprint: 'ab'.repeat(32),
      notBefore,
      notAfter,
      keyType: 'ec256',
      signedBy: 'R11',
      generation: '0007',
      fullchain: `/etc/tscert/live/${name}/fullchain.pem`,
    },
    issuer: { kind: 'acme', name: 'https://acme-v02.api.letsencrypt.org/directory' },
    renewal: isAri
      ? { at: start + (end - start) / 3, by: 'ari', window: { start, end } }
      : { at: notAfter - (lifetime * DAY) / 3, by: 'lifetime' },
    ledger: { ...emptyLedger(), counts: { issued: 7, failed: 0 } },
    targets: [],
    ...more,
  };
}

export function failureOf(more: Partial<FailureRecord> = {}): FailureRecord {
  return {
    count: 3,
    since: new Date(NOW - 0.5 * DAY).toISOString(),
    at: new Date(NOW - 0.1 * DAY).toISOString(),
    nextAt: new Date(NOW + 0.9 * DAY).toISOString(),
    kind: 'validation',
    code: 'order-invalid',
    request: 'cd'.repeat(32),
    message: 'Cannot prove "shop.example.com" (dns-01): the CA says "No TXT record found at _acme-challenge.shop.example.com"',
    ...more,
  };
}

const target = (title: string, state: 'done' | 'failed' = 'done', message?: string) => ({
  id: title,
  title,
  state,
  certificate: 'ab'.repeat(32),
  at: new Date(NOW - DAY).toISOString(),
  ...(message === undefined ? {} : { message }),
});

/** The three of a small machine: one that is well, one that is due, one that fails. */
export const THREE: readonly CertificateOverview[] = [
  overviewOf({
    name: 'www.example.com',
    names: ['www.example.com', 'example.com', '*.example.com'],
    window: [58, 60],
    more: { targets: [target('nginx'), target('probe www.example.com:443')] },
  }),
  overviewOf({
    name: 'api.example.com',
    state: 'due',
    lifetime: 6.67,
    age: 4.5,
    window: [3.2, 5],
    more: { due: { reason: 'Renewing', message: 'The CA advises to renew it between 2026-11-23 and 2026-11-25' } },
  }),
  overviewOf({
    name: 'shop.example.com',
    state: 'failing',
    age: 66,
    more: {
      due: { reason: 'Renewing', message: 'It was to be renewed' },
      ledger: { ...emptyLedger(), failure: failureOf(), counts: { issued: 4, failed: 3 } },
    },
  }),
];

/** One of every state, and names that no page may break on. */
export const ALL: readonly CertificateOverview[] = [
  ...THREE,
  overviewOf({ name: 'old.example.com', state: 'expired', age: 97 }),
  {
    name: 'new.example.com',
    state: 'missing',
    ledger: emptyLedger(),
    targets: [],
    due: { reason: 'DoesNotExist', message: 'No certificate is stored' },
  },
  { name: 'broken.example.com', state: 'damaged', ledger: emptyLedger(), targets: [], trouble: 'Cannot read "cert.pem": it is empty' },
  overviewOf({
    name: 'mail.example.org',
    state: 'deploy-failed',
    lifetime: 398,
    age: 12,
    more: {
      targets: [
        target('files /etc/postfix/mail.pem'),
        target('hook', 'failed', 'Cannot deploy "mail.example.org" by its hook: exit code 1'),
      ],
    },
  }),
  overviewOf({
    name: 'busy.example.net',
    state: 'waiting',
    age: 61,
    more: {
      ledger: {
        ...emptyLedger(),
        failure: failureOf({
          count: 1,
          kind: 'rate-limited',
          code: 'rate-limited',
          message: 'Cannot order: too many new orders recently',
          unpauseUrl: 'https://ca.example/unpause',
        }),
      },
    },
  }),
  overviewOf({ name: 'ahead.example.com', age: -2 }),
  overviewOf({
    name: `<img src=x onerror=alert(1)>"'&amp;\u202egnp.exe`,
    names: [`${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.example.com`, '</table><script>alert(2)</script>.example.com'],
    more: {
      renewal: {
        at: NOW + 30 * DAY,
        by: 'ari',
        window: { start: NOW + 29 * DAY, end: NOW + 31 * DAY },
        explanationUrl: 'javascript:alert(3)',
      },
    },
  }),
];

/** Many, of three lifetimes and ages, with every tenth in trouble. */
export function many(count: number): CertificateOverview[] {
  return Array.from({ length: count }, (_, at) => {
    const lifetime = [90, 45, 6.67][at % 3] ?? 90;
    const states: Readonly<Record<number, CertificateState>> = { 7: 'failing', 17: 'due', 27: 'deploy-failed' };
    const state = states[at % 30] ?? 'ready';
    const share = state === 'ready' ? ((at * 37) % 64) / 100 : 0.72;
    return overviewOf({
      name: `host-${String(at).padStart(4, '0')}.customer-${at % 17}.example.com`,
      state,
      lifetime,
      age: lifetime * share,
      ...(at % 2 === 0 ? { window: [lifetime * 0.64, lifetime * 0.67] as const } : {}),
      more: {
        ...(state === 'failing' ? { ledger: { ...emptyLedger(), failure: failureOf() } } : {}),
        targets:
          at % 4 === 0
            ? [target('nginx'), ...(state === 'deploy-failed' ? [target('hook', 'failed', 'it ended with exit code 1')] : [])]
            : [],
      },
    });
  });
}
