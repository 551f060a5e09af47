/**
 * Patterns of names: `*` stands for anything within one part (no `.` in DNS names, no `:` in users and groups, no `/` in URIs, no `@` in e-mail
 * addresses), `**` for anything at all. Neither matches a `*` that stands in the name itself. `{username}` and its like are what the request's own are, literally.
 */
import type { Judged } from './request.js';

/** What separates the parts of a name of this kind. */
export type Separator = '.' | ':' | '/' | '@';

export const TEMPLATES = ['username', 'node', 'namespace', 'serviceAccount', 'requestName'] as const;
type Template = (typeof TEMPLATES)[number];

type Token = { readonly literal: string } | { readonly star: 'part' | 'any' } | { readonly template: Template };

const PLACE = /\{([^{}]*)\}/g;

/** The names in braces that are none of the templates. */
export function unknownTemplates(pattern: string): string[] {
  return [...pattern.matchAll(PLACE)].map(([, name = '']) => name).filter((name) => !(TEMPLATES as readonly string[]).includes(name));
}

/** The text for each template; undefined where the requester has none. */
export function valuesOf({ requester, request }: Pick<Judged, 'requester' | 'request'>): Readonly<Record<Template, string | undefined>> {
  return {
    username: requester.username,
    node: requester.node,
    namespace: requester.serviceAccount?.namespace,
    serviceAccount: requester.serviceAccount?.name,
    requestName: request.name,
  };
}

export type TemplateValues = ReturnType<typeof valuesOf>;
const NO_VALUES: TemplateValues = {
  username: undefined,
  node: undefined,
  namespace: undefined,
  serviceAccount: undefined,
  requestName: undefined,
};

function tokensOf(pattern: string): Token[] {
  return (pattern.match(/\{[^{}]*\}|\*{2,}|\*|[^{*]+|\{/g) ?? []).map((part) => {
    if (part === '*') return { star: 'part' };
    if (part.startsWith('**')) return { star: 'any' };
    const name = /^\{(.*)\}$/.exec(part)?.[1];
    return name === undefined ? { literal: part } : { template: name as Template };
  });
}

/** A text with its templates filled in; undefined where one has no value. */
export function fill(text: string, values: TemplateValues): string | undefined {
  let isWhole = true;
  const filled = text.replaceAll(PLACE, (_, name: Template) => {
    isWhole &&= values[name] !== undefined;
    return values[name] ?? '';
  });
  return isWhole ? filled : undefined;
}

/** True when the name is as the pattern says. Takes no longer than pattern and name are long, whatever is in them. */
export function matches(pattern: string, name: string, separator: Separator, values: TemplateValues = NO_VALUES): boolean {
  let reached = [0];
  for (const token of tokensOf(pattern)) {
    if ('star' in token) reached = spread(reached, name, token.star === 'any' ? '' : separator);
    else {
      const text = 'literal' in token ? token.literal : values[token.template];
      if (text === undefined) return false;
      reached = reached.filter((at) => name.startsWith(text, at)).map((at) => at + text.length);
    }
    if (reached.length === 0) return false;
  }
  return reached.includes(name.length);
}

/** Every place that a star can bring one to, from each of these. */
function spread(places: readonly number[], name: string, stop: string): number[] {
  const all: number[] = [];
  let next = 0;
  for (const place of places) {
    // What begins within a stretch that is covered ends where that ends.
    if (place < next) continue;
    for (let at = place; at <= name.length; at++) {
      all.push(at);
      next = at + 1;
      const character = name[at];
      if (character === undefined || character === stop || character === '*') break;
    }
  }
  return all;
}

/** CertificateRequestPolicy's pattern: `*` for any run of characters. */
export function matchesWildcard(pattern: string, value: string): boolean {
  let places = [0];
  for (const part of pattern.match(/\*+|[^*]+/g) ?? []) {
    const first = places[0];
    if (first === undefined) return false;
    places = part.startsWith('*')
      ? Array.from({ length: value.length - first + 1 }, (_, at) => first + at)
      : places.filter((at) => value.startsWith(part, at)).map((at) => at + part.length);
  }
  return places.includes(value.length);
}
