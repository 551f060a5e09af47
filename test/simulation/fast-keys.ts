/**
 * Loaded before anything that takes `node:crypto`: for a simulated year, keys are made at once instead of in a thread, so that the same
 * seed always gives the same year, and a key that was read before is not read again, which takes OpenSSL half a millisecond.
 */
import crypto, { type KeyObject } from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { promisify } from 'node:util';

const { createPrivateKey, createPublicKey, generateKeyPair, generateKeyPairSync } = crypto;
const known = new Map<string, KeyObject>();

/** As the function, for what it was asked before. */
function remembering<Input>(name: string, read: (input: Input) => KeyObject): (input: Input) => KeyObject {
  return (input) => {
    const key = textOf(input);
    const found = key === undefined ? undefined : known.get(`${name} ${key}`);
    if (found !== undefined) return found;
    const made = read(input);
    if (key !== undefined) known.set(`${name} ${key}`, made);
    return made;
  };
}

function textOf(input: unknown): string | undefined {
  if (typeof input !== 'object' || input === null || !('key' in input) || !Buffer.isBuffer(input.key) || 'passphrase' in input) return;
  return input.key.toString('latin1');
}

Object.assign(crypto, {
  createPrivateKey: remembering('private', createPrivateKey),
  createPublicKey: remembering('public', createPublicKey),
  generateKeyPair: Object.assign((...args: Parameters<typeof generateKeyPair>) => generateKeyPair(...args), {
    [promisify.custom]: async (...args: Parameters<typeof generateKeyPairSync>) => generateKeyPairSync(...args),
  }),
});
syncBuiltinESMExports();
