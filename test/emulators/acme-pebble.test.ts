/** One story told to a real Pebble and to the emulator: the issuer meets the same in both. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { isTscertError } from '../../src/base/errors.js';
import { openJournal } from '../../src/store/journal.js';
import { ariId, createTestSolver, issue, makeCsr, type Run, type RunOptions, startRun, verifyChain, wantedFor } from '../acme/kit.js';
import { realClock } from '../support/clock.js';
import { type ChallengeServer, type Pebble, startChallengeServer, startPebble, whyNoPebble } from '../support/pebble.js';
import { createAcmeEmulator } from './acme/index.js';

interface World {
  readonly directory: string;
  readonly dns: Pick<ChallengeServer, 'addTxt' | 'clearTxt'>;
  readonly run: Pick<RunOptions, 'caBundle' | 'http'>;
  root(): Promise<string>;
}

const signal = AbortSignal.timeout(60_000);

/** Everything that happens and is told, in words that are the same for every server. */
async function story({ directory, dns, run: transport, root }: World): Promise<string[]> {
  const told: string[] = [];
  const start = (more: Partial<RunOptions> = {}): Promise<Run> =>
    startRun({ directory, picker: () => createTestSolver(dns), speed: 50, ...transport, ...more });
  const namesOf = (chain: string): string => (new X509Certificate(chain).subjectAltName ?? '').split(', ').sort().join(' ');
  /** What an attempt came to. */
  const attempt = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    try {
      told.push(`${what}: ${await work()}`);
    } catch (error) {
      if (!isTscertError(error)) throw error;
      const failures = (error.data.failures ?? []) as { identifier: string; type: string; problem: { type: string } }[];
      // Pebble writes a failed validation into its order too; Boulder, and so the emulator, into the challenge alone.
      const problem = failures.length > 0 ? '' : ((error.data.problem as { type?: string } | undefined)?.type ?? '');
      told.push(
        `${what}: ${[error.code, problem, ...failures.map((one) => `${one.identifier} ${one.type} ${one.problem.type}`)].join(' ')}`,
      );
    }
  };
  const eventsOf = ({ events }: Run): string =>
    events
      .flatMap((event) => (event.type === 'challenge' ? [event.state] : event.type === 'stage' ? [`${event.stage} ${event.state}`] : []))
      .filter((word) => !word.startsWith('clean-up'))
      .join(', ');

  const run = await start();
  let first = '';
  await attempt('a new name', async () => {
    first = await issue(run, ['one.example']);
    return `${namesOf(first)}, ${await verifyChain(first, await root())}, ${eventsOf(run)}`;
  });
  await attempt('a wildcard and its apex', async () => namesOf(await issue(run, ['*.two.example', 'two.example'])));
  await attempt('a profile', async () => {
    const certificate = new X509Certificate(await issue(run, ['three.example'], { profile: 'shortlived' }));
    return (Date.parse(certificate.validTo) + 1_000 - Date.parse(certificate.validFrom)) / 3_600_000;
  });
  await attempt('a profile that is not there', () =>
    run.issuer.preflight(wantedFor({ directory }, ['a.example'], { profile: 'x' }), signal),
  );

  const wrong = await start({ store: run.store, picker: () => ({ ...createTestSolver(dns), present: async () => undefined }) });
  await attempt('a name without its record', () => issue(wrong, ['four.example']));
  await attempt('a CSR for other names', async () =>
    run.issuer.sign(await makeCsr(['five.example']), wantedFor({ directory }, ['five.example', 'more.example']), run.line()),
  );

  const stop = new AbortController();
  const stopping = await start({
    store: run.store,
    picker: () => createTestSolver(dns, { check: async () => stop.abort(new Error('stop')) }),
  });
  const wanted = wantedFor({ directory }, ['six.example']);
  const csr = await makeCsr(['six.example']);
  await assert.rejects(stopping.issuer.sign(csr, wanted, stopping.line(stop.signal)), /stop/);
  const order = (await openJournal(run.store, wanted.name)).order?.url;
  await attempt('an order that was left standing', async () => {
    const { state } = await run.issuer.sign(csr, wanted, run.line());
    return `${state}, the same order: ${(await openJournal(run.store, wanted.name)).order?.url === order}`;
  });

  const replaces = await ariId(new X509Certificate(first));
  const replacing = await start({ store: run.store, replaces });
  for (const what of ['a replacement', 'another replacement of the same']) {
    await attempt(what, async () => namesOf(await issue(replacing, ['one.example'])));
  }
  const stranger = await start({
    store: run.store,
    email: 'other@example.com',
    replaces: await ariId(new X509Certificate(await issue(run, ['seven.example']))),
  });
  await attempt('a replacement of what is somebody else’s', async () => namesOf(await issue(stranger, ['seven.example'])));

  await attempt('the account with another key', async () => (await run.account.rollover(signal)).status);
  await attempt('a name by the new key', async () => namesOf(await issue(run, ['eight.example'])));
  await attempt('the end of the account', async () => (await run.account.deactivate(signal)).status);
  for (const one of [run, wrong, stopping, replacing, stranger]) await one.close();
  return told;
}

describe('the emulator beside Pebble', { skip: await whyNoPebble() }, () => {
  let server: ChallengeServer;
  let pebble: Pebble;
  before(async () => {
    server = await startChallengeServer();
    pebble = await startPebble({
      dnsServer: server.dns,
      nonceReject: 10,
      retryAfter: { authz: 1, order: 1 },
      profiles: {
        classic: { description: 'usual', validityPeriod: 7_776_000 },
        shortlived: { description: 'short', validityPeriod: 576_000 },
      },
    });
  });
  after(async () => {
    await pebble?.stop();
    await server?.stop();
  });

  test('the issuer meets the same in both', async () => {
    const real = await story({ ...pebble, dns: server, run: { caBundle: pebble.caBundle }, root: () => pebble.root() });
    const zone = new Map<string, string[]>();
    const emulator = createAcmeEmulator({
      clock: realClock,
      random: Math.random,
      txt: (name) => zone.get(name) ?? [],
      badNonces: 0.1,
      validationDelay: () => 5,
      issuanceDelay: () => 5,
    });
    const emulated = await story({
      directory: emulator.directory,
      dns: {
        addTxt: async (name, value) => void zone.set(name, [...(zone.get(name) ?? []), value]),
        clearTxt: async (name) => void zone.delete(name),
      },
      run: { http: emulator.connect() },
      root: async () => emulator.root,
    });
    assert.deepEqual(emulated, real);
    assert.equal(real.length, 13);
  });
});
