/** The hooks of others as one command of tscert's, which /bin/sh runs. */

import type { ForeignCertificate } from './holdings.js';

/** What changes the shell itself, and so all that comes after it. */
const OF_THE_SHELL = /^(\.|alias|cd|eval|exec|exit|export|hash|read|return|set|shift|source|trap|ulimit|umask|unset|wait) ?/;

/** A word of the shell that stands for this text. */
export function quoted(text: string): string {
  return /^[\w./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/**
 * Commands one after the other as long as they succeed; undefined for none.
 * @param ours stand in a row as they are
 * @param theirs stand apart, unless each is a program with plain arguments: whatever else the shell knows ends with them
 */
export function oneAfterTheOther(ours: readonly string[], theirs: readonly string[]): string | undefined {
  if (ours.length === 0 && theirs.length <= 1) return theirs[0];
  return [...ours, ...theirs.map((command) => (isPlain(command) ? command : `(${command}\n)`))].join(' && ');
}

function isPlain(command: string): boolean {
  return /^[\w./-]+( [\w./:=@%+,-]+)*$/.test(command) && !OF_THE_SHELL.test(command);
}

/** The command with assignments before it of those variables that it speaks of. */
export function withVariables(command: string, variables: Readonly<Record<string, string>>): string {
  const named = Object.entries(variables).filter(([name]) => new RegExp(`\\b${name}\\b`).test(command));
  return named.length === 0 ? command : `export ${named.map(([name, value]) => `${name}=${value}`).join(' ')}; ${command}`;
}

/** The commands around a renewal, where there are some. */
export function aroundOf(pre: string | undefined, post: string | undefined): Pick<ForeignCertificate, 'around'> {
  if (pre === undefined && post === undefined) return {};
  return { around: { ...(pre === undefined ? {} : { pre }), ...(post === undefined ? {} : { post }) } };
}
