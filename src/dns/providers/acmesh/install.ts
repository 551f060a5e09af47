/** Where acme.sh and its dnsapi scripts are installed. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { TscertError } from '../../../base/errors.js';
import { nearest } from '../../../base/nearest.js';
import { readSettings } from '../../../host/acmesh-settings.js';

interface Install {
  /** The program acme.sh, whose functions the scripts use. */
  readonly library: string;
  /** The dnsapi script, and its text. */
  readonly script: string;
  readonly text: string;
  /** What the user has stored with acme.sh, by variable; never written. */
  readonly stored: ReadonlyMap<string, string>;
}

const SYSTEM_HOMES = ['/usr/share/acme.sh', '/usr/lib/acme.sh'];

/**
 * Finds acme.sh and one of its scripts.
 * @param name of the script, without `.sh`
 * @param places `given` is the folder of ACMESH_HOME, looked at first; `home` the user's home folder
 * @throws {TscertError} `config-invalid` when acme.sh is missing, `provider-unknown` when the script is, naming the nearest ones
 */
export async function findInstall(
  name: string,
  places: { readonly given?: string | undefined; readonly home?: string | undefined },
): Promise<Install> {
  const own = [places.given, places.home === undefined ? undefined : path.join(places.home, '.acme.sh')].flatMap((folder) => folder || []);
  const homes = [...own, ...SYSTEM_HOMES];
  const library = (await firstReadable(homes.map((home) => path.join(home, 'acme.sh'))))?.file;
  if (library === undefined) {
    throw new TscertError('config-invalid', `Cannot use the DNS provider "acmesh:${name}": acme.sh is in none of ${homes.join(', ')}`, {
      data: { provider: `acmesh:${name}`, folders: homes },
    });
  }
  const folders = homes.flatMap((home) => [path.join(home, 'dnsapi'), home]);
  const script = await firstReadable(folders.map((folder) => path.join(folder, `${name}.sh`)));
  if (script === undefined) {
    const near = await nearNames(name, folders);
    const hint = near.length === 0 ? '' : `; near it are ${near.join(', ')}`;
    throw new TscertError('provider-unknown', `Cannot use the DNS provider "acmesh:${name}": acme.sh has no script "${name}"${hint}`, {
      data: { provider: `acmesh:${name}`, near, folders },
    });
  }
  const settings = await firstReadable(own.map((folder) => path.join(folder, 'account.conf')));
  return { library, script: script.file, text: script.text, stored: readSettings(settings?.text ?? '') };
}

async function firstReadable(files: readonly string[]): Promise<{ readonly file: string; readonly text: string } | undefined> {
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text !== undefined) return { file, text };
  }
  return undefined;
}

/** Scripts whose name is near, or whose own description has the word: nobody knows that CloudFlare is `dns_cf`. */
async function nearNames(name: string, folders: readonly string[]): Promise<string[]> {
  const word = name.slice('dns_'.length).replaceAll('_', '').toLowerCase();
  const known = new Map<string, string>();
  for (const folder of folders) {
    for (const file of await readdir(folder).catch(() => [])) {
      const script = /^(dns_\w+)\.sh$/.exec(file)?.[1];
      if (script !== undefined) known.set(script, await readFile(path.join(folder, file), 'utf8').catch(() => ''));
    }
  }
  const names = [...known.keys()].sort();
  const best = nearest(name, names);
  const described = names.filter((one) => word.length > 2 && describes(known.get(one) ?? '', word));
  const similar = names.filter((one) => one.startsWith(name.slice(0, Math.max(6, Math.ceil(name.length * 0.6)))));
  return [...new Set([...(best === undefined ? [] : [best]), ...described, ...similar])].slice(0, 5);
}

/** True when the title or the site of a script's `_info` has the word. */
function describes(text: string, word: string): boolean {
  const [, title = '', site = ''] = /_info='([^\n]*)(?:\n[^\n']*)*?\nSite: ([^\n]*)/.exec(text) ?? [];
  return `${title} ${site}`
    .toLowerCase()
    .replaceAll(/[^a-z0-9 ]/g, '')
    .includes(word);
}
