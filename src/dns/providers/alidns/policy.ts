import type { Zone } from '../../provider.js';
import { ramResource } from './failure.js';
import { domainNameOf } from './names.js';

/** A RAM policy document. */
interface RamPolicy {
  readonly Version: '1';
  readonly Statement: readonly { readonly Effect: 'Allow'; readonly Action: readonly string[]; readonly Resource: readonly string[] }[];
}

/** The least RAM policy with which `alidns` can change TXT records of the zone. RAM has no finer grain than the domain. */
export function alidnsPolicy(zone: Zone): RamPolicy {
  const names = [...new Set([domainNameOf(zone), zone.name])];
  return {
    Version: '1',
    Statement: [
      { Effect: 'Allow', Action: ['alidns:DescribeDomains'], Resource: [ramResource()] },
      {
        Effect: 'Allow',
        Action: ['alidns:AddDomainRecord', 'alidns:DeleteDomainRecord', 'alidns:DescribeSubDomainRecords'],
        Resource: names.map((name) => ramResource(name)),
      },
    ],
  };
}
