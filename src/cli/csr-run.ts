/** A run of `csr`: flags and requests to CSRs, one or many. */
import type { KeyObject } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { isTscertError, TscertError } from '../base/errors.js';
import { inOrder } from '../base/in-order.js';
import { printableJson } from '../base/printable.js';
import { readPrivateKey } from '../pki/key-reader.js';
import { type CsrFlags, specOfFlags } from '../request/csr-flags.js';
import { reasonOf } from '../store/files.js';
import type { Context } from './context.js';
import { type Job, jobOfFlags, jobsOfFiles } from './csr-jobs.js';
import { type Maker, makeOne, type Places, placesIn, type Result } from './csr-make.js';
import { EXIT, exitCodeOf } from './exit.js';
import { checkStandardInput, readBytes } from './files.js';
import { type KeyFlags, readPassphrase } from './key-flags.js';
import type { System } from './system.js';
import { errorDocument } from './ui/words.js';

export interface CsrRunFlags extends CsrFlags, KeyFlags {
  readonly key?: string;
  readonly out?: string;
  readonly keyOut?: string;
  readonly bare?: string;
  readonly outDir?: string;
  readonly force?: boolean;
}

/** So many keys are made at once: more do not help. */
const WIDTH = 8;

export async function runCsr(context: Context, requests: readonly string[], flags: CsrRunFlags): Promise<number> {
  const { system, ui } = context;
  checkStandardInput([...requests, flags.key, flags.passphraseFile]);
  const asked = specOfFlags(flags);
  const jobs = requests.length === 0 ? [jobOfFlags(asked)] : await jobsOfFiles(system, requests, asked);
  checkPlaces(flags, jobs, ui.json);
  const passphrase = await readPassphrase(system, flags.passphraseFile);
  const existing = flags.key === undefined ? undefined : await readKey(system, flags.key, passphrase);
  const { outDir } = flags;
  const single = placesOf(flags);
  const maker: Maker = { context, flags, existing, passphrase, placesOf: outDir === undefined ? () => single : placesIn(outDir) };
  if (outDir !== undefined) await makeFolder(path.resolve(system.cwd, outDir));
  const [job] = jobs;
  if (jobs.length > 1 || job === undefined) return makeMany(maker, jobs, outDir !== undefined);
  print(context, await makeOne(maker, job), job.isRequest);
  return EXIT.done;
}

/** @throws {TscertError} `usage` when the results of several requests, or a new key, would have no place */
function checkPlaces({ key, out, keyOut, bare, outDir }: CsrRunFlags, jobs: readonly Job[], json: boolean): void {
  if (jobs.length > 1) {
    if ((out ?? keyOut ?? bare) !== undefined) {
      throw new TscertError('usage', `Cannot write ${jobs.length} CSRs to the same files: use --out-dir DIR`);
    }
    if (outDir === undefined && !json && !jobs.some(({ line }) => line !== undefined)) {
      throw new TscertError('usage', `Cannot tell where ${jobs.length} CSRs go: use --out-dir DIR, or --json for JSON lines`);
    }
  }
  const isKept = [key, keyOut, bare, outDir].some((place) => place !== undefined);
  const isInOutput = json || (jobs.every(({ isRequest }) => isRequest) && out === undefined);
  if (isKept || isInOutput) return;
  throw new TscertError(
    'usage',
    'Cannot make a key that nobody keeps: use --key-out FILE or --bare NAME, --json to have it in the output, or --key FILE for an existing one',
  );
}

function placesOf({ out, keyOut, bare }: CsrRunFlags): Places {
  if (bare !== undefined) return { csrFile: `${bare}.csr`, keyFile: `${bare}-key.pem` };
  return { ...(out === undefined || out === '-' ? {} : { csrFile: out }), ...(keyOut === undefined ? {} : { keyFile: keyOut }) };
}

/** @throws {TscertError} `key-invalid`, `key-passphrase`, `file-unreadable`, `usage` */
export async function readKey(system: System, file: string, passphrase: string | undefined): Promise<KeyObject> {
  const bytes = await readBytes(system, file);
  try {
    return readPrivateKey(bytes, passphrase);
  } catch (error) {
    if (!isTscertError(error)) throw error;
    const where = file === '-' ? 'standard input' : `"${file}"`;
    throw new TscertError(error.code, `${error.message} (in ${where})`, { data: { ...error.data, file }, cause: error });
  }
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw new TscertError('file-unwritable', `Cannot make the folder "${folder}": ${reasonOf(error)}`, {
      data: { file: folder },
      cause: error,
    });
  }
}

function print({ ui }: Context, result: Result, isRequest: boolean): void {
  const { title, csr, key, csrFile, keyFile, ...rest } = result;
  if (ui.json) ui.data(line({ version: 1, kind: 'csr', name: title, ...rest, csrFile, keyFile, csr, key }));
  else if (key !== undefined && isRequest) ui.data(line({ csr, key }));
  else if (csrFile === undefined) ui.data(csr);
  const files = [csrFile, keyFile].filter((file) => file !== undefined);
  if (files.length > 0) ui.say(`wrote ${files.join(' and ')}`);
}

/** Without files, and with --json, every request becomes a line of JSON, a failed one too. */
async function makeMany(maker: Maker, jobs: readonly Job[], hasFiles: boolean): Promise<number> {
  const { ui, signal } = maker.context;
  const isLines = ui.json || !hasFiles;
  const errors: unknown[] = [];
  for await (const [job, outcome] of inOrder(jobs, WIDTH, (one) => makeOne(maker, one))) {
    if (outcome.status === 'fulfilled') {
      const { csr, key } = outcome.value;
      if (ui.json || hasFiles) print(maker.context, outcome.value, true);
      else ui.data(line({ csr, key }));
      continue;
    }
    const error: unknown = outcome.reason;
    if (signal.aborted || !isTscertError(error)) throw error;
    errors.push(error);
    const where = job.line === undefined ? { source: job.source.replace(/^"(.*)"$/s, '$1') } : { line: job.line };
    if (isLines) ui.data(line({ ...(ui.json ? { version: 1, kind: 'csr' } : {}), ...where, error: errorDocument(error) }));
    else ui.fail(error, job.source);
  }
  if (errors.length === 0) return EXIT.done;
  ui.warn(`${errors.length} of ${jobs.length} requests failed`);
  if (errors.length < jobs.length) return EXIT.partly;
  return errors.every((error) => exitCodeOf(error) === EXIT.usage) ? EXIT.usage : EXIT.failed;
}

function line(value: Readonly<Record<string, unknown>>): string {
  return `${printableJson(value)}\n`;
}
