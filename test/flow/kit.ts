/** A store, an authority that keeps its order in the journal, and a clock that moves when told: what the tests of the line share. */
import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import type { Event } from '../../src/base/events.js';
import { createGathering } from '../../src/base/gathering.js';
import { parseName } from '../../src/base/names.js';
import { issueCertificate } from '../../src/flow/issue.js';
import type { IssueParts } from '../../src/flow/issue-parts.js';
import type { LineResult } from '../../src/flow/run.js';
import type { IssueContext, Issuer } from '../../src/issuer/issuer.js';
import { createCertificate } from '../../src/pki/certificate.js';
import { readCsr } from '../../src/pki/csr.js';
import { publicKeyEquals } from '../../src/pki/key.js';
import { readPrivateKey } from '../../src/pki/key-reader.js';
import { distinguishedNameOf } from '../../src/pki/subject.js';
import type { CertificateRequest } from '../../src/request/request.js';
import { openJournal } from '../../src/store/journal.js';
import { createMemoryStore } from '../../src/store/memory.js';
import { createVirtualClock } from '../support/clock.js';

export const DAY = 86_400_000;
const never = new AbortController().signal;
const caKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const order = { url: 'https://ca.test/order/1', account: 'https://ca.test/acct/1' };

export function request(names: readonly string[] = ['a.test'], changes: Partial<CertificateRequest> = {}): CertificateRequest {
  return {
    name: 'www',
    spec: { names: names.map(parseName) },
    key: { type: 'ec256', reuse: false },
    issuer: { kind: 'acme', directory: 'https://ca.test/directory', agreeTos: true },
    solvers: [],
    deploy: [],
    ...changes,
  };
}

/** A store, an authority that keeps its order in the journal, and what both have seen. */
export function createWorld() {
  const clock = createVirtualClock();
  const store = createMemoryStore({ clock });
  const log: string[] = [];
  const events: Event[] = [];
  /** What the authority does with a CSR whose key and order are in the journal. */
  let act: (key: KeyObject, context: IssueContext, wanted: CertificateRequest) => KeyObject | 'pending' | 'dies' = (key) => key;
  const issuer: Issuer = {
    key: 'acme:https://ca.test/directory',
    async preflight() {
      log.push('preflight');
    },
    async sign(csr, wanted, context) {
      const { publicKey } = readCsr(csr.der);
      const journal = await openJournal(context.store, wanted.name);
      const kept = await journal.privateKey();
      assert.ok(kept !== undefined && publicKeyEquals(readPrivateKey(kept), publicKey), 'the key is in the journal before it is certified');
      log.push(journal.order === undefined ? 'new order' : 'known order');
      await journal.setOrder(order);
      const does = act(publicKey, context, wanted);
      if (does === 'dies') throw new Error('killed');
      if (does === 'pending') return { state: 'pending', reason: 'not yet' };
      const now = clock.now();
      const spec = { ...wanted.spec, serialNumber: randomBytes(16), notBefore: new Date(now - 60_000), notAfter: new Date(now + 90 * DAY) };
      return { state: 'issued', chain: createCertificate(spec, does, { name: distinguishedNameOf('Test CA', undefined), key: caKey }).pem };
    },
    async abandon(name, context) {
      log.push('abandon');
      await (await openJournal(context.store, name)).close();
    },
  };
  const run = (wanted = request(), flags: Partial<IssueParts> = {}): Promise<LineResult> => {
    const member = createGathering().join();
    const deployer = { deploy: async () => void log.push('deploy'), isDone: async () => true };
    const parts: IssueParts = {
      store,
      clock,
      random: () => 0.5,
      issuerFor: async () => issuer,
      deployer,
      hooks: { before: async () => undefined },
      force: false,
      dryRun: false,
      patient: false,
      ...flags,
    };
    return issueCertificate(wanted, parts, { emit: (event) => void events.push(event), member, signal: never });
  };
  return {
    ...{ clock, store, log, events, run },
    behave(next: typeof act) {
      act = next;
    },
    /** What was planned last. */
    planned: () => events.filter((event) => event.type === 'planned').at(-1),
    journaledKey: async () => (await openJournal(store, 'www')).privateKey(),
  };
}
