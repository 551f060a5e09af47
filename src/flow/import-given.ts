/** The options with which a certificate of another tool is renewed: what was said now, what the tool kept, what the environment says. */
import { authorityAt, directoryFor } from '../acme/authorities.js';
import { isTscertError } from '../base/errors.js';
import { type GeneralName, isWildcard, nameKey, parseName } from '../base/names.js';
import type { ForeignAccount, ForeignCertificate, Tool } from '../migration/holdings.js';
import { DEFAULT_KEY_TYPE, type KeyType } from '../pki/key-type.js';
import type { OwnOptions } from '../request/options.js';
import type { CertificateRequest } from '../request/request.js';
import type { CheckedCertificate } from './import-check.js';

const HOUR = 3_600_000;

/** What a run may say of certificates that are there already; all else is the certificate's own, or the tool's. */
const SAYABLE = [
  'email',
  'agreeTos',
  'deployHook',
  'preHook',
  'postHook',
  'probe',
  'renewBefore',
  'caBundle',
  'dnsResolver',
  'dnsNameserver',
  'dnsCheck',
  'dnsTimeout',
] as const satisfies readonly (keyof OwnOptions)[];

/** Ways of proving belong together, and are taken from one place. */
const PROOFS = ['dns', 'http', 'tlsAlpn'] as const satisfies readonly (keyof OwnOptions)[];

interface Sources {
  readonly said: OwnOptions;
  readonly fallback: OwnOptions;
}

/** The options of a certificate; `foreign.name` is the name that it is stored under. */
export function givenOf(
  foreign: ForeignCertificate & { readonly server: string },
  checked: CheckedCertificate,
  account: ForeignAccount | undefined,
  { said, fallback }: Sources,
): OwnOptions {
  const { keyType } = checked;
  const { mustStaple: _, ...options } = foreign.options;
  const proof = [said, foreign.proof.options, fallback].find((source) => PROOFS.some((key) => source[key] !== undefined));
  const renewBefore = beforeEnd(foreign, checked);
  return {
    ...pick(fallback, SAYABLE),
    ...(renewBefore === undefined ? {} : { renewBefore }),
    ...options,
    ...(foreign.around?.pre === undefined ? {} : { preHook: foreign.around.pre }),
    ...(foreign.around?.post === undefined ? {} : { postHook: foreign.around.post }),
    ...(mustStaple(foreign, checked) ? { mustStaple: true } : {}),
    ...(account?.email === undefined ? {} : { email: account.email }),
    // Who has an account has agreed to the terms of its server (RFC 8555 §7.3).
    ...(account === undefined ? {} : { agreeTos: true }),
    ...pick(said, SAYABLE),
    ...pick(proof ?? {}, PROOFS),
    server: serverWord(foreign.server, keyType ?? DEFAULT_KEY_TYPE),
    name: foreign.name,
    domains: checked.names.map(domainOf),
    ...(keyType === undefined ? {} : { keyType }),
  };
}

/** The options of a certificate that is here already, with what is said now. */
export function withSaid(known: OwnOptions, said: OwnOptions): OwnOptions {
  const saysProof = PROOFS.some((key) => said[key] !== undefined);
  const rest = Object.fromEntries(Object.entries(known).filter(([key]) => !saysProof || !(PROOFS as readonly string[]).includes(key)));
  return { ...rest, ...pick(said, SAYABLE), ...pick(said, PROOFS) };
}

function pick<Key extends keyof OwnOptions>(options: OwnOptions, keys: readonly Key[]): Pick<OwnOptions, Key> {
  return Object.fromEntries(keys.filter((key) => options[key] !== undefined).map((key) => [key, options[key]])) as Pick<OwnOptions, Key>;
}

/** Days after the beginning as a time before the end. */
function beforeEnd({ renewAfter }: ForeignCertificate, { notBefore, notAfter }: CheckedCertificate): string | undefined {
  const hours = renewAfter === undefined ? 0 : Math.round((notAfter - notBefore - renewAfter) / HOUR);
  return hours > 0 ? `${hours}h` : undefined;
}

/** What the CA refuses by now is asked for no more. */
function mustStaple({ server, options }: ForeignCertificate, checked: CheckedCertificate): boolean {
  return (checked.mustStaple || options.mustStaple === true) && isStapling(server);
}

function isStapling(server: string | undefined): boolean {
  return server === undefined || authorityAt(server)?.mustStaple !== false;
}

/** The short name of a CA, where it leads to the same directory. */
function serverWord(directory: string, keyType: KeyType): string {
  const authority = authorityAt(directory);
  return authority !== undefined && directoryFor(authority, keyType) === directory ? authority.name : directory;
}

/** A name as an option; the kind stands in front where the text alone would not tell it. */
function domainOf(name: GeneralName): string {
  if (name.type === 'other') return nameKey(name);
  try {
    if (parseName(name.value).type === name.type) return name.value;
  } catch (error) {
    if (!isTscertError(error)) throw error;
  }
  return nameKey(name);
}

/** What is not as it was with the other tool, as clauses. */
export function lossesOf(
  foreign: ForeignCertificate,
  checked: CheckedCertificate,
  request: CertificateRequest,
  { tool, said, now }: { readonly tool: Tool; readonly said: OwnOptions; readonly now: number },
): string[] {
  const losses = [...foreign.losses];
  if (!PROOFS.some((key) => said[key] !== undefined)) losses.push(...foreign.proof.losses);
  const isProvenByDns = request.solvers.some(({ type }) => type === 'dns-01');
  if (request.solvers.length === 0 && foreign.proof.losses.length === 0)
    losses.push(`${tool} keeps no word of how its names are proven: say --dns PROVIDER, --http HOW or --tls-alpn, or it cannot be renewed`);
  else if (request.solvers.length > 0 && !isProvenByDns && checked.names.some(({ value }) => isWildcard(value)))
    losses.push('its wildcard can be proven by --dns alone');
  if (checked.keyType === undefined)
    losses.push(
      `its key is of a kind that tscert does not make (${checked.keyWords}): the next renewal makes one of kind ${request.key.type}`,
    );
  if ((checked.mustStaple || foreign.options.mustStaple === true) && !isStapling(foreign.server))
    losses.push('its CA signs no must-staple any more: it is not asked for again');
  if (checked.notAfter < now)
    losses.push(`it has expired at ${new Date(checked.notAfter).toISOString()}: the next tscert renew gets a new one`);
  const asked = namesOf(foreign);
  const held = new Set(checked.names.map(nameKey));
  if (asked.size > 0 && (asked.size !== held.size || [...asked].some((name) => !held.has(name))))
    losses.push(`${tool} was asked for other names than it holds: those that it holds are renewed`);
  return losses;
}

function namesOf({ names = [] }: ForeignCertificate): Set<string> {
  return new Set(
    names.map((text) => {
      try {
        return nameKey(parseName(text));
      } catch (error) {
        if (isTscertError(error)) return text;
        throw error;
      }
    }),
  );
}
