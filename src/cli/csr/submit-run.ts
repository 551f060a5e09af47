/** A run of `csr submit`: a request is made, judged by the signer's rules, sent, and with --wait fetched. */
import { parseDuration } from '../../base/duration.js';
import { TscertError } from '../../base/errors.js';
import { conditionOf, stateOf } from '../../kubernetes/csr.js';
import { lookAt } from '../../policy/whole/look.js';
import { signerUsages } from '../../request/signer.js';
import { takeCertificate } from '../../signing/certificate.js';
import { checkSignable } from '../../signing/question.js';
import { requestName, submitRequest } from '../../signing/submit.js';
import { type ClusterFlags, openCluster } from '../cluster.js';
import type { Context } from '../context.js';
import type { CsrRunFlags } from '../csr-run.js';
import { EXIT } from '../exit.js';
import { checkStandardInput } from '../files.js';
import { deliver, waitFor } from './fetch-run.js';
import { sourceOf } from './submit-source.js';

export interface SubmitFlags extends CsrRunFlags, ClusterFlags {
  readonly signer: string;
  readonly name?: string;
  readonly expiration?: string;
  readonly wait?: boolean;
  readonly dryRun?: boolean;
}

/** Runs `csr submit` and gives its exit code. */
export async function runSubmit(context: Context, request: string | undefined, flags: SubmitFlags): Promise<number> {
  const { system, ui, signal } = context;
  checkStandardInput([request, flags.key, flags.passphraseFile]);
  checkFlags(flags);
  const { signer: signerName, name: asked, dryRun = false } = flags;
  const usages = signerUsages(signerName, flags.usage);
  const expirationSeconds = flags.expiration === undefined ? undefined : secondsOf(flags.expiration);
  const source = await sourceOf(context, request, flags);
  const question = { csr: source.csr, signerName, usages, ...(expirationSeconds === undefined ? {} : { expirationSeconds }) };
  const { notes } = checkSignable(question);
  for (const { message } of lookAt(Buffer.from(source.csr.pem)).faults) ui.warn(`who approves may refuse it: ${lower(message)}`);
  for (const note of notes) ui.say(lower(note));
  const { client } = await openCluster(context, flags);
  try {
    const name = asked ?? requestName(source.title ?? '', system.random);
    // The key lies in its place before anything is asked for it.
    if (!dryRun) await source.keep();
    const { object, isNew, differences } = await submitRequest(client, { ...question, name }, { signal, dryRun });
    for (const difference of differences) ui.warn(difference);
    const files = [source.keyFile, source.csrFile].filter((file) => file !== undefined);
    if (files.length > 0 && !dryRun) ui.say(`wrote ${files.join(' and ')}`);
    const facts = {
      name,
      signerName,
      usages,
      expirationSeconds: object.spec.expirationSeconds ?? null,
      ...{ dryRun, isNew, differences, notes },
      ...(dryRun ? {} : { uid: object.metadata.uid, keyFile: source.keyFile, csrFile: source.csrFile }),
    };
    if (dryRun) {
      if (ui.json) ui.document('csr-submit', facts);
      ui.say(`the cluster takes it; nothing was kept (dry run)`);
      return EXIT.done;
    }
    ui.say(isNew ? `made the request "${name}"` : `the request "${name}" stands already`);
    if (flags.wait === true) {
      const ended = await waitFor(context, client, object);
      const wanted = { csr: source.csr, now: system.clock.now(), ...(expirationSeconds === undefined ? {} : { expirationSeconds }) };
      const out = flags.out ?? (flags.bare === undefined ? undefined : `${flags.bare}.pem`);
      await deliver(context, ended, takeCertificate(ended, wanted), {
        out,
        isProven: source.keyFile !== undefined || flags.key !== undefined,
        more: facts,
      });
      return EXIT.done;
    }
    if (ui.json) ui.document('csr-submit', { ...facts, state: stateOf(object) });
    else ui.data(`${name}\n`);
    if (conditionOf(object, 'Approved') === undefined) {
      ui.say(`it waits for approval (tscert approve ${name}); the cluster forgets it a day from now, and an hour after it was issued`);
    }
    return EXIT.done;
  } finally {
    client.close();
  }
}

/** @throws {TscertError} `usage` */
function checkFlags({ wait, out, dryRun, keyOut, bare, key }: SubmitFlags): void {
  const refuse = (why: string): never => {
    throw new TscertError('usage', `Cannot submit: ${why}`, { data: { help: 'tscert csr submit --help' } });
  };
  if (out !== undefined && wait !== true) refuse('--out is for the certificate, and wants --wait');
  if (wait === true && dryRun === true) refuse('a dry run makes nothing that could be waited for');
  if (key !== undefined && keyOut !== undefined) refuse('--key is an existing key, --key-out the place of a new one: one of both');
  if (bare !== undefined && keyOut !== undefined) refuse('--bare names the place of the key too: --bare or --key-out');
}

function secondsOf(duration: string): number {
  return Math.ceil(parseDuration(duration) / 1_000);
}

function lower(sentence: string): string {
  return `${sentence.charAt(0).toLowerCase()}${sentence.slice(1)}`;
}
