/** A run of `inspect`. */
import { lstat } from 'node:fs/promises';
import path from 'node:path';
import { isTscertError } from '../base/errors.js';
import { printable } from '../base/printable.js';
import { type Found, inspectBytes, inspectServer } from '../flow/inspect.js';
import type { Context } from './context.js';
import { EXIT, exitCodeOf } from './exit.js';
import { checkStandardInput, readBytes } from './files.js';
import { foundText } from './inspect-text.js';
import { readPassphrase } from './key-flags.js';
import { errorDocument } from './ui/words.js';

/** How long a server may take for a handshake, in milliseconds. */
const HANDSHAKE_TIME = 10_000;

/** What was found behind one target. */
interface Seen {
  readonly target: string;
  /** TLS version, of a server. */
  readonly protocol?: string;
  readonly found: readonly Found[];
}

export async function runInspect(
  context: Context,
  targets: readonly string[],
  flags: { readonly passphraseFile?: string },
): Promise<number> {
  const { system, ui, signal } = context;
  checkStandardInput([...targets, flags.passphraseFile]);
  const passphrase = await readPassphrase(system, flags.passphraseFile);
  const options = { now: system.clock.now(), ...(passphrase === undefined ? {} : { passphrase }) };
  const seen: Seen[] = [];
  const documents: Record<string, unknown>[] = [];
  const errors: unknown[] = [];
  for (const target of targets) {
    try {
      const one = (await isServer(context, target))
        ? { target, ...(await inspectServer(target, { ...options, timeout: HANDSHAKE_TIME, signal })) }
        : { target, found: (await contentsAt(context, target)).flatMap((bytes) => inspectBytes(bytes, options)) };
      seen.push(one);
      documents.push(documentOf(one));
      for (const item of one.found) if (item.type === 'unreadable') errors.push(item.error);
    } catch (error) {
      if (signal.aborted || !isTscertError(error)) throw error;
      errors.push(error);
      documents.push({ target, error: errorDocument(error) });
      ui.fail(error, target === '-' ? 'standard input' : target);
    }
  }
  if (!ui.json && seen.length > 0) ui.data(textOf(seen, targets.length > 1));
  if (ui.json) ui.document('inspect', targets.length === 1 ? (documents[0] ?? {}) : { targets: documents });
  if (errors.length === 0) return EXIT.done;
  return targets.length === 1 ? exitCodeOf(errors[0]) : seen.length > 0 ? EXIT.partly : EXIT.failed;
}

/** A Secret of a cluster has several contents, a file one. */
async function contentsAt(context: Context, target: string): Promise<readonly Buffer[]> {
  if (!target.startsWith('secret:')) return [await readBytes(context.system, target)];
  const { contentsOf, fetchSecretTarget } = await import('./secret-target.js');
  return contentsOf(await fetchSecretTarget(context, target));
}

/** A file of that name goes before a server. */
async function isServer({ system }: Context, target: string): Promise<boolean> {
  if (!/^(\[[0-9a-fA-F:.]+\]|[^:/\\\s]+):\d{1,5}$/.test(target)) return false;
  return lstat(path.resolve(system.cwd, target)).then(
    () => false,
    () => true,
  );
}

function textOf(seen: readonly Seen[], isOneOfMany: boolean): string {
  const owners = ownersOf(seen, isOneOfMany);
  const texts = seen.map(({ target, protocol, found }) => {
    const title = protocol === undefined ? `${target}:` : `${target} (${protocol}):`;
    const hasTitle = isOneOfMany || protocol !== undefined;
    return [...(hasTitle ? [printable(title)] : []), ...found.map((item, at) => foundText(item, placeOf(found, at), owners))].join('\n\n');
  });
  return `${texts.join('\n\n')}\n`;
}

/** Which certificates and requests are for a key, by its digest. */
function ownersOf(seen: readonly Seen[], isOneOfMany: boolean): ReadonlyMap<string, readonly string[]> {
  const owners = new Map<string, string[]>();
  for (const { target, found } of seen) {
    for (const [at, item] of found.entries()) {
      if (item.type !== 'certificate' && item.type !== 'csr') continue;
      const place = placeOf(found, at);
      const name = `${item.type === 'csr' ? 'CSR' : 'certificate'}${place === undefined ? '' : ` ${place}`}${isOneOfMany ? ` of ${target}` : ''}`;
      owners.set(item.key.publicKeySha256, [...(owners.get(item.key.publicKeySha256) ?? []), name]);
    }
  }
  return owners;
}

/** "certificate 2" where there are several of a kind. */
function placeOf(found: readonly Found[], at: number): number | undefined {
  const type = found[at]?.type;
  const same = found.filter((item) => item.type === type);
  return same.length > 1 ? found.slice(0, at + 1).filter((item) => item.type === type).length : undefined;
}

function documentOf({ target, protocol, found }: Seen): Record<string, unknown> {
  const objects = found.map((item) => (item.type === 'unreadable' ? { ...item, error: errorDocument(item.error) } : item));
  return { target, ...(protocol === undefined ? {} : { protocol }), objects };
}
