/** What a run of `csr` is to make: one CSR of the flags, or one a request. */
import { isTscertError, TscertError } from '../base/errors.js';
import { type CfsslRequest, readCfsslRequest } from '../request/cfssl.js';
import { splitRequests } from '../request/cfssl-lines.js';
import type { CertificateSpec } from '../request/request.js';
import { readTextFile } from './files.js';
import type { System } from './system.js';

/** One CSR that is wanted. */
export interface Job {
  /** How to name it in errors. */
  readonly source: string;
  /** Of a request that was a line of JSON lines. */
  readonly line?: number;
  /** True for a cfssl request. */
  readonly isRequest: boolean;
  /** @throws {TscertError} when the request cannot be used */
  read(): Pick<CfsslRequest, 'spec' | 'title' | 'warnings'> & Partial<Pick<CfsslRequest, 'keyType'>>;
}

/**
 * The CSR that the flags alone ask for.
 * @throws {TscertError} `usage` when they name nothing
 */
export function jobOfFlags(flags: Partial<CertificateSpec>): Job {
  const spec = { names: [], ...flags };
  if (spec.names.length === 0 && spec.commonName === undefined && spec.subject === undefined) {
    throw new TscertError('usage', 'Cannot make a CSR that names nothing: give -d NAME, --cn, --subject or a request file');
  }
  return {
    source: 'the command line',
    isRequest: false,
    read: () => ({ spec, title: spec.names[0]?.value ?? spec.commonName, warnings: [] }),
  };
}

/**
 * The CSRs that request files ask for; what the flags say stands over each of them. Of several files one may be missing: its job fails.
 * @throws {TscertError} `file-unreadable` for a file that is alone, `usage`
 */
export async function jobsOfFiles(system: System, files: readonly string[], flags: Partial<CertificateSpec>): Promise<Job[]> {
  const jobs: Job[] = [];
  for (const file of files) {
    const source = file === '-' ? 'standard input' : `"${file}"`;
    try {
      jobs.push(...jobsOfText(await readTextFile(system, file), source, flags));
    } catch (error) {
      if (files.length === 1 || !isTscertError(error, 'file-unreadable')) throw error;
      jobs.push({ source, isRequest: true, read: () => raise(error) });
    }
  }
  return jobs;
}

/**
 * The CSRs that a text asks for: a cfssl request, or JSON lines of them.
 * @throws {TscertError} `request-invalid`
 */
export function jobsOfText(text: string, source: string, flags: Partial<CertificateSpec>): Job[] {
  return splitRequests(text, source).map((one) => ({
    source: one.source,
    ...(one.line === undefined ? {} : { line: one.line }),
    isRequest: true,
    read() {
      const request = readCfsslRequest(one.text, one.source);
      const spec = { ...request.spec, ...flags };
      if (spec.names.length === 0 && spec.commonName === undefined && spec.subject === undefined) {
        throw new TscertError(
          'request-invalid',
          `Cannot use the request of ${one.source}: it names nothing, neither hosts nor CN nor names`,
        );
      }
      return { ...request, spec, title: flags.names?.[0]?.value ?? request.title };
    },
  }));
}

function raise(error: unknown): never {
  throw error;
}
