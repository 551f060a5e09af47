/** What an approver has done, as the text that Prometheus reads. */
import { createExposition } from '../exposition.js';
import type { Review } from './review.js';

export interface ApprovalCounts {
  add(review: Review): void;
  /** Requests that wait, as they were last seen. */
  pending: number;
  isLeader: boolean;
  /** How often the cluster could not be reached. */
  interruptions: number;
  /** The policies that are in force, and whether what the file says now is among them. */
  policies: { readonly count: number; readonly isCurrent: boolean };
  text(): string;
}

export function createApprovalCounts(): ApprovalCounts {
  const outcomes = new Map<string, { readonly labels: Readonly<Record<string, string>>; count: number }>();
  let conflicts = 0;
  const counts: ApprovalCounts = {
    pending: 0,
    isLeader: false,
    interruptions: 0,
    policies: { count: 0, isCurrent: true },
    add(review) {
      conflicts += review.conflicts;
      const policy = 'verdict' in review ? (review.verdict?.policy ?? '') : '';
      const labels = { signer: review.csr.spec.signerName, outcome: review.state, policy };
      const key = JSON.stringify(labels);
      const entry = outcomes.get(key) ?? { labels, count: 0 };
      entry.count++;
      outcomes.set(key, entry);
    },
    text() {
      const exposition = createExposition();
      const reviews = exposition.family('tscert_approval_reviews_total', 'counter', 'Requests that were judged, by what became of them');
      for (const { labels, count } of outcomes.values()) reviews(labels, count);
      const single = (name: string, kind: 'counter' | 'gauge', help: string, value: number): void =>
        exposition.family(name, kind, help)({}, value);
      single('tscert_approval_conflicts_total', 'counter', 'Requests that changed while they were judged, and were judged anew', conflicts);
      single('tscert_approval_interruptions_total', 'counter', 'How often the API server could not be followed', counts.interruptions);
      single('tscert_approval_pending_requests', 'gauge', 'Requests that wait for a verdict of this approver', counts.pending);
      single('tscert_approval_leader', 'gauge', 'Whether this replica is the one that judges', counts.isLeader ? 1 : 0);
      single('tscert_approval_policies', 'gauge', 'Policies in force', counts.policies.count);
      single(
        'tscert_approval_policies_current',
        'gauge',
        'Whether the policies in force are those of the file',
        counts.policies.isCurrent ? 1 : 0,
      );
      return exposition.text();
    },
  };
  return counts;
}
