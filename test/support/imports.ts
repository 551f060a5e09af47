/** Reads the imports of the source tree, for tests that guard the structure. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** A file of the tree: its path from the root, its text without comments, and what it imports. */
export interface SourceFile {
  readonly path: string;
  readonly code: string;
  /** Paths of files of the tree that it imports, types too. */
  readonly imports: readonly string[];
  /** Package and `node:` imports. */
  readonly modules: readonly string[];
}

const IMPORT = /(?:\bfrom\s*|\bimport\s*\(?\s*)(['"])([^'"]+)\1/g;

export function readTree(root: string): SourceFile[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort()
    .map((file) => parseSource(file, readFileSync(file, 'utf8')));
}

export function parseSource(file: string, text: string): SourceFile {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/^\s*\/\/.*$/gm, '');
  const specifiers = [...code.matchAll(IMPORT)].map((match) => match[2] ?? '');
  return {
    path: file,
    code,
    imports: specifiers
      .filter((specifier) => specifier.startsWith('.'))
      .map((specifier) => path.join(path.dirname(file), specifier.replace(/\.js$/, '.ts'))),
    modules: specifiers.filter((specifier) => !specifier.startsWith('.')),
  };
}
