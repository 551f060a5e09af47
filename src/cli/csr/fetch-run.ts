/** A run of `csr fetch`: the certificate of a request, checked before it is given away. */
import type { KubernetesClient } from '../../kubernetes/client.js';
import { type CertificateSigningRequest, CSR, textOf } from '../../kubernetes/csr.js';
import { readCsr } from '../../pki/csr.js';
import { readPrivateKey } from '../../pki/key-reader.js';
import { type Taken, takeCertificate } from '../../signing/certificate.js';
import { awaitOutcome } from '../../signing/outcome.js';
import { type ClusterFlags, openCluster } from '../cluster.js';
import type { Context } from '../context.js';
import { EXIT } from '../exit.js';
import { checkStandardInput, readBytes, writeFiles } from '../files.js';
import { readPassphrase } from '../key-flags.js';
import { absent } from './delete-run.js';

export interface FetchFlags extends ClusterFlags {
  readonly key?: string;
  readonly passphraseFile?: string;
  readonly out?: string;
  readonly wait?: boolean;
}

/** Runs `csr fetch` and gives its exit code. */
export async function runFetch(context: Context, name: string, flags: FetchFlags): Promise<number> {
  const { system, signal } = context;
  checkStandardInput([flags.key, flags.passphraseFile]);
  const passphrase = await readPassphrase(system, flags.passphraseFile);
  const key = flags.key === undefined ? undefined : readPrivateKey(await readBytes(system, flags.key), passphrase);
  const { client } = await openCluster(context, flags);
  try {
    const found = await client.get(CSR, { name }, { signal });
    if (found === undefined) throw absent(name);
    const object = flags.wait === true ? await waitFor(context, client, found) : found;
    // Two blocks in a request: the server looks at the first, and so would everybody who reads the certificate.
    const csr = readCsr(textOf(object.spec.request));
    const taken = takeCertificate(object, { csr, now: system.clock.now(), ...(key === undefined ? {} : { key }) });
    await deliver(context, object, taken, { out: flags.out, isProven: key !== undefined });
    return EXIT.done;
  } finally {
    client.close();
  }
}

/** Waits for the end of a request, and says on the way what it waits for. */
export async function waitFor(
  { system, ui, signal }: Context,
  client: KubernetesClient,
  { metadata: { name, uid } }: CertificateSigningRequest,
): Promise<CertificateSigningRequest> {
  let said = '';
  const say = (words: string): void => {
    if (words !== said) ui.say(words);
    said = words;
  };
  return awaitOutcome(client, name, {
    ...{ signal, clock: system.clock, uid },
    onState(csr) {
      const isApproved = (csr.status?.conditions ?? []).some(({ type }) => type === 'Approved');
      if ((csr.status?.certificate ?? '') === '')
        say(isApproved ? `"${name}" is approved: waiting for its signer` : `"${name}" waits for approval`);
    },
    onInterrupted: (error) => say(`the API server cannot be reached for now: ${error.message}`),
  });
}

/** Writes the certificate and its intermediates, whole or not at all. */
export async function deliver(
  { system, ui }: Context,
  object: CertificateSigningRequest,
  { leaf, intermediates, certificate, notes }: Taken,
  {
    out,
    isProven,
    more = {},
  }: { readonly out: string | undefined; readonly isProven: boolean; readonly more?: Readonly<Record<string, unknown>> },
): Promise<void> {
  const file = out === '-' ? undefined : out;
  for (const note of notes) ui.warn(`${note.charAt(0).toLowerCase()}${note.slice(1)}`);
  if (file !== undefined) await writeFiles(system, [{ file, text: leaf + intermediates, secret: false }], true);
  if (ui.json) {
    ui.document('csr-fetch', {
      name: object.metadata.name,
      signerName: object.spec.signerName,
      notBefore: certificate.notBefore.toISOString(),
      notAfter: certificate.notAfter.toISOString(),
      fitsKey: isProven ? true : null,
      notes,
      ...(file === undefined ? {} : { file }),
      ...{ certificate: leaf, chain: intermediates },
      ...more,
    });
  } else if (file === undefined) ui.data(leaf + intermediates);
  if (file !== undefined) ui.say(`wrote ${file}: valid until ${certificate.notAfter.toISOString()}`);
}
