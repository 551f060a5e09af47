/**
 * What certbot holds, below one folder (/etc/letsencrypt): `renewal/NAME.conf` says how `live/NAME/` was asked for, and
 * `accounts/HOST/PATH/ID/` are its accounts at https://HOST/PATH. Read from the sources of certbot 5.8.
 */
import { access, constants, realpath } from 'node:fs/promises';
import path from 'node:path';
import { TscertError } from '../base/errors.js';
import { accountKeyOfJwk } from './account-key.js';
import { certbotProof } from './certbot-proof.js';
import { attempt, checkFolder, isFolder, namesIn, readText, readTextIfThere } from './files.js';
import type { ForeignAccount, ForeignCertificate, Held, Holdings, MigrationHelp } from './holdings.js';
import { isOn, parseIni, type Section, textOf } from './ini.js';
import { aroundOf, oneAfterTheOther, quoted } from './shell.js';
import { emailIn, httpsUrl, parseJson, textAt, textsAt } from './values.js';

/** How deep the path of a directory URL may be. */
const DEEPEST = 8;

/** Reads the folder. @throws {TscertError} `usage` when it is none of certbot's, `file-unreadable` */
export async function readCertbot(folder: string, help: MigrationHelp): Promise<Holdings> {
  await checkFolder(folder);
  const [renewals, accountsFolder] = [path.join(folder, 'renewal'), path.join(folder, 'accounts')];
  if (!(await isFolder(renewals)) && !(await isFolder(accountsFolder))) {
    throw new TscertError('usage', `Cannot import from "${folder}": there is no folder "renewal" in it, as certbot makes it`, {
      data: { folder },
    });
  }
  const hooks = await folderHooks(folder);
  const email = emailIn(/^[ \t]*(?:email|m)[ \t]*[=:][ \t]*(\S+)/m.exec((await readTextIfThere(path.join(folder, 'cli.ini'))) ?? '')?.[1]);
  const certificates: Held<ForeignCertificate>[] = [];
  for (const file of (await namesIn(renewals)).filter((name) => name.endsWith('.conf'))) {
    const name = file.slice(0, -'.conf'.length);
    certificates.push(await attempt(name, () => readLineage(folder, name, hooks, help)));
  }
  return { certificates, accounts: await readAccounts(accountsFolder, email), losses: [] };
}

/** Programs that certbot runs for all certificates. */
type FolderHooks = Readonly<Record<'pre' | 'deploy' | 'post', readonly string[]>>;

async function folderHooks(folder: string): Promise<FolderHooks> {
  const executables = async (kind: string): Promise<string[]> => {
    const home = path.resolve(folder, 'renewal-hooks', kind);
    const files = (await namesIn(home)).filter((name) => !name.endsWith('~')).map((name) => path.join(home, name));
    const runs = await Promise.all(files.map(async (file) => !(await isFolder(file)) && (await isExecutable(file))));
    return files.filter((_, at) => runs[at]);
  };
  return { pre: await executables('pre'), deploy: await executables('deploy'), post: await executables('post') };
}

function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function readLineage(folder: string, name: string, hooks: FolderHooks, help: MigrationHelp): Promise<ForeignCertificate> {
  const file = path.join(folder, 'renewal', `${name}.conf`);
  const conf = parseIni(await readText(file), file);
  const params = conf.sections.get('renewalparams');
  if (params === undefined)
    throw new TscertError('config-invalid', `Cannot read "${file}": it has no section [renewalparams]`, { data: { file } });
  const part = (kind: string): string => path.join(folder, 'live', name, `${kind}.pem`);
  const [privateKey, leaf, chain] = [await readText(part('privkey')), await readText(part('cert')), await readText(part('chain'))];
  const server = httpsUrl(textOf(params, 'server'));
  const account = textOf(params, 'account');
  const credentials = textOf(params, 'dns_rfc2136_credentials');
  const isRfc2136 = textOf(params, 'authenticator') === 'dns-rfc2136' && credentials !== undefined;
  const secrets = isRfc2136 ? await readCredentials(credentials) : undefined;
  return {
    name,
    origin: name,
    privateKey,
    certificates: `${leaf}\n${chain}`,
    ...(server === undefined ? {} : { server }),
    ...(server === undefined || account === undefined ? {} : { account: accountId(server, account) }),
    options: certbotOptions(conf, params, hooks),
    ...aroundOf(hookOf(hooks.pre, textOf(params, 'pre_hook')), hookOf(hooks.post, textOf(params, 'post_hook'))),
    proof: certbotProof(params, help.providers, secrets),
    losses: certbotLosses(conf, params, hooks),
  };
}

/** The file that a setting names; what is wrong with it is told with the proof. */
async function readCredentials(file: string): Promise<Section | TscertError> {
  const read = await attempt(file, async () => parseIni(await readText(file), file));
  return 'error' in read ? read.error : read;
}

/** What of a renewal configuration is an option here. */
export function certbotOptions(conf: Section, params: Section, hooks: FolderHooks): ForeignCertificate['options'] {
  const before = /^(\d{1,4}) ?(minute|hour|day|week)s?$/.exec(textOf(conf, 'renew_before_expiry') ?? '');
  const deployHook = hookOf(hooks.deploy, textOf(params, 'renew_hook') ?? textOf(params, 'deploy_hook'));
  const preferredChain = textOf(params, 'preferred_chain');
  const profile = textOf(params, 'required_profile') ?? textOf(params, 'preferred_profile');
  return {
    ...(isOn(params, 'reuse_key') ? { reuseKey: true } : {}),
    ...(isOn(params, 'must_staple') ? { mustStaple: true } : {}),
    ...(preferredChain === undefined ? {} : { preferredChain }),
    ...(profile === undefined ? {} : { profile }),
    ...(before === null || Number(before[1]) === 0 ? {} : { renewBefore: `${Number(before[1])}${before[2]?.[0]}` }),
    ...(deployHook === undefined ? {} : { deployHook }),
  };
}

/** The programs of a folder, then the hook of the certificate itself, unless it is one of them. */
function hookOf(programs: readonly string[], own: string | undefined): string | undefined {
  return oneAfterTheOther(programs.filter((file) => file !== own).map(quoted), own === undefined ? [] : [own]);
}

function certbotLosses(conf: Section, params: Section, hooks: FolderHooks): string[] {
  const losses: string[] = [];
  if (hooks.deploy.length > 0) losses.push('its deploy hook runs the scripts in renewal-hooks/deploy where they are: keep them');
  const installer = textOf(params, 'installer');
  if (installer !== undefined)
    losses.push(
      `certbot's plugin "${installer}" puts the certificate into a server's configuration: point the server at tscert's files, and say --deploy-hook to have it reloaded`,
    );
  if (textOf(params, 'autorenew')?.toLowerCase() === 'false')
    losses.push('certbot does not renew it by itself (autorenew), and tscert renew does');
  if (isOn(params, 'allow_subset_of_names'))
    losses.push('certbot may leave out names that cannot be proven (allow_subset_of_names), and tscert does not');
  if (textOf(params, 'http01_address') !== undefined) losses.push('certbot listens at one address (http01_address), and tscert at all');
  const before = textOf(conf, 'renew_before_expiry');
  if (before !== undefined && !/^\d{1,4} ?(minute|hour|day|week)s?$/.test(before))
    losses.push('its renew_before_expiry cannot be read: say --renew-before, or it is renewed at two thirds of its lifetime');
  return losses;
}

async function readAccounts(folder: string, email: string | undefined): Promise<Held<ForeignAccount>[]> {
  const found: Held<ForeignAccount>[] = [];
  const walk = async (below: readonly string[], above: readonly string[]): Promise<void> => {
    const home = path.join(folder, ...below);
    const names = await namesIn(home);
    if (names.includes('private_key.json')) {
      const [id = '', ...server] = [...below].reverse();
      const directory = server.reverse().join('/');
      found.push(await attempt(`account ${directory}/${id}`, () => readAccount(home, `https://${directory}`, id, email)));
      return;
    }
    // certbot links the accounts of one server into those of another; a link into a folder above it goes round.
    const real = await realpath(home).catch(() => home);
    if (below.length > DEEPEST || above.includes(real)) return;
    for (const name of names) if (await isFolder(path.join(home, name))) await walk([...below, name], [...above, real]);
  };
  await walk([], []);
  return found;
}

async function readAccount(folder: string, server: string, id: string, email: string | undefined): Promise<ForeignAccount> {
  if (httpsUrl(server) === undefined)
    throw new TscertError('config-invalid', `Cannot read the account "${folder}": its path is that of no server`, { data: { folder } });
  const read = async (name: string): Promise<unknown> => {
    const file = path.join(folder, name);
    const text = await readTextIfThere(file);
    return text === undefined ? undefined : parseJson(text, file);
  };
  const [registration, meta] = [await read('regr.json'), await read('meta.json')];
  const contact = emailIn(textsAt(registration, 'body', 'contact')[0]) ?? emailIn(textAt(meta, 'register_to_eff')) ?? email;
  const url = httpsUrl(textAt(registration, 'uri'));
  return {
    id: accountId(server, id),
    server,
    ...(contact === undefined ? {} : { email: contact }),
    ...(url === undefined ? {} : { url }),
    privateKey: accountKeyOfJwk(await read('private_key.json')),
  };
}

/** certbot keeps accounts by the host and the path of their directory. */
function accountId(server: string, id: string): string {
  const { host, pathname } = new URL(server);
  return `${host}${pathname}/${id}`;
}
