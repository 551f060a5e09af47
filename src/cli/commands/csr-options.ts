/** The flags of `csr`. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { USAGES } from '../../pki/usage.js';
import { encodingOption, keyTypeOption } from '../key-flags.js';

const collect = (value: string, previous: readonly string[] = []): string[] => [...previous, value];
const count = (value: string): number => {
  if (!/^\d{1,3}$/.test(value) || Number(value) > 255) throw new InvalidArgumentError('It wants a number, 0 to 255.');
  return Number(value);
};
const many = (flags: string, description: string): Option => new Option(flags, `${description}; repeatable`).argParser(collect);

const GROUPS: readonly { readonly title: string; readonly options: readonly Option[] }[] = [
  {
    title: 'Names:',
    options: [
      many('-d, --domain <name>', 'DNS name, IP address, e-mail address or URI (dns:, ip:, email:, uri: in front decide)'),
      many('--other-name <oid;value>', 'otherName with a text, as 1.3.6.1.4.1.311.20.2.3;user@example.com'),
    ],
  },
  {
    title: 'Subject:',
    options: [
      new Option('--cn <name>', 'common name; by default there is none'),
      new Option('--subject <rfc4514>', "the whole subject, as 'CN=example.com,O=Example\\, Inc.,C=DE'"),
      many('--organization <text>', 'O'),
      many('--organizational-unit <text>', 'OU'),
      many('--country <code>', 'C, two letters'),
      many('--province <text>', 'ST'),
      many('--locality <text>', 'L'),
      many('--street-address <text>', 'STREET'),
      many('--postal-code <text>', 'postalCode'),
      new Option('--serial-number <text>', 'serialNumber'),
      many('--subject-email <address>', 'emailAddress'),
      many('--subject-oid <oid=value>', 'any other attribute'),
    ],
  },
  {
    title: 'What it is for:',
    options: [
      many('--usage <word>', `key usage: ${USAGES.join(', ')}`),
      new Option('--is-ca', 'ask for a CA certificate'),
      new Option('--path-length <n>', 'how many CAs may stand below it').argParser(count),
      many('--permit <subtree>', 'names that the CA may certify: dns:example.com, ip:10.0.0.0/8, email:example.com, uri:example.com'),
      many('--exclude <subtree>', 'names that it may not certify'),
      new Option('--must-staple', 'ask for the TLS feature extension (RFC 7633)'),
    ],
  },
  {
    title: 'The key:',
    options: [
      new Option('--key <file>', 'sign with this existing key, PEM or DER'),
      keyTypeOption().conflicts('key'),
      encodingOption().conflicts('key'),
      new Option('--passphrase-file <file>', 'its first line opens the existing key, or encrypts the new one'),
    ],
  },
  {
    title: 'Where it goes:',
    options: [
      new Option('--out <file>', 'write the CSR there (default: standard output)'),
      new Option('--key-out <file>', 'write the new key there, 0600').conflicts('key'),
      new Option('--bare <name>', 'write NAME.csr and NAME-key.pem').conflicts(['out', 'keyOut']),
      new Option('--out-dir <dir>', 'write each CSR and key there, named after its first host').conflicts(['out', 'keyOut', 'bare']),
      new Option('--force', 'overwrite existing key files'),
    ],
  },
];

/** Adds the flags of `csr` to a command, in groups; of them only those with these titles where some are given. */
export function addCsrOptions(command: Command, titles?: readonly string[]): void {
  for (const { title, options } of GROUPS) {
    if (titles !== undefined && !titles.includes(title)) continue;
    command.optionsGroup(title);
    for (const option of options) command.addOption(option);
  }
  command.optionsGroup('Everywhere:');
}
