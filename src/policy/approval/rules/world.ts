/** Rules that ask the world: the Node, the Services, DNS, what is served now, other requests, the cluster's own permissions. */
import { nameKey } from '../../../base/names.js';
import type { Access } from '../facts.js';
import { fill, type TemplateValues, valuesOf } from '../pattern.js';
import type { Rule } from '../policy.js';
import type { Judged } from '../request.js';
import { broken, passed, type RuleVerdict, unknown } from '../verdict.js';
import { quoted } from './plain.js';

/** Every DNS name and address must be one that the requester's own Node has. */
export const nodeRule: Rule = {
  name: 'belong-to',
  judge: async (judged, facts) => {
    const { node } = judged.requester;
    if (node === undefined) return broken('belong-to', `The requester "${judged.requester.username}" is no node, so no name is its own`);
    const found = await facts.node(node);
    if (found === undefined) return broken('belong-to', `There is no Node "${node}"`);
    const own = new Set([node, ...found.addresses.map(({ address }) => address)].map((address) => address.toLowerCase()));
    return ownership(judged, (name) => own.has(name), `of the Node "${node}"`);
  },
};

/** Every DNS name must be one of a Service in the requester's namespace, every address one of its cluster IPs. */
export function serviceRule(clusterDomain: string): Rule {
  return {
    name: 'belong-to',
    judge: async (judged, facts) => {
      const namespace = judged.requester.serviceAccount?.namespace;
      if (namespace === undefined)
        return broken('belong-to', `The requester "${judged.requester.username}" is no service account, so it has no Services`);
      const services = await facts.services(namespace);
      const own = new Set(services.flatMap(({ name, clusterIps }) => [...clusterIps, ...namesOfService(name, namespace, clusterDomain)]));
      // The pods of a headless Service are one label below it.
      return ownership(
        judged,
        (name) => own.has(name) || own.has(name.replace(/^\*\./, '')),
        `of a Service in the namespace "${namespace}"`,
      );
    },
  };
}

function namesOfService(name: string, namespace: string, clusterDomain: string): string[] {
  const full = `${name}.${namespace}.svc`;
  return [name, `${name}.${namespace}`, full, `${full}.${clusterDomain}`];
}

function ownership({ csr }: Judged, isOwn: (name: string) => boolean, whose: string): RuleVerdict {
  const names = csr.extensions.names.filter(({ type }) => type === 'dns' || type === 'ip').map(({ value }) => value);
  const foreign = names.filter((name) => !isOwn(name.toLowerCase()));
  if (foreign.length > 0) return broken('belong-to', `${quoted(foreign)} ${foreign.length === 1 ? 'is none' : 'are none'} ${whose}`);
  return passed('belong-to', names.length === 0 ? 'It asks for no DNS name and no address' : `Every DNS name and address is one ${whose}`);
}

/** Every DNS name must exist, and every address be one of what they resolve to. */
export const resolveRule: Rule = {
  name: 'resolve',
  judge: async ({ csr }, facts) => {
    const names = csr.extensions.names.filter(({ type }) => type === 'dns').map(({ value }) => value);
    const wildcards = names.filter((name) => name.startsWith('*.'));
    if (wildcards.length > 0) return broken('resolve', `${quoted(wildcards)} cannot be resolved: it is a wildcard`);
    const found = await Promise.all(names.map((name) => facts.resolve(name)));
    const absent = names.filter((_, at) => found[at]?.length === 0);
    if (absent.length > 0) return broken('resolve', `${quoted(absent)} cannot be resolved: there is no such name in DNS`);
    const known = new Set(found.flat());
    const foreign = csr.extensions.names.filter(({ type, value }) => type === 'ip' && !known.has(value)).map(({ value }) => value);
    if (foreign.length > 0) return broken('resolve', `None of its DNS names has the address ${quoted(foreign)}`);
    return passed('resolve', 'Its DNS names resolve, and its addresses are among theirs');
  },
};

export interface Renewal {
  /** `HOST:PORT` with templates; `[HOST]:PORT` for IPv6. */
  readonly at: string;
  /** Whether a request is taken when nobody listens there yet. */
  readonly mayBeFirst: boolean;
}

/** The certificate that is served now must be trusted, and have the same names. */
export function renewalRule({ at, mayBeFirst }: Renewal): Rule {
  return {
    name: 'renewal',
    judge: async (judged, facts) => {
      const place = fill(at, valuesOf(judged));
      const [, host, port] = /^\[?([^\]]+)\]?:(\d+)$/.exec(place ?? '') ?? [];
      if (place === undefined || host === undefined)
        return broken('renewal', `There is no place "${at}" for the requester "${judged.requester.username}"`);
      const served = await facts.served(host, Number(port));
      if (served === undefined) {
        return mayBeFirst
          ? passed('renewal', `Nobody listens at ${place}: it would be the first certificate`)
          : broken('renewal', `Nobody listens at ${place}, so it renews nothing`);
      }
      if (!served.isTrusted)
        return broken('renewal', `The certificate that is served at ${place} is not trusted by the cluster's CA, or has expired`);
      const [now, wanted] = [keysOf(served), keysOf({ names: judged.csr.extensions.names, ...ofCommonName(judged) })];
      const added = wanted.filter((key) => !now.includes(key));
      const gone = now.filter((key) => !wanted.includes(key));
      if (added.length + gone.length === 0)
        return passed('renewal', `It asks for the same names as the certificate that is served at ${place}`);
      const changes = [...added.map((key) => `+${key}`), ...gone.map((key) => `-${key}`)].join(' ');
      return broken('renewal', `Its names differ from the certificate that is served at ${place}: ${changes}`);
    },
  };
}

function ofCommonName({ description }: Judged): { commonName?: string } {
  return description.commonName === undefined ? {} : { commonName: description.commonName };
}

function keysOf({ names, commonName }: { names: readonly Parameters<typeof nameKey>[0][]; commonName?: string }): string[] {
  return [...new Set([...names.map(nameKey), ...(commonName === undefined ? [] : [`cn:${commonName}`])])].sort();
}

/** More waiting requests than this mean that something is wrong: then nothing is approved, and nothing denied, before somebody has looked. */
export function pendingRule(max: number): Rule {
  return {
    name: 'pending',
    judge: async ({ request }, facts) => {
      const count = await facts.pending(request.signerName);
      if (count > max)
        return unknown('pending', `${count} requests wait for "${request.signerName}", more than ${max}: somebody must look first`);
      return passed('pending', `${count} requests wait for its signer, and up to ${max} are usual`);
    },
  };
}

/** What the requester must be allowed to do in the cluster (SubjectAccessReview). */
export function accessRule(access: Access): Rule {
  return {
    name: 'access',
    judge: async (judged, facts) => {
      const asked = filledAccess(access, valuesOf(judged));
      if (asked === undefined)
        return broken('access', `The requester "${judged.requester.username}" has no value for a template of the access that is asked for`);
      const { username, userUid, groups, extra } = judged.request;
      const requester = { username, groups, ...(userUid !== undefined && { uid: userUid }), ...(extra !== undefined && { extra }) };
      const words = accessWords(asked);
      return (await facts.mayDo(requester, asked))
        ? passed('access', `"${username}" may ${words}`)
        : broken('access', `"${username}" may not ${words}`);
    },
  };
}

function filledAccess(access: Access, values: TemplateValues): Access | undefined {
  const entries = Object.entries(access).map(([key, text]) => [key, fill(String(text), values)] as const);
  return entries.some(([, text]) => text === undefined)
    ? undefined
    : { verb: access.verb, resource: access.resource, ...Object.fromEntries(entries) };
}

/** The verb on the resource, as RBAC has it. */
function accessWords({ verb, group, resource, subresource, name, namespace }: Access): string {
  const what = `${resource}${subresource === undefined ? '' : `/${subresource}`}${group === undefined || group === '' ? '' : `.${group}`}`;
  return `${verb} ${what}${name === undefined ? '' : ` "${name}"`}${namespace === undefined ? '' : ` in the namespace "${namespace}"`}`;
}

/** The same request a second time is somebody's copy, or an old one that was found; the same key may be forbidden, too. */
export function replayRule({ sameRequest, sameKey }: { readonly sameRequest: boolean; readonly sameKey: boolean }): Rule {
  return {
    name: 'replay',
    judge: async (judged, facts) => {
      const { request, digest, description } = judged;
      const alike = await facts.alike({ uid: request.uid, digest, keyDigest: description.key.publicKeySha256 });
      // Of two that wait the later one is the copy: its maker cannot have the first one denied, nor by a copy that was.
      const earlier = alike.filter(({ state, createdAt, name }) => {
        const isBefore = createdAt < request.createdAt || (createdAt === request.createdAt && name < request.name);
        return state === 'approved' || (state === 'pending' && isBefore);
      });
      const copy = earlier.find(({ isSameRequest }) => (isSameRequest ? sameRequest : sameKey));
      if (copy === undefined) return passed('replay', 'No request before it has the same bytes or key that may not be used again');
      const what = copy.isSameRequest ? 'The same request' : 'A request for the same key';
      return broken('replay', `${what} is there already: "${copy.name}" of "${copy.username}", ${copy.state}`);
    },
  };
}
