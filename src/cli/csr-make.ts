/** Makes one CSR of a run: the key, the CSR, their files. */
import type { KeyObject } from 'node:crypto';
import path from 'node:path';
import { TscertError } from '../base/errors.js';
import { makeCsr } from '../flow/make-csr.js';
import { keyTypeOf, keyWords } from '../pki/key.js';
import type { Context } from './context.js';
import type { Job } from './csr-jobs.js';
import { writeFiles } from './files.js';
import { type KeyFlags, newKey, whileMaking } from './key-flags.js';

/** Where the parts of a CSR go; what has no file goes to standard output. */
export interface Places {
  readonly csrFile?: string;
  readonly keyFile?: string;
}

export interface Result extends Places {
  readonly title: string | undefined;
  /** tscert's word, or for kinds that it does not make people's. */
  readonly keyType: string;
  /** PEM. */
  readonly csr: string;
  /** PEM of a new key that is in no file. */
  readonly key?: string;
}

/** What is the same for all CSRs of a run. */
export interface Maker {
  readonly context: Context;
  readonly flags: KeyFlags & { readonly force?: boolean };
  readonly existing: KeyObject | undefined;
  readonly passphrase: string | undefined;
  /** @param title what the files may be named after */
  placesOf(title: string | undefined): Places;
}

export async function makeOne({ context, flags, existing, passphrase, placesOf }: Maker, job: Job): Promise<Result> {
  const { system, ui, signal } = context;
  signal.throwIfAborted();
  const { spec, title, warnings, keyType } = job.read();
  for (const warning of warnings) ui.warn(job.line === undefined ? warning : `${job.source}: ${warning}`);
  const { csrFile, keyFile } = placesOf(title);
  // A request of cfssl's gets its key as cfssl writes it.
  const source =
    existing === undefined ? newKey(flags, passphrase, { asked: keyType, encoding: job.isRequest ? 'pkcs1' : 'pkcs8' }) : { existing };
  const { csr, key, keyPem } = await whileMaking(context, 'type' in source ? source.type : undefined, makeCsr(spec, source));
  const keyGoes = keyPem === undefined || keyFile === undefined ? undefined : { file: keyFile, text: keyPem, secret: true };
  const csrGoes = csrFile === undefined ? undefined : { file: csrFile, text: csr.pem, secret: false };
  const outputs = [keyGoes, csrGoes].filter((output) => output !== undefined);
  if (outputs.length > 0) await writeFiles(system, outputs, flags.force === true);
  return {
    title,
    keyType: keyTypeOf(key) ?? keyWords(key),
    csr: csr.pem,
    ...(keyPem !== undefined && keyGoes === undefined ? { key: keyPem } : {}),
    ...(csrFile === undefined ? {} : { csrFile }),
    ...(keyGoes === undefined ? {} : { keyFile: keyGoes.file }),
  };
}

/** Names the files of each of many requests after its first host. */
export function placesIn(folder: string): (title: string | undefined) => Places {
  const taken = new Set<string>();
  return (title = '') => {
    const name = title
      .toLowerCase()
      .replace(/^\*\./, '_.')
      .replaceAll(/[^a-z0-9._@-]+/g, '_')
      .replace(/^\.+/, '_')
      .slice(0, 200);
    if (name === '') throw new TscertError('request-invalid', 'Cannot name the files of the request: it has neither hosts nor a CN');
    if (taken.has(name)) {
      throw new TscertError('request-invalid', `Cannot write "${name}.csr" twice: another request of this run has the same first host`);
    }
    taken.add(name);
    const file = path.join(folder, name);
    return { csrFile: `${file}.csr`, keyFile: `${file}-key.pem` };
  };
}
