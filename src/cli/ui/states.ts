/** The colours of the states of certificates, on a terminal. */
import type { CertificateState } from '../../flow/overview.js';
import type { GlobalOptions } from '../globals.js';
import type { System } from '../system.js';
import { createPaint, type Paint } from './paint.js';

const COLOURS: Readonly<Record<CertificateState, keyof Paint>> = {
  ready: 'good',
  due: 'warn',
  waiting: 'warn',
  failing: 'bad',
  'deploy-failed': 'bad',
  expired: 'bad',
  missing: 'warn',
  damaged: 'bad',
};

/** Paint for what goes to standard output: plain where that is no terminal, whatever standard error is. */
export async function paintOfOutput({ stdout, env }: System, { color, json }: GlobalOptions): Promise<Paint> {
  return createPaint(stdout.isTTY && json !== true && color !== false && !env.NO_COLOR && env.TERM !== 'dumb');
}

/** Colours a word by a state. */
export async function paintOfState(system: System, globals: GlobalOptions): Promise<(state: CertificateState, text: string) => string> {
  const paint = await paintOfOutput(system, globals);
  return (state, text) => paint[COLOURS[state]](text);
}
