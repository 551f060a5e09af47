/** `tscert diagnose`: the first broken link between a wish and a certificate that is served. */
import type { Command } from 'commander';
import type { Context } from '../context.js';
import type { DiagnoseFlags } from '../diagnose/run.js';
import type { Verb } from '../verb.js';
import { addClusterOptions, addStoreOptions } from './cluster-options.js';

const collect = (value: string, previous: readonly string[] = []): string[] => [...previous, value];

export const diagnose: Verb = {
  name: 'diagnose',
  summary: 'name the first broken link of a request, a Secret or a certificate',
  define(command, run) {
    command.addHelpText(
      'before',
      `Most people need one of these first:
  $ tscert diagnose csr web                           # why a CertificateSigningRequest has no certificate
  $ tscert diagnose secret shop/web                   # what is wrong with a Secret, down to what an Ingress wants
  $ tscert diagnose certificate www                   # one of tscert's own: request, CA, DNS, files, targets, server
`,
    );
    const add = (name: string, summary: string, argument: string, words: string): Command =>
      command.command(name).description(summary).summary(summary).argument(argument, words);
    const roots = (one: Command): Command =>
      one.option('--roots <file>', 'more trust roots, PEM, as that of a private CA; repeatable', collect);
    const more = (one: Command): Command => addClusterOptions(roots(one));
    const probe = (one: Command): Command => one.option('--probe <host:port>', 'what this server sends must be it; repeatable', collect);
    more(add('csr', 'why a CertificateSigningRequest has not become a certificate', '<name>', 'the CertificateSigningRequest')).action(
      run(async (context: Context, name: string, flags: DiagnoseFlags) => (await load()).diagnoseCsr(context, name, flags)),
    );
    more(probe(add('secret', 'what is wrong with a Secret that holds a certificate', '<name>', 'NAME or NAMESPACE/NAME'))).action(
      run(async (context: Context, name: string, flags: DiagnoseFlags) => (await load()).diagnoseSecret(context, name, flags)),
    );
    const certificate = "what is wrong with a certificate of tscert's own, or with one of cert-manager";
    addStoreOptions(roots(probe(add('certificate', certificate, '<name>', 'its name; NAMESPACE/NAME for one of cert-manager')))).action(
      run(async (context: Context, name: string, flags: DiagnoseFlags) => (await load()).diagnoseCertificate(context, name, flags)),
    );
    command.addHelpText(
      'after',
      `
More examples:
  $ tscert diagnose secret web -n shop --probe www.example.com:443
  $ tscert diagnose certificate shop/web              # a Certificate of cert-manager, down to its Challenges
  $ tscert diagnose csr web --json | jq -r '.diagnoses[0].broken'

A line a link: ✔ holds, ✘ broken, … waiting, – cannot be told here, · not reached; "next:" says what to do. It ends with 0 when
nothing is broken, else with 1. It reads and asks, and changes nothing; rights that it lacks make it see less, and it says so.`,
    );
  },
};

function load(): Promise<typeof import('../diagnose/run.js')> {
  return import('../diagnose/run.js');
}
