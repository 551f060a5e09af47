/** Lines of cron: twice a day, at a minute that differs from machine to machine. */
import { createHash } from 'node:crypto';
import { TscertError } from '../../base/errors.js';
import { type CommandLine, checkFit, markedFile, type ScheduleFile } from './file.js';

export interface CrontabOptions {
  readonly command: CommandLine;
  /** Of this machine: draws hour and minute. */
  readonly host: string;
  /** Of a file in /etc/cron.d, whose lines name the user; absent for a crontab of one's own. */
  readonly user?: string;
  readonly mailto?: string;
}

/** Hooks look for their programs there; cron's own path is shorter. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** @throws {TscertError} `usage` for what cannot stand in a cron line */
export function crontab({ command, host, user, mailto }: CrontabOptions): ScheduleFile {
  const words = [command.node, command.script, ...command.args].map((word) => shellWord(checkFit(word, 'argument')));
  const line = [drawTime(host), ...(user === undefined ? [] : [user]), ...words].join(' ');
  return markedFile('tscert', [
    '# Twice a day, at a time drawn from the name of this machine. Only warnings and errors are said; cron mails them to MAILTO.',
    ...(user === undefined ? [] : ['SHELL=/bin/sh', `PATH=${PATH}`]),
    ...(mailto === undefined ? [] : [`MAILTO=${checkMail(mailto)}`]),
    line,
  ]);
}

/** The first two fields of a cron line, and the three others: the same for the same machine; never at full and half hours, when all others run. */
function drawTime(host: string): string {
  const number = createHash('sha256').update(host).digest().readUInt32BE();
  const minutes = Array.from({ length: 60 }, (_, minute) => minute).filter((minute) => minute % 30 !== 0);
  const hour = Math.floor(number / minutes.length) % 12;
  return `${minutes[number % minutes.length]} ${hour},${hour + 12} * * *`;
}

/** A word of a shell. A percent sign would end the line, and not every cron takes away the backslash: it stands where the shell does. */
function shellWord(word: string): string {
  return /^[\w+,./:=@%-]+$/.test(word) ? word.replaceAll('%', '\\%') : `'${word.replaceAll('%', "'\\%'")}'`;
}

function checkMail(address: string): string {
  if (/^[^\s"'\\%]*$/.test(address)) return address;
  throw new TscertError('usage', `Cannot send mail to "${address}": it wants an address without spaces and quotes`, {
    data: { value: address },
  });
}
