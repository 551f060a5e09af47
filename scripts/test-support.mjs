// The servers of the tests for scripts. They are written in TypeScript, which Node.js 20 does not run: esbuild makes one module of them.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import esbuild from 'esbuild';

/** Loads TypeScript modules of the checkout: `contents` is a module that exports from them. */
export async function loadTypeScript(contents) {
  await mkdir('.build', { recursive: true });
  const folder = await mkdtemp(path.resolve('.build', 'script-'));
  try {
    const outfile = path.join(folder, 'module.mjs');
    await esbuild.build({
      stdin: { contents, resolveDir: process.cwd(), loader: 'ts' },
      outfile,
      bundle: true,
      packages: 'external',
      format: 'esm',
      platform: 'node',
      target: 'node20.19',
      logLevel: 'warning',
    });
    return await import(outfile);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
