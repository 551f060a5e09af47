/** Events in words: one line each. */
import { formatDuration } from '../../base/duration.js';
import type { Event, ServerAnswer, Stage } from '../../base/events.js';

const STAGES: Readonly<Record<Stage, { doing: string; done: string }>> = {
  plan: { doing: 'looking at what is stored', done: 'looked at what is stored' },
  account: { doing: 'finding the ACME account', done: 'ACME account ready' },
  order: { doing: 'ordering', done: 'ordered' },
  present: { doing: 'presenting the challenges', done: 'challenges presented' },
  check: { doing: 'waiting until the challenges can be seen', done: 'challenges can be seen' },
  validate: { doing: 'waiting for the CA to validate', done: 'all names are proven' },
  finalize: { doing: 'waiting for the CA to sign', done: 'signed' },
  download: { doing: 'downloading the certificate', done: 'certificate downloaded and checked' },
  store: { doing: 'storing', done: 'stored' },
  'clean-up': { doing: 'removing the challenges', done: 'challenges removed' },
  deploy: { doing: 'deploying', done: 'deployed' },
};

/** What is being done in a stage. */
export function doing(stage: Stage): string {
  return STAGES[stage].doing;
}

/** A sentence for an event, or `undefined` when it is worth none at this level. */
export function sentenceOf(event: Event, verbose: boolean): string | undefined {
  switch (event.type) {
    case 'planned':
      return `${event.action}: ${event.reason}: ${event.message}`;
    case 'stage':
      return event.state === 'begin'
        ? verbose
          ? withDetail(STAGES[event.stage].doing, event.detail)
          : undefined
        : `${withDetail(STAGES[event.stage].done, event.detail)}${event.milliseconds === undefined ? '' : ` (${formatDuration(event.milliseconds)})`}`;
    case 'challenge':
      return verbose || event.state === 'invalid'
        ? withDetail(`${event.identifier}: ${event.challenge} ${event.state}`, event.detail)
        : undefined;
    case 'propagation':
      return verbose ? `${event.fqdn}: ${propagationWords(event.servers)}` : undefined;
    case 'dns-change':
      return verbose ? `${event.provider}: zone ${event.zone}: ${event.added} added, ${event.removed} removed` : undefined;
    case 'records-wanted':
      return [
        event.action === 'add' ? 'create these TXT records:' : 'these TXT records are not needed any more; remove them:',
        ...event.records.map(({ name, value }) => `    ${name}. TXT "${value}"`),
      ].join('\n');
    case 'waiting':
      return `${event.what}; waiting ${formatDuration(event.milliseconds)}`;
    case 'note':
      return event.message;
    case 'warning':
      return `warning: ${event.message}`;
  }
}

/** Which name servers have a record, and what the first of the others answered. */
export function propagationWords(servers: readonly ServerAnswer[]): string {
  const missing = servers.find(({ holds }) => !holds);
  const count = `${servers.filter(({ holds }) => holds).length} of ${servers.length} name servers have it`;
  return missing === undefined ? count : `${count}; ${missing.server} (${missing.address}): ${missing.answer}`;
}

function withDetail(text: string, detail: string | undefined): string {
  return detail === undefined || detail === '' ? text : `${text}: ${detail}`;
}
