/**
 * The one table of options: every long option of `issue` as a key in camelCase. Flags, environment and configuration file are
 * brought into this shape and parsed here, and nowhere else; the JSON schema of the configuration file is made from it.
 */
import * as v from 'valibot';
import { deploySchema } from './target-options.js';

const text = v.pipe(v.string(), v.nonEmpty('it is empty'));
const texts = v.union([
  v.pipe(v.array(text), v.description('A list')),
  v.pipe(
    text,
    v.transform((one) => [one]),
  ),
]);
const secret = v.union([
  v.pipe(v.strictObject({ file: text }), v.description('The content of this file, without the line feed at its end')),
  v.pipe(v.strictObject({ env: text }), v.description('The value of this environment variable')),
]);
const port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535));

const dnsEntry = v.union([
  text,
  v.pipe(
    v.objectWithRest({ provider: text, zone: v.optional(text) }, v.union([text, v.pipe(v.number(), v.transform(String)), secret])),
    v.description("A provider with its settings, under the names of the provider's environment variables; secrets by reference"),
  ),
]);

/** What belongs to one certificate; at the top of the file each of these is the default for all entries. */
const perCertificate = {
  issuer: v.pipe(v.picklist(['acme', 'kubernetes']), v.description('Who signs: an ACME CA (the default), or a signer of a cluster')),
  signer: v.pipe(text, v.description('issuer: kubernetes: signer of certificates.k8s.io, SIGNER or SIGNER@CONTEXT')),
  usage: v.pipe(texts, v.description('issuer: kubernetes: what the certificate is for, as "server auth"')),
  expiration: v.pipe(text, v.description('issuer: kubernetes: how long the certificate shall hold, as 90d')),
  server: v.pipe(
    text,
    v.description('ACME directory: letsencrypt, letsencrypt-staging, zerossl, google, google-staging, sslcom, actalis, or a URL'),
  ),
  staging: v.pipe(v.boolean(), v.description('Use the staging directory of the CA')),
  stagingServer: v.pipe(
    text,
    v.description('Staging directory of a CA that is named by its URL: for staging, dry runs, and the first try after a failure'),
  ),
  email: v.pipe(text, v.description('Contact of the ACME account')),
  agreeTos: v.pipe(v.boolean(), v.description("Agree to the CA's terms of service")),
  eabKid: v.pipe(text, v.description('Key id of the external account binding')),
  eabHmac: v.pipe(secret, v.description('HMAC key of the external account binding, base64url, by reference')),
  eabHmacFile: v.pipe(text, v.description('File with the HMAC key of the external account binding, base64url')),
  profile: v.pipe(text, v.description("Certificate profile, one of the directory's")),
  preferredChain: v.pipe(text, v.description('Common name of an issuer in the chain to prefer')),
  notAfter: v.pipe(text, v.description('End of the validity to ask for: RFC 3339 or a duration from now')),
  dns: v.pipe(
    v.union([
      v.array(dnsEntry),
      v.pipe(
        dnsEntry,
        v.transform((one) => [one]),
      ),
    ]),
    v.description('DNS-01 providers: PROVIDER or PROVIDER@ZONE'),
  ),
  http: v.pipe(texts, v.description('HTTP-01: standalone, standalone:PORT or webroot:DIR')),
  tlsAlpn: v.pipe(v.union([v.boolean(), port]), v.description('TLS-ALPN-01: true for port 443, or a port')),
  name: v.pipe(text, v.description('Name under which the certificate is stored; default: its first name')),
  keyType: v.pipe(text, v.description('rsa2048, rsa3072, rsa4096, rsa8192, ec256, ec384, ec521 or ed25519')),
  reuseKey: v.pipe(v.boolean(), v.description('Keep the key at renewal instead of making a new one')),
  key: v.pipe(text, v.description('File of an existing private key to certify')),
  csr: v.pipe(text, v.description('File of an existing CSR to have signed')),
  mustStaple: v.pipe(v.boolean(), v.description('Ask for the TLS feature extension (RFC 7633)')),
  cn: v.pipe(text, v.description('Common name; by default there is none')),
  renewBefore: v.pipe(text, v.description('When to renew: a duration before the end, or a percentage of the lifetime')),
  keepGenerations: v.pipe(
    v.number(),
    v.integer(),
    v.minValue(2),
    v.maxValue(1_000),
    v.description('How many of the newest generations stay in the archive, whatever their age'),
  ),
  keepAge: v.pipe(text, v.description('How long every generation stays in the archive, as 30d')),
  revocationCheck: v.pipe(v.boolean(), v.description('Whether renew asks if the stored certificate was revoked; true unless given')),
  allowPrivate: v.pipe(v.boolean(), v.description('Its OCSP responder and CRLs may be at loopback, private and other inner addresses')),
  staple: v.pipe(text, v.description('File of the OCSP response that a server sends along, DER: kept fresh by renew and watch')),
  secret: v.pipe(texts, v.description('Secrets of a cluster, as cert-manager writes them: [NAMESPACE/]NAME[@CONTEXT]')),
  issuerRef: v.pipe(text, v.description("cert-manager's issuer that stands for the CA in the annotations of Secrets: [KIND[.GROUP]/]NAME")),
  secretAnnotation: v.pipe(texts, v.description('Further annotations of those Secrets: KEY=VALUE')),
  secretLabel: v.pipe(texts, v.description('Further labels of those Secrets: KEY=VALUE')),
  deploy: v.pipe(deploySchema, v.description('Where a new certificate goes: files, commands, nginx, haproxy, haproxy:FILE, apache')),
  deployHook: v.pipe(text, v.description('Command that is run after a new certificate has been stored')),
  preHook: v.pipe(text, v.description('Command that is run before the first certificate of a run is ordered')),
  postHook: v.pipe(text, v.description('Command that is run at the end of a run in which one was ordered')),
  probe: v.pipe(text, v.description('HOST:PORT where the new certificate must be served after all that')),
} as const;

/** What holds for a whole run. */
const perRun = {
  dnsResolver: v.pipe(texts, v.description('Recursive resolvers, HOST or HOST:PORT, for everything the tool looks up')),
  dnsNameserver: v.pipe(texts, v.description("Servers to ask instead of a zone's own: HOST[:PORT] or HOST[:PORT]@ZONE")),
  dnsCheck: v.pipe(
    v.picklist(['authoritative', 'recursive', 'none']),
    v.description('Who must have the TXT records before the CA is told'),
  ),
  dnsTimeout: v.pipe(text, v.description('How long the self check waits, as 5m')),
  caBundle: v.pipe(text, v.description('PEM file with extra trust roots for HTTPS')),
  jobs: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1_000), v.description('Certificates under way at once')),
  challenges: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1_000), v.description('Challenges with the CA at once')),
} as const;

const domains = v.pipe(texts, v.description('Names of the certificate: DNS names, IP addresses, e-mail addresses, URIs'));

const partial = v.partial(v.object(perCertificate)).entries;
const certificateSchema = v.strictObject({ ...partial, domains: v.optional(domains) });

/** The configuration file: defaults at the top, one entry a certificate. */
export const configSchema = v.strictObject({
  ...partial,
  ...v.partial(v.object(perRun)).entries,
  certificates: v.optional(v.pipe(v.array(certificateSchema), v.description('One entry a certificate'))),
});

/** What flags and the environment can hold: one certificate's options and those of the run. */
export const ownSchema = v.strictObject({ ...certificateSchema.entries, ...v.partial(v.object(perRun)).entries });

/** One certificate's options, from whichever door. */
export type CertificateOptions = v.InferOutput<typeof certificateSchema>;
export type OwnOptions = v.InferOutput<typeof ownSchema>;
/** The options of the run and the defaults of all its certificates. */
export type ConfigOptions = v.InferOutput<typeof configSchema>;
/** The same as it may be written: one text where a list is wanted. */
export type ConfigInput = v.InferInput<typeof configSchema>;

export const CERTIFICATE_KEYS = [...Object.keys(perCertificate), 'domains'] as readonly (keyof CertificateOptions)[];
export const RUN_KEYS = Object.keys(perRun) as readonly (keyof typeof perRun)[];
