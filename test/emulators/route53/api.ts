/** The four actions of the Route53 API 2013-04-01 that a DNS-01 client needs: who may call them, and what they answer. */

import { readBatch } from './batch.js';
import { compare, normalizeName, sortKey } from './names.js';
import { applyPaging, type Page } from './paging.js';
import type { Access } from './policy.js';
import { Route53Problem } from './problem.js';
import { compareSets, writeRecordSet } from './records.js';
import { child, parseXml, tag, textOf, textTag } from './xml.js';
import type { HostedZone, ZoneStore } from './zones.js';

export type Action = 'ListHostedZonesByName' | 'ListResourceRecordSets' | 'ChangeResourceRecordSets' | 'GetChange';

/** A call that was understood and may be answered once its access is allowed. */
export interface Call {
  readonly action: Action;
  readonly access: Access;
  /** @throws {Route53Problem} */
  answer(): string;
}

const NAMESPACE = 'https://route53.amazonaws.com/doc/2013-04-01/';
const ARN = 'arn:aws:route53:::';

/**
 * Finds the action that a request means.
 * @throws {Route53Problem} for requests that are no call of this API
 */
export function route(method: string, url: string, body: string, store: ZoneStore): Call {
  const { pathname, searchParams: query } = new URL(url, 'http://route53');
  const [, resource, id = '', part] =
    /^\/2013-04-01\/(hostedzonesbyname|hostedzone|change)(?:\/([^/]+)(?:\/(rrset)\/?)?)?$/.exec(pathname) ?? [];
  if (method === 'GET' && resource === 'hostedzonesbyname') {
    return call('ListHostedZonesByName', '*', {}, () => listZones(store, query));
  }
  if (method === 'GET' && resource === 'hostedzone' && part === 'rrset') {
    return call('ListResourceRecordSets', `${ARN}hostedzone/${id}`, {}, () => listSets(store, store.find(id), query));
  }
  if (method === 'POST' && resource === 'hostedzone' && part === 'rrset') {
    const root = parseXml(body);
    const changes = readBatch(root);
    const keys = {
      'route53:changeresourcerecordsetsactions': changes.map(({ action }) => action),
      'route53:changeresourcerecordsetsrecordtypes': changes.map(({ set }) => set.type),
      'route53:changeresourcerecordsetsnormalizedrecordnames': changes.map(({ set }) => set.name.slice(0, -1)),
    };
    const comment = textOf(child(root, 'ChangeBatch'), 'Comment');
    return call('ChangeResourceRecordSets', `${ARN}hostedzone/${id}`, keys, () =>
      changeInfo('ChangeResourceRecordSetsResponse', store, store.change(store.find(id), changes), comment),
    );
  }
  if (method === 'GET' && resource === 'change' && part === undefined) {
    return call('GetChange', `${ARN}change/${id}`, {}, () => changeInfo('GetChangeResponse', store, store.findChange(id)));
  }
  throw new Route53Problem('UnknownOperationException', `this emulator has no ${method} ${pathname}`, 404);
}

function call(action: Action, resource: string, keys: Access['keys'], answer: () => string): Call {
  return { action, access: { action: `route53:${action}`, resource, keys }, answer };
}

/** The body of a refusal. */
export function writeProblem({ code, message }: Route53Problem, requestId: string): string {
  const type = textTag('Type', 'Sender') + textTag('Code', code) + textTag('Message', message);
  return writeDocument('ErrorResponse', tag('Error', type) + textTag('RequestId', requestId));
}

function writeDocument(root: string, content: string): string {
  return `<?xml version="1.0"?>\n<${root} xmlns="${NAMESPACE}">${content}</${root}>`;
}

/** Starts at dnsname (and hostedzoneid) in reversed-label order and goes on to the end: it does not filter. */
function listZones(store: ZoneStore, query: URLSearchParams): string {
  const [dnsName, zoneId] = [query.get('dnsname'), query.get('hostedzoneid')];
  if (zoneId !== null && dnsName === null) throw new Route53Problem('InvalidInput', 'Cannot specify hosted zone ID without DNS name');
  const start = dnsName === null ? '' : sortKey(readName(dnsName, 'InvalidDomainName'));
  const reached = (zone: HostedZone): boolean => {
    const order = compare(sortKey(zone.name), start);
    return order > 0 || (order === 0 && zone.id >= (zoneId ?? ''));
  };
  const page = applyPaging(store.zones.filter(reached), query.get('maxitems'), 100);
  const content = [
    tag('HostedZones', page.items.map((zone) => writeZone(zone, store)).join('')),
    textTag('DNSName', dnsName ?? undefined),
    textTag('HostedZoneId', zoneId ?? undefined),
    writePaging(page),
    textTag('NextDNSName', page.next?.name),
    textTag('NextHostedZoneId', page.next?.id),
  ];
  return writeDocument('ListHostedZonesByNameResponse', content.join(''));
}

function writeZone(zone: HostedZone, store: ZoneStore): string {
  const content = [
    textTag('Id', `/hostedzone/${zone.id}`),
    textTag('Name', zone.name),
    textTag('CallerReference', `emulator-${zone.id}`),
    tag('Config', textTag('PrivateZone', zone.private)),
    textTag('ResourceRecordSetCount', store.sets(zone).length),
  ];
  return tag('HostedZone', content.join(''));
}

/** Starts at name, type and identifier and goes on to the end: it does not filter either. */
function listSets(store: ZoneStore, zone: HostedZone, query: URLSearchParams): string {
  const [name, type, identifier] = [query.get('name'), query.get('type'), query.get('identifier')];
  if (type !== null && name === null) throw new Route53Problem('InvalidInput', 'Cannot specify type without name');
  if (identifier !== null && type === null) throw new Route53Problem('InvalidInput', 'Cannot specify identifier without name and type');
  const start = {
    name: name === null ? zone.name : readName(name, 'InvalidInput'),
    type: type ?? '',
    setIdentifier: identifier ?? '',
    values: [],
  };
  const reached = store.sets(zone).filter((set) => compareSets(set, start) >= 0);
  const page = applyPaging(reached, query.get('maxitems'), 300);
  const content = [
    tag('ResourceRecordSets', page.items.map(writeRecordSet).join('')),
    writePaging(page),
    textTag('NextRecordName', page.next?.name),
    textTag('NextRecordType', page.next?.type),
    textTag('NextRecordIdentifier', page.next?.setIdentifier),
  ];
  return writeDocument('ListResourceRecordSetsResponse', content.join(''));
}

function writePaging({ next, maxItems }: Page<unknown>): string {
  return textTag('IsTruncated', next !== undefined) + textTag('MaxItems', maxItems);
}

function changeInfo(root: string, store: ZoneStore, change: ReturnType<ZoneStore['findChange']>, comment?: string): string {
  const info = [
    textTag('Id', `/change/${change.id}`),
    // The answer to a change is always PENDING; only GetChange ever says INSYNC.
    textTag('Status', root === 'GetChangeResponse' ? store.status(change) : 'PENDING'),
    textTag('SubmittedAt', new Date(change.submitted).toISOString()),
    textTag('Comment', comment),
  ];
  return writeDocument(root, tag('ChangeInfo', info.join('')));
}

function readName(name: string, code: string): string {
  try {
    return normalizeName(name);
  } catch (error) {
    throw new Route53Problem(code, error instanceof Error ? error.message : String(error));
  }
}
