/**
 * Certificates that stand in a Secret already and in no store: those that another tscert wrote, or cert-manager for the same issuer. A good
 * one is taken over instead of issuing another.
 */
import type { Clock } from '../base/clock.js';
import { isTscertError, messageOf, TscertError } from '../base/errors.js';
import type { Emit } from '../base/events.js';
import type { Json } from '../base/json.js';
import { placeOf, reasonAgainst } from '../deploy/secret.js';
import { issuerKeyOf } from '../issuer/issuer.js';
import type { KubernetesClient } from '../kubernetes/client.js';
import { isOfIssuer } from '../kubernetes/secret/annotations.js';
import { SECRET, type SecretObject } from '../kubernetes/secret/object.js';
import { readTlsSecret, type TlsReading } from '../kubernetes/secret/tls.js';
import { checkIssued } from '../pki/chain.js';
import { encodePrivateKey, publicKeyDer } from '../pki/key.js';
import { readPrivateKey } from '../pki/key-reader.js';
import { issuerOf, metaOf } from '../policy/meta.js';
import type { CertificateRequest, SecretRequest } from '../request/request.js';
import { isCompromised } from '../store/compromised.js';
import type { Bundle, Store } from '../store/store.js';
import { withKnown } from './known.js';
import type { Brought } from './material.js';
import { dueOf, wholeOf } from './stored.js';

export interface AdoptionParts {
  clusters(context?: string): Promise<KubernetesClient>;
  readonly store: Store;
  readonly clock: Pick<Clock, 'now'>;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

type Good = Extract<TlsReading, { state: 'good' }>;

/**
 * The certificate of the first Secret of this request that is as it is wanted: same names, key kind and issuer, key fits, not due. Why one is
 * left is a note.
 * @throws {TscertError} `cluster-conflict` for a Secret that could not be written anyway: nothing is spent yet; what the cluster throws: an outage is
 *   no reason to issue
 */
export async function findAdoptable(
  wanted: CertificateRequest,
  brought: Brought,
  parts: AdoptionParts,
): Promise<{ readonly bundle: Bundle; readonly title: string } | undefined> {
  for (const target of wanted.deploy) {
    if (target.kind !== 'secret') continue;
    const client = await parts.clusters(target.context);
    const place = placeOf(target, client);
    const title = `Secret "${place.namespace}/${place.name}"`;
    const secret = await client.get(SECRET, place, { signal: parts.signal });
    if (secret === undefined) continue;
    const against = reasonAgainst(secret, target);
    if (against !== undefined) {
      throw new TscertError('cluster-conflict', `Cannot write a certificate into the ${title}: ${against}`, {
        data: { ...place, reason: against },
      });
    }
    const answer = await judge(secret, target, wanted, brought, parts);
    if ('bundle' in answer) return { bundle: answer.bundle, title };
    parts.emit({ type: 'note', message: `the certificate in the ${title} is not taken over: ${answer.reason}` });
  }
  return undefined;
}

async function judge(
  secret: SecretObject,
  target: SecretRequest,
  wanted: CertificateRequest,
  brought: Brought,
  { store, clock }: AdoptionParts,
): Promise<{ readonly bundle: Bundle } | { readonly reason: string }> {
  const reading = readTlsSecret(secret);
  if (reading.state === 'faulty') return { reason: `${reading.reason}, ${reading.message}` };
  const meta = metaFor(secret, reading, target, wanted);
  if (meta === undefined) return { reason: 'IncorrectIssuer, it does not say that it is of the CA that is wanted' };
  const key = readPrivateKey(reading.privateKey);
  if (await isCompromised(publicKeyDer(key), store)) return { reason: 'its key was revoked as compromised' };
  const [issuerKey, now] = [issuerKeyOf(wanted.issuer), clock.now()];
  try {
    const { leaf, intermediates, certificate } = checkIssued({
      chainPem: reading.fullchain,
      publicKey: key,
      names: wanted.spec.names,
      now,
    });
    const bundle = { privateKey: encodePrivateKey(key), certificate: leaf, chain: intermediates, meta: withKnown(meta, certificate) };
    const at = { privateKey: '', certificate: '', chain: '', fullchain: '' };
    const due = dueOf(wholeOf({ ...bundle, name: wanted.name, generation: '', locations: at }), wanted, brought, { issuerKey, now });
    return due === undefined ? { bundle } : { reason: `${due.reason}, ${due.message}` };
  } catch (error) {
    if (!isTscertError(error)) throw error;
    return { reason: messageOf(error) };
  }
}

/**
 * What it was issued for: as we have kept it, else as it is wanted now, where its annotations name the issuer that stands for the CA. cert-manager
 * itself looks no closer (its check of a Secret without a CertificateRequest).
 */
function metaFor(secret: SecretObject, { meta, leaf }: Good, { issuerRef }: SecretRequest, wanted: CertificateRequest): Json | undefined {
  const issuerKey = issuerKeyOf(wanted.issuer);
  if (meta !== undefined) return issuerOf(meta) === issuerKey ? meta : undefined;
  if (issuerRef === undefined || !isOfIssuer(secret.metadata.annotations ?? {}, issuerRef)) return undefined;
  // The one fact of a request that a certificate tells.
  return (wanted.spec.mustStaple ?? false) === leaf.extensions.mustStaple ? metaOf(wanted, issuerKey) : undefined;
}
