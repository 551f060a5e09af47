/** The flags of keys that `genkey` and `csr` share. */
import { Option } from 'commander';
import { TscertError } from '../base/errors.js';
import type { KeyEncoding } from '../pki/key.js';
import { DEFAULT_KEY_TYPE, type KeyType, parseKeyType } from '../pki/key-type.js';
import type { Context } from './context.js';
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
 * @throws {TscertError} `request-invalid`
 */
export function newKey(
  flags: KeyFlags,
  passphrase: string | undefined,
  { asked = DEFAULT_KEY_TYPE, encoding }: { readonly asked?: KeyType | undefined; readonly encoding: 'pkcs8' | 'pkcs1' },
): NewKey {
  const type = flags.keyType === undefined ? asked : parseKeyType(flags.keyType);
  if (type === 'ed25519' && flags.encoding === 'pkcs1') {
    throw new TscertError('request-invalid', 'Cannot write an Ed25519 key as pkcs1: there is no such form, only pkcs8');
  }
  return {
    type,
    encoding: type === 'ed25519' ? 'pkcs8' : (flags.encoding ?? encoding),
    ...(passphrase === undefined ? {} : { passphrase }),
  };
}

/** Kinds that take more than a second to make. */
const SLOW: ReadonlySet<KeyType | undefined> = new Set(['rsa4096', 'rsa8192']);

/**
 * Waits for a key; Ctrl-C and `--timeout` end the waiting, and on a terminal a slow kind is announced.
 * @throws what the work throws; the signal's reason
 */
export async function whileMaking<T>({ system, ui, signal }: Context, type: KeyType | undefined, work: Promise<T>): Promise<T> {
  if (SLOW.has(type) && system.stderr.isTTY) ui.say(`making an ${type} key: this takes some seconds`);
  let stop = (): void => undefined;
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, stopped]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
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
