/** The flags of keys that `genkey` and `csr` share. */
import { Option } from 'commander';
import { TscertError } from '../base/errors.js';
import type { KeyEncoding } from '../pki/key.js';
import { DEFAULT_KEY_TYPE, type KeyType, parseKeyType } from '../pki/key-type.js';
import { readSecretFile } from './files.js';
import type { System } from './system.js';

export interface KeyFlags {
  readonly keyType?: string;
  readonly encoding?: 'pkcs8' | 'pkcs1';
  readonly passphraseFile?: string;
}

export function keyTypeOption(): Option {
  return new Option('--key-type <type>', 'rsa2048, rsa3072, rsa4096, rsa8192, ec256 (default), ec384, ec521 or ed25519');
}

export function encodingOption(): Option {
  return new Option('--encoding <form>', 'of the key: pkcs8, or pkcs1 (SEC 1 for EC)').choices(['pkcs8', 'pkcs1']);
}

/** How a new key shall be. */
export interface NewKey extends KeyEncoding {
  readonly type: KeyType;
}

/**
 * Reads the flags of a new key.
 * @param asked the kind that a request asks for, where no flag does
 * @param encoding where no flag says one; Ed25519 has PKCS#8 only
 * @throws {TscertError} `request-invalid`, `file-unreadable`, `usage`
 */
export async function newKeyOf(
  system: System,
  flags: KeyFlags,
  { asked = DEFAULT_KEY_TYPE, encoding }: { readonly asked?: KeyType; readonly encoding: 'pkcs8' | 'pkcs1' },
): Promise<NewKey> {
  const type = flags.keyType === undefined ? asked : parseKeyType(flags.keyType);
  if (type === 'ed25519' && flags.encoding === 'pkcs1') {
    throw new TscertError('request-invalid', 'Cannot write an Ed25519 key as pkcs1: there is no such form, only pkcs8');
  }
  const passphrase = await readPassphrase(system, flags.passphraseFile);
  return {
    type,
    encoding: type === 'ed25519' ? 'pkcs8' : (flags.encoding ?? encoding),
    ...(passphrase === undefined ? {} : { passphrase }),
  };
}

/**
 * The passphrase of a file, if there is one.
 * @throws {TscertError} `file-unreadable`, `usage` when it is empty
 */
export async function readPassphrase(system: System, file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  const passphrase = await readSecretFile(system, file);
  if (passphrase === '')
    throw new TscertError('usage', `Cannot use the passphrase of "${file}": its first line is empty`, { data: { file } });
  return passphrase;
}
