/** tscert's own policies, as they are written: schema/approval-policy.schema.json is made from this. What is not named is not allowed. */
import * as v from 'valibot';
import { parseDuration } from '../../base/duration.js';
import { isOid } from '../../pki/der.js';
import { USAGES } from '../../pki/usage.js';
import { TEMPLATES, unknownTemplates } from './pattern.js';
import { isRange } from './rules/names.js';

const text = v.pipe(v.string(), v.nonEmpty('it is empty'));
const count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1_000_000));

const templated = v.pipe(
  text,
  v.check(
    (pattern) => unknownTemplates(pattern).length === 0,
    `may hold only the templates ${TEMPLATES.map((name) => `{${name}}`).join(', ')}`,
  ),
);
const patterns = v.pipe(v.array(templated), v.minLength(1, 'it is empty'));
const plainPatterns = v.pipe(v.array(text), v.minLength(1, 'it is empty'));
const duration = v.pipe(text, v.check(isDuration, 'must be a duration such as 10m, 12h or 30d'));
const byOid = v.pipe(
  v.record(v.string(), patterns),
  v.check((record) => Object.keys(record).every(isOid), 'must have dotted object identifiers as its keys'),
);

function isDuration(words: string): boolean {
  try {
    return parseDuration(words) > 0;
  } catch {
    return false;
  }
}

const limits = { min: v.exactOptional(count), max: v.exactOptional(count) };
const kindOfNames = { allow: v.pipe(patterns, v.description('Patterns: "*" within one part, "**" anything')), ...limits };

const names = v.strictObject({
  dns: v.exactOptional(
    v.strictObject({
      ...kindOfNames,
      wildcards: v.exactOptional(v.pipe(v.boolean(), v.description('Whether a name may begin with "*."'))),
    }),
  ),
  ip: v.exactOptional(
    v.strictObject({
      allow: v.pipe(
        v.array(v.pipe(text, v.check(isRange, 'must be an address or a range such as 10.0.0.0/8'))),
        v.minLength(1, 'it is empty'),
        v.description('Addresses and ranges in CIDR notation'),
      ),
      ...limits,
    }),
  ),
  email: v.exactOptional(v.strictObject(kindOfNames)),
  uri: v.exactOptional(v.strictObject(kindOfNames)),
  other: v.exactOptional(v.pipe(byOid, v.description('Patterns of otherNames, by their type as a dotted object identifier'))),
  ...limits,
});

const subject = v.strictObject({
  commonName: v.exactOptional(patterns),
  organizations: v.exactOptional(patterns),
  organizationalUnits: v.exactOptional(patterns),
  countries: v.exactOptional(patterns),
  localities: v.exactOptional(patterns),
  provinces: v.exactOptional(patterns),
  streetAddresses: v.exactOptional(patterns),
  postalCodes: v.exactOptional(patterns),
  serialNumber: v.exactOptional(patterns),
  other: v.exactOptional(v.pipe(byOid, v.description('Patterns of any other attribute, by its dotted object identifier'))),
});

const keySize = v.strictObject({ min: v.exactOptional(count), max: v.exactOptional(count) });

const access = v.strictObject({
  verb: text,
  group: v.exactOptional(v.string()),
  resource: text,
  subresource: v.exactOptional(text),
  name: v.exactOptional(templated),
  namespace: v.exactOptional(templated),
});

const policy = v.strictObject({
  name: v.pipe(text, v.description('What verdicts call it; one of its kind in the file')),
  description: v.exactOptional(text),
  signers: v.pipe(plainPatterns, v.description('The signers that it is for: "*" within one part, "**" anything')),
  requesters: v.pipe(
    v.strictObject({
      users: v.exactOptional(v.pipe(plainPatterns, v.description('User names'))),
      groups: v.exactOptional(v.pipe(plainPatterns, v.description('Groups, of which the requester must be in one'))),
      namespaces: v.exactOptional(v.pipe(plainPatterns, v.description('Namespaces of service accounts'))),
    }),
    v.check((requesters) => Object.keys(requesters).length > 0, 'must name users, groups or namespaces'),
    v.description('Who may ask; all that is given must fit'),
  ),
  unmatched: v.exactOptional(
    v.pipe(
      v.picklist(['deny', 'leave']),
      v.description('What becomes of requests for these signers that no policy selects; deny unless given'),
    ),
  ),
  subject: v.exactOptional(v.pipe(subject, v.description('Patterns of the subject; an attribute that is not named may not be there'))),
  names: v.exactOptional(v.pipe(names, v.description('The alternative names; a kind that is not named may not be there'))),
  belongTo: v.exactOptional(
    v.pipe(
      v.picklist(['node', 'services']),
      v.description("Every DNS name and address must be one of the requester's Node, or of a Service in its namespace"),
    ),
  ),
  clusterDomain: v.exactOptional(v.pipe(text, v.description('Of the names of Services; cluster.local unless given'))),
  resolve: v.exactOptional(v.pipe(v.boolean(), v.description('Every DNS name must resolve, and every address be one of theirs'))),
  renewal: v.exactOptional(
    v.pipe(
      v.strictObject({
        at: v.pipe(templated, v.regex(/:\d+$/, 'must end with a port'), v.description('HOST:PORT')),
        first: v.exactOptional(v.pipe(v.picklist(['allow', 'deny']), v.description('When nobody listens there; deny unless given'))),
      }),
      v.description('The certificate that is served there now must be trusted and have the same names'),
    ),
  ),
  usages: v.pipe(
    v.pipe(v.array(v.picklist(USAGES as readonly [string, ...string[]])), v.minLength(1, 'it is empty')),
    v.description('The usages that may be asked for'),
  ),
  duration: v.exactOptional(
    v.strictObject({
      min: v.exactOptional(duration),
      max: v.exactOptional(duration),
      absent: v.exactOptional(
        v.pipe(v.picklist(['allow', 'deny']), v.description('A request that leaves it to the signer; deny unless given')),
      ),
    }),
  ),
  keys: v.exactOptional(
    v.pipe(
      v.strictObject({ RSA: v.exactOptional(keySize), ECDSA: v.exactOptional(keySize), Ed25519: v.exactOptional(v.strictObject({})) }),
      v.description('Kinds of keys and their sizes in bits; without it any that is not weak'),
    ),
  ),
  isCA: v.exactOptional(v.boolean()),
  maxAge: v.exactOptional(v.pipe(duration, v.description('How old a request may be'))),
  maxPending: v.exactOptional(
    v.pipe(count, v.description('With more requests waiting for the signer nothing is decided before somebody has looked')),
  ),
  replay: v.exactOptional(v.pipe(v.picklist(['allow', 'deny']), v.description('The same request a second time; deny unless given'))),
  keyReuse: v.exactOptional(v.pipe(v.picklist(['allow', 'deny']), v.description('The key of another request; allow unless given'))),
  access: v.exactOptional(
    v.pipe(v.array(access), v.description('What the requester must be allowed to do in the cluster (SubjectAccessReview)')),
  ),
  rules: v.exactOptional(
    v.pipe(
      v.array(v.strictObject({ rule: text, message: v.exactOptional(text) })),
      v.description('Expressions (CEL) over request, requester and csr that must come to true'),
    ),
  ),
});

/** A file of policies. */
export const approvalPolicySchema = v.strictObject({
  policies: v.pipe(v.array(policy), v.minLength(1, 'it is empty'), v.description('One of them must be met in everything')),
});

export type WrittenPolicy = v.InferOutput<typeof policy>;
