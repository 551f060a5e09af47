/** CRLs by `openssl ca -gencrl`, and what `openssl verify` says of certificates by them. */
import { spawnSync } from 'node:child_process';
import { encodePrivateKey } from '../../src/pki/key.js';
import { servers } from '../support/servers.js';
import { DAY, NOW, openssl, opensslBytes, type Party, party, tmp, write } from './support.js';

/** A line of a CA's database. */
export interface RevokedLine {
  /** As certificates have it. */
  readonly serialNumber: string;
  readonly revokedAt?: Date;
  /** In openssl's words: `keyCompromise`, `keyTime,20261120000000Z`. */
  readonly reason?: string;
}

export interface GencrlSpec {
  readonly issuer: Party;
  readonly revoked?: readonly RevokedLine[];
  readonly number?: number;
  readonly thisUpdate?: Date;
  readonly nextUpdate?: Date;
  /** Lines of the section of CRL extensions, other than the number. */
  readonly extensions?: readonly string[];
  /** More sections of the configuration. */
  readonly sections?: string;
  /** More words for the command: `-sigopt rsa_padding_mode:pss`. */
  readonly words?: string;
  /** Version 1: no extensions at all. */
  readonly isVersion1?: boolean;
}

let made = 0;

/** The DER of a CRL that openssl wrote; of yesterday, for a week, unless the spec says else. */
export function gencrl(spec: GencrlSpec): Buffer {
  const { issuer, revoked = [], number = 1, thisUpdate = new Date(NOW - DAY), nextUpdate = new Date(NOW + 6 * DAY) } = spec;
  const { extensions = [], sections = '', words = '', isVersion1 = false } = spec;
  const id = ++made;
  const lines = revoked.map(({ serialNumber, revokedAt = new Date(NOW - 2 * DAY), reason }) => {
    const date = `${utc(revokedAt)}${reason === undefined ? '' : `,${reason}`}`;
    return ['R', utc(new Date(NOW + 90 * DAY)), date, serialNumber.toUpperCase(), 'unknown', `/CN=${serialNumber}`].join('\t');
  });
  write(`index-${id}`, lines.map((line) => `${line}\n`).join(''));
  write(`crlnumber-${id}`, `${number.toString(16).padStart(2, '0')}\n`);
  write(`ca-${id}.key`, encodePrivateKey(issuer.key));
  write(`ca-${id}.pem`, issuer.pem);
  const crlExtensions = isVersion1 ? '' : `crlnumber = ${tmp(`crlnumber-${id}`)}\ncrl_extensions = crl_ext\n`;
  write(
    `ca-${id}.cnf`,
    `[ca]\ndefault_ca = own\n[own]\ndatabase = ${tmp(`index-${id}`)}\ndefault_md = default\n${crlExtensions}` +
      `[crl_ext]\nauthorityKeyIdentifier = keyid\n${extensions.map((line) => `${line}\n`).join('')}${sections}`,
  );
  const dates = `-crl_lastupdate ${utc(thisUpdate)} -crl_nextupdate ${utc(nextUpdate)}`;
  const command = `ca -gencrl -config ca-${id}.cnf -keyfile ca-${id}.key -cert ca-${id}.pem ${dates} -out crl-${id}.pem ${words}`;
  openssl(command.trim());
  return opensslBytes(`crl -in crl-${id}.pem -outform DER`);
}

/** UTCTime. */
function utc(date: Date): string {
  return `${date.toISOString().slice(2, 19).replaceAll(/[-:T]/g, '')}Z`;
}

/** A leaf signed by openssl, for serial numbers that no CA should use (hex, `-` before a negative one) and extensions in openssl's words. */
export function oddLeaf(issuer: Party, serialNumber: string, extensions = ''): string {
  const hex = serialNumber.startsWith('-') ? `-0x${serialNumber.slice(1)}` : `0x${serialNumber}`;
  write('odd-ca.key', encodePrivateKey(issuer.key));
  write('odd-ca.pem', issuer.pem);
  write('odd.cnf', extensions);
  write('odd.pem', party('odd').pem);
  return openssl(`x509 -in odd.pem -preserve_dates -CA odd-ca.pem -CAkey odd-ca.key -set_serial ${hex} -clrext -extfile odd.cnf`);
}

export type OpensslVerdict = 'good' | 'revoked' | 'other';

/**
 * What `openssl verify -crl_check` says of a leaf below a root.
 * @param words more of its flags: `-extended_crl -use_deltas`
 */
export function opensslVerify(leafPem: string, rootPem: string, crls: readonly Buffer[], at = NOW, words = ''): OpensslVerdict {
  const leaf = write('verify-leaf.pem', leafPem);
  const root = write('verify-root.pem', rootPem);
  const files = crls.flatMap((crl, index) => ['-CRLfile', write(`verify-${index}.crl`, crl)]);
  const flags = ['-crl_check', '-attime', String(Math.floor(at / 1000)), ...words.split(' ').filter((word) => word !== '')];
  const { status, stdout, stderr } = spawnSync(
    servers('openssl').openssl ?? 'openssl',
    ['verify', '-CAfile', root, ...files, ...flags, leaf],
    { encoding: 'utf8' },
  );
  if (status === 0) return 'good';
  return `${stdout}${stderr}`.includes('certificate revoked') ? 'revoked' : 'other';
}
