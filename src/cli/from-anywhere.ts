/** Options that hold in every folder: cron starts `renew` elsewhere than a person started `issue`. */
import path from 'node:path';
import type { OwnOptions } from '../request/options.js';

const FILES = ['key', 'csr', 'eabHmacFile', 'caBundle'] as const;
const WEBROOT = 'webroot:';

/** The same options with absolute paths. What the deploy hook does with paths is its own business. */
export function fromAnywhere(options: OwnOptions, cwd: string): OwnOptions {
  const files = FILES.flatMap((key) => {
    const file = options[key];
    return file === undefined ? [] : [[key, path.resolve(cwd, file)] as const];
  });
  const http = options.http?.map((how) => (how.startsWith(WEBROOT) ? WEBROOT + path.resolve(cwd, how.slice(WEBROOT.length)) : how));
  return { ...options, ...Object.fromEntries(files), ...(http === undefined ? {} : { http }) };
}
