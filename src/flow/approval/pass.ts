/** One pass over requests: so many at a time, the oldest first. */
import type { CertificateSigningRequest } from '../../kubernetes/csr.js';
import { type Review, type ReviewParts, review } from './review.js';

/** Requests that are judged side by side. */
export const SIDE_BY_SIDE = 16;

/** Oldest first; of those of one second by name. */
export function inOrder(requests: readonly CertificateSigningRequest[]): CertificateSigningRequest[] {
  const timeOf = ({ metadata }: CertificateSigningRequest): string => metadata.creationTimestamp ?? '';
  return [...requests].sort((a, b) => timeOf(a).localeCompare(timeOf(b)) || (a.metadata.name < b.metadata.name ? -1 : 1));
}

/**
 * Reviews all of them, in the order that they are given; the outcomes come in the same order.
 * @param readAt when they were read, by `uptime`
 */
export async function reviewAll(requests: readonly CertificateSigningRequest[], readAt: number, parts: ReviewParts): Promise<Review[]> {
  const reviews: Review[] = [];
  const queue = requests.entries();
  const work = async (): Promise<void> => {
    for (const [at, csr] of queue) reviews[at] = await review(csr, readAt, parts);
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, work));
  return reviews;
}
