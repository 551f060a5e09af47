/** How a right that is missing is given: the rule as it stands in a Role, and who is bound to it. */
import type { TscertError } from '../../base/errors.js';
import { type Right, rightWords } from '../../kubernetes/failure.js';
import { broken, type Link } from './link.js';
import { subjectWords } from './who.js';

/** @param username undefined when it is not known who we are */
export function grantWords({ verb, group, resource, names, namespace }: Right, username: string | undefined): string {
  const named = names.length === 0 ? '' : `, resourceNames: [${names.map((name) => `"${name}"`).join(' or ')}]`;
  const rule = `{ apiGroups: ["${group}"], resources: ["${resource}"]${named}, verbs: ["${verb}"] }`;
  const [role, where] = namespace === undefined ? ['ClusterRole', ''] : ['Role', ` of the namespace "${namespace}"`];
  return `give it: the rule ${rule} in a ${role}${where}, bound by a ${role}Binding to the ${subjectWords(username ?? 'USER')}`;
}

/** The link for something that could not be read: a right that is missing, or whatever else the server said. */
export function refusedLink(link: string, error: TscertError, username: string | undefined): Link {
  const { right } = error.data as { readonly right?: Right };
  if (error.code !== 'cluster-forbidden' || right === undefined) return broken(link, clause(error));
  const who = username === undefined ? 'we' : `"${username}"`;
  return broken(link, `${who} ${username === undefined ? 'lack' : 'lacks'} the right ${rightWords(right)}`, grantWords(right, username));
}

/** The message of an error as a clause behind others. */
export function clause({ message }: TscertError): string {
  return message.startsWith('Cannot ') ? `c${message.slice(1)}` : message;
}
