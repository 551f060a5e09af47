/**
 * OpenID Connect as kubectl's built-in provider does it: the ID token is the bearer token; when it ends, the refresh token brings another
 * (RFC 6749 §6), and both are written back to the kubeconfig, since many providers take a refresh token only once.
 */
import { readFile } from 'node:fs/promises';
import { messageOf, TscertError } from '../base/errors.js';
import { createService, type Service } from '../net/service.js';
import type { Credential } from './credentials.js';
import { parseKubeconfig } from './kubeconfig.js';
import { writeTokens } from './oidc-file.js';
import type { AccessWorld } from './world.js';

const TIMEOUT = 30_000;
const LARGEST = 1_048_576;
/** Milliseconds that a token must still have. */
const MARGIN = 10_000;

type Config = Readonly<Record<string, string>>;

/**
 * The ID token of a user, refreshed when it has ended or was refused.
 * @throws {TscertError} `cluster-login`
 */
export async function logInWithOidc(
  { user, file, isRefused }: { readonly user: string; readonly file: string; readonly isRefused: boolean },
  world: AccessWorld,
  signal: AbortSignal,
): Promise<Credential & { readonly expires?: number }> {
  // Read again each time: another process may have refreshed it.
  const config = parseKubeconfig(await readFile(file, 'utf8'), file).users.get(user)?.authProvider?.config ?? {};
  const token = config['id-token'] ?? '';
  const expires = token === '' ? 0 : endOf(token);
  if (!isRefused && expires - MARGIN > world.clock.now()) return { authorization: `Bearer ${token}`, expires };
  const { idToken, refreshToken } = await refresh(user, config, world, signal);
  await writeTokens(file, user, { 'id-token': idToken, ...(refreshToken === undefined ? {} : { 'refresh-token': refreshToken }) });
  return { authorization: `Bearer ${idToken}`, expires: endOf(idToken) };
}

/** When a JWT ends (`exp`, RFC 7519 §4.1.4), in milliseconds; 0 for what is none. */
export function endOf(token: string): number {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
    if (typeof claims === 'object' && claims !== null && 'exp' in claims && typeof claims.exp === 'number') return claims.exp * 1_000;
  } catch {
    // No JWT.
  }
  return 0;
}

async function refresh(
  user: string,
  config: Config,
  world: AccessWorld,
  signal: AbortSignal,
): Promise<{ idToken: string; refreshToken?: string }> {
  const issuer = config['idp-issuer-url'] ?? '';
  const refreshToken = config['refresh-token'] ?? '';
  if (!URL.canParse(issuer) || !/^https:/.test(issuer)) throw failed(user, 'its kubeconfig names no idp-issuer-url with https');
  if (refreshToken === '') throw failed(user, 'its ID token has ended, and there is no refresh token: log in again');
  const roots = await authorityOf(config);
  const serve = (url: URL): Service =>
    createService({
      url,
      identity: roots === undefined ? {} : { roots },
      proxy: world.proxy,
      proxyRoots: world.roots,
      userAgent: world.userAgent,
    });
  const discovery = await ask(user, serve, new URL(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`), {}, signal);
  const endpoint = discovery.token_endpoint;
  if (typeof endpoint !== 'string' || !URL.canParse(endpoint) || !/^https:/.test(endpoint)) {
    throw failed(user, `"${issuer}" names no token endpoint with https`);
  }
  const form = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken, client_id: config['client-id'] ?? '' });
  if (config['client-secret']) form.set('client_secret', config['client-secret']);
  const answer = await ask(user, serve, new URL(endpoint), { body: form.toString() }, signal);
  const { id_token: idToken, refresh_token: next } = answer;
  if (typeof idToken !== 'string' || endOf(idToken) <= world.clock.now()) throw failed(user, `"${issuer}" gave no ID token that holds`);
  return { idToken, ...(typeof next === 'string' && next !== '' ? { refreshToken: next } : {}) };
}

async function ask(
  user: string,
  serve: (url: URL) => Service,
  url: URL,
  { body }: { readonly body?: string },
  signal: AbortSignal,
): Promise<Readonly<Record<string, unknown>>> {
  const service = serve(new URL(url.origin));
  try {
    const { status, body: bytes } = await service.request({
      method: body === undefined ? 'GET' : 'POST',
      path: `${url.pathname}${url.search}`,
      headers: { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }) },
      ...(body === undefined ? {} : { body }),
      signal,
      timeout: TIMEOUT,
      maxBytes: LARGEST,
    });
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    if (typeof value !== 'object' || value === null) throw failed(user, `"${url.host}" answered no JSON object`);
    const answer = value as Readonly<Record<string, unknown>>;
    if (status === 200) return answer;
    const { error } = answer;
    throw failed(user, `"${url.host}" answered ${status}${typeof error === 'string' ? ` (${error})` : ''}`);
  } catch (error) {
    if (error instanceof SyntaxError) throw failed(user, `"${url.host}" answered no JSON`);
    throw error;
  } finally {
    service.close();
  }
}

async function authorityOf(config: Config): Promise<string | undefined> {
  const data = config['idp-certificate-authority-data'];
  if (data) return Buffer.from(data, 'base64').toString('utf8');
  const file = config['idp-certificate-authority'];
  if (!file) return undefined;
  return readFile(file, 'utf8').catch((error: unknown) => {
    throw new TscertError('cluster-login', `Cannot read the authority of the identity provider "${file}": ${messageOf(error)}`, {
      data: { file },
      cause: error,
    });
  });
}

function failed(user: string, why: string): TscertError {
  return new TscertError('cluster-login', `Cannot log "${user}" in with OpenID Connect: ${why}`, { data: { user } });
}
