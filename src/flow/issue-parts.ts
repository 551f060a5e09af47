/** What the line of a certificate is given, and what it is about. */
import type { Clock, Random } from '../base/clock.js';
import type { Issuer } from '../issuer/issuer.js';
import type { KubernetesClient } from '../kubernetes/client.js';
import type { CertificateRequest } from '../request/request.js';
import type { RevocationCheckRecord } from '../store/ledger.js';
import type { Store, Stored } from '../store/store.js';
import type { AskForAdvice } from './advice.js';
import type { Deployer } from './deploy.js';
import { keepGiven } from './given.js';
import { leftAlone } from './glance.js';
import type { RunHooks } from './hooks.js';
import type { Brought } from './material.js';
import type { LineContext } from './run.js';
import type { Found } from './stored.js';

/** What a line needs beside its request. */
export interface IssueParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  issuerFor(request: CertificateRequest): Promise<Issuer>;
  readonly deployer: Pick<Deployer, 'deploy' | 'isDone'>;
  readonly hooks: Pick<RunHooks, 'before'>;
  /** Issue even when a good certificate is stored. */
  readonly force: boolean;
  /** Throw the result away. */
  readonly dryRun: boolean;
  /**
   * A timer asks: what failed is tried again when the ledger says so, and with the CA's staging directory first. Otherwise a person
   * does, who waits only where the CA itself said so.
   */
  readonly patient: boolean;
  /** The API server of a context; absent where no cluster is to be asked. */
  readonly clusters?: (context?: string) => Promise<KubernetesClient>;
  /** Asks a CA for its advice; absent where nobody is to be asked. */
  readonly advise?: AskForAdvice;
  /** Brings the staple of a certificate that was just stored, and gives what is to be remembered of it; absent where nobody wants one. */
  readonly staple?: (wanted: CertificateRequest, stored: Stored, line: LineContext) => Promise<RevocationCheckRecord | undefined>;
  /** Certificates of which something is under way; where it is given, a certificate with nothing to do is left alone without its lock. */
  readonly underWay?: ReadonlySet<string> | undefined;
  /** When the timer asks again, as far as is known: milliseconds since the epoch. */
  readonly nextLook?: number;
  /** The request as it stands now, under the lock of its certificate: another run may have changed it in the meantime. */
  readonly refresh?: (request: CertificateRequest) => Promise<CertificateRequest>;
}

/** What a line is about. */
export interface Subject {
  readonly wanted: CertificateRequest;
  readonly brought: Brought;
  readonly fingerprint: string;
  readonly found: Found | undefined;
}

/** When the stored certificate ends, in milliseconds since the epoch, where one that can be read is stored. */
export function endOf(found: Found | undefined): number | undefined {
  return found?.state === 'whole' ? found.certificate?.notAfter.getTime() : undefined;
}

/** Nothing is to be done for a good certificate. */
export function leaveAlone(name: string, { emit, member }: LineContext): void {
  emit(leftAlone(name));
  member.done('present');
  member.done('clean-up');
}

/** Keeps how the certificate was asked for, for `renew`, which has just read it. */
export async function keep({ name, given }: CertificateRequest, { store, refresh }: IssueParts): Promise<void> {
  if (given !== undefined && refresh === undefined) await keepGiven(name, given, store);
}
