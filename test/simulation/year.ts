/** Lives through a year: machines with certificates, a CA and its staging directory, DNS, and what goes wrong in between. */
import type { Random } from '../../src/base/clock.js';
import { isTscertError, messageOf } from '../../src/base/errors.js';
import { parseName } from '../../src/base/names.js';
import type { Outcome } from '../../src/flow/outcome.js';
import { readCertificate } from '../../src/pki/certificate.js';
import type { CertificateRequest } from '../../src/request/request.js';
import { type CertificateLedger, ledgerKey, type RenewalInfoRecord } from '../../src/store/ledger.js';
import type { Records } from '../../src/store/store.js';
import { immediately } from '../emulators/acme/certificates.js';
import { type AcmeEmulator, createAcmeEmulator, createNetwork } from '../emulators/acme/index.js';
import type { LedgerEntry } from '../emulators/acme/ledger.js';
import { createVirtualClock } from '../support/clock.js';
import { createSeeded } from '../support/seeded.js';
import { createSimulatedDns } from './dns.js';
import { type CaEvent, DAY, type Held, type History, type Pick, RHYTHM, type Run, type Wanted, type YearOptions } from './history.js';
import { createMachine, type Machine, preload } from './machine.js';
import { cutOf, PEACE, planTrouble, troublesOf } from './trouble.js';

const START = Date.UTC(2026, 10, 22);
const CA = 'https://ca.test';
const STAGING = 'https://staging.ca.test';
const PER_MACHINE = 25;
const PER_DOMAIN = 10;

export async function simulate(options: YearOptions): Promise<History> {
  const { seed, days, twist } = options;
  await preload();
  const random = createSeeded(seed);
  const clock = createVirtualClock(START);
  const end = START + days * DAY;
  const wanted = certificatesOf(options, random);
  const requests = new Map(wanted.map((one, at) => [one.name, requestFor(one, at, options)]));
  const plan = options.trouble ? planTrouble(random, { start: START, end, wanted }) : PEACE;
  const dns = createSimulatedDns(clock, [...new Set(wanted.map(({ name }) => domainOf(name)))], plan.dns);
  const ca = { clock, random, txt: dns.txt, roundTrip: 40, badNonces: 0.01, validationDelay: () => 1_500, issuanceDelay: () => 1_000 };
  const production = createAcmeEmulator({ ...ca, origin: CA });
  const staging = createAcmeEmulator({ ...ca, origin: STAGING });
  production.fail(...plan.ca);

  const runs: Run[] = [];
  const [stored, served]: [Held[], Held[]] = [[], []];
  const picks = new Map<string, Pick>();
  const moved = new Map<string, number>();
  const makeMachine = (machine: number): Machine => {
    const own = wanted.filter((one) => one.machine === machine);
    const address = `192.0.2.${machine + 1}`;
    return createMachine({
      ...{ clock, random, dns },
      http: createNetwork({ origin: CA, http: production.connect(address) }, { origin: STAGING, http: staging.connect(address) }),
      wanted: (now) => own.filter(({ from }) => from <= now).flatMap(({ name }) => requests.get(name) ?? []),
      deployFails: (name, now) => plan.deploy.some((one) => one.name === name && one.from <= now && now < one.to),
      onStored: (name, pem) => void stored.push(heldOf(name, pem, clock.now())),
      onServed: (name, pem) => void served.push(heldOf(name, pem, clock.now())),
      onRemembered: (name, { renewalInfo }) => notePick(picks, name, renewalInfo, clock.now()),
      ...(twist === undefined ? {} : { twist }),
    });
  };
  const machines = Array.from({ length: Math.max(...wanted.map(({ machine }) => machine)) + 1 }, (_, at) => makeMachine(at));

  /** The timer of one machine. */
  const live = async (machine: Machine, at: number): Promise<void> => {
    for (let next = START + Math.floor(random() * RHYTHM); next < end; next += RHYTHM) {
      await clock.sleep(next - clock.now());
      for (let turn = twist === 'hammering' ? 10 : 1; turn > 0; turn--) {
        const from = clock.now();
        const outcomes = await machine.renew(options.trouble ? cutOf(random) : undefined);
        runs.push(runOf(at, from, clock.now(), outcomes));
      }
    }
  };
  /** The CA wants certificates replaced. */
  const move = async ({ at, share }: { readonly at: number; readonly share: number }): Promise<void> => {
    await clock.sleep(at - clock.now());
    const current = new Map(stored.map(({ name, serial }) => [name, serial]));
    const serials = new Set([...current.values()].filter(() => random() < share));
    for (const certificate of certificatesIn(production)) {
      if (!serials.has(certificate.serial)) continue;
      production.move(certificate, immediately(clock.now(), `${CA}/incident`));
      moved.set(certificate.serial, clock.now());
    }
  };
  const lives = Promise.all([...machines.map(live), ...plan.moves.map(move)]);
  await clock.advance(end - START);
  await clock.until(lives);

  const journals = await Promise.all(machines.map(({ store }) => (store as Records).list('journal')));
  const failing = await Promise.all(
    wanted.map(async ({ machine, name }) => {
      const record = (await machines[machine]?.store.get('ledger', ledgerKey(name))) as CertificateLedger | undefined;
      return record?.failure === undefined ? [] : [name];
    }),
  );
  return {
    ...{ options, start: START, end, wanted, runs, stored, served, moved, troubles: troublesOf(plan), picks: [...picks.values()] },
    ca: eventsOf(production.ledger),
    staging: eventsOf(staging.ledger),
    leftInDns: dns.all(),
    mostInDns: dns.most(),
    leftInJournals: journals.flat(),
    failing: failing.flat(),
  };
}

/** The certificates in an order that chance gives them; they come into being one by one, as they do on real machines. */
function certificatesOf({ classic = 0, tlsserver = 0, shortlived = 0 }: YearOptions, random: Random): Wanted[] {
  const profiles = [
    ...Array.from({ length: classic }, () => ({ profile: 'classic', spread: 60 * DAY })),
    ...Array.from({ length: tlsserver }, () => ({ profile: 'tlsserver', spread: 30 * DAY })),
    ...Array.from({ length: shortlived }, () => ({ profile: 'shortlived', spread: 3 * DAY })),
  ];
  return profiles
    .map((one) => ({ ...one, order: random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ profile, spread }, at) => ({
      name: `n${at}.d${Math.floor(at / PER_DOMAIN)}.test`,
      profile,
      machine: Math.floor(at / PER_MACHINE),
      from: START + Math.floor(random() * spread),
    }));
}

function requestFor({ name, profile, machine }: Wanted, at: number, { twist }: YearOptions): CertificateRequest {
  const names = at % 7 === 0 ? [name, `*.${name}`] : at % 5 === 0 ? [name, `www.${name}`] : [name];
  return {
    name,
    spec: { names: names.map(parseName) },
    key: { type: 'ec256', reuse: at % 3 === 0 },
    issuer: {
      ...{ kind: 'acme', agreeTos: true, profile, email: `admin${machine}@example.com` },
      ...{ directory: `${CA}/directory`, staging: `${STAGING}/directory` },
    },
    solvers: [{ type: 'dns-01', provider: 'simulated' }],
    deploy: [],
    ...(twist === 'late' ? { renewBefore: { milliseconds: RHYTHM / 4 } } : {}),
  };
}

function domainOf(name: string): string {
  return name.split('.').slice(-2).join('.');
}

function certificatesIn({ ledger }: AcmeEmulator) {
  return ledger.flatMap((entry) => (entry.kind === 'issued' ? [entry.certificate] : []));
}

function heldOf(name: string, pem: string, at: number): Held {
  const { serialNumber, notBefore, notAfter } = readCertificate(pem);
  return { name, at, serial: serialNumber, notBefore: notBefore.getTime(), notAfter: notAfter.getTime() };
}

function runOf(machine: number, from: number, to: number, outcomes: readonly Outcome[] | 'cut'): Run {
  const all = outcomes === 'cut' ? [] : outcomes;
  const states: Record<string, number> = {};
  for (const { state } of all) states[state] = (states[state] ?? 0) + 1;
  const failures = all.flatMap((outcome) => {
    if (outcome.state !== 'failed') return [];
    const { name, error } = outcome;
    return [{ name, code: isTscertError(error) ? error.code : 'none', message: messageOf(error) }];
  });
  return { machine, from, to, isCut: outcomes === 'cut', states, failures };
}

/** Of each window that is remembered, what was drawn in it; a pick that is drawn again is another one. */
function notePick(picks: Map<string, Pick>, name: string, info: RenewalInfoRecord | undefined, at: number): void {
  if (info?.window === undefined || info.pick === undefined) return;
  const { certificate, window, pick } = info;
  const key = `${certificate} ${window.start} ${pick}`;
  if (picks.has(key)) return;
  picks.set(key, { name, at, certificate, start: Date.parse(window.start), end: Date.parse(window.end), pick: Date.parse(pick) });
}

function eventsOf(ledger: readonly LedgerEntry[]): CaEvent[] {
  return ledger.flatMap((entry): CaEvent[] => {
    const { at } = entry;
    switch (entry.kind) {
      case 'order':
        return entry.isReused ? [] : [{ at, kind: 'order', account: entry.account, names: entry.names, exempt: entry.exempt }];
      case 'validation':
        return entry.isValid ? [] : [{ at, kind: 'failure', account: entry.account, name: entry.name }];
      case 'given-back':
        return [{ at, kind: 'failure', account: entry.account, name: entry.name }];
      case 'issued': {
        const { serial, id, notBefore, notAfter } = entry.certificate;
        return [{ at, kind: 'issued', names: entry.names, serial, id, notBefore, notAfter, replaces: entry.replaces }];
      }
      case 'refused':
        return [{ at, kind: 'refused', path: entry.path, status: entry.status, type: entry.type, detail: entry.detail }];
      default:
        return [];
    }
  });
}
