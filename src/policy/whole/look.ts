/**
 * The strict view of a request in a CertificateSigningRequest: what it asks for, and whether that is all that is in it. The API server and the
 * usual tools show what Go's reader keeps; what they drop (a second block, a directory name, the other common name) is what attacks are made of.
 */
import { messageOf } from '../../base/errors.js';
import { type CsrContent, readCsr } from '../../pki/csr.js';
import { readDer } from '../../pki/der-reader.js';
import { type CsrDescription, describeCsr } from '../../pki/describe.js';
import { openEnvelope } from './envelope.js';
import { extensionFaults } from './extensions.js';
import type { Fault } from './fault.js';
import { keyFaults } from './key.js';
import { nameFaults } from './names.js';
import { type Parts, partsOf } from './parts.js';
import { subjectFaults } from './subject.js';

/** What was seen. Only where `isWhole` is true may anybody act on `csr`. */
export interface Look {
  readonly isWhole: boolean;
  /** Why it is not; empty when it is. */
  readonly faults: readonly Fault[];
  /** What can be shown of it, even of a faulty one; undefined when nothing can be read. */
  readonly csr: CsrContent | undefined;
  readonly description: CsrDescription | undefined;
  readonly der: Buffer | undefined;
}

/** Looks at `spec.request`, the PEM text as octets. Never throws. */
export function lookAt(request: Uint8Array): Look {
  const { der, faults } = openEnvelope(request);
  const found = [...faults, ...(der === undefined ? [] : contentFaults(der))];
  const csr = der === undefined ? undefined : readable(der);
  if (csr === undefined && found.length === 0) found.push({ check: 'unreadable', message: 'It cannot be read' });
  return {
    isWhole: found.length === 0,
    faults: found,
    csr,
    description: csr === undefined ? undefined : describeCsr(csr),
    der,
  };
}

function contentFaults(der: Buffer): Fault[] {
  let parts: Parts;
  try {
    parts = partsOf(readDer(der));
  } catch (error) {
    return [{ check: 'der', message: `It is not in DER: ${reasonOf(error)}` }];
  }
  const faults = [
    ...attempt(() => subjectFaults(parts.subject)),
    ...attempt(() => extensionFaults(parts)),
    ...attempt(() => nameFaults(parts.extensions)),
  ];
  try {
    const csr = readCsr(der);
    return [...faults, ...attempt(() => keyFaults(csr, parts.publicKey, parts.algorithm))];
  } catch (error) {
    return faults.length > 0 ? faults : [{ check: 'unreadable', message: `It cannot be read: ${reasonOf(error)}` }];
  }
}

function attempt(check: () => Fault[]): Fault[] {
  try {
    return check();
  } catch (error) {
    return [{ check: 'der', message: `It is not in DER: ${reasonOf(error)}` }];
  }
}

function reasonOf(error: unknown): string {
  return messageOf(error).replace(/^Cannot read [^:]*: /, '');
}

function readable(der: Buffer): CsrContent | undefined {
  try {
    return readCsr(der);
  } catch {
    return undefined;
  }
}
