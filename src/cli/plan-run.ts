/** A run of `plan`: what `renew` would do, and why, without doing anything. */
import { formatDuration } from '../base/duration.js';
import { inOrder } from '../base/in-order.js';
import { printable } from '../base/printable.js';
import { createDeployer } from '../flow/deploy.js';
import { type Plan, type PlanParts, planCertificate } from '../flow/plan.js';
import type { Context } from './context.js';
import { EXIT } from './exit.js';
import { readOptions } from './options.js';
import { storePlace } from './places.js';
import { findRenewals } from './renewals.js';
import { nextRunAfter } from './timer.js';
import { errorDocument } from './ui/words.js';
import { clustersOf, openStore } from './wire.js';

/** Certificates that are looked at together: a store that is far away answers many in the time of one. */
const WIDTH = 16;

/** Runs `plan` and gives its exit code. */
export async function runPlan(context: Context, names: readonly string[], flags: { readonly detailedExitcode?: boolean }): Promise<number> {
  const { system, globals, ui, signal } = context;
  const place = storePlace(system, globals);
  const store = openStore(system, place, 'tscert plan');
  const { clock, env: environment } = system;
  const deployer = createDeployer({ records: store, clock, environment, clusters: clustersOf(system, place) });
  const { groups, unknown } = await findRenewals(await readOptions(context, {}), { names, store, system, dryRun: false });
  const plans: Plan[] = unknown.map(({ name, error }) => ({ name, state: 'failed', error }));
  const nextLook = await nextRunAfter(system.clock.now(), store);
  const requests = groups.flatMap((group) => group.requests);
  const parts: PlanParts = { store, clock, nextLook, drifts: (wanted, print) => deployer.drifts(wanted, print, signal) };
  for await (const [{ name }, outcome] of inOrder(requests, WIDTH, (request) => planCertificate(request, parts)))
    plans.push(outcome.status === 'fulfilled' ? outcome.value : { name, state: 'failed', error: outcome.reason });
  plans.sort((a, b) => (a.name < b.name ? -1 : 1));
  if (ui.json) ui.document('plan', { certificates: plans.map(planDocument) });
  else {
    const now = system.clock.now();
    for (const plan of plans) if (plan.state !== 'failed') ui.data(`${planLine(plan, now)}\n`);
    if (plans.length === 0) ui.say('nothing to plan: no certificate is stored or configured');
  }
  for (const plan of plans) if (plan.state === 'failed') ui.fail(plan.error, plan.name);
  if (plans.some(({ state }) => state === 'failed')) return EXIT.failed;
  return flags.detailedExitcode === true && plans.some(({ state }) => state === 'due') ? EXIT.due : EXIT.done;
}

function planLine(plan: Exclude<Plan, { readonly state: 'failed' }>, now: number): string {
  if (plan.state === 'due') {
    const wait = plan.deferral === undefined ? '' : `; not tried before ${minuteOf(plan.deferral.until)}: ${plan.deferral.reason}`;
    return `${printable(plan.name)}: due: ${plan.due.reason}: ${printable(`${plan.due.message}${wait}`)}`;
  }
  const again = plan.again.map(({ title, reason, message }) => `; ${title} is written again: ${reason}, ${message}`).join('');
  return `${printable(plan.name)}: not due: renews ${minuteOf(plan.renewAt)} (in ${formatDuration(plan.renewAt - now)})${printable(again)}`;
}

function minuteOf(time: number): string {
  return `${new Date(time).toISOString().replace('T', ' ').slice(0, 16)} UTC`;
}

function planDocument(plan: Plan): Record<string, unknown> {
  const { name } = plan;
  switch (plan.state) {
    case 'due':
      return {
        ...{ name, due: true, reason: plan.due.reason, message: plan.due.message },
        ...(plan.deferral === undefined ? {} : { notBefore: new Date(plan.deferral.until).toISOString(), because: plan.deferral.reason }),
      };
    case 'kept':
      return {
        name,
        due: false,
        notAfter: new Date(plan.notAfter).toISOString(),
        renewAt: new Date(plan.renewAt).toISOString(),
        ...(plan.again.length === 0 ? {} : { again: plan.again }),
      };
    case 'failed':
      return { name, error: errorDocument(plan.error) };
  }
}
