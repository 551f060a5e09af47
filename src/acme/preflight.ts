/** What an ACME server would refuse, told before anything is spent. */
import { TscertError } from '../base/errors.js';
import { isWildcard, withoutWildcard } from '../base/names.js';
import type { CertificateRequest } from '../request/request.js';
import { authorityAt, maxNamesOf } from './authorities.js';
import type { Directory } from './directory.js';
import type { Identifier } from './order.js';
import type { ChallengeType, Solver, SolverPicker } from './solver.js';

const FOR_DNS: readonly ChallengeType[] = ['dns-01', 'http-01', 'tls-alpn-01'];
/** RFC 8738 §7. */
const FOR_IP: readonly ChallengeType[] = ['http-01', 'tls-alpn-01'];

/**
 * The identifiers to order, in the request's order, each once.
 * @throws {TscertError} `name-invalid` for names that ACME does not certify (RFC 8555 §9.7.7: dns, RFC 8738: ip)
 */
export function identifiersOf(wanted: CertificateRequest): Identifier[] {
  const identifiers = wanted.spec.names.map(({ type, value }): Identifier => {
    if (type === 'dns' || type === 'ip') return { type, value };
    const what = type === 'other' ? 'an otherName' : type === 'uri' ? 'a URI' : 'an e-mail address';
    throw new TscertError(
      'name-invalid',
      `Cannot order a certificate for "${value}": ACME certifies DNS names and IP addresses, not ${what}`,
      {
        data: { name: value, type },
      },
    );
  });
  return identifiers.filter(({ type, value }, at) => identifiers.findIndex((one) => one.type === type && one.value === value) === at);
}

/**
 * Checks a request without asking anybody: name types and number, key kind, solvers.
 * @throws {TscertError} `name-invalid`, `request-invalid`, `key-kind-refused`, `wildcard-needs-dns01`, `solver-missing`
 */
export function checkRequest(wanted: CertificateRequest, picker: SolverPicker): void {
  const identifiers = identifiersOf(wanted);
  if (identifiers.length === 0) {
    throw new TscertError('request-invalid', 'Cannot order a certificate without names', { data: { name: wanted.name } });
  }
  checkCommonName(wanted, identifiers);
  checkAuthority(wanted, identifiers);
  for (const identifier of identifiers) solverFor(identifier, picker);
}

/**
 * Checks the profile against the directory.
 * @throws {TscertError} `profile-unknown` with those that there are
 */
export function checkProfile({ issuer }: CertificateRequest, { profiles }: Directory): void {
  if (issuer.profile === undefined || profiles?.[issuer.profile] !== undefined) return;
  const known = Object.keys(profiles ?? {});
  const why = known.length > 0 ? `it has ${known.join(', ')}` : 'it has no profiles';
  throw new TscertError('profile-unknown', `Cannot order under the profile "${issuer.profile}" of ${issuer.directory}: ${why}`, {
    data: { profile: issuer.profile, known, directory: issuer.directory },
  });
}

function checkCommonName({ spec }: CertificateRequest, identifiers: readonly Identifier[]): void {
  const commonName = spec.commonName?.toLowerCase();
  if (commonName === undefined || identifiers.some(({ value }) => value === commonName)) return;
  throw new TscertError(
    'request-invalid',
    `Cannot order a certificate with the common name "${spec.commonName}": it is none of its names`,
    {
      data: { commonName: spec.commonName },
    },
  );
}

function checkAuthority({ issuer, key, spec }: CertificateRequest, identifiers: readonly Identifier[]): void {
  const authority = authorityAt(issuer.directory);
  if (authority === undefined) return;
  const refuse = (code: 'key-kind-refused' | 'request-invalid', what: string, why: string): never => {
    throw new TscertError(code, `Cannot order ${what} from ${authority.title}: ${why}`, {
      data: { authority: authority.name, keyType: key.type },
    });
  };
  if (!authority.keyTypes.includes(key.type)) refuse('key-kind-refused', `a certificate for ${key.type}`, authority.keyRule);
  if (spec.mustStaple === true && !authority.mustStaple) {
    refuse('request-invalid', 'a must-staple certificate', 'it runs no OCSP responder, so nothing could be stapled');
  }
  const underscored = identifiers.find(({ type, value }) => type === 'dns' && value.includes('_'));
  if (underscored !== undefined) {
    throw new TscertError(
      'name-invalid',
      `Cannot order a certificate for "${underscored.value}" from ${authority.title}: no public CA may certify names with an underscore`,
      { data: { authority: authority.name, name: underscored.value } },
    );
  }
  const most = maxNamesOf(authority, issuer.profile);
  if (most !== undefined && identifiers.length > most) {
    refuse('request-invalid', `a certificate with ${identifiers.length} names`, `${most} is the most that it takes in one`);
  }
  const { ipProfiles } = authority;
  const ip = identifiers.find(({ type }) => type === 'ip');
  if (ip !== undefined && ipProfiles !== undefined && !ipProfiles.includes(issuer.profile ?? '')) {
    refuse('request-invalid', `a certificate for the address ${ip.value}`, `it wants the profile ${ipProfiles.join(' or ')} for that`);
  }
}

/**
 * Lets the solvers of a request look at what they will need.
 * @throws {TscertError} `wildcard-needs-dns01`, `solver-missing`, and what the solvers throw
 */
export async function checkSolvers(wanted: CertificateRequest, picker: SolverPicker): Promise<void> {
  const solvers = new Set(identifiersOf(wanted).map((identifier) => solverFor(identifier, picker)));
  await Promise.all([...solvers].map((solver) => solver.preflight?.()));
}

function solverFor({ type, value }: Identifier, picker: SolverPicker): Solver {
  const wildcard = type === 'dns' && isWildcard(value);
  const identifier = { type, value: withoutWildcard(value) };
  const offered = wildcard ? FOR_DNS.slice(0, 1) : type === 'ip' ? FOR_IP : FOR_DNS;
  const solver = picker(identifier, wildcard, offered);
  if (solver !== undefined) return solver;
  const data = { identifier: value };
  if (wildcard) {
    throw new TscertError(
      'wildcard-needs-dns01',
      `Cannot prove control of "${value}": a wildcard is proven over DNS, and no DNS provider is set up for it`,
      { data },
    );
  }
  const ways = type === 'ip' ? 'HTTP or TLS-ALPN' : 'DNS, HTTP or TLS-ALPN';
  throw new TscertError('solver-missing', `Cannot prove control of "${value}": no solver over ${ways} is set up for it`, { data });
}
