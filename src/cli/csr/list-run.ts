/** A run of `csr list`: one line a request. */
import { TscertError } from '../../base/errors.js';
import { printable } from '../../base/printable.js';
import { type CertificateSigningRequest, CSR, type CsrState, stateOf } from '../../kubernetes/csr.js';
import { type ClusterFlags, openCluster } from '../cluster.js';
import type { Context } from '../context.js';
import { EXIT } from '../exit.js';
import { type Column, tableLines } from '../ui/columns.js';
import { paintOfOutput } from '../ui/states.js';
import { distanceWords } from '../ui/times.js';
import { csrDocument, durationOf, titleOf } from './describe.js';

export interface ListFlags extends ClusterFlags {
  readonly signer?: string;
  readonly selector?: string;
  readonly state?: readonly string[];
}

const STATES: readonly CsrState[] = ['pending', 'approved', 'issued', 'denied', 'failed'];
const COLOURS = { pending: 'warn', approved: 'warn', issued: 'good', denied: 'bad', failed: 'bad' } as const;

/** Runs `csr list` and gives its exit code. */
export async function runList(context: Context, flags: ListFlags): Promise<number> {
  const { system, globals, ui, signal } = context;
  const wanted = flags.state?.flatMap((word) => word.split(',')).map(stateWord);
  const { client } = await openCluster(context, flags);
  try {
    const query = {
      ...(flags.selector === undefined ? {} : { labels: flags.selector }),
      ...(flags.signer === undefined ? {} : { fields: `spec.signerName=${flags.signer}` }),
    };
    const { items } = await client.list(CSR, query, { signal });
    const shown = items.filter((csr) => wanted === undefined || wanted.includes(stateOf(csr)));
    if (ui.json) {
      ui.document('csr-list', { requests: shown.map((csr) => csrDocument(csr)) });
      return EXIT.done;
    }
    if (shown.length > 0) {
      const paint = await paintOfOutput(system, globals);
      const now = system.clock.now();
      const columns: readonly Column[] = [
        { title: 'NAME', least: 16 },
        { title: 'AGE', dispensable: 3 },
        { title: 'SIGNER', least: 16 },
        { title: 'ASKED BY', least: 10 },
        { title: 'FOR', least: 12, dispensable: 1 },
        { title: 'DURATION', dispensable: 2 },
        { title: 'STATE', paint: (text, row) => paint[COLOURS[stateOf(shown[row] ?? NOTHING)]](text) },
      ];
      const rows = shown.map((csr) => rowOf(csr, now).map(printable));
      ui.data(`${tableLines(columns, rows, system.stdout.isTTY ? (system.stdout.columns ?? 80) : undefined).join('\n')}\n`);
    }
    ui.say(shown.length === 0 ? 'no such request' : `${shown.length} ${shown.length === 1 ? 'request' : 'requests'}`);
    return EXIT.done;
  } finally {
    client.close();
  }
}

const NOTHING = { status: {}, metadata: {}, spec: {} } as unknown as CertificateSigningRequest;

function stateWord(word: string): CsrState {
  const state = STATES.find((known) => known === word);
  if (state !== undefined) return state;
  throw new TscertError('usage', `Cannot list requests that are "${word}": the states are ${STATES.join(', ')}`, {
    data: { value: word, help: 'tscert csr list --help' },
  });
}

function rowOf(csr: CertificateSigningRequest, now: number): string[] {
  const made = Date.parse(csr.metadata.creationTimestamp ?? '');
  return [
    csr.metadata.name,
    Number.isNaN(made) ? '' : distanceWords(made, now).replace(/ ago$/, ''),
    csr.spec.signerName,
    csr.spec.username ?? '',
    titleOf(csr),
    durationOf(csr) ?? '-',
    stateOf(csr),
  ];
}
