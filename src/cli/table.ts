/** The verbs: what `tscert --help` shows. Each is loaded when it is called for. */
import type { Verb } from './verb.js';

export interface Row {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<Verb>;
}

export const VERBS: readonly Row[] = [
  {
    name: 'issue',
    summary: 'get a certificate; does nothing when a good one is there',
    load: async () => (await import('./commands/issue.js')).issue,
  },
  { name: 'renew', summary: 'renew every certificate that is due', load: async () => (await import('./commands/renew.js')).renew },
  { name: 'plan', summary: 'what renew would do, and why; changes nothing', load: async () => (await import('./commands/plan.js')).plan },
  {
    name: 'list',
    summary: 'every certificate in one line: until when, and how it is',
    load: async () => (await import('./commands/list.js')).list,
  },
  {
    name: 'status',
    summary: 'all that is known of a certificate: renewal, failures, targets, events',
    load: async () => (await import('./commands/status.js')).status,
  },
  {
    name: 'verify',
    summary: 'check a stored certificate, or what a server sends',
    load: async () => (await import('./commands/verify.js')).verify,
  },
  {
    name: 'ocsp-check',
    summary: 'whether certificates were revoked: OCSP, stapling, CRLs',
    load: async () => (await import('./commands/ocsp-check.js')).ocspCheck,
  },
  {
    name: 'diagnose',
    summary: 'name the first broken link of a request, a Secret or a certificate',
    load: async () => (await import('./commands/diagnose.js')).diagnose,
  },
  {
    name: 'metrics',
    summary: 'the state of all certificates for Prometheus',
    load: async () => (await import('./commands/metrics.js')).metrics,
  },
  {
    name: 'rollback',
    summary: 'go back to an older generation of a certificate',
    load: async () => (await import('./commands/rollback.js')).rollback,
  },
  {
    name: 'revoke',
    summary: 'have a certificate revoked by its CA',
    load: async () => (await import('./commands/revoke.js')).revoke,
  },
  {
    name: 'genkey',
    summary: 'make a key; with a cfssl request also its CSR',
    load: async () => (await import('./commands/genkey.js')).genkey,
  },
  {
    name: 'csr',
    summary: 'make a certificate signing request; have it signed by a cluster',
    load: async () => (await import('./commands/csr.js')).csr,
  },
  {
    name: 'inspect',
    summary: 'show any certificate, chain, CSR or key',
    load: async () => (await import('./commands/inspect.js')).inspect,
  },
  {
    name: 'approve',
    summary: 'approve requests of a cluster, by hand or by policy',
    load: async () => (await import('./commands/approve.js')).approve,
  },
  { name: 'deny', summary: 'deny requests of a cluster', load: async () => (await import('./commands/approve.js')).deny },
  {
    name: 'account',
    summary: 'show, update, re-key or deactivate the ACME account',
    load: async () => (await import('./commands/account.js')).account,
  },
  {
    name: 'dns',
    summary: 'the least rights a DNS provider needs; a harmless test of it',
    load: async () => (await import('./commands/dns.js')).dns,
  },
  {
    name: 'watch',
    summary: 'renew whenever something is due; serves metrics and a status page',
    load: async () => (await import('./commands/watch.js')).watch,
  },
  {
    name: 'schedule',
    summary: 'units of systemd, or a cron line, that renew what is due',
    load: async () => (await import('./commands/schedule.js')).schedule,
  },
  {
    name: 'import',
    summary: 'take over certificates and accounts of certbot, lego or acme.sh',
    load: async () => (await import('./commands/import.js')).importVerb,
  },
];
