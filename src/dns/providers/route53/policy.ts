/** The least IAM policy with which the provider works, without the SDK. */
import { withoutWildcard } from '../../../base/names.js';
import type { Zone } from '../../provider.js';
import { encodeName } from './names.js';

export interface PolicyStatement {
  readonly Sid: string;
  readonly Effect: 'Allow';
  readonly Action: string;
  readonly Resource: string;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
}

export interface PolicyDocument {
  readonly Version: '2012-10-17';
  readonly Statement: readonly PolicyStatement[];
}

/**
 * The policy for one zone: TXT records at `_acme-challenge` names alone may be changed. With `names` (as in certificates,
 * wildcards too) only at theirs; without, at that of the zone and of every name below it. Without the zone's id the
 * policy holds for all zones, narrowed by the names.
 */
export function route53Policy(zone: Zone, names: readonly string[] = []): PolicyDocument {
  const resource = `arn:aws:route53:::hostedzone/${zone.id ?? '*'}`;
  const challenges = names.map((name) => `_acme-challenge.${encodeName(withoutWildcard(name))}`);
  const changed =
    names.length > 0
      ? { 'ForAllValues:StringEquals': { [key('NormalizedRecordNames')]: [...new Set(challenges)].sort() } }
      : { 'ForAllValues:StringLike': { [key('NormalizedRecordNames')]: below(encodeName(zone.name)) } };
  const always = { [key('RecordTypes')]: ['TXT'], [key('Actions')]: ['CREATE', 'DELETE'] };
  return {
    Version: '2012-10-17',
    Statement: [
      allow('FindZone', 'ListHostedZonesByName', '*'),
      allow('WaitForChange', 'GetChange', 'arn:aws:route53:::change/*'),
      allow('ReadRecords', 'ListResourceRecordSets', resource),
      {
        ...allow('ChangeChallenges', 'ChangeResourceRecordSets', resource),
        Condition: { ...changed, 'ForAllValues:StringEquals': { ...always, ...changed['ForAllValues:StringEquals'] } },
      },
    ],
  };
}

const key = (suffix: string): string => `route53:ChangeResourceRecordSets${suffix}`;
const below = (zone: string): readonly string[] => [`_acme-challenge.${zone}`, `_acme-challenge.*.${zone}`];

function allow(sid: string, action: string, resource: string): PolicyStatement {
  return { Sid: sid, Effect: 'Allow', Action: `route53:${action}`, Resource: resource };
}
