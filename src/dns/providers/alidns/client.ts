/** One signed call to AliDNS through the vendor's SDK. The SDK's core and single models are loaded, not its 2,385 files. */
import type { Clock } from '../../../base/clock.js';
import { isTscertError, TscertError } from '../../../base/errors.js';
import type { Emit } from '../../../base/events.js';
import { untilAborted } from './abort.js';
import { type AccessKey, createChain } from './credentials.js';
import { type CallSite, type Failure, failureOf } from './failure.js';

interface ClientOptions {
  readonly accessKeyId?: string;
  readonly accessKeySecret?: string;
  readonly securityToken?: string;
  readonly regionId?: string;
  readonly endpoint?: string;
  readonly ca?: string;
  readonly clock: Clock;
  readonly emit?: Emit;
}

/** The answer's fields, or what failed; throws only the signal's reason and `credentials-missing`. */
type Answer = { readonly body: Readonly<Record<string, unknown>> } | { readonly failure: Failure };

/** Sends one request; `query` holds the parameters by their names on the wire. */
export type Send = (site: CallSite, query: Readonly<Record<string, unknown>>, signal: AbortSignal) => Promise<Answer>;

const VERSION = '2015-01-09';
const TIMEOUT = 15_000;
/** How long the search for credentials may be silent. */
const PATIENCE = 700;

/**
 * Loads the SDK and makes a sender.
 * @throws {TscertError} `credentials-missing` when only a part of an access key is given, `config-invalid` for an endpoint that is none
 */
export async function createSender(options: ClientOptions): Promise<Send> {
  const given = givenKey(options);
  const { host, protocol } = parseEndpoint(options.endpoint, options.regionId);
  const [core, credentials] = await Promise.all([import('@alicloud/openapi-core'), import('@alicloud/credentials')]);
  const { default: Client, $OpenApiUtil } = core.default;
  const Credential = credentials.default.default;

  const secrets = new Set([options.accessKeySecret ?? '', options.securityToken ?? '']);
  const key = given === undefined ? createChain(() => new Credential()) : async () => given;
  const credential = new Credential(null, {
    getProviderName: () => 'default',
    getCredentials: async () => {
      const { accessKeyId, accessKeySecret, securityToken } = await key();
      secrets.add(accessKeySecret).add(securityToken ?? '');
      return { accessKeyId, accessKeySecret, securityToken: securityToken ?? '', providerName: 'default' };
    },
  });
  const client = new Client(
    new $OpenApiUtil.Config({
      credential,
      endpoint: host,
      protocol,
      readTimeout: TIMEOUT,
      connectTimeout: TIMEOUT,
      userAgent: 'tscert',
      ...(options.regionId === undefined ? {} : { regionId: options.regionId }),
      ...(options.ca === undefined ? {} : { ca: options.ca }),
    }),
  );

  let known = given !== undefined;
  async function findKey(signal: AbortSignal): Promise<void> {
    if (known) return;
    const found = new AbortController();
    options.clock.sleep(PATIENCE, AbortSignal.any([signal, found.signal])).then(
      () =>
        options.emit?.({
          type: 'note',
          message: 'looking for Alibaba Cloud credentials: the OIDC role or the ECS metadata service is asked',
        }),
      () => {},
    );
    try {
      await untilAborted(key(), signal);
      known = true;
    } finally {
      found.abort();
    }
  }

  return async (site, query, signal) => {
    await findKey(signal);
    const params = new $OpenApiUtil.Params({
      action: site.action,
      version: VERSION,
      protocol: 'HTTPS',
      pathname: '/',
      method: 'POST',
      authType: 'AK',
      style: 'RPC',
      reqBodyType: 'formData',
      bodyType: 'json',
    });
    const request = new $OpenApiUtil.OpenApiRequest({ query: $OpenApiUtil.default.query({ ...query }) });
    try {
      // The SDK reads optional fields of its run-time options only, and the class itself is in a package of its own.
      const answer = await untilAborted(client.callApi(params, request, {} as Parameters<typeof client.callApi>[2]), signal);
      const body: unknown = answer.body;
      if (typeof body === 'object' && body !== null) return { body: body as Readonly<Record<string, unknown>> };
      return { failure: failureOf(new Error('the answer is no JSON object'), secrets) };
    } catch (error) {
      signal.throwIfAborted();
      if (isTscertError(error)) throw error;
      return { failure: failureOf(error, secrets) };
    }
  };
}

function givenKey({ accessKeyId, accessKeySecret, securityToken }: ClientOptions): AccessKey | undefined {
  if (!accessKeyId && !accessKeySecret) return undefined;
  if (!accessKeyId || !accessKeySecret) {
    const absent = accessKeyId ? 'secret' : 'id';
    throw new TscertError('credentials-missing', `Cannot sign requests to AliDNS: the ${absent} of the access key is not set`, {
      data: { provider: 'alidns', absent },
    });
  }
  return { accessKeyId, accessKeySecret, ...(securityToken ? { securityToken } : {}) };
}

/** `alidns.aliyuncs.com` serves cn-hangzhou and everything without a region; other regions have hosts of their own. */
function parseEndpoint(endpoint: string | undefined, regionId: string | undefined): { host: string; protocol: string } {
  const regional = regionId === undefined || regionId === '' || regionId === 'cn-hangzhou' || regionId === 'public';
  const text = endpoint || (regional ? 'alidns.aliyuncs.com' : `alidns.${regionId}.aliyuncs.com`);
  const address = text.includes('://') ? text : `https://${text}`;
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.pathname !== '/' || url.search !== '' || url.username !== '') {
    throw new TscertError(
      'config-invalid',
      `Cannot use "${text}" as the endpoint of AliDNS: it wants a host name, or http(s)://HOST:PORT`,
      {
        data: { provider: 'alidns', endpoint: text },
      },
    );
  }
  return { host: url.host, protocol: url.protocol === 'http:' ? 'HTTP' : 'HTTPS' };
}
