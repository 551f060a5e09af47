/**
 * Errors in words, and what to do next.
 * The rules of this voice: `tscert: error:` says what could not be done, to what and why, with the server's own words;
 * `tscert: hint:` says what to do; no capitals after the colon unless a name, no full stop at the end, no stack, no secret.
 */
import { type ErrorCode, type ErrorData, isTscertError, messageOf } from '../../base/errors.js';
import type { Right } from '../../kubernetes/failure.js';

interface Subproblem {
  readonly type?: string;
  readonly detail?: string;
  readonly identifier?: { readonly value?: string };
}

interface Failure {
  readonly identifier: string;
  readonly type: string;
  readonly problem?: { readonly type?: string; readonly detail?: string };
}

/** Extra lines that belong to the error itself: each failed name, each name server's answer, each subproblem. */
export function detailsOf(error: unknown): string[] {
  if (!isTscertError(error)) return [];
  const { failures, diagnosis, problem } = error.data as {
    failures?: readonly Failure[];
    diagnosis?: readonly { server: string; address: string; answer: string; holds?: boolean }[];
    problem?: { subproblems?: readonly Subproblem[] };
  };
  return [
    ...(failures ?? [])
      .filter(({ problem: why }) => why?.detail === undefined || !error.message.includes(why.detail))
      .map(
        ({ identifier, type, problem: why }) =>
          `${identifier} (${type}): ${why?.detail ?? 'no reason given'}${why?.type === undefined ? '' : ` [${shortType(why.type)}]`}`,
      ),
    ...(diagnosis ?? []).map(({ server, address, answer }) => `${server} (${address}): ${answer}`),
    // Where the message has the server's words already they are not said twice.
    ...(problem?.subproblems ?? [])
      .filter(({ detail }) => detail === undefined || !error.message.includes(detail))
      .map(
        ({ identifier, detail, type }) =>
          `${identifier?.value ?? 'subproblem'}: ${detail ?? ''}${type === undefined ? '' : ` [${shortType(type)}]`}`,
      ),
  ];
}

/** The message without the word "Cannot" in capitals. */
export function messageWords(error: unknown): string {
  const message = messageOf(error);
  return message.startsWith('Cannot ') ? `c${message.slice(1)}` : message;
}

const HINTS: Partial<Record<ErrorCode, (data: ErrorData, message: string) => string | undefined>> = {
  usage: ({ help }) => (typeof help === 'string' ? `${help} shows what there is` : undefined),
  'terms-not-agreed': ({ url }) =>
    `read ${url ?? 'the terms of service of the CA'} and say yes with --agree-tos (or agreeTos: true in the configuration, or TSCERT_AGREE_TOS=1)`,
  'eab-required': () => 'get a key id and an HMAC key from the CA, and give them with --eab-kid KID --eab-hmac-file FILE',
  'wildcard-needs-dns01': () => 'add a DNS provider, as in --dns route53',
  'solver-missing': () => 'say how names are proven: --dns PROVIDER, --http standalone, --http webroot:DIR or --tls-alpn',
  'key-kind-refused': () => 'choose another --key-type; ec256 is signed by every CA',
  'key-compromised': () => 'make another key, or leave out --key and --csr: then a new one is made',
  'credentials-missing': ({ hint, variable }) =>
    typeof hint === 'string'
      ? hint
      : `set ${typeof variable === 'string' ? variable : 'credentials'} in the environment, or with the provider's entry in the configuration file`,
  'provider-denied': ({ provider, awsCode }) =>
    typeof awsCode === 'string' && /Signature|Token|AuthFailure|AccessKey/.test(awsCode)
      ? 'check the access key, the secret key and the clock of this machine'
      : typeof provider === 'string' && /^(route53|alidns)$/.test(provider)
        ? `the least rights are printed by: tscert dns policy ${provider} --zone ZONE`
        : undefined,
  'propagation-timeout': () =>
    'look at the name servers above; a slow provider wants a longer --dns-timeout, a hidden primary --dns-nameserver',
  'manual-pending': () => 'when the records stand, run the same command again: it goes on with the same order and the same values',
  'zone-unknown': () => 'check that the zone is delegated and that the credentials are of the account that holds it',
  'port-in-use': () =>
    'stop what listens there for a moment, use --http webroot:DIR with the running server, or another port behind a redirect',
  'tls-untrusted': ({ hint }) => (hint === 'ca-bundle' ? 'give the root of a private CA with --ca-bundle FILE' : undefined),
  'response-invalid': ({ url }, message) =>
    typeof url === 'string' && message.startsWith('Cannot read the ACME directory')
      ? `look at ${url}: --server wants the URL of an ACME directory`
      : undefined,
  'url-refused': ({ range }) => (typeof range === 'string' ? 'addresses of inner networks are reached with --allow-private' : undefined),
  timeout: ({ limit }) =>
    typeof limit === 'number' ? 'run the same command again with a longer --timeout: it goes on where this run stopped' : undefined,
  'file-exists': ({ hint }) => (hint === 'force' ? 'look at it first; --force writes in its place' : undefined),
  'store-unwritable': () => 'choose another folder with --dir, or run as the user who owns it',
  'store-damaged': ({ isForeign }) =>
    isForeign === true
      ? 'move it away, or store the certificate under another --name'
      : 'move the damaged file away; the last good generation is in the archive folder',
  locked: ({ pid, host }) =>
    pid === undefined ? undefined : `wait for process ${pid}${host === undefined ? '' : ` on ${host}`}, or stop it`,
  'rate-limited': ({ retryAt }) =>
    typeof retryAt === 'string' ? `run the same command again after ${retryAt}` : 'run the same command again later',
  'clock-wrong': () => 'set the clock (timedatectl status, chronyc tracking), and run the same command again',
  'key-passphrase': () =>
    'give the passphrase with --passphrase-file FILE; a command without that option wants the key opened first: openssl pkey -in KEY -out PLAIN',
  'kubeconfig-invalid': () => 'name another with --kubeconfig FILE, or in KUBECONFIG',
  'cluster-unknown': () => 'name a kubeconfig with --kubeconfig FILE or KUBECONFIG, and a context of it with --context NAME',
  'cluster-login': () => 'log in to the cluster as you do for kubectl, or act as another with --context NAME',
  'cluster-forbidden': ({ right }) => ruleHint(right),
  'cluster-absent': ({ kind }) =>
    kind === 'CertificateSigningRequest'
      ? 'it never was, or the cluster has removed it: an hour after it was issued, denied or failed, a day after it was made; send it again'
      : undefined,
  'csr-unsignable': ({ fits }) => fitHint(fits),
  'csr-denied': () => 'ask those who approve, and send another request: a denial is final',
  'csr-failed': () => 'mend what the signer says and send another request: this one cannot be signed any more',
  'csr-pending': ({ name }) => `wait with: tscert csr fetch ${name} --wait`,
  interrupted: () => 'run the same command again: it goes on where this run stopped',
  internal: () => 'this is a fault of tscert; please report it with the output of --verbose',
};

/** The rule of a Role that gives a missing right. */
function ruleHint(right: unknown): string | undefined {
  if (typeof right !== 'object' || right === null) return undefined;
  const { verb, group, resource, names, namespace } = right as Partial<Right>;
  if (verb === undefined || names === undefined) return undefined;
  const named = names.length === 0 ? '' : `, resourceNames: ["${names.join('" or "')}"]`;
  const role = namespace === undefined ? 'ClusterRole' : `Role in "${namespace}"`;
  return `a ${role} allows it with: apiGroups: ["${group}"], resources: ["${resource}"]${named}, verbs: ["${verb}"]`;
}

/** The signer that takes such a request. */
function fitHint(fits: unknown): string | undefined {
  const message = typeof fits === 'object' && fits !== null && 'message' in fits ? fits.message : undefined;
  return typeof message === 'string' ? `${message.charAt(0).toLowerCase()}${message.slice(1)}` : undefined;
}

/** What to do next, if there is something better than reading the message. */
export function hintOf(error: unknown): string | undefined {
  return isTscertError(error) ? HINTS[error.code]?.(error.data, error.message) : undefined;
}

/** An error as data, for --json. */
export function errorDocument(error: unknown): Record<string, unknown> {
  const hint = hintOf(error);
  return {
    code: isTscertError(error) ? error.code : 'internal',
    message: messageOf(error),
    ...(hint === undefined ? {} : { hint }),
    ...(isTscertError(error) && Object.keys(error.data).length > 0 ? { data: error.data } : {}),
  };
}

function shortType(type: string): string {
  return type.replace('urn:ietf:params:acme:error:', '');
}
