/** HTML as a value: what goes into a template is escaped, unless it is HTML already. */
import { printable } from '../../base/printable.js';

/** Markup that is safe to stand in a page. */
export interface Html {
  readonly markup: string;
}

type Content = Html | string | number | undefined | false | readonly Content[];

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** A template of markup; values are text, for content and for attributes in double quotes. What is undefined or false leaves nothing. */
export function html(parts: TemplateStringsArray, ...values: readonly Content[]): Html {
  return { markup: parts.map((part, at) => part + (at < values.length ? markupOf(values[at]) : '')).join('') };
}

/** Markup that this program has written itself. */
export function trusted(markup: string): Html {
  return { markup };
}

function markupOf(content: Content): string {
  if (content === undefined || content === false) return '';
  if (typeof content === 'string') return printable(content).replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
  if (typeof content === 'number') return String(content);
  return 'markup' in content ? content.markup : content.map(markupOf).join('');
}
