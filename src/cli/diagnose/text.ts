/** A diagnosis in lines for people. Nothing that others wrote reaches the terminal raw. */
import { printable } from '../../base/printable.js';
import { brokenIn, type Diagnosis, type LinkState } from '../../flow/diagnose/link.js';
import type { Paint } from '../ui/paint.js';

const MARKS: Readonly<Record<LinkState, readonly [sign: string, paint: keyof Paint]>> = {
  ok: ['✔', 'good'],
  broken: ['✘', 'bad'],
  waiting: ['…', 'warn'],
  unknown: ['–', 'warn'],
  'not-reached': ['·', 'dim'],
};

/** Its lines, without a line feed at the end. */
export function diagnosisText(diagnosis: Diagnosis, paint: Paint): string {
  const { subject, name, links } = diagnosis;
  const width = Math.max(...links.map(({ link }) => link.length));
  const lines = links.flatMap(({ link, state, message, next }) => {
    const [sign, colour] = MARKS[state];
    const words = state === 'not-reached' ? paint.dim('not reached') : printable(message);
    return [
      `  ${paint[colour](sign)} ${link.padEnd(width)}  ${words}`,
      ...(next === undefined ? [] : [`    ${' '.repeat(width)}  ${paint.strong('next:')} ${printable(next)}`]),
    ];
  });
  return [`${paint.strong(`${subject} ${printable(name)}`)}: ${verdict(diagnosis, paint)}`, ...lines].join('\n');
}

function verdict(diagnosis: Diagnosis, paint: Paint): string {
  const broken = brokenIn(diagnosis);
  if (broken !== undefined) return paint.bad(`broken at "${broken.link}"`);
  const waits = diagnosis.links.find(({ state }) => state === 'waiting');
  return waits === undefined ? paint.good('nothing is broken') : paint.warn(`nothing is broken; waiting at "${waits.link}"`);
}
