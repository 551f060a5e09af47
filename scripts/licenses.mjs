// The licences of others whose code is in the bundle, by what esbuild says it has taken in.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const MARK = 'node_modules/';

/**
 * One text with each package in the bundle, its version and licence, and the licence's own words; a text that several packages share stands once.
 * @param metafile esbuild's
 * @throws {Error} for a package whose licence text cannot be found
 */
export function licensesOf(metafile) {
  const byText = new Map();
  for (const folder of packagesOf(metafile)) {
    const { name, version, license, author } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
    const text = textOf(folder, { name, license, author: author?.name ?? author });
    const known = byText.get(text) ?? [];
    known.push(`${name} ${version} (${license})`);
    byText.set(text, known);
  }
  const parts = [...byText].map(([text, names]) => [[...new Set(names)].sort().join('\n'), text]).sort(([a], [b]) => (a < b ? -1 : 1));
  const rule = '-'.repeat(80);
  const head = 'tscert is bundled with code of these packages. Each is used under the licence that follows its name.\n';
  return `${head}\n${parts.map(([names, text]) => `${rule}\n${names}\n${rule}\n\n${text}\n`).join('\n')}`;
}

/** The folders of all packages of which something is left in the output. */
function packagesOf({ outputs }) {
  const folders = new Set();
  for (const { inputs } of Object.values(outputs)) {
    for (const [file, { bytesInOutput }] of Object.entries(inputs)) {
      const at = file.lastIndexOf(MARK);
      if (at < 0 || bytesInOutput === 0) continue;
      const [scope, name] = file.slice(at + MARK.length).split('/');
      folders.add(path.join(file.slice(0, at + MARK.length), scope, ...(scope.startsWith('@') ? [name] : [])));
    }
  }
  return folders;
}

/** The text that the package carries; for one that names its licence and forgets the text, the common text with its author's name. */
function textOf(folder, { name, license, author }) {
  const files = readdirSync(folder).filter((file) => /^(licen[cs]e|copying|notice)([.-].*)?$/i.test(file));
  if (files.some((file) => !/^notice/i.test(file))) {
    return files
      .sort()
      .map((file) => readFileSync(path.join(folder, file), 'utf8').replaceAll('\r\n', '\n').trim())
      .join('\n\n');
  }
  if (/^Apache(-2\.0| License 2\.0)$/.test(license)) return readFileSync('LICENSE', 'utf8').trim();
  if (license === 'ISC' || license === 'MIT') {
    const holder = `Copyright (c) ${author || `the authors of ${name}`}`;
    return `${holder}\n\n${readFileSync(`scripts/licenses/${license}.txt`, 'utf8').trim()}`;
  }
  // Code of others within a package: each licence, and the holder that stands in that code.
  const several = /^\((.+)\)$/.exec(license)?.[1]?.split(' AND ');
  if (several !== undefined) return several.map((one) => textOf(folder, { name, license: one, author })).join('\n\n');
  if (name === '@bufbuild/protobuf' && license === 'BSD-3-Clause')
    return readFileSync('scripts/licenses/BSD-3-Clause-Google.txt', 'utf8').trim();
  throw new Error(`${name} has no licence text, and that of ${license} is not in scripts/licenses`);
}
