/**
 * What happens after a certificate was stored: a hook, and a look at what is served. The state of both is kept, so that what failed is
 * tried again by the next run, without a new certificate.
 */
import { createHash, X509Certificate } from 'node:crypto';
import path from 'node:path';
import { inStage } from '../acme/stage.js';
import type { Clock } from '../base/clock.js';
import { messageOf, TscertError } from '../base/errors.js';
import type { Json } from '../base/json.js';
import { type Environment, pickEnvironment, runProgram } from '../host/program.js';
import { handshake } from '../net/tls.js';
import type { CertificateRequest } from '../request/request.js';
import type { Records, Stored } from '../store/store.js';
import type { Kept } from './outcome.js';
import type { LineContext } from './run.js';

export interface Deployer {
  /**
   * Does what the request wants done with this certificate, unless it is done already.
   * @throws {TscertError} `hook-failed` when the hook fails or the certificate is not served; the certificate itself is good
   */
  deploy(wanted: CertificateRequest, kept: Kept, line: LineContext): Promise<void>;
  /** Whether nothing is left to do for this certificate. */
  isDone(wanted: CertificateRequest, stored: Stored): Promise<boolean>;
}

export interface DeployerOptions {
  readonly records: Records;
  readonly clock: Clock;
  /** Of this process; hooks see a listed part of it. */
  readonly environment: Environment;
}

/** Milliseconds: how long a hook may run, how long a server may take to serve the new certificate, and between two looks at it. */
const HOOK_LIMIT = 10 * 60_000;
const PROBE_LIMIT = 30_000;
const PROBE_INTERVAL = 500;

export function createDeployer({ records, clock, environment }: DeployerOptions): Deployer {
  const runHook = async (hook: string, wanted: CertificateRequest, kept: Kept, { emit, signal }: LineContext): Promise<void> => {
    const env = { ...pickEnvironment(environment, () => false), ...hookVariables(wanted, kept) };
    const what = `Cannot deploy "${wanted.name}" by its hook "${hook}"`;
    const output = await runProgram(
      { file: '/bin/sh', args: ['-c', hook], env, timeout: HOOK_LIMIT, secrets: [], failure: 'hook-failed', what },
      clock,
      signal,
    );
    if (output !== '') emit({ type: 'note', message: `the deploy hook says: ${output}` });
  };

  const look = async (target: string, stored: Stored, signal: AbortSignal): Promise<string | undefined> => {
    try {
      const { chain } = await handshake(target, { timeout: PROBE_LIMIT, signal });
      const [leaf] = chain;
      if (leaf?.equals(new X509Certificate(stored.certificate).raw)) return undefined;
      return leaf === undefined ? 'it serves no certificate' : `it serves the certificate ${new X509Certificate(leaf).serialNumber}`;
    } catch (error) {
      signal.throwIfAborted();
      return messageOf(error);
    }
  };

  const probe = async (target: string, { name, stored }: { name: string; stored: Stored }, { signal }: LineContext): Promise<void> => {
    const end = clock.now() + PROBE_LIMIT;
    for (;;) {
      const reason = await look(target, stored, signal);
      if (reason === undefined) return;
      if (clock.now() >= end) {
        throw new TscertError('hook-failed', `Cannot see the new certificate of "${name}" at "${target}": ${reason}`, {
          data: { name, target, reason },
        });
      }
      await clock.sleep(PROBE_INTERVAL, signal);
    }
  };

  return {
    async isDone(wanted, stored) {
      const { name, deployHook, probe: target } = wanted;
      if (deployHook === undefined && target === undefined) return true;
      return isSame(await records.get('ledger', `deploy:${name}`), stateOf(wanted, stored));
    },
    async deploy(wanted, kept, line) {
      const { name, deployHook, probe: target } = wanted;
      if (deployHook === undefined && target === undefined) return;
      const key = `deploy:${name}`;
      const done = stateOf(wanted, kept.stored);
      if (isSame(await records.get('ledger', key), done)) return;
      await inStage('deploy', { ...line, clock }, async () => {
        if (deployHook !== undefined) await runHook(deployHook, wanted, kept, line);
        if (target !== undefined) await probe(target, { name, stored: kept.stored }, line);
        await records.put('ledger', key, done);
      });
    },
  };
}

/** certbot's two variables, and ours. */
function hookVariables({ name, spec }: CertificateRequest, { stored, notAfter }: Kept): Record<string, string> {
  const { locations } = stored;
  const domains = spec.names.map(({ value }) => value).join(' ');
  return {
    RENEWED_LINEAGE: path.dirname(locations.fullchain),
    RENEWED_DOMAINS: domains,
    TSCERT_NAME: name,
    TSCERT_DOMAINS: domains,
    TSCERT_CERT: locations.certificate,
    TSCERT_CHAIN: locations.chain,
    TSCERT_FULLCHAIN: locations.fullchain,
    ...(stored.privateKey === undefined ? {} : { TSCERT_KEY: locations.privateKey }),
    TSCERT_NOT_AFTER: new Date(notAfter).toISOString(),
  };
}

interface DeployState {
  readonly version: 1;
  /** SHA-256 of the leaf's PEM, and of what was done with it; a hook's text may hold what is nobody's business. */
  readonly certificate: string;
  readonly targets: string;
}

function stateOf({ deployHook, probe }: CertificateRequest, { certificate }: Stored): DeployState & Json {
  return { version: 1, certificate: digest(certificate), targets: digest(JSON.stringify([deployHook ?? null, probe ?? null])) };
}

function isSame(stored: Json | undefined, done: DeployState): boolean {
  if (typeof stored !== 'object' || stored === null || !('certificate' in stored)) return false;
  return stored.certificate === done.certificate && stored.targets === done.targets;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
