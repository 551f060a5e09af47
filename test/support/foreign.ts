/** The folders of certbot, lego and acme.sh as these tools write them (certbot 5.8, lego 4.35 and 5.6, acme.sh 3.1.5), with a CA of the tests' own. */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseName } from '../../src/base/names.js';
import { createCertificate } from '../../src/pki/certificate.js';
import { distinguishedNameOf } from '../../src/pki/subject.js';

const DAY = 86_400_000;

export const DIRECTORY = 'https://ca.test:14000/dir';

/** A certificate with its key and the one that signed it, PEM. */
export interface Issued {
  readonly key: KeyObject;
  /** SEC 1, or PKCS#1: what most tools write. */
  readonly keyPem: string;
  readonly leaf: string;
  readonly chain: string;
}

export interface IssuedSpec {
  readonly names: readonly string[];
  /** Milliseconds since the epoch; yesterday unless given. */
  readonly notBefore?: number;
  readonly days?: number;
  readonly key?: KeyObject;
  readonly mustStaple?: boolean;
}

const caKey = newKey();
const caName = distinguishedNameOf('Test Intermediate', undefined);
const intermediate = createCertificate(
  {
    names: [],
    commonName: 'Test Intermediate',
    isCa: true,
    serialNumber: randomBytes(16),
    notBefore: new Date(Date.now() - 400 * DAY),
    notAfter: new Date(Date.now() + 400 * DAY),
  },
  caKey,
  { name: distinguishedNameOf('Test Root', undefined), key: newKey() },
).pem;

export function newKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
}

/** A certificate of the tests' CA, for 90 days unless the spec says else. */
export function issueForeign({ names, notBefore = Date.now() - DAY, days = 90, key = newKey(), mustStaple = false }: IssuedSpec): Issued {
  const spec = {
    names: names.map(parseName),
    ...(mustStaple ? { mustStaple } : {}),
    serialNumber: randomBytes(16),
    notBefore: new Date(notBefore),
    notAfter: new Date(notBefore + days * DAY),
  };
  const leaf = createCertificate(spec, key, { name: caName, key: caKey }).pem;
  return { key, keyPem: legacyPem(key), leaf, chain: intermediate };
}

function legacyPem(key: KeyObject): string {
  if (key.asymmetricKeyType === 'ec') return key.export({ type: 'sec1', format: 'pem' }).toString();
  if (key.asymmetricKeyType === 'rsa') return key.export({ type: 'pkcs1', format: 'pem' }).toString();
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** Writes a file and the folders above it. */
export async function put(file: string, text: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, text, { mode: 0o600 });
}

export interface Lineage {
  readonly name: string;
  readonly issued: Issued;
  readonly server?: string;
  /** Id of its account; it has none unless given. */
  readonly account?: string;
  /** Further lines of [renewalparams], and of sections within it. */
  readonly params: readonly string[];
}

/** `renewal`, `archive` and `live` with its links. */
export async function putLineage(folder: string, { name, issued, server = DIRECTORY, account, params }: Lineage): Promise<void> {
  const parts = {
    privkey: issued.key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: issued.leaf,
    chain: issued.chain,
    fullchain: issued.leaf + issued.chain,
  };
  await mkdir(path.join(folder, 'live', name), { recursive: true });
  for (const [kind, text] of Object.entries(parts)) {
    await put(path.join(folder, 'archive', name, `${kind}1.pem`), text);
    await symlink(`../../archive/${name}/${kind}1.pem`, path.join(folder, 'live', name, `${kind}.pem`));
  }
  const conf = [
    'version = 5.8.0',
    `archive_dir = ${folder}/archive/${name}`,
    ...Object.keys(parts).map((kind) => `${kind} = ${folder}/live/${name}/${kind}.pem`),
    '[renewalparams]',
    ...(account === undefined ? [] : [`account = ${account}`]),
    `server = ${server}`,
    ...params,
  ];
  await put(path.join(folder, 'renewal', `${name}.conf`), `${conf.join('\n')}\n`);
}

/** certbot's account; gives its id. */
export async function putCertbotAccount(
  folder: string,
  { server = DIRECTORY, key = newKey() }: { server?: string; key?: KeyObject } = {},
): Promise<string> {
  const { host, pathname } = new URL(server);
  const jwk = key.export({ format: 'jwk' });
  const id = createHash('md5').update(JSON.stringify(jwk)).digest('hex');
  const at = (name: string): string => path.join(folder, 'accounts', `${host}${pathname}`, id, name);
  await put(at('private_key.json'), JSON.stringify(jwk));
  await put(at('regr.json'), JSON.stringify({ body: {}, uri: `https://${host}/my-account/${id.slice(0, 8)}` }));
  await put(at('meta.json'), JSON.stringify({ creation_dt: '2026-11-25T04:41:03Z', creation_host: 'vm' }));
  return id;
}

/** A certificate of lego 4, or 5 with the `resource` of that one. */
export async function putLegoCertificate(
  folder: string,
  name: string,
  issued: Issued,
  resource: Readonly<Record<string, unknown>> = {
    domain: name,
    certUrl: 'https://ca.test:14000/certZ/1',
    certStableUrl: 'https://ca.test:14000/certZ/1',
  },
): Promise<void> {
  const at = (extension: string): string => path.join(folder, 'certificates', `${name}${extension}`);
  await put(at('.crt'), issued.leaf + issued.chain);
  await put(at('.issuer.crt'), issued.chain);
  await put(at('.key'), issued.keyPem);
  await put(at('.json'), JSON.stringify(resource, undefined, '\t'));
}

export interface LegoAccount {
  readonly host?: string;
  readonly email: string;
  readonly key?: KeyObject;
}

/** An account of lego 4. */
export async function putLego4Account(folder: string, { host = 'ca.test_14000', email, key = newKey() }: LegoAccount): Promise<void> {
  const id = email === '' ? 'noemail@example.com' : email;
  const home = path.join(folder, 'accounts', host, id);
  await put(path.join(home, 'keys', `${id}.key`), legacyPem(key));
  await put(
    path.join(home, 'account.json'),
    JSON.stringify({ email, registration: { body: { status: 'valid' }, uri: 'https://ca.test:14000/my-account/4' } }),
  );
}

/** An account of lego 5 under an id of its own. */
export async function putLego5Account(
  folder: string,
  id: string,
  { host = 'ca.test_14000', email, key = newKey() }: LegoAccount,
): Promise<void> {
  const home = path.join(folder, 'accounts', host, id);
  await put(path.join(home, `${id}.key`), key.export({ type: 'pkcs8', format: 'pem' }).toString());
  const registration = { status: 'valid', accountURL: 'https://ca.test:14000/my-account/5' };
  await put(
    path.join(home, 'account.json'),
    JSON.stringify({ id, email, keyType: 'EC256', server: DIRECTORY, origin: 'command', registration }),
  );
}

/** acme.sh's own form of a value. */
export function base64Setting(text: string): string {
  return text === '' ? '' : `__ACME_BASE64__START_${Buffer.from(text).toString('base64')}__ACME_BASE64__END_`;
}

export function settingLines(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([key, value]) => `${key}='${value}'\n`)
    .join('');
}

/** A certificate of acme.sh, in `NAME_ecc` when `ecc`. */
export async function putAcmeShDomain(
  home: string,
  name: string,
  issued: Issued,
  { ecc = true, settings = {} }: { readonly ecc?: boolean; readonly settings?: Readonly<Record<string, string>> } = {},
): Promise<void> {
  const at = (file: string): string => path.join(home, ecc ? `${name}_ecc` : name, file);
  await put(at(`${name}.key`), issued.keyPem);
  await put(at(`${name}.cer`), issued.leaf);
  await put(at('ca.cer'), issued.chain);
  await put(at('fullchain.cer'), issued.leaf + issued.chain);
  const usual = { Le_Domain: name, Le_Alt: 'no', Le_Webroot: 'no', Le_PreHook: '', Le_PostHook: '', Le_RenewHook: '', Le_API: DIRECTORY };
  await put(at(`${name}.conf`), settingLines({ ...usual, Le_Keylength: ecc ? 'ec-256' : '2048', ...settings }));
}

/** acme.sh's account, with its settings in ca.conf. */
export async function putAcmeShAccount(
  home: string,
  {
    email = 'admin@example.com',
    server = DIRECTORY,
    key = newKey(),
    settings = {},
  }: { email?: string; server?: string; key?: KeyObject; settings?: Readonly<Record<string, string>> } = {},
): Promise<void> {
  const { hostname, pathname } = new URL(server);
  const at = (file: string): string => path.join(home, 'ca', hostname, pathname, file);
  const pem = legacyPem(key);
  await put(at('account.key'), pem);
  await put(at('account.json'), JSON.stringify({ status: 'valid', contact: [`mailto:${email}`] }));
  const hash = createHash('sha256').update(pem).digest('base64');
  await put(
    at('ca.conf'),
    settingLines({ CA_EMAIL: email, ACCOUNT_URL: 'https://ca.test:14000/my-account/a', CA_KEY_HASH: hash, ...settings }),
  );
  await put(path.join(home, 'account.conf'), settingLines({ USER_PATH: '/usr/bin' }));
}
