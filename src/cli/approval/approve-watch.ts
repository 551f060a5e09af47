/** A run of `approve --watch`: the controller, its metrics, and what signals mean to it. */
import { setMaxListeners } from 'node:events';
import { parseDuration } from '../../base/duration.js';
import { messageOf, TscertError } from '../../base/errors.js';
import { printableJson } from '../../base/printable.js';
import { type Controller, type ControllerState, startController } from '../../flow/approval/controller.js';
import { type ApprovalCounts, createApprovalCounts } from '../../flow/approval/counts.js';
import type { Review } from '../../flow/approval/review.js';
import type { Answer, Service } from '../../net/serve.js';
import type { Policy } from '../../policy/approval/policy.js';
import type { Cluster } from '../cluster.js';
import type { Context } from '../context.js';
import { EXIT } from '../exit.js';
import { readTextFile } from '../files.js';
import { paintOfOutput } from '../ui/states.js';
import { type ApproveFlags, factsFor, parsePolicies, reasonOf } from './approve-parts.js';
import { documentOf, linesOf } from './approve-text.js';
import { createPolicyFile } from './policy-file.js';

const LISTEN = '127.0.0.1:9402';
const LEASE = 'tscert-approver';
const GRACE = '30s';

export async function runApproveWatch(
  context: Context,
  cluster: Cluster,
  flags: ApproveFlags,
  { file, first }: { readonly file: string; readonly first: { readonly text: string; readonly policies: readonly Policy[] } },
): Promise<number> {
  const { system, globals, ui, signal } = context;
  const patience = parseDuration(flags.grace ?? GRACE);
  const paint = await paintOfOutput(system, globals);
  const dryRun = flags.dryRun === true;
  const counts = createApprovalCounts();
  counts.policies = { count: first.policies.length, isCurrent: true };
  const state = { isStopping: false, isListed: false, isWaiting: true };
  const server = await serveFor(flags.listen ?? (system.env.TSCERT_LISTEN || LISTEN), counts, state);

  const [stop, lines, over] = [new AbortController(), new AbortController(), new AbortController()];
  const ends = { stop: AbortSignal.any([stop.signal, signal]), lines: AbortSignal.any([lines.signal, signal]) };
  for (const one of Object.values(ends)) setMaxListeners(0, one);
  let controller: Controller | undefined;
  const policies = createPolicyFile({
    first,
    read: () => readTextFile(system, file),
    parse: (text) => parsePolicies(context, file, text),
    onChange(now) {
      counts.policies = { count: now.length, isCurrent: true };
      ui.say('the policies were read again');
      controller?.reconsider();
    },
    onTrouble(error) {
      counts.policies = { count: counts.policies.count, isCurrent: false };
      ui.warn(`${messageOf(error)}; the policies from before stay in force`);
    },
  });
  context.onSignals({
    hangUp: () => void policies.reread(),
    stop(name) {
      state.isStopping = true;
      ui.say(`${name}: stopping; what is being judged is finished`);
      stop.abort();
      system.clock.sleep(patience, over.signal).then(
        () => lines.abort(new TscertError('interrupted', `Cannot finish: interrupted by ${name}`, { data: { signal: name } })),
        () => undefined,
      );
    },
  });
  const told = new Map<string, string>();
  const onReview = (review: Review): void => {
    counts.add(review);
    const words = linesOf(review, { paint, dryRun, verbose: globals.verbose === true }).join('\n');
    // What stays as it is is judged again and again; it is told once.
    if (told.get(review.csr.metadata.uid) === words) return;
    if (told.size > 10_000) told.clear();
    told.set(review.csr.metadata.uid, words);
    if (ui.json)
      ui.data(
        `${printableJson({ version: 1, kind: 'review', time: new Date(system.clock.now()).toISOString(), ...documentOf(review) })}\n`,
      );
    else if (globals.quiet !== true) ui.data(`${words}\n`);
  };
  ui.say(server === undefined ? 'watching' : `watching; metrics at ${server.url}/metrics`);
  try {
    controller = startController({
      client: cluster.client,
      facts: factsFor(context, cluster),
      policies: () => policies.current,
      ...{ clock: system.clock, background: system.background, random: system.random, uptime: () => system.uptime() },
      ...{ dryRun, reason: reasonOf(flags, 'TscertPolicy'), carriesOut: ['Approved', 'Denied'] },
      ...(flags.message !== undefined && { message: flags.message }),
      ...(flags.signer !== undefined && { signer: flags.signer }),
      ...(flags.selector !== undefined && { labels: flags.selector }),
      ...(flags.lease !== false && {
        lease: { name: flags.lease ?? LEASE, identity: `${system.host}_${system.pid}_${Math.floor(system.random() * 1e9)}` },
      }),
      onReview,
      onState: (one) => takeState(one, context, counts, state),
      stop: ends.stop,
      signal: ends.lines,
    });
    // Standard input cannot be read twice.
    if (file !== '-') void policies.follow(system.background, over.signal);
    await controller.ended;
  } finally {
    over.abort();
    await server?.close();
  }
  signal.throwIfAborted();
  ui.say('stopped');
  return EXIT.done;
}

interface State {
  isStopping: boolean;
  isListed: boolean;
  isWaiting: boolean;
}

function takeState(one: ControllerState, { ui, globals }: Context, counts: ApprovalCounts, state: State): void {
  switch (one.type) {
    case 'waiting':
      counts.isLeader = false;
      state.isWaiting = true;
      if (one.error !== undefined) ui.warn(messageOf(one.error));
      else if (globals.verbose === true) ui.say('waiting for the Lease');
      return;
    case 'leading':
      counts.isLeader = true;
      state.isWaiting = false;
      ui.say('this replica judges');
      return;
    case 'listed':
      state.isListed = true;
      counts.pending = one.pending;
      return;
    case 'pending':
      counts.pending = one.pending;
      return;
    case 'interrupted':
      counts.interruptions++;
      ui.warn(`${messageOf(one.error)}; it is tried again`);
      return;
    case 'lost':
      counts.isLeader = false;
      state.isListed = false;
      ui.warn(messageOf(one.error));
  }
}

async function serveFor(listen: string | false, counts: ApprovalCounts, state: State): Promise<Service | undefined> {
  if (listen === false) return undefined;
  const { parseListenAddress, serve } = await import('../../net/serve.js');
  const text = (status: number, words: string): Answer => ({ status, type: 'text/plain; charset=utf-8', body: `${words}\n` });
  const routes: Readonly<Record<string, () => Answer>> = {
    '/metrics': () => ({ status: 200, type: 'text/plain; version=0.0.4; charset=utf-8', body: counts.text() }),
    '/healthz': () => text(200, 'ok'),
    '/readyz': () => {
      if (state.isStopping) return text(503, 'stopping');
      if (state.isWaiting) return text(200, 'ok, another replica judges');
      return state.isListed ? text(200, 'ok') : text(503, 'the requests are read for the first time');
    },
  };
  return serve(parseListenAddress(listen), async (path) => (Object.hasOwn(routes, path) ? routes[path]?.() : undefined));
}
