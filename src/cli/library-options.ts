/** What a program can ask {@link issue} for: the keys of the configuration file, written out, and what only a program can give. */
import type { Event } from '../base/events.js';

/** A secret by reference: the content of a file without the line feed at its end, or the value of an environment variable. */
export type SecretReference = { readonly file: string } | { readonly env: string };

/** A DNS provider with its settings, under the names of the provider's environment variables; secrets by reference. */
export interface DnsEntry {
  /** `route53`, `alidns`, `rfc2136`, `exec`, `acmesh:dns_xx` or `manual`. */
  readonly provider: string;
  /** Only for names in this zone. */
  readonly zone?: string | undefined;
  readonly [variable: string]: string | number | SecretReference | undefined;
}

/** How a server is found that is not where its users have it. */
export interface ServerEntry {
  /** Name or path of its program. */
  readonly program?: string | undefined;
  /** Its configuration file, for one that systemd does not run. */
  readonly config?: string | undefined;
  /** Its systemd unit. */
  readonly unit?: string | undefined;
}

/** Who owns a file, `USER`, `USER:GROUP` or `:GROUP`, and its mode, octal: `0640`. */
export interface FileAccess {
  readonly owner?: string | undefined;
  readonly mode?: string | undefined;
}

/** A target of a certificate. */
export type DeployEntry =
  /** `content` is `fullchain` (the default), `cert`, `chain`, `key`, `combined`, or several of them joined by `+`. */
  | ({ readonly file: string; readonly content?: string | undefined } & FileAccess)
  | { readonly command: string; readonly timeout?: string | undefined }
  | { readonly nginx: ServerEntry }
  | { readonly apache: ServerEntry }
  /** `[NAMESPACE/]deployment/NAME[@CONTEXT]`, or daemonset or statefulset: its pods are restarted. */
  | { readonly rollout: string }
  /** `file` is where certificate and key are written, `/etc/haproxy/certs/NAME.pem` unless given; false writes none. */
  | {
      readonly haproxy: { readonly file?: string | false | undefined; readonly pidFile?: string | undefined } & FileAccess & ServerEntry;
    };

/** What belongs to one certificate. */
export interface CertificateEntry {
  /** Its names: DNS names (with `*.` for a wildcard), IP addresses. The first one is the name it is stored under. */
  readonly domains?: readonly string[] | string | undefined;
  /** The name it is stored under instead. */
  readonly name?: string | undefined;

  /** ACME directory: `letsencrypt` (the default), `letsencrypt-staging`, `zerossl`, `google`, `google-staging`, `sslcom`, `actalis` or a URL. */
  readonly server?: string | undefined;
  /** Who signs: an ACME CA (the default), or a signer of a cluster. */
  readonly issuer?: 'acme' | 'kubernetes' | undefined;
  /** `issuer: 'kubernetes'`: `SIGNER` or `SIGNER@CONTEXT`. */
  readonly signer?: string | undefined;
  /** `issuer: 'kubernetes'`: what the certificate is for, as `server auth`. */
  readonly usage?: readonly string[] | string | undefined;
  /** `issuer: 'kubernetes'`: how long it shall hold, as `90d`. */
  readonly expiration?: string | undefined;
  /** The staging directory of that CA. */
  readonly staging?: boolean | undefined;
  /** Staging directory of a CA that is named by its URL. */
  readonly stagingServer?: string | undefined;
  /** Contact of the ACME account. */
  readonly email?: string | undefined;
  /** Agreement to the CA's terms of service. */
  readonly agreeTos?: boolean | undefined;
  /** Key id of the external account binding, and its HMAC key (base64url) by reference or as a file. */
  readonly eabKid?: string | undefined;
  readonly eabHmac?: SecretReference | undefined;
  readonly eabHmacFile?: string | undefined;
  /** One of the directory's certificate profiles. */
  readonly profile?: string | undefined;
  /** Common name of an issuer in the chain to prefer. */
  readonly preferredChain?: string | undefined;
  /** End of the validity to ask for: RFC 3339, or a duration from now such as `30d`. */
  readonly notAfter?: string | undefined;

  /** DNS-01: `PROVIDER`, `PROVIDER@ZONE`, or a provider with its settings. */
  readonly dns?: readonly (string | DnsEntry)[] | string | DnsEntry | undefined;
  /** HTTP-01: `standalone`, `standalone:PORT` or `webroot:DIR`. */
  readonly http?: readonly string[] | string | undefined;
  /** TLS-ALPN-01: true for port 443, or a port. */
  readonly tlsAlpn?: boolean | number | undefined;

  /** `rsa2048`, `rsa3072`, `rsa4096`, `rsa8192`, `ec256` (the default), `ec384`, `ec521` or `ed25519`. */
  readonly keyType?: string | undefined;
  /** Keeps the stored key instead of making a new one. */
  readonly reuseKey?: boolean | undefined;
  /** File of an existing private key to certify. */
  readonly key?: string | undefined;
  /** File of an existing CSR to have signed. */
  readonly csr?: string | undefined;
  /** Asks for the TLS feature extension (RFC 7633). */
  readonly mustStaple?: boolean | undefined;
  /** Common name; by default there is none. */
  readonly cn?: string | undefined;

  /** When to renew: a duration before the end such as `30d`, or a percentage of the lifetime such as `33%`. */
  readonly renewBefore?: string | undefined;
  /** Whether `renew` asks if the stored certificate was revoked; true unless given. */
  readonly revocationCheck?: boolean | undefined;
  /** Its OCSP responder and CRLs may be at loopback, private and other inner addresses. */
  readonly allowPrivate?: boolean | undefined;
  /** Absolute path of the OCSP response that a server sends along, DER: kept fresh by `renew` and `watch`. */
  readonly staple?: string | undefined;
  /** Secrets of a cluster that a new certificate goes to: `[NAMESPACE/]NAME[@CONTEXT]`. */
  readonly secret?: readonly string[] | string | undefined;
  /** The issuer of cert-manager that stands for the CA in their annotations: `[KIND[.GROUP]/]NAME`. */
  readonly issuerRef?: string | undefined;
  /** Their further annotations and labels: `KEY=VALUE`. */
  readonly secretAnnotation?: readonly string[] | string | undefined;
  readonly secretLabel?: readonly string[] | string | undefined;
  /** Where a new certificate goes behind those, in this order: `nginx`, `apache`, `haproxy`, `haproxy:FILE`, files and commands. */
  readonly deploy?: readonly (string | DeployEntry)[] | string | DeployEntry | undefined;
  /** So many of the newest generations stay in the archive, whatever their age; 5 unless given. */
  readonly keepGenerations?: number | undefined;
  /** How long every generation stays in the archive; `30d` unless given. */
  readonly keepAge?: string | undefined;
  /** Command that is run after a new certificate has been stored. */
  readonly deployHook?: string | undefined;
  /** `HOST:PORT` where the new certificate must be served afterwards. */
  readonly probe?: string | undefined;
  /** Commands that are run before the first certificate of a run is ordered, and at the end of such a run; the same one only once. */
  readonly preHook?: string | undefined;
  readonly postHook?: string | undefined;
}

/** The configuration file as a value: what stands here is the default of every entry of `certificates`. */
export interface Configuration extends Omit<CertificateEntry, 'domains'> {
  /** Recursive resolvers, `HOST` or `HOST:PORT`, for everything that is looked up; the system's unless given. */
  readonly dnsResolver?: readonly string[] | string | undefined;
  /** Servers to ask instead of a zone's own: `HOST[:PORT]` or `HOST[:PORT]@ZONE`. */
  readonly dnsNameserver?: readonly string[] | string | undefined;
  /** Who must have the TXT records before the CA is told; `authoritative` unless given. */
  readonly dnsCheck?: 'authoritative' | 'recursive' | 'none' | undefined;
  /** How long that may take: `5m` unless given. */
  readonly dnsTimeout?: string | undefined;
  /** PEM file with extra trust roots for HTTPS. */
  readonly caBundle?: string | undefined;
  /** Certificates under way at once; 300 unless given. */
  readonly jobs?: number | undefined;
  /** Challenges with the CA at once; 60 unless given. */
  readonly challenges?: number | undefined;
  /** One entry a certificate. */
  readonly certificates?: readonly CertificateEntry[] | undefined;
}

/** The keys of the configuration file, and what only a program can give. */
export interface IssueOptions extends Configuration {
  /** Names of the one certificate that is asked for; `certificates` asks for several. */
  readonly domains?: readonly string[] | string | undefined;
  /** Where everything is kept, as `--dir`. */
  readonly dir?: string | undefined;
  /** Issue even when a good certificate is stored. */
  readonly force?: boolean | undefined;
  /** Go through all of it with the CA's staging directory and throw the result away. */
  readonly dryRun?: boolean | undefined;
  /** Stops the run, which cleans up before it rejects. */
  readonly signal?: AbortSignal | undefined;
  /** Takes what happens, with the name of the certificate it happens to; must not throw. */
  readonly onEvent?: ((name: string, event: Event) => void) | undefined;
}
