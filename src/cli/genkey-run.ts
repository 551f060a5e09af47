/** A run of `genkey`. */
import { createHash } from 'node:crypto';
import { TscertError } from '../base/errors.js';
import { encodePem } from '../base/pem.js';
import { makeCsr } from '../flow/make-csr.js';
import { encodePrivateKey, generateKey, publicKeyDer } from '../pki/key.js';
import { readCfsslRequest } from '../request/cfssl.js';
import type { Context } from './context.js';
import { EXIT } from './exit.js';
import { checkStandardInput, readTextFile, writeFiles } from './files.js';
import { type KeyFlags, newKey, readPassphrase, whileMaking } from './key-flags.js';

interface GenkeyFlags extends KeyFlags {
  readonly out?: string;
  readonly bare?: string;
  readonly force?: boolean;
}

export async function runGenkey(context: Context, request: string | undefined, flags: GenkeyFlags): Promise<number> {
  if (request === undefined) await makeKeyAlone(context, flags);
  else await makeKeyWithRequest(context, request, flags);
  return EXIT.done;
}

async function makeKeyAlone(context: Context, flags: GenkeyFlags): Promise<void> {
  const { system, ui } = context;
  const wanted = newKey(flags, await readPassphrase(system, flags.passphraseFile), { encoding: 'pkcs8' });
  const file = flags.bare === undefined ? flags.out : `${flags.bare}-key.pem`;
  const isFile = file !== undefined && file !== '-';
  const key = await whileMaking(context, wanted.type, generateKey(wanted.type));
  const text = encodePrivateKey(key, wanted);
  if (isFile) await writeFiles(system, [{ file, text, secret: true }], flags.force === true);
  const spki = publicKeyDer(key);
  if (ui.json) {
    ui.document('key', {
      keyType: wanted.type,
      encoding: wanted.encoding,
      encrypted: wanted.passphrase !== undefined,
      ...(isFile ? { keyFile: file } : { key: text }),
      publicKey: encodePem('PUBLIC KEY', spki),
      publicKeySha256: createHash('sha256').update(spki).digest('base64'),
    });
  } else if (!isFile) ui.data(text);
  if (isFile) ui.say(`wrote the ${wanted.type} key to ${file}`);
}

async function makeKeyWithRequest(context: Context, request: string, flags: GenkeyFlags): Promise<void> {
  const { system, ui } = context;
  checkStandardInput([request, flags.passphraseFile]);
  if (flags.out !== undefined) {
    throw new TscertError('usage', 'Cannot write key and CSR to one file: use --bare NAME for NAME-key.pem and NAME.csr instead of --out');
  }
  const source = request === '-' ? 'standard input' : `"${request}"`;
  const { spec, keyType, warnings } = readCfsslRequest(await readTextFile(system, request), source);
  for (const warning of warnings) ui.warn(warning);
  const wanted = newKey(flags, await readPassphrase(system, flags.passphraseFile), { asked: keyType, encoding: 'pkcs1' });
  const { csr, keyPem = '' } = await whileMaking(context, wanted.type, makeCsr(spec, wanted));
  const { bare } = flags;
  if (bare === undefined) {
    if (ui.json) ui.document('csr', { csr: csr.pem, key: keyPem });
    else ui.data(`${JSON.stringify({ csr: csr.pem, key: keyPem })}\n`);
    return;
  }
  const files = { csrFile: `${bare}.csr`, keyFile: `${bare}-key.pem` };
  await writeFiles(
    system,
    [
      { file: files.keyFile, text: keyPem, secret: true },
      { file: files.csrFile, text: csr.pem, secret: false },
    ],
    flags.force === true,
  );
  if (ui.json) ui.document('csr', files);
  ui.say(`wrote ${files.csrFile} and ${files.keyFile}`);
}
