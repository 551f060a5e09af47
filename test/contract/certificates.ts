import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Bundle } from '../../src/store/store.js';

/** A self-signed certificate of this name with its P-256 key, as openssl makes them. */
export function makeBundle(name: string): Bundle & { readonly privateKey: string } {
  const folder = mkdtempSync(path.join(tmpdir(), 'tscert-pair-'));
  try {
    const [key, certificate] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')];
    const words = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj /CN=${name}`.split(' ');
    execFileSync('openssl', [...words, '-keyout', key, '-out', certificate], { stdio: ['ignore', 'ignore', 'ignore'] });
    return { privateKey: readFileSync(key, 'utf8'), certificate: readFileSync(certificate, 'utf8'), chain: '', meta: { cn: name } };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
