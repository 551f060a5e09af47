/** The targets of a certificate as they are written under `deploy`: a word, or a mapping whose first key names its kind. */
import * as v from 'valibot';

const text = v.pipe(v.string(), v.nonEmpty('it is empty'));

const accessKeys = {
  owner: v.optional(v.pipe(text, v.description('USER, USER:GROUP or :GROUP, by name or number'))),
  mode: v.optional(v.pipe(text, v.description('Octal, in quotes, as "0640"; without it 0600 with the key, else 0644'))),
};
const serverKeys = {
  program: v.optional(v.pipe(text, v.description('Name or path of its program'))),
  config: v.optional(v.pipe(text, v.description('Its configuration file, for one that systemd does not run'))),
  unit: v.optional(v.pipe(text, v.description('Its systemd unit'))),
};

/** Each kind by the key that names it. */
const kinds = {
  file: v.strictObject({
    file: v.pipe(text, v.description('Path of the file')),
    content: v.optional(v.pipe(text, v.description('fullchain (default), cert, chain, key, combined, or several of them joined by +'))),
    ...accessKeys,
  }),
  command: v.strictObject({
    command: v.pipe(text, v.description('Run by /bin/sh, like the deploy hook')),
    timeout: v.optional(v.pipe(text, v.description('How long it may run, as 2m'))),
  }),
  nginx: v.strictObject({ nginx: v.strictObject(serverKeys) }),
  haproxy: v.strictObject({
    haproxy: v.strictObject({
      file: v.optional(
        v.pipe(
          v.union([text, v.literal(false)]),
          v.description('Where certificate and key are written; without it /etc/haproxy/certs/NAME.pem, with false nowhere'),
        ),
      ),
      ...accessKeys,
      ...serverKeys,
      pidFile: v.optional(v.pipe(text, v.description('Holds the process id of its master, where systemd does not run it'))),
    }),
  }),
  apache: v.strictObject({ apache: v.strictObject(serverKeys) }),
  rollout: v.strictObject({
    rollout: v.pipe(text, v.description('[NAMESPACE/]deployment/NAME[@CONTEXT]; daemonset and statefulset too: its pods are restarted')),
  }),
};

const anyTarget = v.union([text, ...Object.values(kinds)]);
const noTarget = v.custom<never>(() => false, `wants one of the keys ${Object.keys(kinds).join(', ')}`);

/** A mapping is held against the kind that its keys name, so that it can be told what is wrong with it. */
const oneTarget = v.lazy((input): v.GenericSchema<v.InferInput<typeof anyTarget>, v.InferOutput<typeof anyTarget>> => {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return anyTarget;
  const kind = Object.keys(kinds).find((key) => Object.hasOwn(input, key));
  return kind === undefined ? noTarget : kinds[kind as keyof typeof kinds];
});

const targetList = v.array(oneTarget);
const listOfOne = v.pipe(
  oneTarget,
  v.transform((one) => [one]),
);
const anyTargets = v.union([targetList, listOfOne]);

/** The value of `deploy`: one target or a list. */
export const deploySchema = v.lazy((input): v.GenericSchema<v.InferInput<typeof anyTargets>, v.InferOutput<typeof anyTargets>> => {
  // The JSON schema asks for the whole, with no value.
  if (input === undefined) return anyTargets;
  return Array.isArray(input) ? targetList : listOfOne;
});

/** A target as it is written. */
export type TargetOption = v.InferOutput<typeof anyTarget>;
export type TargetMapping = Exclude<TargetOption, string>;

/** Every key that a target can have, whatever its kind. */
export const TARGET_KEYS: readonly string[] = [
  ...Object.keys(kinds),
  ...[kinds.file, kinds.command, kinds.haproxy.entries.haproxy].flatMap(({ entries }) => Object.keys(entries)),
];
