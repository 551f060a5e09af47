/** What commander found wrong with a command line, in the words of this command. */
import { TscertError } from '../../base/errors.js';

/** Commander's sentences, and how they are said here. */
const SENTENCES: readonly (readonly [RegExp, (parts: readonly string[]) => string])[] = [
  [/^unknown option '(.*)'$/s, ([option = '']) => `Cannot understand the option "${option}": there is no such option`],
  [/^unknown command '(.*)'$/s, ([command = '']) => `Cannot run "${command}": there is no such command`],
  [/^option '(.*)' argument missing$/, ([option = '']) => `Cannot use the option "${option}": its value is missing`],
  [
    /^option '(.*?)' argument '(.*)' is invalid\. (.*?)\.?$/s,
    ([option = '', value = '', why = '']) => refused(`the option "${option}"`, value, why),
  ],
  [
    /^command-argument value '(.*)' is invalid for argument '(.*?)'\. (.*?)\.?$/s,
    ([value = '', name = '', why = '']) => refused(`the argument "${name}"`, value, why),
  ],
  [
    /^option '(.*?)' cannot be used with (?:option )?'?(.*?)'?$/,
    ([one = '', other = '']) => `Cannot use the option "${one}": it does not go together with "${other}"`,
  ],
  [/^required option '(.*)' not specified$/, ([option = '']) => `Cannot begin: the option "${option}" is missing`],
  [/^missing required argument '(.*)'$/, ([name = '']) => `Cannot begin: the argument "${name}" is missing`],
  [
    /^too many arguments for '(.*)'\. Expected (\d+) arguments? but got (\d+)\.$/,
    ([command = '', most = '', count = '']) =>
      `Cannot use the arguments of "${command}": it takes ${most === '0' ? 'none' : most}, and there ${count === '1' ? 'is 1' : `are ${count}`}`,
  ],
];

/**
 * The error for a message of commander's.
 * @param command the verb that stood on the command line, for the hint
 */
export function usageError(message: string, command: string | undefined): TscertError {
  const [first = '', ...rest] = message.replace(/^error: /, '').split(/\n(?=\(Did you mean )/);
  const meant = /\(Did you mean (?:one of )?(.*)\?\)/s.exec(rest.join(''))?.[1];
  const words = SENTENCES.map(([pattern, say]) => {
    const match = pattern.exec(first.trim());
    return match === null ? undefined : say(match.slice(1));
  }).find((sentence) => sentence !== undefined);
  return new TscertError(
    'usage',
    `${words ?? `Cannot understand the command line: ${first.trim()}`}${meant === undefined ? '' : ` (did you mean ${meant}?)`}`,
    {
      data: command === undefined ? { help: 'tscert --help' } : { help: `tscert help ${command}` },
    },
  );
}

function refused(what: string, value: string, why: string): string {
  return `Cannot use "${value}" for ${what}: ${why.charAt(0).toLowerCase()}${why.slice(1)}`;
}
