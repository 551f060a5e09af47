/** What `csr submit` sends: a CSR that is there, or one that is made of a cfssl request or of flags, with a key that is kept first. */
import { TscertError } from '../../base/errors.js';
import { makeCsr } from '../../flow/make-csr.js';
import { type CsrContent, readCsr } from '../../pki/csr.js';
import { commonNameOf } from '../../pki/subject.js';
import { specOfFlags } from '../../request/csr-flags.js';
import type { CertificateSpec } from '../../request/request.js';
import type { Context } from '../context.js';
import { type Job, jobOfFlags, jobsOfText } from '../csr-jobs.js';
import { type CsrRunFlags, readKey } from '../csr-run.js';
import { type OutputFile, readBytes, writeFiles } from '../files.js';
import { newKey, readPassphrase, whileMaking } from '../key-flags.js';

export interface SubmitSource {
  readonly csr: CsrContent;
  /** What it is for, where it says so. */
  readonly title: string | undefined;
  readonly csrFile?: string;
  readonly keyFile?: string;
  /** Writes key and CSR; before it is called nothing of them lies anywhere. */
  keep(): Promise<void>;
}

/**
 * Reads or makes the CSR. Usages are no part of it: a cluster has them in the object.
 * @param request a file, or `-`
 * @throws {TscertError} `usage` when a new key would have no place, or flags would change a finished CSR; what reading and making throw
 */
export async function sourceOf(context: Context, request: string | undefined, flags: CsrRunFlags): Promise<SubmitSource> {
  const { usage: _, ...naming } = flags;
  const asked = specOfFlags(naming);
  const bytes = request === undefined ? undefined : await readBytes(context.system, request);
  const finished = bytes === undefined ? undefined : finishedCsr(bytes);
  if (finished === undefined) return makeSource(context, jobFor(bytes, request ?? '', asked), flags);
  if (Object.keys(asked).length > 0 || [flags.key, flags.keyType, flags.keyOut].some((flag) => flag !== undefined)) {
    throw new TscertError('usage', 'Cannot change a CSR that is finished: names, subject and keys are part of it', {
      data: { help: 'tscert csr submit --help' },
    });
  }
  const csr = readCsr(finished);
  return { csr, title: titleOf(csr), keep: async () => undefined };
}

/** PEM, DER, or the output of `cfssl genkey` and `tscert csr`: `undefined` for a request that asks for a CSR to be made. */
function finishedCsr(bytes: Buffer): string | Uint8Array | undefined {
  if (bytes[0] === 0x30) return bytes;
  const text = bytes.toString('utf8').replace(/^\ufeff/, '');
  if (!text.trimStart().startsWith('{')) return text;
  try {
    const value: unknown = JSON.parse(text);
    const { csr, certificate_request: older } = (typeof value === 'object' && value !== null ? value : {}) as Readonly<
      Record<string, unknown>
    >;
    return [csr, older].find((pem) => typeof pem === 'string');
  } catch {
    return undefined;
  }
}

function jobFor(bytes: Buffer | undefined, request: string, asked: Partial<CertificateSpec>): Job {
  if (bytes === undefined) return jobOfFlags(asked);
  const source = request === '-' ? 'standard input' : `"${request}"`;
  const [job, more] = jobsOfText(bytes.toString('utf8').replace(/^\ufeff/, ''), source, asked);
  if (job !== undefined && more === undefined) return job;
  throw new TscertError('usage', `Cannot submit ${source}: it must hold one request`);
}

async function makeSource(context: Context, job: Job, flags: CsrRunFlags): Promise<SubmitSource> {
  const { system, ui } = context;
  const keyFile = flags.key === undefined ? (flags.keyOut ?? (flags.bare === undefined ? undefined : `${flags.bare}-key.pem`)) : undefined;
  const csrFile = flags.bare === undefined ? undefined : `${flags.bare}.csr`;
  if (flags.key === undefined && keyFile === undefined) {
    throw new TscertError(
      'usage',
      'Cannot make a key that nobody keeps: use --key-out FILE or --bare NAME, or --key FILE for an existing one',
    );
  }
  const passphrase = await readPassphrase(system, flags.passphraseFile);
  const { spec, title, warnings, keyType } = job.read();
  for (const warning of warnings) ui.warn(warning);
  const source =
    flags.key === undefined
      ? newKey(flags, passphrase, { asked: keyType, encoding: job.isRequest ? 'pkcs1' : 'pkcs8' })
      : { existing: await readKey(system, flags.key, passphrase) };
  const made = await whileMaking(context, 'type' in source ? source.type : undefined, makeCsr({ ...spec, usages: [] }, source));
  const csr = readCsr(made.csr.der);
  const outputs: OutputFile[] = [
    ...(keyFile === undefined || made.keyPem === undefined ? [] : [{ file: keyFile, text: made.keyPem, secret: true }]),
    ...(csrFile === undefined ? [] : [{ file: csrFile, text: made.csr.pem, secret: false }]),
  ];
  return {
    csr,
    title: title ?? titleOf(csr),
    ...(csrFile === undefined ? {} : { csrFile }),
    ...(keyFile === undefined ? {} : { keyFile }),
    keep: () => writeFiles(system, outputs, flags.force === true),
  };
}

function titleOf({ subject, extensions }: CsrContent): string | undefined {
  return commonNameOf(subject) ?? extensions.names[0]?.value;
}
