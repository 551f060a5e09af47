/**
 * What lego holds, below one folder (.lego): `certificates/NAME.{crt,issuer.crt,key,json}` and `accounts/HOST/ID/account.json` with its
 * key, in `keys/` until lego 4. How a certificate was asked for is kept by lego 5 alone, and only when it runs by a configuration file:
 * `.lego.bck.yaml`. Read from the sources of lego 4.35 and 5.6.
 */
import path from 'node:path';
import { AUTHORITIES } from '../acme/authorities.js';
import { TscertError } from '../base/errors.js';
import { accountKey } from './account-key.js';
import { attempt, checkFolder, isFolder, namesIn, readText, readTextIfThere } from './files.js';
import { type ForeignAccount, type ForeignCertificate, type Held, type Holdings, isBroken, type MigrationHelp } from './holdings.js';
import { emptyConfig, type LegoConfig, parseLegoConfig } from './lego-config.js';
import { emailIn, httpsUrl, parseJson, textAt, textsAt } from './values.js';

const ISSUER = '.issuer.crt';

/** Reads the folder. @throws {TscertError} `usage` when it is none of lego's, `file-unreadable` */
export async function readLego(folder: string, help: MigrationHelp): Promise<Holdings> {
  await checkFolder(folder);
  const [certificatesFolder, accountsFolder] = [path.join(folder, 'certificates'), path.join(folder, 'accounts')];
  if (!(await isFolder(certificatesFolder)) && !(await isFolder(accountsFolder))) {
    throw new TscertError('usage', `Cannot import from "${folder}": there is no folder "certificates" in it, as lego makes it`, {
      data: { folder },
    });
  }
  const { config, losses } = await readConfig(folder);
  const accounts = await readAccounts(accountsFolder, help.server);
  const found: AccountsOfHosts = accounts.flatMap((account) => (isBroken(account) ? [] : [account]));
  const certificates: Held<ForeignCertificate>[] = [];
  for (const file of (await namesIn(certificatesFolder)).filter((name) => name.endsWith('.crt') && !name.endsWith(ISSUER))) {
    const name = file.slice(0, -'.crt'.length);
    certificates.push(await attempt(name, () => readCertificate(certificatesFolder, name, { config, accounts: found, help })));
  }
  return { certificates, accounts, losses };
}

type AccountsOfHosts = readonly ForeignAccount[];

async function readConfig(folder: string): Promise<{ readonly config: LegoConfig; readonly losses: readonly string[] }> {
  const file = path.join(folder, '.lego.bck.yaml');
  const read = await attempt(file, async () => {
    const text = await readTextIfThere(file);
    return { config: text === undefined ? emptyConfig : parseLegoConfig(text, file), losses: [] };
  });
  return 'error' in read ? { config: emptyConfig, losses: [`${read.error.message}: how certificates were asked for is not known`] } : read;
}

interface Around {
  readonly config: LegoConfig;
  readonly accounts: AccountsOfHosts;
  readonly help: MigrationHelp;
}

async function readCertificate(folder: string, name: string, { config, accounts, help }: Around): Promise<ForeignCertificate> {
  const at = (extension: string): string => path.join(folder, `${name}${extension}`);
  const [bundle, issuer] = [await readText(at('.crt')), await readTextIfThere(at(ISSUER))];
  const privateKey = await readTextIfThere(at('.key'));
  if (privateKey === undefined) {
    throw new TscertError(
      'key-invalid',
      `Cannot take over "${name}": its key is not there ("${at('.key')}"); a certificate that lego had for a CSR is issued with --csr`,
      { data: { name } },
    );
  }
  const json = await readTextIfThere(at('.json'));
  const resource = json === undefined ? undefined : parseJson(json, at('.json'));
  const configured = config.certificate(textAt(resource, 'id') ?? name, help.providers);
  const host = hostFolder(httpsUrl(textAt(resource, 'certUrl')));
  const { account, losses } = pickAccount(accounts, { host, id: configured?.account, email: help.email });
  const server = account?.server ?? serverOfHost(host, help.server) ?? (host === undefined ? help.server : undefined);
  if (server === undefined) {
    const where = host === undefined ? '' : `, but that it is at "${host}"`;
    const given = help.server === undefined ? '' : `, and "${help.server}" is not there`;
    throw new TscertError(
      'request-invalid',
      `Cannot take over "${name}": lego keeps no URL of its ACME server${where}${given}; say --server URL`,
      { data: { name, host } },
    );
  }
  const [preferredChain, profile] = [textAt(resource, 'preferredChain'), textAt(resource, 'profile')];
  const names = configured?.names ?? textsAt(resource, 'domains');
  return {
    name,
    origin: textAt(resource, 'id') ?? textAt(resource, 'domain') ?? name,
    privateKey,
    certificates: `${bundle}\n${issuer ?? ''}`,
    server,
    ...(account === undefined ? {} : { account: account.id }),
    ...(names.length === 0 ? {} : { names }),
    options: {
      ...(preferredChain === undefined ? {} : { preferredChain }),
      ...(profile === undefined ? {} : { profile }),
      ...configured?.options,
    },
    ...(configured?.around === undefined ? {} : { around: configured.around }),
    proof: configured?.proof ?? { options: {}, losses: [] },
    losses: [...losses, ...(configured?.losses ?? [])],
  };
}

interface Wanted {
  readonly host: string | undefined;
  readonly id: string | undefined;
  readonly email: string | undefined;
}

/** The account that the configuration names, else one of the server that issued the certificate. */
function pickAccount(accounts: AccountsOfHosts, { host, id, email }: Wanted): { account?: ForeignAccount; losses: readonly string[] } {
  const here = accounts.filter((account) => host === undefined || account.id.startsWith(`${host}/`));
  const best =
    here.find((account) => id !== undefined && account.id.endsWith(`/${id}`)) ??
    here.find((account) => email !== undefined && account.email?.toLowerCase() === email.toLowerCase());
  const [first] = here;
  if (best !== undefined || first === undefined) return { ...(best === undefined ? {} : { account: best }), losses: [] };
  if (here.length === 1) return { account: first, losses: [] };
  const ids = here.map((account) => account.id.slice(account.id.indexOf('/') + 1));
  return { account: first, losses: [`lego keeps no word of its account: of ${ids.join(', ')} the first is taken; --email says another`] };
}

/** The server whose accounts lego keeps in this folder: that of the caller, or a public CA. */
function serverOfHost(host: string | undefined, given: string | undefined): string | undefined {
  if (host === undefined) return undefined;
  return [...(given === undefined ? [] : [given]), ...AUTHORITIES.map(({ directory }) => directory)].find(
    (server) => hostFolder(server) === host,
  );
}

/** The name of the folder for the server at a URL. */
function hostFolder(url: string | undefined): string | undefined {
  return url === undefined ? undefined : new URL(url).host.replaceAll(/[:/\\]/g, '_');
}

async function readAccounts(folder: string, given: string | undefined): Promise<Held<ForeignAccount>[]> {
  const found: Held<ForeignAccount>[] = [];
  for (const host of await namesIn(folder)) {
    for (const id of await namesIn(path.join(folder, host))) {
      const home = path.join(folder, host, id);
      if (await isFolder(home)) found.push(await attempt(`account ${host}/${id}`, () => readAccount(home, { host, id, given })));
    }
  }
  return found;
}

async function readAccount(
  home: string,
  { host, id, given }: { readonly host: string; readonly id: string; readonly given: string | undefined },
): Promise<ForeignAccount> {
  const file = path.join(home, 'account.json');
  const account = parseJson(await readText(file), file);
  const key = (await readTextIfThere(path.join(home, 'keys', `${id}.key`))) ?? (await readText(path.join(home, `${id}.key`)));
  const [email, server] = [emailIn(textAt(account, 'email')), httpsUrl(textAt(account, 'server')) ?? serverOfHost(host, given)];
  const url = httpsUrl(textAt(account, 'registration', 'accountURL') ?? textAt(account, 'registration', 'uri'));
  return {
    id: `${host}/${id}`,
    ...(server === undefined ? {} : { server }),
    ...(email === undefined ? {} : { email }),
    ...(url === undefined ? {} : { url }),
    privateKey: accountKey(key),
  };
}
