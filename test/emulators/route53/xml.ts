/** As much XML as the Route53 API speaks: elements and text, no attributes but namespaces. */
import { Route53Problem } from './problem.js';

export interface Element {
  readonly name: string;
  readonly text: string;
  readonly children: readonly Element[];
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };
const TOKEN = /<\?[^?]*\?>|<(\/?)([A-Za-z][A-Za-z0-9]*)((?:\s+[A-Za-z:]+="[^"]*")*)\s*(\/?)>|([^<]+)/gy;

/**
 * Reads a document.
 * @throws {Route53Problem} `MalformedInput`
 */
export function parseXml(document: string): Element {
  const open: { name: string; text: string; children: Element[] }[] = [{ name: '', text: '', children: [] }];
  let at = 0;
  for (const token of document.matchAll(TOKEN)) {
    at = token.index + token[0].length;
    const [, closing, name = '', , selfClosing, text] = token;
    const current = open.at(-1);
    if (current === undefined) throw malformed();
    if (text !== undefined) current.text += unescapeXml(text);
    else if (token[0].startsWith('<?')) continue;
    else if (closing === '/') {
      open.pop();
      if (current.name !== name) throw malformed();
      open.at(-1)?.children.push(current);
    } else if (selfClosing === '/') current.children.push({ name, text: '', children: [] });
    else open.push({ name, text: '', children: [] });
  }
  const [root] = open[0]?.children ?? [];
  if (at !== document.length || open.length !== 1 || root === undefined || open[0]?.children.length !== 1) throw malformed();
  return root;
}

/** The child with this name, if there is one. */
export function child(element: Element | undefined, name: string): Element | undefined {
  return element?.children.find((one) => one.name === name);
}

/** The text of the child with this name. */
export function textOf(element: Element | undefined, name: string): string | undefined {
  return child(element, name)?.text;
}

/** An element; content is XML already, `undefined` leaves the element out. */
export function tag(name: string, content: string | undefined): string {
  return content === undefined ? '' : `<${name}>${content}</${name}>`;
}

/** An element with text. */
export function textTag(name: string, text: string | number | boolean | undefined): string {
  return text === undefined ? '' : tag(name, escapeXml(String(text)));
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll("'", '&apos;');
}

function unescapeXml(text: string): string {
  return text.replaceAll(/&(#x[0-9a-f]+|#\d+|[a-z]+);?/gi, (whole, entity: string) => {
    if (!whole.endsWith(';')) throw malformed();
    if (entity.startsWith('#')) return String.fromCodePoint(Number(entity.startsWith('#x') ? `0${entity.slice(1)}` : entity.slice(1)));
    const character = ENTITIES[entity];
    if (character === undefined) throw malformed();
    return character;
  });
}

function malformed(): Route53Problem {
  return new Route53Problem('MalformedInput', 'Could not parse XML');
}
