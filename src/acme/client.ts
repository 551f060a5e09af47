/** acme-client's Client under our transport: its signatures and payloads, none of its network, retries or timers. */
import type { KeyObject } from 'node:crypto';
import type { Json } from '../base/json.js';
import { readPrivateKey } from '../pki/key-reader.js';
import type { Answer } from './answer.js';

/** What one signed request needs beside its payload. */
export interface Call {
  /** Completes "Cannot ...". */
  readonly doing: string;
  readonly signal: AbortSignal;
  /** Statuses that are answers; all others are errors. 200 unless given. */
  readonly expect?: readonly number[];
  readonly accept?: string;
  /** What it is, in the word that cert-manager's metrics have for it. */
  readonly action?: string;
  /** Sign with the key itself instead of the account's URL (RFC 8555 §6.2). */
  readonly byKey?: boolean;
  /** Sent even when the clock here is wrong: nothing in it depends on the time. */
  readonly atAnyTime?: boolean;
}

/** Sends what `sign` makes of a nonce; comes back with an expected answer only. */
export type Transport = (url: string, sign: (nonce: string) => Json, call: Call) => Promise<Answer>;

/** The parts of acme-client that its types leave out. */
interface Internals {
  http: {
    accountKey: KeyObject | Uint8Array;
    request(url: string, method: string): Promise<never>;
    getNonce(): Promise<never>;
    createSignedBody(url: string, payload: Json, options: { nonce?: string; kid?: string | null }): Json;
    createSignedHmacBody(key: string, url: string, payload: Json, options: { kid: string }): Json;
    getJwk(): Json;
  };
  api: {
    accountUrl: string | null;
    apiRequest(url: string, payload: Json, expect: readonly number[], call: Call): Promise<Answer>;
  };
  getChallengeKeyAuthorization(challenge: { type: string; token: string }): Promise<string>;
}

type ClientClass = new (options: { directoryUrl: string; accountKey: string; accountUrl: string | null }) => Internals;

/** A key, and the account it belongs to once that is known, ready to sign requests. */
export interface Signer {
  readonly accountUrl: string | undefined;
  /** One signed POST; a payload of `null` is a POST-as-GET (RFC 8555 §6.3). */
  post(url: string, payload: Json, call: Call): Promise<Answer>;
  /** RFC 8555 §8.1 and §8.4. */
  keyAuthorization(token: string): Promise<{ readonly keyAuthorization: string; readonly digest: string }>;
  /** The inner JWS of an account binding (RFC 8555 §7.3.4); `hmac` is base64url. */
  bind(kid: string, hmac: string, newAccount: string): Json;
  /** The inner JWS of a key change (RFC 8555 §7.3.5), signed by this, the new key. */
  takeOver(keyChange: string, account: string, oldKey: Json): Json;
  readonly jwk: Json;
}

/** Makes signers for one directory. acme-client is loaded with the first one. */
export function createSigners(directoryUrl: string, transport: Transport): (accountKey: string, accountUrl?: string) => Promise<Signer> {
  return async (accountKey, accountUrl) => {
    const SessionClient = await loadClient(transport);
    const client = new SessionClient({ directoryUrl, accountKey, accountUrl: accountUrl ?? null });
    return {
      accountUrl,
      post: (url, payload, call) => client.api.apiRequest(url, payload, call.expect ?? [200], call),
      async keyAuthorization(token) {
        return {
          keyAuthorization: await client.getChallengeKeyAuthorization({ type: 'http-01', token }),
          digest: await client.getChallengeKeyAuthorization({ type: 'dns-01', token }),
        };
      },
      bind: (kid, hmac, newAccount) => client.http.createSignedHmacBody(hmac, newAccount, client.http.getJwk(), { kid }),
      takeOver: (keyChange, account, oldKey) => client.http.createSignedBody(keyChange, { account, oldKey }, {}),
      get jwk() {
        return client.http.getJwk();
      },
    };
  };
}

/** The one subclass: requests, nonces and API calls go through `transport`, and nothing of acme-client's own network is left. */
async function loadClient(transport: Transport): Promise<ClientClass> {
  const module = await import('acme-client');
  const { Client } = (module.default ?? module) as unknown as { readonly Client: ClientClass };
  return class SessionClient extends Client {
    constructor(options: ConstructorParameters<ClientClass>[0]) {
      super(options);
      const { http, api } = this;
      // Read once: reading the PEM with every signature takes twenty times as long as the signature.
      http.accountKey = readPrivateKey(options.accountKey);
      const unused = (): never => {
        throw new Error('acme-client may not use the network itself');
      };
      http.request = async () => unused();
      http.getNonce = async () => unused();
      api.apiRequest = (url, payload, expect, call) => {
        const kid = call.byKey === true ? null : api.accountUrl;
        return transport(url, (nonce) => http.createSignedBody(url, payload, { nonce, kid }), { ...call, expect });
      };
    }
  };
}
