/** A certificate authority by openssl, for servers of tests. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { servers } from './servers.js';

/** What a TLS server needs, PEM. */
export interface ServerCertificate {
  readonly key: string;
  readonly cert: string;
}

export interface OpensslCa {
  /** The root, PEM. */
  readonly root: string;
  /** The root's file; gone after `remove`. */
  readonly rootFile: string;
  /** A certificate for subjectAltName entries such as `DNS:localhost` and `IP:127.0.0.1`; `days` -1 is one that has expired. */
  issue(names: readonly string[], days?: number): ServerCertificate;
  selfSigned(names: readonly string[]): ServerCertificate;
  remove(): void;
}

const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

export function createOpensslCa(): OpensslCa {
  const folder = mkdtempSync(path.join(tmpdir(), 'tscert-ca-'));
  const file = (name: string): string => path.join(folder, name);
  const read = (name: string): string => readFileSync(file(name), 'utf8');
  const openssl = (...args: readonly string[]): void => {
    execFileSync(servers('openssl').openssl ?? 'openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  };
  const subject = ['-subj', '/CN=test'];
  openssl('req', '-x509', ...CURVE, ...subject, '-days', '2', '-keyout', 'ca.key', '-out', 'ca.pem');
  return {
    root: read('ca.pem'),
    rootFile: file('ca.pem'),
    issue(names, days = 2) {
      writeFileSync(file('san.cnf'), `subjectAltName=${names.join(',')}\nextendedKeyUsage=serverAuth\n`);
      openssl('req', ...CURVE, ...subject, '-keyout', 'leaf.key', '-out', 'leaf.csr');
      const authority = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'];
      openssl('x509', '-req', '-in', 'leaf.csr', ...authority, '-days', String(days), '-extfile', 'san.cnf', '-out', 'leaf.pem');
      return { key: read('leaf.key'), cert: read('leaf.pem') };
    },
    selfSigned(names) {
      const extension = ['-addext', `subjectAltName=${names.join(',')}`];
      openssl('req', '-x509', ...CURVE, ...subject, ...extension, '-days', '2', '-keyout', 'self.key', '-out', 'self.pem');
      return { key: read('self.key'), cert: read('self.pem') };
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
