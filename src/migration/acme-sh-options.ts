/** What acme.sh keeps of how a certificate was asked for, in tscert's options. */
import { isAbsolute } from 'node:path';
import type { ForeignCertificate } from './holdings.js';
import { aroundOf, oneAfterTheOther, quoted, withVariables } from './shell.js';

export type Settings = ReadonlyMap<string, string>;

const DAY = 86_400_000;

/** acme.sh's word for what is not wanted. */
const NONE = 'no';

/** A setting that says something. */
function textOf(settings: Settings, key: string): string | undefined {
  const value = settings.get(key);
  return value === undefined || value === '' || value === NONE ? undefined : value;
}

/** @param general those of account.conf */
export function acmeShOptions(settings: Settings, general: Settings): ForeignCertificate['options'] {
  const [preferredChain, profile] = [textOf(settings, 'Le_Preferred_Chain'), textOf(settings, 'Le_Certificate_Profile')];
  const until = /^\+(\d{1,5})([dh])$/.exec(textOf(settings, 'Le_Valid_To') ?? '');
  const daysBefore = /^-0*([1-9]\d{0,3})$/.exec(textOf(settings, 'Le_RenewalDays') ?? '')?.[1];
  const caBundle = textOf(general, 'CA_BUNDLE');
  return {
    // Unlike all others acme.sh keeps the key, unless it is told not to.
    reuseKey: settings.get('Le_ForceNewDomainKey') !== '1',
    ...(settings.get('Le_OCSP_Staple') === '1' ? { mustStaple: true } : {}),
    ...(preferredChain === undefined ? {} : { preferredChain }),
    ...(profile === undefined ? {} : { profile }),
    ...(until === null || Number(until[1]) === 0 ? {} : { notAfter: `${Number(until[1])}${until[2]}` }),
    ...(daysBefore === undefined ? {} : { renewBefore: `${daysBefore}d` }),
    ...(caBundle !== undefined && isAbsolute(caBundle) ? { caBundle } : {}),
  };
}

/** Days after the beginning of a certificate, where somebody chose them. Milliseconds. */
export function renewAfterOf(settings: Settings): number | undefined {
  const days = /^0*([1-9]\d{0,3})$/.exec(textOf(settings, 'Le_RenewalDays') ?? '')?.[1];
  return days === undefined ? undefined : Number(days) * DAY;
}

/** What acme.sh runs around an issuance. */
export function acmeShAround(settings: Settings): Pick<ForeignCertificate, 'around'> {
  const variables = { Le_Domain: quoted(textOf(settings, 'Le_Domain') ?? '') };
  const [pre, post] = ['Le_PreHook', 'Le_PostHook'].map((name) => {
    const command = textOf(settings, name);
    return command === undefined ? undefined : withVariables(command, variables);
  });
  return aroundOf(pre, post);
}

/** acme.sh installs its files where the servers have them, and reloads: both are one deploy hook here. */
export function acmeShHook(settings: Settings): string | undefined {
  const [cert, key, ca, fullchain] = ['Le_RealCertPath', 'Le_RealKeyPath', 'Le_RealCACertPath', 'Le_RealFullChainPath'].map((name) =>
    textOf(settings, name),
  );
  const variables = {
    CERT_PATH: '"$TSCERT_CERT"',
    CERT_KEY_PATH: '"$TSCERT_KEY"',
    CA_CERT_PATH: '"$TSCERT_CHAIN"',
    CERT_FULLCHAIN_PATH: '"$TSCERT_FULLCHAIN"',
    Le_Domain: quoted(textOf(settings, 'Le_Domain') ?? ''),
  };
  const commands = ['Le_ReloadCmd', 'Le_RenewHook'].flatMap((name) => {
    const command = textOf(settings, name);
    return command === undefined ? [] : [withVariables(command, variables)];
  });
  const copies = [
    ...copy('TSCERT_CERT', cert),
    ...(ca !== undefined && ca === cert ? [`cat "$TSCERT_CHAIN" >> ${quoted(ca)}`] : copy('TSCERT_CHAIN', ca)),
    // A key that is there keeps its mode, a new one is nobody else's.
    ...(key === undefined ? [] : [`(umask 077 && cat "$TSCERT_KEY" > ${quoted(key)})`]),
    ...copy('TSCERT_FULLCHAIN', fullchain),
  ];
  return oneAfterTheOther(copies, commands);
}

function copy(variable: string, file: string | undefined): string[] {
  return file === undefined ? [] : [`cat "$${variable}" > ${quoted(file)}`];
}

/** What tscert does not do as acme.sh did. */
export function acmeShLosses(settings: Settings, general: Settings): string[] {
  const losses: string[] = [];
  const scripts = textOf(settings, 'Le_DeployHook');
  if (scripts !== undefined) losses.push(`acme.sh deploys it by its scripts ${scripts}, and tscert does not: say --deploy-hook`);
  const until = textOf(settings, 'Le_Valid_To');
  if (until !== undefined && !/^\+\d{1,5}[dh]$/.test(until))
    losses.push('acme.sh asks for a fixed end of its validity (--valid-to), and tscert for none');
  if (textOf(settings, 'Le_Valid_From') !== undefined)
    losses.push('acme.sh asks for a beginning of its validity (--valid-from), and tscert for none');
  if (textOf(settings, 'Le_ExtKeyUse') !== undefined) losses.push('acme.sh asks for extended key usages, and tscert leaves them to the CA');
  const formats = [
    ['Le_PFXPassword', 'PKCS#12'],
    ['Le_PKCS8Password', 'an encrypted PKCS#8 key'],
  ].flatMap(([name = '', format = '']) => (textOf(settings, name) === undefined ? [] : [format]));
  if (formats.length > 0) losses.push(`acme.sh also writes ${formats.join(' and ')}, and tscert does not`);
  if (['Le_LocalAddress', 'Le_Listen_V4', 'Le_Listen_V6'].some((name) => textOf(settings, name) !== undefined))
    losses.push('acme.sh listens at one address or one kind of them, and tscert at all');
  if (textOf(general, 'HTTPS_INSECURE') !== undefined)
    losses.push('acme.sh does not check the certificate of its ACME server (--insecure), and tscert does: give the root with --ca-bundle');
  return losses;
}
