/**
 * The configuration that acme.sh's functions read and write while a script runs. It lies in a folder of that one run. What the
 * script found out itself (a registration, an id) is kept for the next run; what it was given is not: it comes again from where
 * it came, and a secret lies in no second place.
 */
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { kill, pid } from 'node:process';
import { systemCodeOf } from '../../../base/errors.js';

/** What a script is given: names of variables, and the values among theirs that are secret. */
interface Given {
  readonly names: ReadonlySet<string>;
  readonly secrets: readonly string[];
}

interface RunFolder {
  readonly path: string;
  /** Keeps what the script found out, and removes the folder. */
  close(): Promise<void>;
}

const ACCOUNT = 'account.conf';
const DOMAIN = 'domain.conf';

/**
 * Makes the folder of one run, 0700, and removes those of processes that were killed.
 * @param kept the folder in which the script's own findings are
 * @param domain the record's name: acme.sh keeps some settings for each
 */
export async function openRunFolder(kept: string, domain: string, given: Given): Promise<RunFolder> {
  await mkdir(kept, { recursive: true, mode: 0o700 });
  await removeAbandoned(kept);
  const folder = await mkdtemp(path.join(kept, `run-${pid}-`));
  const files = [
    { run: path.join(folder, ACCOUNT), kept: path.join(kept, ACCOUNT) },
    { run: path.join(folder, DOMAIN), kept: path.join(kept, `${domain.replaceAll(/[^a-z0-9._-]/gi, '_')}.conf`) },
  ];
  for (const file of files) await writeFile(file.run, await textOf(file.kept), { mode: 0o600 });
  return {
    path: folder,
    async close() {
      try {
        for (const file of files) {
          const found = withoutGiven(await textOf(file.run), given);
          if (found === (await textOf(file.kept))) continue;
          await writeFile(file.run, found, { mode: 0o600 });
          await rename(file.run, file.kept);
        }
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  };
}

/** The lines of a configuration without those that repeat what was given, and without empty ones. */
function withoutGiven(text: string, given: Given): string {
  const secrets = given.secrets
    .filter((secret) => secret.length >= 6)
    .flatMap((secret) => [secret, Buffer.from(secret).toString('base64')]);
  const lines = text.split('\n').filter((line) => {
    const name = /^(?:SAVED_)?([A-Za-z]\w*)\s*=/.exec(line)?.[1];
    return name !== undefined && !given.names.has(name) && !/=\s*''$/.test(line) && !secrets.some((secret) => line.includes(secret));
  });
  return lines.map((line) => `${line}\n`).join('');
}

async function removeAbandoned(kept: string): Promise<void> {
  for (const name of await readdir(kept)) {
    const owner = /^run-(\d+)-/.exec(name)?.[1];
    if (owner !== undefined && !isAlive(Number(owner))) await rm(path.join(kept, name), { recursive: true, force: true });
  }
}

function isAlive(owner: number): boolean {
  try {
    return kill(owner, 0);
  } catch (error) {
    return systemCodeOf(error) === 'EPERM';
  }
}

async function textOf(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: unknown) => {
    if (systemCodeOf(error) === 'ENOENT') return '';
    throw error;
  });
}
