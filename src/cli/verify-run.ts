/** A run of `verify`: one line a check. */
import { TscertError } from '../base/errors.js';
import { printable } from '../base/printable.js';
import { checkRevocation } from '../flow/revocation/check.js';
import { type Check, type VerifyParts, verifyServer, verifyStored } from '../flow/verify.js';
import { handshake } from '../net/tls.js';
import type { CertificateContent } from '../pki/certificate.js';
import type { ConfigOptions } from '../request/options.js';
import { storedName, storedNameIn } from '../store/name.js';
import type { Context } from './context.js';
import { EXIT } from './exit.js';
import { findSubjects, type Sight } from './looking.js';
import { readOptions } from './options.js';
import { dataFolder, storePlace } from './places.js';
import { createRevocationSources } from './revocation-parts.js';
import { allRoots, readRoots } from './roots.js';
import type { Paint } from './ui/paint.js';
import { paintOfOutput } from './ui/states.js';
import { openStore } from './wire.js';

/** How long a server may take for a handshake, in milliseconds. */
const HANDSHAKE_TIME = 10_000;
const COMMAND = 'tscert verify';
const SERVER = /^(\[[0-9a-fA-F:.]+\]|[^:/\\\s]+):\d{1,5}$/;

export interface VerifyFlags {
  readonly probe?: readonly string[];
  readonly roots?: readonly string[];
  readonly allowPrivate?: boolean;
  readonly offline?: boolean;
}

/** Runs `verify` and gives its exit code. */
export async function runVerify(context: Context, targets: readonly string[], flags: VerifyFlags): Promise<number> {
  const { system, globals, ui } = context;
  const { config } = await readOptions(context, {});
  const odd = flags.probe?.find((probe) => !SERVER.test(probe));
  if (odd !== undefined) throw new TscertError('usage', `Cannot probe "${odd}": it wants HOST:PORT`, { data: { target: odd } });
  const named = readRoots(system, flags.roots ?? []);
  // The bundle is for HTTPS with the CA's server: a root of it may have issued the certificate as well, and need not.
  const others = config.caBundle === undefined ? [] : readRoots(system, [config.caBundle]);
  const sight = await look(context, targets);
  const asker = flags.offline === true ? undefined : createAsker(context, config, flags.allowPrivate === true);
  const parts = { ...partsFor(context, sight, { named, others }), ask: asker?.ask };
  const paint = await paintOfOutput(system, globals);
  const documents: Record<string, unknown>[] = [];
  let isGood = true;
  try {
    for (const target of targets) {
      const subject = sight.subjects.find(({ name }) => storedName(name) === storedNameIn(target));
      const checks = subject === undefined ? await verifyServer(target, parts) : await verifyStored(subject, flags.probe ?? [], parts);
      const ok = checks.every(({ result }) => result !== 'failed');
      isGood &&= ok;
      if (ui.json) documents.push({ target, of: subject === undefined ? 'server' : 'stored', ok, checks });
      else ui.data(`${linesOf(target, checks, targets.length > 1, paint).join('\n')}\n`);
    }
  } finally {
    asker?.close();
  }
  if (ui.json) ui.document('verify', targets.length === 1 ? (documents[0] ?? {}) : { targets: documents });
  return isGood ? EXIT.done : EXIT.failed;
}

/** Asks whether certificates were revoked; it has to be closed. */
function createAsker(
  { system, globals, signal }: Context,
  config: ConfigOptions,
  isAllowed: boolean,
): { readonly ask: NonNullable<VerifyParts['ask']>; close(): void } {
  const sources = createRevocationSources(system, { folder: dataFolder(system, globals), caBundle: config.caBundle });
  return {
    async ask(subject, allowPrivate) {
      const given = { responses: [], crls: [] };
      const from = sources.of(isAllowed || allowPrivate || config.allowPrivate === true);
      const [report] = await checkRevocation([subject], { ...from, signal, given, usesCrls: true });
      if (report === undefined) throw new TscertError('internal', 'Cannot tell whether the certificate was revoked: there is no report');
      return report;
    },
    close: sources.close,
  };
}

/** The stored certificates among the targets; a target that has the form of a server, and no certificate of that name, is one. */
async function look(context: Context, targets: readonly string[]): Promise<Sight> {
  const store = openStore(context.system, storePlace(context.system, context.globals), COMMAND);
  const known = new Set(await store.list());
  const names = targets.filter((target) => !SERVER.test(target) || known.has(storedNameIn(target) ?? ''));
  return names.length === 0 ? { store, subjects: [] } : findSubjects(context, COMMAND, names);
}

function partsFor(
  { system, signal }: Context,
  { store }: Sight,
  { named, others }: Readonly<Record<'named' | 'others', readonly CertificateContent[]>>,
): VerifyParts {
  const known: CertificateContent[] = [];
  const more = allRoots(system, [...named, ...others]);
  return {
    store,
    clock: system.clock,
    shake: (target, servername) =>
      handshake(target, { timeout: HANDSHAKE_TIME, signal, ...(servername === undefined ? {} : { servername }) }),
    *roots() {
      yield* known;
      for (let next = more.next(); next.done !== true; next = more.next()) {
        known.push(next.value);
        yield next.value;
      }
    },
    areRootsNamed: named.length > 0,
  };
}

function linesOf(target: string, checks: readonly Check[], hasTitle: boolean, paint: Paint): string[] {
  const marks = { passed: paint.good('✔'), failed: paint.bad('✘'), unknown: paint.warn('–') };
  const lines = checks.map(({ check, result, reason, message }) => {
    const words = printable(`${reason === undefined ? '' : `${reason}: `}${message}`);
    return `${marks[result]} ${check.padEnd(10)}  ${words}`;
  });
  return hasTitle ? [paint.strong(printable(target)), ...lines.map((line) => `  ${line}`)] : lines;
}
