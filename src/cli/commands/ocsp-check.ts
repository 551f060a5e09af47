/** `tscert ocsp-check`: whether certificates were revoked. */
import { InvalidArgumentError, Option } from 'commander';
import { STARTTLS } from '../../net/starttls.js';
import type { Context } from '../context.js';
import type { OcspCheckFlags } from '../ocsp-check/run.js';
import type { Verb } from '../verb.js';
import { addStoreOptions } from './cluster-options.js';

const collect = (value: string, previous: readonly string[] | false = []): string[] => [...(previous || []), value];
const many = (flags: string, description: string): Option => new Option(flags, `${description}; repeatable`).argParser(collect);

const count = (value: string): number => {
  if (!/^\d{1,3}$/.test(value) || Number(value) < 1 || Number(value) > 100) throw new InvalidArgumentError('It wants a number, 1 to 100.');
  return Number(value);
};

const moment = (value: string): number => {
  const isWhole = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/.test(value);
  const time = isWhole ? Date.parse(value.replace(' ', 'T').toUpperCase()) : Number.NaN;
  if (Number.isNaN(time)) throw new InvalidArgumentError('It wants a time of RFC 3339, as 2026-11-23T12:00:00Z.');
  return time;
};

const GROUPS: readonly { readonly title: string; readonly options: readonly Option[] }[] = [
  {
    title: 'Where it is asked:',
    options: [
      many('--issuer <file>', 'the certificate of the issuer, PEM or DER, where it is not in the chain'),
      new Option('--starttls <protocol>', 'how TLS begins at HOST:PORT').choices(STARTTLS),
      many('--crl <file|url>', 'look at this CRL too, DER or PEM'),
      new Option('--no-crl', 'OCSP alone'),
      new Option('--allow-private', 'responders and CRLs may be on loopback, private and other inner addresses'),
    ],
  },
  {
    title: 'From what lies there already:',
    options: [
      many('--response <file>', 'judge by this OCSP response, DER or base64, and ask nobody'),
      new Option('--at <time>', 'as of this moment (RFC 3339); nobody is asked').argParser(moment),
      new Option('--offline', 'ask nobody: by --response, --crl and the CRLs that are kept'),
    ],
  },
  {
    title: 'More:',
    options: [
      new Option('--tries <n>', 'ask each responder so often, by IPv4 and IPv6: median and worst time').argParser(count),
      new Option('--staple-out <file>', 'write a good response there, DER: for ssl_stapling_file of nginx, .ocsp of HAProxy'),
    ],
  },
];

export const ocspCheck: Verb = {
  name: 'ocsp-check',
  summary: 'whether certificates were revoked: OCSP, stapling, CRLs',
  define(command, run) {
    command.argument('<targets...>', 'files (PEM or DER, leaf or chain), - for standard input, stored names, HOST:PORT, or secret:NS/NAME');
    for (const { title, options } of GROUPS) {
      command.optionsGroup(title);
      for (const option of options) command.addOption(option);
    }
    command.addHelpText(
      'before',
      `Most people need one of these first:
  $ tscert ocsp-check www                        # a stored certificate
  $ tscert ocsp-check www.example.com:443        # what a server sends, and whether it staples
  $ tscert ocsp-check fullchain.pem other.pem    # files; many are asked about in few questions
`,
    );
    command.addHelpText(
      'after',
      `
More examples:
  $ tscert ocsp-check mail.example.com:25 --starttls smtp --tries 5
  $ tscert ocsp-check fullchain.pem --staple-out /etc/nginx/www.ocsp
  $ tscert ocsp-check cert.pem --issuer ca.pem --crl ca.crl --offline --at 2026-11-01T00:00:00Z

Responders are asked first, CRLs where there is no responder or none that answers. What they say is believed when the issuer, or somebody
whom it lets, has signed it, and its dates fit. Exit codes, the worst of all targets: 10 revoked, 11 unknown to its CA, 12 must-staple and
not stapled, 1 could not be checked, 13 no way to check it, 0 good.`,
    );
    addStoreOptions(command);
    command.action(
      run(async (context: Context, targets: readonly string[], flags: OcspCheckFlags) =>
        (await import('../ocsp-check/run.js')).runOcspCheck(context, targets, flags),
      ),
    );
  },
};
