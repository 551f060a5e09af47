/** What the ACME tests share: a run of the tool's own parts against a real Pebble, with a solver that talks to challtestsrv. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import type { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { type AccountOptions, createAccount, type Eab } from '../../src/acme/account.js';
import { createScheduler, type Scheduler } from '../../src/acme/scheduler.js';
import { createSession, type Session } from '../../src/acme/session.js';
import type { Challenge, Solver, SolverPicker } from '../../src/acme/solver.js';
import type { Clock } from '../../src/base/clock.js';
import { isTscertError } from '../../src/base/errors.js';
import type { Event } from '../../src/base/events.js';
import { createGathering, type Gathering } from '../../src/base/gathering.js';
import { parseName } from '../../src/base/names.js';
import { createAcmeIssuer } from '../../src/issuer/acme.js';
import type { IssueContext, Issuer } from '../../src/issuer/issuer.js';
import { createHttp, type Http } from '../../src/net/http.js';
import type { Csr } from '../../src/pki/csr.js';
import type { AcmeRequest, CertificateRequest } from '../../src/request/request.js';
import { createMemoryStore } from '../../src/store/memory.js';
import type { Store } from '../../src/store/store.js';
import { realClock } from '../support/clock.js';
import type { ChallengeServer, Pebble } from '../support/pebble.js';

const run = promisify(execFile);

/** The machine's clock, on which waits are shorter by this factor. */
function fastClock(speed: number): Clock {
  return { now: () => Date.now(), sleep: (ms, signal) => realClock.sleep(Math.min(ms / speed, 2 ** 31 - 1), signal) };
}

/** TXT values that stand, and every call, in order. */
export interface TestSolver extends Solver {
  readonly calls: string[];
  readonly standing: Set<string>;
  /** Most challenges that were presented and not withdrawn at once. */
  peak(): number;
}

/** dns-01 through challtestsrv: one value is added and removed beside others, as a DNS service would. */
export function createTestSolver(
  server: Pick<ChallengeServer, 'addTxt' | 'clearTxt'>,
  hooks: Partial<Pick<Solver, 'check' | 'present'>> = {},
): TestSolver {
  const calls: string[] = [];
  const standing = new Set<string>();
  const values = new Map<string, Set<string>>();
  let peak = 0;
  let turn = Promise.resolve();
  /** One at a time. What stands is never taken away for a moment: the CA may be looking. */
  const inTurn = (work: (all: Set<string>) => Promise<void>, name: string): Promise<void> => {
    const all = values.get(name) ?? new Set();
    values.set(name, all);
    turn = turn.then(() => work(all));
    return turn;
  };
  const nameOf = ({ identifier }: Challenge): string => `_acme-challenge.${identifier.value}`;
  return {
    type: 'dns-01',
    calls,
    standing,
    peak: () => peak,
    async present(challenge, context) {
      calls.push(`present ${challenge.wildcard ? '*.' : ''}${challenge.identifier.value}`);
      await hooks.present?.(challenge, context);
      await context.remember(challenge, { name: nameOf(challenge), value: challenge.digest });
      await inTurn(async (all) => {
        if (all.has(challenge.digest)) return;
        all.add(challenge.digest);
        await server.addTxt(nameOf(challenge), challenge.digest);
      }, nameOf(challenge));
      standing.add(`${nameOf(challenge)} ${challenge.digest}`);
      peak = Math.max(peak, standing.size);
    },
    async check(challenge, context) {
      await hooks.check?.(challenge, context);
    },
    async cleanUp(challenge, note, { signal }) {
      signal.throwIfAborted();
      calls.push(`clean up ${challenge.wildcard ? '*.' : ''}${challenge.identifier.value}`);
      if (note === undefined) return;
      await inTurn(async (all) => {
        if (all.delete(challenge.digest) && all.size === 0) await server.clearTxt(nameOf(challenge));
      }, nameOf(challenge));
      standing.delete(`${nameOf(challenge)} ${challenge.digest}`);
    },
  };
}

export interface RunOptions {
  readonly directory: string;
  /** Without it, only servers within the process can be asked. */
  readonly caBundle?: string;
  /** Instead of HTTPS over sockets. */
  readonly http?: Http;
  readonly store?: Store;
  readonly picker: SolverPicker;
  readonly eab?: Eab;
  readonly email?: string;
  readonly agreeTos?: boolean;
  readonly limit?: number;
  /** Makes the waits of back-offs shorter by this factor. */
  readonly speed?: number;
  readonly replaces?: string;
  readonly validationLimit?: number;
}

/** One run of the tool: its own connections, session and scheduler over a store that may be older. */
export interface Run {
  readonly http: Http;
  readonly store: Store;
  readonly session: Session;
  readonly account: ReturnType<typeof createAccount>;
  readonly scheduler: Scheduler;
  readonly issuer: Issuer;
  readonly events: Event[];
  readonly gathering: Gathering;
  /** A context for one line; its member is expected until it is done. */
  line(signal?: AbortSignal): IssueContext;
  close(): Promise<void>;
}

export async function startRun(options: RunOptions): Promise<Run> {
  const clock = fastClock(options.speed ?? 1);
  const store = options.store ?? createMemoryStore({ clock });
  const roots = options.caBundle === undefined ? [] : [await readFile(options.caBundle, 'utf8')];
  const http = options.http ?? createHttp({ clock, roots, proxy: {}, userAgent: 'tscert/test' });
  const session = createSession({ http, clock, random: () => 0.5, records: store, directory: options.directory });
  const accountOptions: AccountOptions = {
    session,
    records: store,
    email: options.email ?? 'test@example.com',
    agreeTos: options.agreeTos ?? true,
    ...(options.eab === undefined ? {} : { eab: options.eab }),
  };
  const account = createAccount(accountOptions);
  const scheduler = createScheduler({
    claim: (key, patience) => store.lock(key, patience),
    ...(options.limit === undefined ? {} : { limit: options.limit }),
  });
  const { replaces } = options;
  const issuer = createAcmeIssuer({
    session,
    account,
    hasEab: options.eab !== undefined,
    scheduler,
    picker: options.picker,
    clock,
    ...(options.validationLimit === undefined ? {} : { validationLimit: options.validationLimit }),
  });
  const events: Event[] = [];
  const gathering = createGathering();
  return {
    http,
    store,
    session,
    account,
    scheduler,
    issuer,
    events,
    gathering,
    line: (signal = new AbortController().signal) => ({
      ...{ signal, store, emit: (event) => events.push(event), member: gathering.join() },
      ...(replaces === undefined ? {} : { replaces }),
    }),
    close: () => http.close(),
  };
}

/** A request for these names, the first of which is its name. */
export function wantedFor(
  pebble: Pick<Pebble, 'directory'>,
  names: readonly string[],
  issuer: Partial<AcmeRequest> = {},
): CertificateRequest {
  const [first = ''] = names;
  return {
    name: first.replace(/^\*/, '_'),
    spec: { names: names.map(parseName) },
    key: { type: 'ec256', reuse: false },
    issuer: { kind: 'acme', directory: pebble.directory, agreeTos: true, ...issuer },
    solvers: [],
    deploy: [],
  };
}

/** A CSR for these names, made by OpenSSL, and its key. */
export async function makeCsr(names: readonly string[]): Promise<Csr & { readonly privateKey: string }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'tscert-csr-'));
  const at = (name: string): string => path.join(folder, name);
  try {
    const san = names.map((name) => (parseName(name).type === 'ip' ? `IP:${name}` : `DNS:${name}`)).join(',');
    const config = `[req]\ndistinguished_name=dn\nreq_extensions=ext\nprompt=no\n[dn]\n[ext]\nsubjectAltName=${san}\n`;
    await writeFile(at('config'), config);
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', at('key.pem')];
    await run('openssl', ['req', '-new', ...key, '-subj', '/', '-config', at('config'), '-out', at('csr.pem')]);
    await run('openssl', ['req', '-in', at('csr.pem'), '-outform', 'DER', '-out', at('csr.der')]);
    return {
      pem: await readFile(at('csr.pem'), 'utf8'),
      der: await readFile(at('csr.der')),
      privateKey: await readFile(at('key.pem'), 'utf8'),
    } as Csr & { readonly privateKey: string };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** `openssl verify` of a chain against a root: its output, `leaf.pem: OK` when all is well. */
export async function verifyChain(chain: string, root: string): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'tscert-verify-'));
  const at = (name: string): string => path.join(folder, name);
  try {
    await writeFile(at('leaf.pem'), chain);
    await writeFile(at('chain.pem'), chain.slice(chain.indexOf('-----END CERTIFICATE-----') + 25));
    await writeFile(at('root.pem'), root);
    const { stdout } = await run('openssl', ['verify', '-CAfile', at('root.pem'), '-untrusted', at('chain.pem'), at('leaf.pem')]);
    return stdout.trim().split('/').at(-1) ?? '';
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** http-01 through challtestsrv. */
export function createHttpSolver(server: ChallengeServer): Solver {
  return {
    type: 'http-01',
    present: ({ token, keyAuthorization }) => server.post('add-http01', { token, content: keyAuthorization }),
    cleanUp: ({ token }) => server.post('del-http01', { token }),
  };
}

/** Issues as a flow does: sign, then withdraw and forget the journal. Gives the chain. */
export async function issue(run: Run, names: readonly string[], more: Partial<AcmeRequest> = {}): Promise<string> {
  const wanted = wantedFor({ directory: run.session.url }, names, more);
  const line = run.line();
  const csr = await makeCsr(names);
  await run.issuer.preflight(wanted, line.signal);
  const result = await run.issuer.sign(csr, wanted, line);
  await run.issuer.abandon(wanted.name, line);
  assert.equal(result.state, 'issued');
  return result.state === 'issued' ? result.chain : '';
}

/** For assert.rejects: a TscertError of this code. */
export function code(expected: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(isTscertError(error), String(error));
    assert.equal(error.code, expected, error.message);
    return true;
  };
}

/** The certificate id of RFC 9773 §4.1, put together by OpenSSL's words. */
export async function ariId({ raw, serialNumber }: X509Certificate): Promise<string> {
  const child = run('openssl', ['x509', '-inform', 'DER', '-noout', '-ext', 'authorityKeyIdentifier'], { encoding: 'utf8' });
  child.child.stdin?.end(raw);
  const { stdout } = await child;
  const keyId = /(?:[0-9A-F]{2}:){10,}[0-9A-F]{2}/.exec(stdout)?.[0] ?? '';
  const serial = Buffer.from(serialNumber, 'hex');
  const positive = (serial[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), serial]) : serial;
  return `${Buffer.from(keyId.replaceAll(':', ''), 'hex').toString('base64url')}.${positive.toString('base64url')}`;
}
