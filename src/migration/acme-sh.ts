/**
 * What acme.sh holds, below one folder (~/.acme.sh): `NAME/` or `NAME_ecc/` with `NAME.conf` and the certificate, `ca/HOST/PATH/` with the
 * account at https://HOST/PATH, and `account.conf` for all. Read from the source of acme.sh 3.1.5.
 */
import { createHash } from 'node:crypto';
import path from 'node:path';
import { AUTHORITIES } from '../acme/authorities.js';
import { TscertError } from '../base/errors.js';
import { readSettings } from '../host/acmesh-settings.js';
import { accountKey } from './account-key.js';
import { acmeShAround, acmeShHook, acmeShLosses, acmeShOptions, renewAfterOf, type Settings } from './acme-sh-options.js';
import { acmeShProof } from './acme-sh-proof.js';
import { attempt, checkFolder, isFolder, namesIn, readText, readTextIfThere } from './files.js';
import type { ForeignAccount, ForeignCertificate, Held, Holdings, MigrationHelp } from './holdings.js';
import { emailIn, httpsUrl, parseJson, textsAt } from './values.js';

const ECC = '_ecc';

/** Reads the folder. @throws {TscertError} `usage` when it is none of acme.sh's, `file-unreadable` */
export async function readAcmeSh(folder: string, help: MigrationHelp): Promise<Holdings> {
  await checkFolder(folder);
  const general = readSettings((await readTextIfThere(path.join(folder, 'account.conf'))) ?? '');
  // With --cert-home the certificates are somewhere else.
  const moved = general.get('CERT_HOME');
  const home = moved !== undefined && path.isAbsolute(moved) && (await isFolder(moved)) ? moved : folder;
  const folders = await certificateFolders(home);
  if (folders.length === 0 && general.size === 0 && !(await isFolder(path.join(folder, 'ca')))) {
    throw new TscertError(
      'usage',
      `Cannot import from "${folder}": there is neither a file "account.conf" nor a certificate in it, as acme.sh makes them`,
      {
        data: { folder },
      },
    );
  }
  const certificates: Held<ForeignCertificate>[] = [];
  for (const one of folders) {
    const name = one.endsWith(ECC) && !folders.includes(bare(one)) ? bare(one) : one;
    certificates.push(await attempt(name, () => readDomain({ folder, home, one, name, general, help })));
  }
  return { certificates, accounts: await readAccounts(folder, certificates, general), losses: [] };
}

/** The folders with a configuration of the same name in them. */
async function certificateFolders(home: string): Promise<string[]> {
  const names = await namesIn(home);
  const held = await Promise.all(names.map(async (name) => (await namesIn(path.join(home, name))).includes(`${bare(name)}.conf`)));
  return names.filter((_, at) => held[at]);
}

function bare(folder: string): string {
  return folder.endsWith(ECC) ? folder.slice(0, -ECC.length) : folder;
}

interface Place {
  readonly folder: string;
  readonly home: string;
  readonly one: string;
  readonly name: string;
  readonly general: Settings;
  readonly help: MigrationHelp;
}

async function readDomain({ folder, home, one, name, general, help }: Place): Promise<ForeignCertificate> {
  const at = (file: string): string => path.join(home, one, file);
  const domain = bare(one);
  const settings = readSettings(await readText(at(`${domain}.conf`)));
  const leaf = await readTextIfThere(at(`${domain}.cer`));
  if (leaf === undefined)
    throw new TscertError(
      'certificate-invalid',
      `Cannot take over "${name}": acme.sh has issued no certificate ("${at(`${domain}.cer`)}" is not there)`,
      {
        data: { name },
      },
    );
  const chain = (await readTextIfThere(at('ca.cer'))) ?? (await readTextIfThere(at('fullchain.cer'))) ?? '';
  const privateKey = await readTextIfThere(at(`${domain}.key`));
  if (privateKey === undefined)
    throw new TscertError(
      'key-invalid',
      `Cannot take over "${name}": its key is not there ("${at(`${domain}.key`)}"); one issued for a CSR is issued with --csr`,
      {
        data: { name },
      },
    );
  const server = httpsUrl(settings.get('Le_API'));
  const names = [settings.get('Le_Domain') ?? '', ...(settings.get('Le_Alt') ?? '').split(',')].filter(
    (text) => text !== '' && text !== 'no',
  );
  const deployHook = acmeShHook(settings);
  const renewAfter = renewAfterOf(settings);
  return {
    name,
    origin: one,
    privateKey,
    certificates: `${leaf}\n${chain}`,
    ...(server === undefined ? {} : { server, account: accountFolder(server) }),
    ...(names.length === 0 ? {} : { names }),
    options: { ...acmeShOptions(settings, general), ...(deployHook === undefined ? {} : { deployHook }) },
    ...acmeShAround(settings),
    ...(renewAfter === undefined ? {} : { renewAfter }),
    proof: acmeShProof(settings, names, { home: path.resolve(folder), general, providers: help.providers }),
    losses: acmeShLosses(settings, general),
  };
}

/** The accounts of the servers that certificates name, and those of the public CAs. */
async function readAccounts(
  folder: string,
  certificates: readonly Held<ForeignCertificate>[],
  general: Settings,
): Promise<Held<ForeignAccount>[]> {
  const named = certificates.flatMap((one) => ('error' in one || one.server === undefined ? [] : [one.server]));
  const known = AUTHORITIES.flatMap(({ directory, directoryForEc }) => [
    directory,
    ...(directoryForEc === undefined ? [] : [directoryForEc]),
  ]);
  const servers = new Map([...known, ...named].map((server) => [accountFolder(server), server]));
  const found: Held<ForeignAccount>[] = [];
  for (const [id, server] of servers) {
    const home = path.join(folder, 'ca', id);
    if (await isFolder(home)) found.push(await attempt(`account ${id}`, () => readAccount(home, { id, server, general })));
  }
  return found;
}

async function readAccount(
  home: string,
  { id, server, general }: { readonly id: string; readonly server: string; readonly general: Settings },
): Promise<ForeignAccount> {
  const moved = general.get('ACCOUNT_KEY_PATH');
  const key = await readText(moved !== undefined && path.isAbsolute(moved) ? moved : path.join(home, 'account.key'));
  const settings = readSettings((await readTextIfThere(path.join(home, 'ca.conf'))) ?? '');
  const jsonFile = path.join(home, 'account.json');
  const json = await readTextIfThere(jsonFile);
  const contact = json === undefined || json.trim() === '' ? undefined : textsAt(parseJson(json, jsonFile), 'contact')[0];
  const email = emailIn(settings.get('CA_EMAIL')) ?? emailIn(contact) ?? emailIn(general.get('ACCOUNT_EMAIL'));
  // After a change of the key file the URL is that of another account: then the account is found by its key.
  const isOfKey = settings.get('CA_KEY_HASH') === createHash('sha256').update(key).digest('base64');
  const url = isOfKey ? httpsUrl(settings.get('ACCOUNT_URL')) : undefined;
  const eab = settings.get('CA_EAB_KEY_ID');
  return {
    id,
    server,
    ...(email === undefined ? {} : { email }),
    ...(url === undefined ? {} : { url }),
    privateKey: accountKey(key),
    ...(eab === undefined || eab === '' ? {} : { eab }),
  };
}

/** Below `ca`: host and path of the directory, without its port. */
function accountFolder(server: string): string {
  const { hostname, pathname } = new URL(server);
  return path.join(hostname, pathname);
}
