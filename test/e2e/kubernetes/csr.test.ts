import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { type Finished, startTscert, tscert } from '../../support/command.js';
import { type KubernetesCluster, startKubernetes } from '../../support/kubernetes.js';
import { servers, skipUnless } from '../../support/servers.js';

const skip = skipUnless('kubernetes', 'openssl');
const CLIENT = 'kubernetes.io/kube-apiserver-client';
const CUSTOM = 'example.com/internal';
const CSRS = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
let cluster: KubernetesCluster;
let folder: string;
let alice: string;

before(async () => {
  if (skip !== false) return;
  folder = mkdtempSync(path.join(tmpdir(), 'tscert-csr-'));
  cluster = await startKubernetes();
  alice = cluster.kubeconfig('alice');
  const csrs = { apiGroups: ['certificates.k8s.io'], resources: ['certificatesigningrequests'] };
  await cluster.grant('alice', [{ ...csrs, verbs: ['create', 'get', 'list', 'watch', 'delete'] }]);
});
after(async () => {
  await cluster?.stop();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

const at = (name: string): string => path.join(folder, name);
const run = (args: readonly string[], more: { readonly input?: string; readonly kubeconfig?: string } = {}): Promise<Finished> =>
  tscert(args, { cwd: folder, env: { KUBECONFIG: more.kubeconfig ?? alice }, ...(more.input === undefined ? {} : { input: more.input }) });
const json = ({ stdout, stderr, code }: Finished) => {
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
};
const approve = async (name: string): Promise<void> => {
  cluster.kubectl(['certificate', 'approve', name]);
};
/** Waits until the controller manager has signed, or failed. */
const settled = async (name: string) => {
  for (;;) {
    const { body } = await cluster.ask('GET', `${CSRS}/${name}`);
    const failed = (body.status.conditions ?? []).some(({ type }: { type: string }) => type === 'Failed');
    if (failed || body.status.certificate !== undefined) return body;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};
/** A certificate for any key by an authority of one's own, which plays a signer of the cluster. */
function signerOf(name: string) {
  const openssl = (...args: readonly string[]): void => {
    execFileSync(servers('openssl').openssl ?? 'openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  };
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl('req', '-x509', ...curve, '-subj', `/CN=${name}`, '-days', '30', '-keyout', `${name}.key`, '-out', `${name}.crt`);
  return {
    /** @param days -1 for one that has expired */
    sign(csr: string, days = 2): string {
      writeFileSync(at('to-sign.csr'), csr);
      openssl(
        ...[
          'x509',
          '-req',
          '-in',
          'to-sign.csr',
          '-CA',
          `${name}.crt`,
          '-CAkey',
          `${name}.key`,
          '-CAcreateserial',
          '-copy_extensions',
          'copy',
        ],
        ...['-days', String(days), '-out', 'signed.crt'],
      );
      return readFileSync(at('signed.crt'), 'utf8');
    },
    root: () => readFileSync(at(`${name}.crt`), 'utf8'),
  };
}
/** Writes a certificate into a request as its signer does. */
const put = async (name: string, certificate: string): Promise<void> => {
  const { body } = await cluster.ask('GET', `${CSRS}/${name}`);
  body.status = { ...body.status, certificate: Buffer.from(certificate).toString('base64') };
  const answer = await cluster.ask('PUT', `${CSRS}/${name}/status`, body);
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
};

test('the tutorial: a cfssl request becomes a client certificate that the API server takes', { skip }, async () => {
  const request = { CN: 'jane', names: [{ O: 'developers' }], key: { algo: 'ecdsa', size: 256 } };
  writeFileSync(at('jane.json'), JSON.stringify(request));
  const made = await run(['csr', 'submit', 'jane.json', '--bare', 'jane', '--name', 'jane', '--signer', CLIENT, '--expiration', '1d']);
  assert.equal(made.code, 0, made.stderr);
  assert.equal(made.stdout, 'jane\n');
  assert.match(made.stderr, /waits for approval \(tscert approve jane\).*an hour after it was issued/);
  assert.equal(statSync(at('jane-key.pem')).mode & 0o777, 0o600);
  const early = await run(['csr', 'fetch', 'jane']);
  assert.equal(early.code, 5);
  assert.match(early.stderr, /nobody has approved or denied the request yet\ntscert: hint: wait with: tscert csr fetch jane --wait/);
  const list = await run(['csr', 'list', '--state', 'pending']);
  assert.match(
    list.stdout,
    /^NAME +AGE +SIGNER +ASKED BY +FOR +DURATION +STATE\njane +\S+ +kubernetes\.io\/kube-apiserver-client +alice +CN=jane,O=developers|O=developers,CN=jane +1d +pending/,
  );
  await approve('jane');
  const fetched = await run(['csr', 'fetch', 'jane', '--wait', '--key', 'jane-key.pem', '--out', 'jane.pem']);
  assert.equal(fetched.code, 0, fetched.stderr);
  const certificate = new X509Certificate(readFileSync(at('jane.pem')));
  assert.ok(certificate.checkPrivateKey(createPrivateKey(readFileSync(at('jane-key.pem')))));
  const config = cluster.kubeconfig({ 'client-certificate': at('jane.pem'), 'client-key': at('jane-key.pem') });
  const me = cluster.kubectl(['auth', 'whoami', '-o', 'json'], { kubeconfig: config });
  assert.deepEqual(JSON.parse(me).status.userInfo.username, 'jane');
  // And tscert itself gets in with it: who it is, is told with the right that jane lacks.
  const own = await run(['csr', 'list'], { kubeconfig: config });
  assert.equal(own.code, 1);
  assert.match(own.stderr, /"jane" lacks the right "list" on "certificatesigningrequests\.certificates\.k8s\.io"/);
  const shown = await run(['csr', 'show', 'jane']);
  assert.match(shown.stdout, /state +issued/);
  assert.match(shown.stdout, /asked by +alice/);
  assert.match(shown.stdout, /Approved at .*KubectlApprove/);
  assert.match(shown.stdout, /\nCertificate\n/);
  const removed = await run(['csr', 'delete', 'jane', 'nobody']);
  assert.equal(removed.code, 3);
  assert.equal((await cluster.ask('GET', `${CSRS}/jane`)).status, 404);
});

test('the popular variant that no signer signs is refused before it is sent', { skip }, async () => {
  const variant = {
    CN: 'my-pod.my-namespace.pod.cluster.local',
    hosts: ['my-svc.my-namespace.svc.cluster.local', '10.0.34.2'],
    key: { algo: 'ecdsa', size: 256 },
  };
  const usage = ['--usage', 'digital signature,key encipherment,server auth'];
  const args = ['csr', 'submit', '-', '--bare', 'pod', '--signer', 'kubernetes.io/kubelet-serving', ...usage];
  const refused = await run(args, { input: JSON.stringify(variant) });
  assert.equal(refused.code, 2, refused.stderr);
  assert.match(
    refused.stderr,
    /"kubernetes\.io\/kubelet-serving" does not sign it: the organization must be "system:nodes" alone, and it has none/,
  );
  assert.match(refused.stderr, /hint: no signer of Kubernetes gives server certificates to anything but nodes/);
  assert.equal(existsSync(at('pod-key.pem')), false);
  assert.equal((await cluster.ask('GET', CSRS)).body.items.length, 0);
});

test('a CSR that is there is sent as it is: PEM, DER, and what other commands print', { skip }, async () => {
  const pem = (await run(['csr', '-d', 'a.example.com', '--key-out', 'a.key'])).stdout;
  writeFileSync(at('a.pem'), pem);
  execFileSync(servers('openssl').openssl ?? 'openssl', ['req', '-in', at('a.pem'), '-outform', 'DER', '-out', at('a.der')]);
  const inputs = { pem: ['a.pem'], der: ['a.der'], json: ['-'] } as const;
  for (const [kind, [file]] of Object.entries(inputs)) {
    const input = kind === 'json' ? JSON.stringify({ csr: pem, key: 'nobody reads this' }) : undefined;
    const args = ['csr', 'submit', file, '--signer', CUSTOM, '--usage', 'server auth', '--name', `as-${kind}`, '--json'];
    const document = json(await run(args, input === undefined ? {} : { input }));
    assert.deepEqual(
      [document.kind, document.name, document.signerName, document.usages, document.state],
      ['csr-submit', `as-${kind}`, CUSTOM, ['server auth'], 'pending'],
    );
    const { body } = await cluster.ask('GET', `${CSRS}/as-${kind}`);
    assert.equal(Buffer.from(body.spec.request, 'base64').toString(), pem);
    assert.equal(body.spec.username, 'alice');
  }
  // Once more is no error, and no second object; another request under the name is.
  const again = json(await run(['csr', 'submit', 'a.pem', '--signer', CUSTOM, '--usage', 'server auth', '--name', 'as-pem', '--json']));
  assert.equal(again.isNew, false);
  const other = await run(['csr', 'submit', 'a.pem', '--signer', CUSTOM, '--usage', 'client auth', '--name', 'as-pem']);
  assert.equal(other.code, 1);
  assert.match(other.stderr, /one of that name asks for something else/);
});

test('--wait: issued, denied, failed, removed, out of time', { skip }, async () => {
  const submit = (name: string, ...more: readonly string[]) =>
    startTscert(['csr', 'submit', '--cn', name, '--bare', name, '--name', name, '--signer', CLIENT, '--wait', ...more], {
      cwd: folder,
      env: { KUBECONFIG: alice },
    });
  const good = submit('good');
  await good.said(/waits for approval/);
  await approve('good');
  const issued = await good.finished;
  assert.equal(issued.code, 0, issued.stderr);
  assert.equal(new X509Certificate(readFileSync(at('good.pem'))).subject, 'CN=good');

  const bad = submit('denied');
  await bad.said(/waits for approval/);
  cluster.kubectl(['certificate', 'deny', 'denied']);
  const denied = await bad.finished;
  assert.equal(denied.code, 1);
  assert.match(denied.stderr, /the request was denied \(KubectlDeny: This CSR was denied by kubectl certificate deny\.\)/);
  assert.equal(existsSync(at('denied.pem')), false);

  const gone = submit('gone');
  await gone.said(/waits for approval/);
  await cluster.ask('DELETE', `${CSRS}/gone`);
  const removed = await gone.finished;
  assert.equal(removed.code, 1);
  assert.match(removed.stderr, /hint: it never was, or the cluster has removed it/);

  const slow = await submit('slow', '--timeout', '1s').finished;
  assert.equal(slow.code, 1);
  assert.match(slow.stderr, /the time of --timeout is over/);

  // What the signer refuses is final, beside the approval.
  const failing = submit('failing');
  await failing.said(/waits for approval/);
  const { body } = await cluster.ask('GET', `${CSRS}/failing`);
  body.status = { conditions: [{ type: 'Failed', status: 'True', reason: 'SignerValidationFailure', message: 'no\u001b[31m such' }] };
  assert.equal((await cluster.ask('PUT', `${CSRS}/failing/status`, body)).status, 200);
  const failed = await failing.finished;
  assert.equal(failed.code, 1);
  assert.match(failed.stderr, /could not sign it \(SignerValidationFailure: no\\u\{1b\}\[31m such\)/);
});

test('a dry run asks the whole server and leaves nothing, not even a key', { skip }, async () => {
  const args = ['csr', 'submit', '--cn', 'dry', '--bare', 'dry', '--name', 'dry', '--signer', CLIENT, '--dry-run'];
  const dry = await run(args);
  assert.equal(dry.code, 0, dry.stderr);
  assert.match(dry.stderr, /nothing was kept \(dry run\)/);
  assert.equal(existsSync(at('dry-key.pem')), false);
  assert.equal((await cluster.ask('GET', `${CSRS}/dry`)).status, 404);
  // The server's own answer shows: who may not make one, may not dry-run one.
  const carol = await run(args, { kubeconfig: cluster.kubeconfig('carol') });
  assert.equal(carol.code, 1);
  assert.match(carol.stderr, /"carol" lacks the right "create" on "certificatesigningrequests\.certificates\.k8s\.io"/);
  assert.match(
    carol.stderr,
    /hint: a ClusterRole allows it with: apiGroups: \["certificates\.k8s\.io"\], resources: \["certificatesigningrequests"\], verbs: \["create"\]/,
  );
});

test('what a signer puts there is taken only when it is what was asked for', { skip }, async () => {
  const pem = (await run(['csr', '-d', 'b.example.com', '--key-out', 'b.key'])).stdout;
  const other = (await run(['csr', '-d', 'b.example.com', '--key-out', 'other.key'])).stdout;
  const nameless = (await run(['csr', '-d', 'c.example.com', '--key', 'b.key'])).stdout;
  writeFileSync(at('b.pem'), pem);
  const ca = signerOf('house');
  const strange = signerOf('stranger');
  const submitted = async (name: string, isApproved = true): Promise<void> => {
    const args = ['csr', 'submit', 'b.pem', '--signer', CUSTOM, '--usage', 'server auth', '--name', name];
    assert.equal((await run(args)).code, 0);
    if (isApproved) await approve(name);
  };
  const fetch = (name: string, ...more: readonly string[]) => run(['csr', 'fetch', name, ...more]);

  await submitted('another-key');
  await put('another-key', ca.sign(other));
  const mismatch = await fetch('another-key', '--out', 'never.pem');
  assert.equal(mismatch.code, 1);
  assert.match(mismatch.stderr, /cannot take the certificate that came back: it is for another key/);
  assert.equal(existsSync(at('never.pem')), false);

  await submitted('other-names');
  await put('other-names', ca.sign(nameless));
  assert.match((await fetch('other-names')).stderr, /it does not hold "b\.example\.com"/);

  await submitted('expired');
  await put('expired', ca.sign(pem, -1));
  assert.match((await fetch('expired')).stderr, /it has expired/);

  await submitted('stray');
  await put('stray', ca.sign(pem) + strange.root());
  assert.equal((await fetch('stray')).code, 1);

  // Nobody approved it, and the server lets the signer sign all the same.
  await submitted('unapproved', false);
  await put('unapproved', ca.sign(pem));
  const unapproved = await fetch('unapproved');
  assert.equal(unapproved.code, 1);
  assert.match(unapproved.stderr, /somebody has signed it although nobody has approved it/);

  // Words around and between the blocks are no part of what is written, and neither is the root.
  await submitted('wordy');
  await put('wordy', `Subject: whatever\n${ca.sign(pem)}\nand its issuer:\n${ca.root()}bye\n`);
  const wordy = await fetch('wordy', '--key', 'b.key');
  assert.equal(wordy.code, 0, wordy.stderr);
  assert.match(wordy.stdout, /^-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\n$/);
  const wrong = await fetch('wordy', '--key', 'other.key');
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /its request is for another key/);
  const document = json(await fetch('wordy', '--key', 'b.key', '--json'));
  assert.deepEqual([document.kind, document.name, document.fitsKey, document.chain], ['csr-fetch', 'wordy', true, '']);
});

test('a duration that the signer shortens is told', { skip }, async () => {
  await run(['csr', 'submit', '--cn', 'long', '--bare', 'long', '--name', 'long', '--signer', CLIENT, '--expiration', '300d']);
  await approve('long');
  await settled('long');
  const fetched = await run(['csr', 'fetch', 'long', '--wait']);
  assert.equal(fetched.code, 0, fetched.stderr);
  // The authority of the test lives for thirty days, and nothing it signs lives longer.
  assert.match(fetched.stderr, /warning: the signer gave \d+ seconds where 25920000 were asked for/);
  const short = await run(['csr', 'submit', '--cn', 'short', '--bare', 'short', '--signer', CLIENT, '--expiration', '9m']);
  assert.equal(short.code, 2);
});

test('a request that is not all that it seems is shown as such', { skip }, async () => {
  const first = (await run(['csr', '-d', 'first.example.com', '--key-out', 'first.key'])).stdout;
  const second = (await run(['csr', '-d', 'evil.example.com', '--key-out', 'second.key'])).stdout;
  const object = {
    metadata: { name: 'two-faced' },
    spec: { request: Buffer.from(first + second).toString('base64'), signerName: CUSTOM, usages: ['server auth'] },
  };
  assert.equal((await cluster.ask('POST', CSRS, object)).status, 201);
  assert.match((await run(['csr', 'list', '--signer', CUSTOM])).stdout, /two-faced .*first\.example\.com \(NOT WHOLE\)/);
  const shown = await run(['csr', 'show', 'two-faced']);
  assert.equal(shown.code, 0, shown.stderr);
  assert.match(shown.stdout, /NOT WHOLE +There are 2 PEM blocks: signers read the first alone/);
  const document = json(await run(['csr', 'show', 'two-faced', '--json']));
  assert.deepEqual([document.isWhole, document.faults[0].check], [false, 'pem']);
  const fetched = await run(['csr', 'fetch', 'two-faced']);
  assert.notEqual(fetched.code, 0);
  // What is sent by us never has two.
  writeFileSync(at('two.pem'), first + second);
  const refused = await run(['csr', 'submit', 'two.pem', '--signer', CUSTOM, '--usage', 'server auth']);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /cannot read the request: there are 2 of them/);
});

test('which cluster, and as whom, is said as for kubectl', { skip }, async () => {
  const admin = cluster.kubeconfig('admin');
  const as = await run(['csr', 'list', '--as', 'carol', '--as-group', 'nobodies'], { kubeconfig: admin });
  assert.match(as.stderr, /"carol" lacks the right "list"/);
  const flag = await run(['csr', 'list', '--kubeconfig', admin, '--context', 'nowhere'], { kubeconfig: at('absent') });
  assert.equal(flag.code, 2);
  assert.match(flag.stderr, /the kubeconfig has no context "nowhere"; there is "test"/);
  const none = await run(['csr', 'list'], { kubeconfig: at('absent') });
  assert.equal(none.code, 2);
  assert.match(none.stderr, /KUBECONFIG names no file that is there; this is no pod/);
  const away = await run(['csr', 'list'], { kubeconfig: cluster.kubeconfig('admin', { cluster: { server: 'https://127.0.0.1:1' } }) });
  assert.equal(away.code, 1);
  assert.match(away.stderr, /cannot connect to "127\.0\.0\.1:1": nobody listens there/);
});

test('the plain verb goes on as it was, and usage errors try nothing', { skip }, async () => {
  const plain = await run(['csr', '-d', 'plain.example.com', '--key-out', 'plain.key']);
  assert.match(plain.stdout, /^-----BEGIN CERTIFICATE REQUEST-----/);
  const wrong: readonly (readonly string[])[] = [
    ['csr', 'submit', '--cn', 'x', '--signer', CLIENT],
    ['csr', 'submit', '--cn', 'x', '--bare', 'x'],
    ['csr', 'submit', '--bare', 'x', '--signer', CLIENT],
    ['csr', 'submit', '--cn', 'x', '--bare', 'x', '--signer', CUSTOM],
    ['csr', 'submit', '--cn', 'x', '--bare', 'x', '--signer', CLIENT, '--out', 'x.pem'],
    ['csr', 'submit', '--cn', 'x', '--bare', 'x', '--signer', CLIENT, '--wait', '--dry-run'],
    ['csr', 'submit', '--cn', 'x', '--bare', 'x', '--signer', CLIENT, '--usage', 'flying'],
    ['csr', 'submit', '--cn', 'x', '--bare', 'x', '--signer', CLIENT, '--expiration', 'soon'],
    ['csr', 'submit', 'b.pem', '--cn', 'x', '--signer', CLIENT],
    ['csr', 'list', '--state', 'lost'],
    ['csr', 'fetch'],
    ['csr', 'show', 'a/b'],
  ];
  for (const args of wrong) {
    const { code, stderr } = await run(args);
    assert.equal(code, 2, `${args.join(' ')}: ${stderr}`);
  }
  assert.equal(existsSync(at('x-key.pem')), false);
  const absent = await run(['csr', 'show', 'no-such']);
  assert.equal(absent.code, 1);
  assert.match(absent.stderr, /cannot find the CertificateSigningRequest "no-such"/);
});
