/** What stands under `deploy`, `deployHook` and `probe` becomes the targets of a certificate, in this order. */
import path from 'node:path';
import { parseDuration } from '../base/duration.js';
import { TscertError } from '../base/errors.js';
import { nearest } from '../base/nearest.js';
import type { CertificateOptions } from './options.js';
import type { ContentPart, FileRequest, RolloutRequest, ServerRequest, TargetRequest } from './request.js';
import { buildSecrets } from './secrets.js';
import type { TargetMapping, TargetOption } from './target-options.js';

/** How long a command may run unless it is told, in milliseconds. */
export const COMMAND_LIMIT = 10 * 60_000;
const HAPROXY_FOLDER = '/etc/haproxy/certs';
const WORDS = ['nginx', 'haproxy', 'apache', 'rollout'] as const;

const CONTENTS: Readonly<Record<string, readonly ContentPart[]>> = {
  cert: ['cert'],
  chain: ['chain'],
  fullchain: ['fullchain'],
  key: ['key'],
  combined: ['fullchain', 'key'],
};

/**
 * The targets of the certificate with this name.
 * @throws {TscertError} `request-invalid`
 */
export function buildTargets(options: CertificateOptions, name: string): TargetRequest[] {
  const { deploy = [], deployHook, probe, csr } = options;
  const secrets = buildSecrets(options, name);
  // Secrets first: what reads them may stand behind.
  const targets: TargetRequest[] = [
    ...secrets.map((one) => ({ kind: 'secret', ...one }) as const),
    ...deploy.map((one) => targetOf(one, name)),
  ];
  if (deployHook !== undefined) targets.push({ kind: 'command', command: deployHook, timeout: COMMAND_LIMIT });
  if (probe !== undefined) targets.push({ kind: 'probe', address: checkProbe(probe) });
  const keyless = csr === undefined ? undefined : targets.map(fileOf).find((file) => file?.content.includes('key'));
  if (keyless !== undefined) throw refuse('write the key', keyless.path, 'the CSR was brought along, and its key is not here');
  if (csr !== undefined && secrets[0] !== undefined) {
    throw refuse('write the Secret', secrets[0].name, 'the CSR was brought along, and its key is not here');
  }
  return targets;
}

function fileOf(target: TargetRequest): FileRequest | undefined {
  if (target.kind === 'haproxy') return target.file;
  return target.kind === 'file' ? target : undefined;
}

function targetOf(option: TargetOption, name: string): TargetRequest {
  if (typeof option === 'string') return targetOf(mappingOf(option), name);
  if ('file' in option) return { kind: 'file', ...buildFile(option.file, contentOf(option.content ?? 'fullchain'), option) };
  if ('command' in option) {
    const { command, timeout } = option;
    return { kind: 'command', command, timeout: timeout === undefined ? COMMAND_LIMIT : parseDuration(timeout) };
  }
  if ('nginx' in option) return { kind: 'nginx', ...checkServer(option.nginx) };
  if ('rollout' in option) return { kind: 'rollout', ...parseRollout(option.rollout) };
  if ('apache' in option) return { kind: 'apache', ...checkServer(option.apache) };
  const { file = path.join(HAPROXY_FOLDER, `${name.replace(/^\*\./, '_.')}.pem`), owner, mode, ...server } = option.haproxy;
  return {
    kind: 'haproxy',
    ...(file === false ? {} : { file: buildFile(file, ['fullchain', 'key'], { owner, mode }) }),
    ...checkServer(server),
  };
}

/** `nginx`, `apache`, `haproxy`, `haproxy:FILE` or `rollout:WORKLOAD`, written out. */
function mappingOf(word: string): TargetMapping {
  if (word.startsWith('rollout:')) return { rollout: word.slice('rollout:'.length) };
  const [kind = '', file] = word.startsWith('haproxy:') ? ['haproxy', word.slice('haproxy:'.length)] : [word];
  if (kind === 'haproxy') return { haproxy: file === undefined ? {} : { file } };
  if (kind === 'nginx') return { nginx: {} };
  if (kind === 'apache') return { apache: {} };
  const meant = nearest(word.split(':', 1)[0] ?? '', WORDS);
  throw refuse(
    'deploy to',
    word,
    `it wants nginx, apache, haproxy, haproxy:FILE or rollout:deployment/NAME${meant === undefined ? '' : ` (did you mean ${meant}?)`}`,
  );
}

function contentOf(text: string): ContentPart[] {
  return text.split('+').flatMap((word) => {
    const parts = Object.hasOwn(CONTENTS, word) ? CONTENTS[word] : undefined;
    if (parts !== undefined) return parts;
    const known = Object.keys(CONTENTS);
    const meant = nearest(word, known);
    throw refuse(
      'write the content',
      text,
      `it wants ${known.join(', ')}, or several joined by +${meant === undefined ? '' : ` (did you mean ${meant}?)`}`,
    );
  });
}

/** Permission bits and owner checked; a key never becomes readable for everybody. */
function buildFile(
  file: string,
  content: readonly ContentPart[],
  { owner, mode }: { readonly owner?: string | undefined; readonly mode?: string | undefined },
): FileRequest {
  const hasKey = content.includes('key');
  if (mode !== undefined && !/^0?[0-7]{3}$/.test(mode)) throw refuse('use the mode', mode, 'it wants three octal digits, as "0640"');
  const bits = mode === undefined ? (hasKey ? 0o600 : 0o644) : Number.parseInt(mode, 8);
  if (hasKey && (bits & 0o007) !== 0) throw refuse('use the mode', mode ?? '', `"${file}" holds the key, which others may not touch`);
  return { path: checkPath(file), content, ...ownerOf(owner), mode: bits };
}

function ownerOf(text: string | undefined): Pick<FileRequest, 'owner' | 'group'> {
  if (text === undefined) return {};
  const match = /^([^:\s-][^:\s]*)?(?::([^:\s-][^:\s]*))?$/.exec(text);
  if (match === null || text === '') throw refuse('use the owner', text, 'it wants USER, USER:GROUP or :GROUP');
  const [, owner, group] = match;
  return { ...(owner === undefined ? {} : { owner }), ...(group === undefined ? {} : { group }) };
}

/**
 * A file that is written. Cron starts `renew` in another folder than a person did `issue`: the path must be absolute.
 * @param doing completes "Cannot"
 * @throws {TscertError} `request-invalid`
 */
export function checkPath(file: string, doing = 'deploy to the file'): string {
  const reason =
    !path.isAbsolute(file) || file.includes('\0') ? 'it wants an absolute path' : /\/\.{0,2}$/.test(file) ? 'it is a folder' : undefined;
  if (reason !== undefined) throw refuse(doing, file, reason);
  return path.normalize(file);
}

interface ServerOptions {
  readonly program?: string | undefined;
  readonly config?: string | undefined;
  readonly unit?: string | undefined;
  readonly pidFile?: string | undefined;
}

function checkServer({ program, config, unit, pidFile }: ServerOptions): ServerRequest {
  if (program?.includes('/') && !path.isAbsolute(program)) throw refuse('use the program', program, 'it wants a name or an absolute path');
  if (unit?.startsWith('-')) throw refuse('use the unit', unit, 'no unit begins with "-"');
  return {
    ...(program === undefined ? {} : { program }),
    ...(config === undefined ? {} : { config: checkPath(config) }),
    ...(unit === undefined ? {} : { unit }),
    ...(pidFile === undefined ? {} : { pidFile: checkPath(pidFile) }),
  };
}

/** `[NAMESPACE/]deployment/NAME[@CONTEXT]` in its parts. */
function parseRollout(text: string): RolloutRequest {
  const at = text.indexOf('@');
  const [place, context] = at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
  const [, namespace, workload, name] = /^(?:([a-z0-9-]+)\/)?(deployment|daemonset|statefulset)\/([a-z0-9][a-z0-9.-]*)$/.exec(place) ?? [];
  if (workload === undefined || name === undefined || context === '') {
    throw refuse('restart', text, 'it wants [NAMESPACE/]deployment/NAME[@CONTEXT], or daemonset or statefulset');
  }
  return {
    workload: workload as RolloutRequest['workload'],
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(context === undefined ? {} : { context }),
  };
}

function checkProbe(address: string): string {
  const port = Number(/^(?:\[[^\]]+\]|[^:[\]\s]+):(\d{1,5})$/.exec(address)?.[1] ?? 0);
  if (port < 1 || port > 65_535) throw refuse('look at', address, 'it wants HOST:PORT');
  return address;
}

function refuse(what: string, value: string, reason: string): TscertError {
  return new TscertError('request-invalid', `Cannot ${what} "${value}": ${reason}`, { data: { value, reason } });
}
