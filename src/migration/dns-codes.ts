/** DNS providers of other tools, under the names that these have for them. */
import type { Proof } from './holdings.js';

/** acme.sh's scripts for services that tscert has no provider of its own for, by lego's and certbot's codes. */
export const ACMESH_SCRIPTS: Readonly<Record<string, string>> = {
  'acme-dns': 'dns_acmedns',
  azuredns: 'dns_azure',
  bunny: 'dns_bunny',
  cloudflare: 'dns_cf',
  desec: 'dns_desec',
  digitalocean: 'dns_dgon',
  dnsimple: 'dns_dnsimple',
  dnsmadeeasy: 'dns_me',
  duckdns: 'dns_duckdns',
  exoscale: 'dns_exoscale',
  gandiv5: 'dns_gandi_livedns',
  gcloud: 'dns_gcloud',
  gcore: 'dns_gcore',
  godaddy: 'dns_gd',
  google: 'dns_gcloud',
  hetzner: 'dns_hetznercloud',
  infomaniak: 'dns_infomaniak',
  inwx: 'dns_inwx',
  ionos: 'dns_ionos',
  joker: 'dns_joker',
  linode: 'dns_linode_v4',
  luadns: 'dns_lua',
  namecheap: 'dns_namecheap',
  netcup: 'dns_netcup',
  netlify: 'dns_netlify',
  nsone: 'dns_nsone',
  ns1: 'dns_nsone',
  ovh: 'dns_ovh',
  pdns: 'dns_pdns',
  porkbun: 'dns_porkbun',
  scaleway: 'dns_scaleway',
  transip: 'dns_transip',
  vercel: 'dns_vercel',
  vultr: 'dns_vultr',
};

/**
 * The proof by a provider that another tool calls `code`: the provider of the same name here, or a word that there is none.
 * @param tool as in "certbot"
 */
export function proofByCode(code: string, tool: string, providers: readonly string[]): Proof {
  if (providers.includes(code) && code !== 'acmesh') return { options: { dns: [code] }, losses: [] };
  const script = Object.hasOwn(ACMESH_SCRIPTS, code) ? ACMESH_SCRIPTS[code] : undefined;
  const instead =
    script === undefined
      ? 'say --dns acmesh:dns_xx for one of the scripts of acme.sh, or --dns exec for a program of your own'
      : `say --dns acmesh:${script} for the script of acme.sh, which must be installed, and set its variables`;
  return { options: {}, losses: [`${tool} proves its names by the DNS provider "${code}", which tscert does not have: ${instead}`] };
}
