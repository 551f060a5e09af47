/** The flags of `issue`: each is a key of src/request/options.ts, in camelCase. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { STORE_KEYS } from '../globals.js';

interface Group {
  readonly title: string;
  readonly options: readonly Option[];
}

const collect = (value: string, previous: readonly string[] = []): string[] => [
  ...previous,
  ...value.split(',').map((part) => part.trim()),
];
/** Values may hold commas. */
const collectWhole = (value: string, previous: readonly string[] = []): string[] => [...previous, value];
const port = (value: string): number => {
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < 1 || number > 65_535) throw new InvalidArgumentError('It wants a port, 1 to 65535.');
  return number;
};
const count = (value: string): number => {
  if (!/^\d{1,4}$/.test(value) || Number(value) < 1 || Number(value) > 1_000)
    throw new InvalidArgumentError('It wants a number, 1 to 1000.');
  return Number(value);
};

/** An option that takes a number of things, 1 to 1000. */
export function countOption(flags: string, description: string): Option {
  return new Option(flags, description).argParser(count);
}

const GROUPS: readonly Group[] = [
  {
    title: 'What is made:',
    options: [
      new Option('-d, --domain <name>', 'a name of the certificate: DNS name, IP address, e-mail address or URI; repeatable').argParser(
        collect,
      ),
      new Option('--name <name>', 'store it under this name (default: its first name)'),
      new Option('--key-type <type>', 'rsa2048, rsa3072, rsa4096, rsa8192, ec256 (default), ec384, ec521 or ed25519'),
      new Option('--reuse-key', 'keep the stored key instead of making a new one'),
      new Option('--key <file>', 'certify this existing private key'),
      new Option('--csr <file>', 'have this existing CSR signed'),
      new Option('--cn <name>', 'common name; by default there is none'),
      new Option('--must-staple', 'ask for the TLS feature extension (RFC 7633)'),
    ],
  },
  {
    title: 'Who signs:',
    options: [
      new Option(
        '--server <name|url>',
        'ACME directory: letsencrypt (default), letsencrypt-staging, zerossl, google, google-staging, sslcom, actalis or a URL',
      ),
      new Option('--staging', 'the staging directory of that CA'),
      new Option('--staging-server <name|url>', 'its staging directory, where tscert does not know it'),
      new Option('--email <address>', 'contact of the account'),
      new Option('--agree-tos', "agree to the CA's terms of service"),
      new Option('--eab-kid <id>', 'key id of the external account binding'),
      new Option('--eab-hmac-file <file>', 'file with its HMAC key, base64url (or TSCERT_EAB_HMAC)'),
      new Option('--profile <name>', "one of the CA's certificate profiles"),
      new Option('--preferred-chain <cn>', 'prefer the chain with an issuer of this common name'),
      new Option('--not-after <time>', 'ask for this end of validity: RFC 3339, or a duration from now'),
    ],
  },
  {
    title: 'Who signs, where it is a cluster:',
    options: [
      new Option('--issuer <kind>', 'acme (default), or kubernetes: a signer of certificates.k8s.io').choices(['acme', 'kubernetes']),
      new Option('--signer <name[@context]>', 'the signer, as kubernetes.io/kube-apiserver-client'),
      new Option('--usage <word>', 'what the certificate is for; repeatable (default: what a signer of Kubernetes gives)').argParser(
        collect,
      ),
      new Option('--expiration <duration>', 'how long it shall hold, at least 10m'),
    ],
  },
  {
    title: 'How names are proven:',
    options: [
      new Option('--dns <provider[@zone]>', 'DNS-01 by route53, alidns, rfc2136, exec, acmesh:dns_xx or manual; repeatable').argParser(
        collect,
      ),
      new Option('--http <how>', 'HTTP-01 by standalone, standalone:PORT or webroot:DIR').argParser(collect),
      new Option('--tls-alpn [port]', 'TLS-ALPN-01 on port 443 or this one').argParser(port),
      new Option('--dns-resolver <host[:port]>', 'resolver for everything that is looked up; repeatable').argParser(collect),
      new Option('--dns-nameserver <host[:port][@zone]>', "ask this server instead of the zone's own; repeatable").argParser(collect),
      new Option('--dns-check <who>', 'who must have the records before the CA is told').choices(['authoritative', 'recursive', 'none']),
      new Option('--dns-timeout <duration>', 'how long that may take (default: 5m)'),
    ],
  },
  {
    title: 'What happens then:',
    options: [
      new Option('--secret <[ns/]name[@context]>', 'write it into this Secret of a cluster, as cert-manager does; repeatable').argParser(
        collect,
      ),
      new Option('--issuer-ref <[kind/]name>', "cert-manager's issuer that stands for the CA in the Secret's annotations"),
      new Option('--secret-annotation <key=value>', 'a further annotation of the Secret; repeatable').argParser(collectWhole),
      new Option('--secret-label <key=value>', 'a further label of the Secret; repeatable').argParser(collectWhole),
      new Option(
        '--deploy <target>',
        'bring it to nginx, apache, haproxy or haproxy:FILE and reload, or rollout:deployment/NAME; repeatable',
      ).argParser(collect),
      new Option('--deploy-hook <command>', 'run this after a new certificate has been stored'),
      new Option('--probe <host:port>', 'the new certificate must be served there afterwards'),
      new Option('--no-revocation-check', 'renew does not ask whether it was revoked'),
      new Option('--allow-private', 'its OCSP responder and CRLs may be on loopback, private and other inner addresses'),
      new Option('--staple <file>', 'keep an OCSP response for servers to send along there, fresh by renew and watch'),
      new Option('--pre-hook <command>', 'run this before a certificate is ordered, once a run'),
      new Option('--post-hook <command>', 'run this at the end of a run that ordered one, once'),
      new Option('--renew-before <duration|percent>', 'when to renew: 30d, or 33% of the lifetime (default: a third)'),
      countOption('--keep-generations <n>', 'so many old and new ones stay in the archive (default: 5)'),
      new Option('--keep-age <duration>', 'and all that are younger than this (default: 30d)'),
    ],
  },
  {
    title: 'The run:',
    options: [
      new Option('--force', 'issue even when a good certificate is stored'),
      new Option('--dry-run', 'go through all of it with the staging directory and throw the result away'),
      countOption('--jobs <n>', 'certificates under way at once (default: 300)'),
      countOption('--challenges <n>', 'challenges with the CA at once (default: 60)'),
    ],
  },
];

/** Adds some of the flags of `issue` to a command, by their long names, in their groups. */
export function addSomeIssueOptions(command: Command, names: readonly string[]): void {
  for (const { title, options } of GROUPS) {
    const chosen = options.filter(({ long }) => long !== undefined && long !== null && names.includes(long));
    if (chosen.length > 0) command.optionsGroup(title);
    for (const option of chosen) command.addOption(option);
  }
}

/** Adds the flags of `issue` to a command, in groups. */
export function addIssueOptions(command: Command): void {
  for (const { title, options } of GROUPS) {
    command.optionsGroup(title);
    for (const option of options) command.addOption(option);
  }
  command.optionsGroup('Everywhere:');
}

/** Without the options that say where everything is kept: they are none of a certificate. */
export function withoutStore(parsed: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(parsed).filter(([key]) => !(STORE_KEYS as readonly string[]).includes(key)));
}

/** What commander parsed, under the keys of the options table; those of the command alone are left out. */
export function issueFlags(parsed: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { domain, revocationCheck, force: _force, dryRun: _dryRun, ...options } = parsed;
  return {
    ...withoutStore(options),
    ...(domain === undefined ? {} : { domains: domain }),
    // Commander makes it true where the flag is not given; then the file decides.
    ...(revocationCheck === false ? { revocationCheck } : {}),
  };
}
