/** A run of `csr`: flags and requests to CSRs, one or many. */
import type { KeyObject } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { isTscertError, TscertError } from '../base/errors.js';
import { makeCsr } from '../flow/make-csr.js';
import { keyTypeOf, keyWords } from '../pki/key.js';
import { readPrivateKey } from '../pki/key-reader.js';
import type { KeyType } from '../pki/key-type.js';
import { type CfsslRequest, readCfsslRequest } from '../request/cfssl.js';
import { splitRequests } from '../request/cfssl-lines.js';
import { type CsrFlags, specOfFlags } from '../request/csr-flags.js';
import type { CertificateSpec } from '../request/request.js';
import { reasonOf } from '../store/files.js';
import type { Context } from './context.js';
import { EXIT, exitCodeOf } from './exit.js';
import { readBytes, readTextFile, writeFiles } from './files.js';
import { type KeyFlags, newKeyOf, readPassphrase } from './key-flags.js';
import { errorDocument } from './ui/words.js';

export interface CsrRunFlags extends CsrFlags, KeyFlags {
  readonly key?: string;
  readonly out?: string;
  readonly keyOut?: string;
  readonly bare?: string;
  readonly outDir?: string;
  readonly force?: boolean;
}

/** One CSR that is wanted; `read` throws for a request that cannot be used. */
interface Job {
  readonly source: string;
  readonly line?: number;
  read(): Pick<CfsslRequest, 'spec' | 'title' | 'warnings'> & { readonly keyType?: KeyType };
}

/** Where the parts of a CSR go; what has no file goes to standard output. */
interface Places {
  readonly csrFile?: string;
  readonly keyFile?: string;
}

interface Result extends Places {
  readonly title: string | undefined;
  readonly keyWords: string;
  readonly csr: string;
  /** Of a new key that is in no file. */
  readonly key?: string;
}

/** So many keys are made at once: more do not help. */
const WIDTH = 8;

export async function runCsr(context: Context, requests: readonly string[], flags: CsrRunFlags): Promise<number> {
  const { system, ui } = context;
  if ([...requests, flags.key, flags.passphraseFile].filter((file) => file === '-').length > 1) {
    throw new TscertError('usage', 'Cannot read two things from standard input: only one of the arguments may be "-"');
  }
  const fromFlags = specOfFlags(flags);
  const jobs = requests.length === 0 ? [jobOfFlags(fromFlags)] : await jobsOf(context, requests, fromFlags);
  const isMany = jobs.length > 1 || flags.outDir !== undefined;
  checkPlaces(flags, jobs, requests, ui.json);
  const existing = flags.key === undefined ? undefined : await readKey(context, flags.key, flags.passphraseFile);
  const maker = { context, flags, existing, taken: new Set<string>() };
  if (!isMany) {
    const [job] = jobs;
    if (job !== undefined) print(context, await make(maker, job, placesOf(flags)), requests.length > 0);
    return EXIT.done;
  }
  if (flags.outDir !== undefined) await makeFolder(path.resolve(system.cwd, flags.outDir));
  return runMany(maker, jobs, requests.length > 0);
}

function jobOfFlags(spec: Partial<CertificateSpec>): Job {
  const whole = { names: [], ...spec };
  if (whole.names.length === 0 && spec.commonName === undefined && spec.subject === undefined) {
    throw new TscertError('usage', 'Cannot make a CSR that names nothing: give -d NAME, --cn, --subject or a request file');
  }
  return {
    source: 'the command line',
    read: () => ({ spec: whole, title: whole.names[0]?.value ?? whole.commonName, warnings: [] }),
  };
}

async function jobsOf({ system }: Context, files: readonly string[], fromFlags: Partial<CertificateSpec>): Promise<Job[]> {
  const jobs: Job[] = [];
  for (const file of files) {
    const source = file === '-' ? 'standard input' : `"${file}"`;
    let text: string;
    try {
      text = await readTextFile(system, file);
    } catch (error) {
      if (files.length === 1 || !isTscertError(error, 'file-unreadable')) throw error;
      jobs.push({
        source,
        read() {
          throw error;
        },
      });
      continue;
    }
    for (const one of splitRequests(text, source)) {
      jobs.push({
        source: one.source,
        ...(one.line === undefined ? {} : { line: one.line }),
        read() {
          const request = readCfsslRequest(one.text, one.source);
          const spec = { ...request.spec, ...fromFlags };
          return { ...request, spec, title: fromFlags.names?.[0]?.value ?? request.title };
        },
      });
    }
  }
  return jobs;
}

/** @throws {TscertError} `usage` when the results of several requests, or a new key, would have no place */
function checkPlaces(flags: CsrRunFlags, jobs: readonly Job[], requests: readonly string[], json: boolean): void {
  const isLines = jobs.some(({ line }) => line !== undefined);
  if (jobs.length > 1 && (flags.out ?? flags.keyOut ?? flags.bare) !== undefined) {
    throw new TscertError('usage', `Cannot write ${jobs.length} CSRs to the same files: use --out-dir DIR`);
  }
  if (jobs.length > 1 && flags.outDir === undefined && !json && !isLines) {
    throw new TscertError('usage', `Cannot tell where ${jobs.length} CSRs go: use --out-dir DIR, or --json for JSON lines`);
  }
  const isKept = [flags.key, flags.keyOut, flags.bare, flags.outDir].some((file) => file !== undefined);
  if (isKept || json || (requests.length > 0 && flags.out === undefined)) return;
  throw new TscertError(
    'usage',
    'Cannot make a key that nobody keeps: use --key-out FILE or --bare NAME, --json to have it in the output, or --key FILE for an existing one',
  );
}

async function readKey({ system }: Context, file: string, passphraseFile: string | undefined): Promise<KeyObject> {
  const passphrase = await readPassphrase(system, passphraseFile);
  const bytes = await readBytes(system, file);
  try {
    return readPrivateKey(bytes, passphrase);
  } catch (error) {
    if (!isTscertError(error)) throw error;
    throw new TscertError(error.code, `${error.message} (in "${file}")`, { data: { ...error.data, file }, cause: error });
  }
}

interface Maker {
  readonly context: Context;
  readonly flags: CsrRunFlags;
  readonly existing: KeyObject | undefined;
  /** Files that this run has written already. */
  readonly taken: Set<string>;
}

async function make({ context, flags, existing }: Maker, job: Job, places: Places | ((title: string) => Places)): Promise<Result> {
  const { system, ui, signal } = context;
  signal.throwIfAborted();
  const { spec, title, warnings, keyType } = job.read();
  for (const warning of warnings) ui.warn(job.line === undefined ? warning : `${job.source}: ${warning}`);
  const { csrFile, keyFile } = typeof places === 'function' ? places(title ?? '') : places;
  const source =
    existing === undefined ? await newKeyOf(system, flags, { ...(keyType && { asked: keyType }), encoding: formOf(job) }) : { existing };
  const { csr, key, keyPem } = await makeCsr(spec, source);
  const outputs = [
    ...(keyPem === undefined || keyFile === undefined ? [] : [{ file: keyFile, text: keyPem, secret: true }]),
    ...(csrFile === undefined ? [] : [{ file: csrFile, text: csr.pem, secret: false }]),
  ];
  if (outputs.length > 0) await writeFiles(system, outputs, flags.force === true);
  return {
    title,
    keyWords: keyTypeOf(key) ?? keyWords(key),
    csr: csr.pem,
    ...(keyPem !== undefined && keyFile === undefined ? { key: keyPem } : {}),
    ...(csrFile === undefined ? {} : { csrFile }),
    ...(keyPem === undefined || keyFile === undefined ? {} : { keyFile }),
  };
}

/** A request of cfssl's gets its key as cfssl writes it. */
function formOf({ source }: Job): 'pkcs1' | 'pkcs8' {
  return source === 'the command line' ? 'pkcs8' : 'pkcs1';
}

function placesOf({ out, keyOut, bare }: CsrRunFlags): Places {
  if (bare !== undefined) return { csrFile: `${bare}.csr`, keyFile: `${bare}-key.pem` };
  return { ...(out === undefined || out === '-' ? {} : { csrFile: out }), ...(keyOut === undefined ? {} : { keyFile: keyOut }) };
}

function print({ ui }: Context, result: Result, isRequest: boolean): void {
  const { csr, key, csrFile, keyFile } = result;
  if (ui.json) ui.data(`${JSON.stringify(documentOf(result))}\n`);
  else if (key !== undefined && isRequest) ui.data(`${JSON.stringify({ csr, key })}\n`);
  else if (csrFile === undefined) ui.data(csr);
  const files = [csrFile, keyFile].filter((file) => file !== undefined);
  if (files.length > 0) ui.say(`wrote ${files.join(' and ')}`);
}

function documentOf({ title, keyWords: keyType, ...rest }: Result): Record<string, unknown> {
  return { version: 1, kind: 'csr', ...(title === undefined ? {} : { name: title }), keyType, ...rest };
}

async function runMany(maker: Maker, jobs: readonly Job[], isRequest: boolean): Promise<number> {
  const { context, flags } = maker;
  const { ui } = context;
  const errors: unknown[] = [];
  const places = (title: string): Places => (flags.outDir === undefined ? {} : filesFor(maker, flags.outDir, title));
  for await (const [job, outcome] of inOrder(jobs, (one) => make(maker, one, places))) {
    if (outcome.status === 'fulfilled') {
      if (flags.outDir === undefined && !ui.json) ui.data(`${JSON.stringify(linesOf(outcome.value))}\n`);
      else print(context, outcome.value, isRequest);
      continue;
    }
    const error: unknown = outcome.reason;
    if (isTscertError(error, 'interrupted') || !isTscertError(error)) throw error;
    errors.push(error);
    const where = job.line === undefined ? { source: job.source } : { line: job.line };
    if (flags.outDir === undefined || ui.json) {
      ui.data(`${JSON.stringify({ ...(ui.json ? { version: 1 } : {}), ...where, error: errorDocument(error) })}\n`);
    } else ui.fail(error, job.source);
  }
  if (errors.length > 0) ui.warn(`${errors.length} of ${jobs.length} requests failed`);
  if (errors.length === 0) return EXIT.done;
  if (errors.length < jobs.length) return EXIT.partly;
  return errors.every((error) => exitCodeOf(error) === EXIT.usage) ? EXIT.usage : EXIT.failed;
}

function linesOf({ csr, key }: Result): Record<string, unknown> {
  return { csr, ...(key === undefined ? {} : { key }) };
}

/** The files of one request of many, named after its first host. */
function filesFor({ taken, existing }: Maker, folder: string, title: string): Places {
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
  return { csrFile: `${file}.csr`, ...(existing === undefined ? { keyFile: `${file}-key.pem` } : {}) };
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

/** Works on a few at once and gives the outcomes in order. */
async function* inOrder<Item, Value>(
  items: readonly Item[],
  work: (item: Item) => Promise<Value>,
): AsyncGenerator<[Item, PromiseSettledResult<Value>]> {
  const settle = (item: Item): Promise<PromiseSettledResult<Value>> => Promise.allSettled([work(item)]).then(([settled]) => settled);
  const running: { item: Item; outcome: Promise<PromiseSettledResult<Value>> }[] = [];
  for (const item of items) {
    running.push({ item, outcome: settle(item) });
    const first = running.length < WIDTH ? undefined : running.shift();
    if (first !== undefined) yield [first.item, await first.outcome];
  }
  for (const { item, outcome } of running) yield [item, await outcome];
}
