/** A generation: one Secret with the parts of one issuance, written once; the API server lets nobody change it (`immutable`). */
import { isDeepStrictEqual } from 'node:util';
import { type ErrorCode, TscertError } from '../../base/errors.js';
import type { Json } from '../../base/json.js';
import type { Draft } from '../../kubernetes/kind.js';
import { type SecretObject, textOf } from '../../kubernetes/secret/object.js';
import { faultOf, PART_FILES, partsOf } from '../bundle.js';
import type { Bundle, Stored } from '../store.js';
import { isObject } from './pointer.js';
import { digestOf, parseJson, stateDraft } from './state.js';

const VERSION = 1;
const META = 'meta.json';

export function generationName(name: string, id: string): string {
  return `tscert-generation-${digestOf(name)}-${id}`;
}

/** @param now milliseconds since the epoch */
export function generationDraft(namespace: string, name: string, id: string, bundle: Bundle, now: number): Draft {
  const { privateKey, certificate, chain } = partsOf(bundle);
  const meta = JSON.stringify({ version: VERSION, name, storedAt: new Date(now), hasKey: privateKey !== undefined, meta: bundle.meta });
  const texts = {
    ...(privateKey === undefined ? {} : { [PART_FILES.privateKey]: privateKey }),
    ...{ [PART_FILES.certificate]: certificate, [PART_FILES.chain]: chain, [META]: meta },
  };
  const what = { kind: 'generation', of: `${name} ${id}`, owner: name, name: generationName(name, id), immutable: true } as const;
  return stateDraft(what, { namespace }, texts);
}

/**
 * Reads a generation.
 * @throws {TscertError} `store-damaged` with the part that is missing or damaged
 */
export function readGeneration(name: string, secret: SecretObject): { readonly bundle: Bundle; readonly storedAt: number } {
  const { name: object, namespace = '' } = secret.metadata;
  const damaged = (part: string, reason: string, fault?: ErrorCode): TscertError =>
    damagedGeneration(name, `${part} of the Secret "${namespace}/${object}" ${reason}`, {
      ...{ namespace, secret: object, part },
      ...(fault === undefined ? {} : { fault }),
    });
  const meta = parseJson(textOf(secret, META));
  if (!isObject(meta) || meta.meta === undefined || typeof meta.storedAt !== 'string') throw damaged(META, 'is damaged');
  if (meta.version !== VERSION) throw damaged(META, `has the unknown version ${JSON.stringify(meta.version)} (of a later tscert?)`);
  const [certificate, chain] = [textOf(secret, PART_FILES.certificate), textOf(secret, PART_FILES.chain) ?? ''];
  if (certificate === undefined) throw damaged(PART_FILES.certificate, 'is missing');
  const privateKey = textOf(secret, PART_FILES.privateKey);
  if (meta.hasKey === true && privateKey === undefined) throw damaged(PART_FILES.privateKey, 'is missing');
  const parts = { ...(privateKey === undefined ? {} : { privateKey }), certificate, chain };
  const fault = faultOf({ ...parts, fullchain: certificate + chain });
  if (fault !== undefined) throw damaged(PART_FILES[fault.part], `is damaged: ${fault.reason}`, fault.code);
  return { bundle: { ...parts, meta: meta.meta }, storedAt: Date.parse(meta.storedAt) };
}

/** The `store-damaged` for a generation; a new one heals it. */
export function damagedGeneration(name: string, reason: string, data: Readonly<Record<string, string>>): TscertError {
  return new TscertError(
    'store-damaged',
    `Cannot load the certificate "${name}": ${reason}; put it back from a backup, or issue the certificate anew`,
    { data: { name, ...data } },
  );
}

/** Whether an object holds exactly this bundle: what a run that was killed has left. */
export function holds(name: string, secret: SecretObject, bundle: Bundle): boolean {
  try {
    const plain = { ...bundle, meta: JSON.parse(JSON.stringify(bundle.meta)) as Json };
    return isDeepStrictEqual(readGeneration(name, secret).bundle, plain);
  } catch {
    return false;
  }
}

/** Where the parts are, for people. */
export function locationsOf(namespace: string, name: string, id: string): Stored['locations'] {
  const at = (part: keyof typeof PART_FILES): string => `secret:${namespace}/${generationName(name, id)}/${PART_FILES[part]}`;
  return { privateKey: at('privateKey'), certificate: at('certificate'), chain: at('chain'), fullchain: at('fullchain') };
}
