/** Credentials by the vendor's default chain, asked for once at a time and with words for what takes long or fails. */
import { messageOf, TscertError } from '../../../base/errors.js';

/** An access key as requests are signed with it. */
export interface AccessKey {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  readonly securityToken?: string;
}

const LOOKED_AT =
  'ALIBABA_CLOUD_ACCESS_KEY_ID and _SECRET, an OIDC role (ALIBABA_CLOUD_ROLE_ARN), ~/.aliyun/config.json, ~/.alibabacloud/credentials, the ECS metadata service and ALIBABA_CLOUD_CREDENTIALS_URI';

/** The vendor puts answers and whole files, secrets included, into its errors: only these readings of them go on. */
const READINGS: readonly (readonly [RegExp, string])[] = [
  [/with OIDC/i, 'the OIDC role could not be assumed'],
  [/RoleArn|refresh session token/i, 'the RAM role could not be assumed'],
  [/parse aliyun cli config/i, '~/.aliyun/config.json is no JSON'],
  [/unable to get profile with/i, 'the profile is not in ~/.aliyun/config.json'],
  [/credential type for|Invalid type option/i, '~/.alibabacloud/credentials names no usable type'],
  [/credentialsURI|get sts token failed, json/i, 'ALIBABA_CLOUD_CREDENTIALS_URI gave no credentials'],
  [/IMDS credentials is disabled/i, 'the metadata service is switched off'],
];

/**
 * A source of access keys over the vendor's chain (environment, OIDC, profiles, ECS metadata, URI). The chain remembers the
 * provider it is at while it is still asking, so that a second question at the same time, or after a failure, would get a wrong
 * answer: here one question is asked at a time, and a chain that failed is thrown away.
 */
export function createChain(newChain: () => { getCredential(): Promise<Partial<AccessKey>> }): () => Promise<AccessKey> {
  let chain: ReturnType<typeof newChain> | undefined;
  let asking: Promise<AccessKey> | undefined;

  async function ask(): Promise<AccessKey> {
    try {
      chain ??= newChain();
      const { accessKeyId, accessKeySecret, securityToken } = await chain.getCredential();
      if (!accessKeyId || !accessKeySecret) throw new Error('the chain gave an empty key');
      return { accessKeyId, accessKeySecret, ...(securityToken ? { securityToken } : {}) };
    } catch (error) {
      chain = undefined;
      throw missing(error);
    } finally {
      asking = undefined;
    }
  }
  return () => {
    asking ??= ask();
    return asking;
  };
}

function missing(error: unknown): TscertError {
  const text = messageOf(error);
  const reasons = READINGS.filter(([pattern]) => pattern.test(text)).map(([, reading]) => reading);
  const code = /"Code"\s*:\s*"([A-Za-z.]+)"/.exec(text)?.[1];
  const why = reasons.length === 0 ? 'none of these gave an access key' : [...reasons, ...(code === undefined ? [] : [code])].join(', ');
  return new TscertError('credentials-missing', `Cannot sign requests to AliDNS: ${why} (looked at ${LOOKED_AT})`, {
    data: { provider: 'alidns', ...(reasons.length === 0 ? {} : { reasons }), ...(code === undefined ? {} : { serviceCode: code }) },
  });
}
