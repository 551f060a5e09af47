/**
 * The judge: deny by default, and an error is never a verdict. A request is approved when one policy that selects it has every rule passed; denied when
 * all that select it have a rule broken, or none does and one of its signer's says so; in every other case it is left as it is.
 */
import { createHash } from 'node:crypto';
import { messageOf } from '../../base/errors.js';
import { preflight } from '../signers/preflight.js';
import { type Look, lookAt } from '../whole/look.js';
import type { ApprovalFacts } from './facts.js';
import type { Policy, Rule } from './policy.js';
import { type ApprovalRequest, type Judged, requesterOf } from './request.js';
import { broken, type PolicyVerdict, passed, type RuleVerdict, unknown, type Verdict } from './verdict.js';

const MAX_MESSAGE = 1_000;

/** Judges one request. Never throws: what could not be found out is in the verdict. */
export async function judge(request: ApprovalRequest, policies: readonly Policy[], facts: ApprovalFacts, now: number): Promise<Verdict> {
  const own = policies.filter(({ isForSigner }) => isForSigner(request.signerName));
  if (own.length === 0)
    return {
      outcome: 'Unprocessed',
      message: `No policy is for the signer "${request.signerName}": the request is left to others`,
      policies: [],
    };
  const requester = requesterOf(request);
  const look = lookAt(request.request);
  const selections = await Promise.all(own.map((policy) => selectionOf(policy, { request, requester }, facts)));
  const verdicts = await Promise.all(own.map((policy, at) => selections[at] ?? verdictOf(policy, request, requester, look, facts, now)));
  return summary(verdicts, own);
}

/** The verdict of a policy that does not select the request, or cannot say; undefined where it does. */
async function selectionOf(
  policy: Policy,
  judged: Pick<Judged, 'request' | 'requester'>,
  facts: ApprovalFacts,
): Promise<PolicyVerdict | undefined> {
  try {
    const selection = await policy.select(judged, facts);
    return selection.isSelected ? undefined : { policy: policy.name, outcome: 'not-selected', message: selection.why, rules: [] };
  } catch (error) {
    const message = `It cannot be found out whether the policy is for the request: ${messageOf(error)}`;
    return { policy: policy.name, outcome: 'undecided', message, rules: [unknown('selector', message)] };
  }
}

async function verdictOf(
  policy: Policy,
  request: ApprovalRequest,
  requester: Judged['requester'],
  look: Look,
  facts: ApprovalFacts,
  now: number,
): Promise<PolicyVerdict> {
  const { csr, description, der, isWhole, faults } = look;
  if (!isWhole || csr === undefined || description === undefined || der === undefined) {
    const rules = faults.map(({ message }) => broken('whole', message));
    return concluded(policy, rules.length > 0 ? rules : [broken('whole', 'It cannot be read')]);
  }
  const judged: Judged = { request, requester, csr, description, digest: createHash('sha256').update(der).digest('hex'), now };
  const fixed = [passed('whole', 'What is shown of the request is all that is in it'), ...signerRules(judged)];
  const own = await Promise.all(policy.rules.map((rule) => ask(rule, judged, facts)));
  return concluded(policy, [...fixed, ...own]);
}

/** What the signer itself would refuse after the approval. */
function signerRules({ csr, request }: Judged): RuleVerdict[] {
  const { broken: faults } = preflight({
    csr,
    ...request,
    ...(request.expirationSeconds !== undefined && { expirationSeconds: request.expirationSeconds }),
  });
  if (faults.length === 0) return [passed('signer', 'No rule of its signer that is known is broken')];
  return faults.map(({ message }) => broken('signer', `The signer would refuse it: ${message}`));
}

async function ask(rule: Rule, judged: Judged, facts: ApprovalFacts): Promise<RuleVerdict> {
  try {
    return await rule.judge(judged, facts);
  } catch (error) {
    return unknown(rule.name, `It cannot be found out: ${messageOf(error)}`);
  }
}

function concluded(policy: Policy, rules: readonly RuleVerdict[]): PolicyVerdict {
  const faults = rules.filter(({ outcome }) => outcome === 'broken');
  const gaps = rules.filter(({ outcome }) => outcome === 'unknown');
  const list = (some: readonly RuleVerdict[]): string => some.map(({ message }) => message).join('; ');
  // What is known to be broken stays so, whatever else could not be found out.
  if (faults.length > 0) return { policy: policy.name, outcome: 'refuses', message: list(faults), rules };
  if (gaps.length > 0) return { policy: policy.name, outcome: 'undecided', message: list(gaps), rules };
  return { policy: policy.name, outcome: 'approves', message: `All ${rules.length} rules are met`, rules };
}

function summary(verdicts: readonly PolicyVerdict[], own: readonly Policy[]): Verdict {
  const say = (outcome: Verdict['outcome'], message: string, policy?: string): Verdict => ({
    outcome,
    ...(policy !== undefined && { policy }),
    message: message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)}...` : message,
    policies: verdicts,
  });
  const approving = verdicts.find(({ outcome }) => outcome === 'approves');
  if (approving !== undefined) return say('Approved', `Policy "${approving.policy}": ${lower(approving.message)}`, approving.policy);
  const list = (some: readonly PolicyVerdict[]): string =>
    some.map(({ policy, message }) => `policy "${policy}": ${lower(message)}`).join('; ');
  const undecided = verdicts.filter(({ outcome }) => outcome === 'undecided');
  if (undecided.length > 0) return say('Unprocessed', upper(list(undecided)));
  const refusing = verdicts.filter(({ outcome }) => outcome === 'refuses');
  if (refusing.length > 0) return say('Denied', upper(list(refusing)));
  const why = `No policy selects it; ${list(verdicts)}`;
  return say(own.some(({ unmatched }) => unmatched === 'deny') ? 'Denied' : 'Unprocessed', why);
}

const lower = (text: string): string => (/^[A-Z][a-z ]/.test(text) ? `${text.charAt(0).toLowerCase()}${text.slice(1)}` : text);
const upper = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
