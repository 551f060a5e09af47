/**
 * The Request: what every door (flags, configuration file, environment, cfssl JSON, later manifests) becomes before any
 * logic runs. Plain data; secrets stand in it only as references that `wire` resolves.
 */
import type { GeneralName } from '../base/names.js';
import type { KeyType } from '../pki/key-type.js';
import type { Subject } from '../pki/subject.js';
import type { NameConstraints, Usage } from '../pki/usage.js';
import type { OwnOptions } from './options.js';

/** A secret by reference: a file (its content without the last line feed) or an environment variable; or the text itself. */
export type SecretRef = { readonly file: string } | { readonly env: string } | { readonly value: string };

/** What shall stand in the certificate. */
export interface CertificateSpec {
  /** In the order given; the first one names the certificate unless it has a name. */
  readonly names: readonly GeneralName[];
  readonly commonName?: string;
  readonly subject?: Subject;
  readonly usages?: readonly Usage[];
  readonly isCa?: boolean;
  readonly pathLength?: number;
  readonly nameConstraints?: NameConstraints;
  readonly mustStaple?: boolean;
}

/** How the key of a certificate comes about. */
export interface KeySpec {
  readonly type: KeyType;
  /** Keep the stored key when it fits `type` (rotationPolicy Never). */
  readonly reuse: boolean;
  /** An existing key, PEM; read-only. */
  readonly file?: string;
}

/** External account binding (RFC 8555 §7.3.4): the key is base64url, as CAs hand it out. */
export interface EabRequest {
  readonly kid: string;
  readonly hmac: SecretRef;
}

/** Who signs. Other kinds of authority join this union with their own `kind`. */
export interface AcmeRequest {
  readonly kind: 'acme';
  /** Directory URL. */
  readonly directory: string;
  /** Directory URL of the same CA's staging server, where it has one. */
  readonly staging?: string;
  readonly email?: string;
  readonly agreeTos: boolean;
  readonly eab?: EabRequest;
  readonly profile?: string;
  readonly preferredChain?: string;
  readonly notAfter?: Date;
}

/** A signer of a cluster (certificates.k8s.io). */
export interface KubernetesRequest {
  readonly kind: 'kubernetes';
  /** Names the authority: its signer, and `@CONTEXT` where it is that of another context. */
  readonly directory: string;
  readonly signer: string;
  /** Of the kubeconfig; that of the run unless given. */
  readonly context?: string;
  /** What the certificate is for: such a request says it beside the CSR. */
  readonly usages: readonly Usage[];
  /** Asked for, not promised. */
  readonly expirationSeconds?: number;
  /** There are no accounts, profiles and staging directories. */
  readonly email?: undefined;
  readonly profile?: undefined;
  readonly staging?: undefined;
}

export type IssuerRequest = AcmeRequest | KubernetesRequest;

/** How names are proven; for one name the most specific fitting zone wins, then the order. */
export type SolverRequest =
  | {
      readonly type: 'dns-01';
      /** `route53`, `alidns`, `rfc2136`, `exec`, `manual`, `acmesh:dns_xx`. */
      readonly provider: string;
      /** Only for names in this zone. */
      readonly zone?: string;
      /** The provider's own settings from the configuration file; the environment fills what is absent. */
      readonly settings?: Readonly<Record<string, string | SecretRef>>;
    }
  | { readonly type: 'http-01'; readonly port: number }
  | { readonly type: 'http-01'; readonly webroot: string }
  | { readonly type: 'tls-alpn-01'; readonly port: number };

/** A part of a stored certificate; `fullchain` is the certificate with its chain. */
export type ContentPart = 'cert' | 'chain' | 'fullchain' | 'key';

/** A file that is written for others. */
export interface FileRequest {
  /** Absolute. */
  readonly path: string;
  /** One after the other, PEM. */
  readonly content: readonly ContentPart[];
  /** By name or number; without them the file belongs to who runs this. */
  readonly owner?: string;
  readonly group?: string;
  /** Permission bits. */
  readonly mode: number;
}

/** How a server is found. What is absent is where its users have it. */
export interface ServerRequest {
  /** Name or path of the program that tests and reloads. */
  readonly program?: string;
  /** Absolute path of its configuration; with it, it is not taken for the one that systemd runs. */
  readonly config?: string;
  /** Its systemd unit. */
  readonly unit?: string;
  /** Of HAProxy: where a master that is no unit of systemd keeps its process id. */
  readonly pidFile?: string;
}

/** A Secret of a cluster. */
export interface SecretRequest {
  /** That of the context unless given. */
  readonly namespace?: string;
  readonly name: string;
  /** Of the kubeconfig; the one of the run unless given. */
  readonly context?: string;
  /** Of the Certificate by which cert-manager would know it, and its issuer there. */
  readonly certificateName: string;
  readonly issuerRef?: { readonly name: string; readonly kind: string; readonly group: string };
  /** What stands on it beside cert-manager's own. */
  readonly annotations: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

/** A workload of a cluster whose pods are started anew. */
export interface RolloutRequest {
  readonly workload: 'deployment' | 'daemonset' | 'statefulset';
  readonly name: string;
  /** That of the context unless given. */
  readonly namespace?: string;
  /** Of the kubeconfig; the one of the run unless given. */
  readonly context?: string;
}

/** A place that a certificate goes to once it is stored. Another value is another target. */
export type TargetRequest =
  | ({ readonly kind: 'file' } & FileRequest)
  /** Run by /bin/sh; `timeout` in milliseconds. */
  | { readonly kind: 'command'; readonly command: string; readonly timeout: number }
  | ({ readonly kind: 'nginx' | 'apache' } & ServerRequest)
  | ({
      readonly kind: 'haproxy';
      /** Its own copy of certificate and key, written before it is reloaded. */
      readonly file?: FileRequest;
    } & ServerRequest)
  | ({ readonly kind: 'secret' } & SecretRequest)
  | ({ readonly kind: 'rollout' } & RolloutRequest)
  /** `HOST:PORT` where the certificate must be served after all of these. */
  | { readonly kind: 'probe'; readonly address: string };

/** How it is looked at whether a stored certificate was revoked. */
export interface RevocationRequest {
  /** `renew` asks, from time to time. */
  readonly check: boolean;
  /** What the certificate names may be at loopback, private and other inner addresses. */
  readonly allowPrivate: boolean;
  /** Absolute path of the OCSP response that a server sends along, DER. */
  readonly staple?: string;
}

/** One certificate that is wanted. */
export interface CertificateRequest {
  /** Under this name it is stored; `*.` of a wildcard is written `_.`. */
  readonly name: string;
  readonly spec: CertificateSpec;
  readonly key: KeySpec;
  /** An existing CSR, PEM or DER; then `spec` is what it asks for and `key` is not made. */
  readonly csrFile?: string;
  readonly issuer: IssuerRequest;
  readonly solvers: readonly SolverRequest[];
  readonly renewBefore?: { readonly milliseconds: number } | { readonly percent: number };
  /** What of its history is kept, where it is not the usual: the newest `count` generations, and all younger than `age` milliseconds. */
  readonly history?: { readonly count?: number; readonly age?: number };
  /** Where it goes, in this order. */
  readonly deploy: readonly TargetRequest[];
  /** Commands before it is ordered, and at the end of the run that ordered it; the same one is run once for all certificates. */
  readonly preHook?: string;
  readonly postHook?: string;
  /** Absent: it is asked, at public addresses. */
  readonly revocation?: RevocationRequest;
  /** The flags that asked for it, when it stands in no configuration file: they are kept, so that it can be renewed. */
  readonly given?: OwnOptions;
}

/** How DNS is looked at, the same for all certificates of a run. */
export interface DnsOptions {
  /** Recursive resolvers, `host:port`; empty means the system's. */
  readonly resolvers: readonly string[];
  /** Servers to take as the authoritative ones instead of the zone's NS records, for all zones or one. */
  readonly nameservers: readonly { readonly address: string; readonly zone?: string }[];
  readonly check: 'authoritative' | 'recursive' | 'none';
  /** Milliseconds until the self check gives up. */
  readonly timeout: number;
}
