// Bundles the command and the library with esbuild (the command table alone; everything else split, and loaded when called for),
// and writes the type declarations with tsc. `--outdir DIR` builds elsewhere; `--no-types` leaves the declarations out;
// `--licenses FILE` writes the licences of everything that is in the bundle.
import { execFileSync } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import esbuild from 'esbuild';
import { keepReachable } from './declarations.mjs';
import { define } from './define.mjs';
import { licensesOf } from './licenses.mjs';

const { values } = parseArgs({
  options: { outdir: { type: 'string', default: 'dist' }, 'no-types': { type: 'boolean', default: false }, licenses: { type: 'string' } },
});
const outdir = path.resolve(values.outdir);

/** acme-client's own HTTP client, CSR maker and key code never run (src/acme/session.ts replaces them): leave them out. */
const withoutUnusedAcmeParts = {
  name: 'without-unused-acme-parts',
  setup(build) {
    build.onResolve({ filter: /^(axios|@peculiar\/x509|node-forge|asn1js)$/ }, (args) =>
      args.importer.includes(`${path.sep}acme-client${path.sep}`) ? { path: args.path, namespace: 'unused' } : undefined,
    );
    // Whatever is asked of the stand-in, at any depth, is itself; calling it fails.
    build.onLoad({ filter: /.*/, namespace: 'unused' }, (args) => ({
      contents: `const unused = new Proxy(function () { throw new Error(${JSON.stringify(`${args.path} is not part of this bundle`)}); }, { get: (target, key) => key === Symbol.toPrimitive || key === 'then' ? undefined : key === 'prototype' ? target.prototype : unused, set: () => true, construct: () => unused, apply: () => unused });
module.exports = unused;`,
      loader: 'js',
    }));
  },
};

/** commander starts other programs only for subcommands that are programs, which tscert has none of; loading that module takes longer than commander. */
const withoutSubprograms = {
  name: 'without-subprograms',
  setup(build) {
    build.onResolve({ filter: /^node:child_process$/ }, (args) =>
      args.importer.includes(`${path.sep}commander${path.sep}`) ? { path: args.path, namespace: 'no-subprograms' } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'no-subprograms' }, () => ({ contents: 'module.exports = {};', loader: 'js' }));
  },
};

/** What the command table loads when it is called for, each as a module of its own beside the command. */
const loadedLate = new Map();
const lateModules = {
  name: 'late-modules',
  setup(build) {
    build.onResolve({ filter: /^\.\.?\// }, ({ kind, path: named, resolveDir }) => {
      if (kind !== 'dynamic-import') return undefined;
      const source = path.join(resolveDir, named).replace(/\.js$/, '.ts');
      const name = path.join('late', path.relative(path.resolve('src'), source)).replace(/\.ts$/, '');
      loadedLate.set(name, source);
      return { path: `./${name}.js`, external: true };
    });
  },
};

const common = {
  outdir,
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  define,
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  metafile: true,
  // The names of modules stand in the bundle: as paths of this checkout, also where node_modules is a link to another place.
  preserveSymlinks: true,
  logLevel: 'warning',
};

await rm(outdir, { recursive: true, force: true });
await mkdir(outdir, { recursive: true });
// CommonJS, because Node.js starts such a file in less time than it needs to set up its loader of ES modules.
const start = await esbuild.build({
  ...common,
  entryPoints: { cli: 'src/cli/main.ts' },
  format: 'cjs',
  outExtension: { '.js': '.cjs' },
  plugins: [withoutSubprograms, lateModules],
});
const rest = await esbuild.build({
  ...common,
  entryPoints: { index: 'src/index.ts', ...Object.fromEntries(loadedLate) },
  format: 'esm',
  splitting: true,
  chunkNames: 'chunks/[name]-[hash]',
  banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" },
  plugins: [withoutUnusedAcmeParts, withoutSubprograms],
});

if (values.licenses !== undefined)
  await writeFile(values.licenses, await licensesOf({ outputs: { ...start.metafile.outputs, ...rest.metafile.outputs } }));

if (!values['no-types']) {
  const types = path.join(outdir, 'types');
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', '--outDir', types], { stdio: 'inherit' });
  await keepReachable(types, 'index.d.ts');
}
