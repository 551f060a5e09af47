/** The live display on a terminal: draws the board's lines at the bottom and takes them away again. */
import type { Event } from '../../base/events.js';
import type { System } from '../system.js';
import { createBoard } from './board.js';
import type { Paint } from './paint.js';

export interface Progress {
  /** True when the event is shown here. */
  take(certificate: string, event: Event): boolean;
  /** Takes the moving lines away until the next frame. */
  clear(): void;
  close(): void;
}

const FRAME = 100;
const MAX_ROWS = 20;

export function createProgress(system: System, paint: Paint): Progress {
  const board = createBoard(paint);
  let drawn = 0;
  let frame = 0;
  const clear = (): void => {
    if (drawn > 0) system.stderr.write(`\u001b[${drawn}A\u001b[J`);
    drawn = 0;
  };
  const draw = (): void => {
    const lines = board.lines(system.clock.now(), frame++, { columns: system.stderr.columns || 80, rows: MAX_ROWS });
    clear();
    if (lines.length > 0) system.stderr.write(`${lines.join('\n')}\n`);
    drawn = lines.length;
  };
  const timer = setInterval(draw, FRAME);
  timer.unref();
  return {
    take(certificate, event) {
      const lines = board.take(certificate, event, system.clock.now());
      if (lines === undefined) return false;
      if (lines.length > 0) {
        clear();
        system.stderr.write(`${lines.join('\n')}\n`);
        draw();
      }
      return true;
    },
    clear,
    close() {
      clearInterval(timer);
      clear();
    },
  };
}
