/** Who we are to a cluster, now: what changes on the way (files that are rotated, plugins, OpenID Connect) is had again. */
import { readFile } from 'node:fs/promises';
import type { Clock } from '../base/clock.js';
import { messageOf, TscertError } from '../base/errors.js';
import type { Material, User } from './kubeconfig.js';

/** What goes with a request. Values are compared by identity: the same object is the same credential. */
export interface Credential {
  /** The Authorization header. */
  readonly authorization?: string;
  /** PEM of a client certificate and its key. */
  readonly cert?: string;
  readonly key?: string;
}

export interface Credentials {
  /**
   * The credential to use now.
   * @param refused one that the server did not take (401): whatever can be had anew is
   * @throws {TscertError} `cluster-login`
   */
  get(signal: AbortSignal, refused?: Credential): Promise<Credential>;
}

/**
 * A source of a credential that ends (`expires`, milliseconds since the epoch). `isRefused`: the server did not take the last one, whatever
 * it says of its end.
 */
export type Login = (signal: AbortSignal, isRefused: boolean) => Promise<Credential & { readonly expires?: number }>;

/** Milliseconds after which files are looked at again: a pod's token is rotated while it runs. */
const FILES_HOLD = 60_000;
/** Milliseconds before its end at which a credential is had anew, and at most this share of its life. */
const EARLY = 30_000;
const EARLY_SHARE = 0.1;

/**
 * Credentials of a user whose values stand in a kubeconfig or in files.
 * @param name the user's, for errors
 */
export function fixedCredentials(user: User, name: string, clock: Clock): Credentials {
  let known: { readonly credential: Credential; readonly until: number } | undefined;
  return {
    async get(_signal, refused) {
      const now = clock.now();
      if (known !== undefined && now < known.until && known.credential !== refused) return known.credential;
      try {
        const fresh = await readUser(user, name);
        known = { credential: isSame(fresh, known?.credential) ? (known?.credential ?? fresh) : fresh, until: now + FILES_HOLD };
      } catch (error) {
        // A file that is being replaced: what was read before may still be good.
        if (known === undefined) throw error;
        known = { ...known, until: now + FILES_HOLD };
      }
      return known.credential;
    },
  };
}

/** Credentials that somebody gives for a while; asked for again shortly before their end, and when they are refused. */
export function renewedCredentials(login: Login, clock: Clock): Credentials {
  let known: { readonly credential: Credential; readonly until: number } | undefined;
  let pending: Promise<Credential> | undefined;
  const ask = async (signal: AbortSignal, isRefused: boolean): Promise<Credential> => {
    const { expires, ...credential } = await login(signal, isRefused);
    const now = clock.now();
    const early = expires === undefined ? 0 : Math.min(EARLY, Math.max(0, expires - now) * EARLY_SHARE);
    known = { credential, until: expires === undefined ? Number.POSITIVE_INFINITY : expires - early };
    return credential;
  };
  return {
    async get(signal, refused) {
      if (known !== undefined && clock.now() < known.until && known.credential !== refused) return known.credential;
      pending ??= ask(signal, refused !== undefined && known?.credential === refused).finally(() => {
        pending = undefined;
      });
      return pending;
    },
  };
}

/**
 * The text of what a kubeconfig holds or points to.
 * @throws {TscertError} `cluster-login` for a file that cannot be read
 */
export async function readMaterial(material: Material, what: string): Promise<string> {
  if ('text' in material) return material.text;
  try {
    return await readFile(material.file, 'utf8');
  } catch (error) {
    throw new TscertError('cluster-login', `Cannot read ${what} "${material.file}": ${messageOf(error)}`, {
      data: { file: material.file },
      cause: error,
    });
  }
}

async function readUser(user: User, name: string): Promise<Credential> {
  const [cert, key, token] = await Promise.all([
    user.certificate === undefined ? undefined : readMaterial(user.certificate, `the client certificate of "${name}"`),
    user.key === undefined ? undefined : readMaterial(user.key, `the client key of "${name}"`),
    // The file goes before the value, which may be what the file once held.
    user.tokenFile === undefined ? user.token : readMaterial({ file: user.tokenFile }, `the token of "${name}"`),
  ]);
  const authorization = authorizationOf(user, token?.trim(), name);
  return {
    ...(authorization === undefined ? {} : { authorization }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
  };
}

function authorizationOf(user: User, token: string | undefined, name: string): string | undefined {
  if (token !== undefined) {
    if (token !== '' && !/[^\u0021-\u007e]/.test(token)) return `Bearer ${token}`;
    throw new TscertError('cluster-login', `Cannot use the token of "${name}": it is empty, or cannot stand in a header`, {
      data: { user: name },
    });
  }
  if (user.username === undefined) return undefined;
  return `Basic ${Buffer.from(`${user.username}:${user.password ?? ''}`).toString('base64')}`;
}

function isSame(a: Credential, b: Credential | undefined): boolean {
  return b !== undefined && a.authorization === b.authorization && a.cert === b.cert && a.key === b.key;
}
