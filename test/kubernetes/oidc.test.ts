import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { endOf, logInWithOidc } from '../../src/kubernetes/oidc.js';
import { createOpensslCa, type OpensslCa } from '../support/openssl-ca.js';
import { skipUnless } from '../support/servers.js';
import { type Incoming, startWebServer, type WebServer } from '../support/web-server.js';
import { failure, worldWith } from './world.js';

const skip = skipUnless('openssl');
const { signal } = new AbortController();
let ca: OpensslCa;
let provider: WebServer;
let folder: string;
let answer: (incoming: Incoming) => [status: number, body: unknown] = () => [404, {}];

before(async () => {
  if (skip !== false) return;
  folder = mkdtempSync(path.join(tmpdir(), 'tscert-oidc-'));
  ca = createOpensslCa();
  provider = await startWebServer('h1', ca.issue(['IP:127.0.0.1']), (incoming) => {
    const [status, body] = answer(incoming);
    incoming.reply(status, { 'content-type': 'application/json' }, JSON.stringify(body));
  });
});
after(async () => {
  await provider?.close();
  ca?.remove();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

const jwt = (end: number): string => `e30.${Buffer.from(JSON.stringify({ exp: Math.floor(end / 1_000) })).toString('base64url')}.sig`;
const HOUR = 3_600_000;

/** A kubeconfig with a comment in it, whose user logs in with OpenID Connect. */
function kubeconfig(tokens: string): string {
  const file = path.join(folder, 'config');
  writeFileSync(
    file,
    `# mine, and nobody else's
users:
- name: other
  user: {token: stays}
- name: jane # and a comment
  user:
    auth-provider:
      name: oidc
      config:
        client-id: kube
        client-secret: s3cret
        idp-issuer-url: https://127.0.0.1:${provider.port}/realm
        idp-certificate-authority: ${ca.rootFile}
${tokens}
`,
    { mode: 0o640 },
  );
  return file;
}
const logIn = (file: string, isRefused = false) => logInWithOidc({ user: 'jane', file, isRefused }, worldWith(), signal);

test('a token that holds is taken as it is', { skip }, async () => {
  const token = jwt(Date.now() + HOUR);
  const seen = provider.seen.length;
  const { authorization, expires } = await logIn(kubeconfig(`        id-token: ${token}`));
  assert.deepEqual([authorization, expires, provider.seen.length], [`Bearer ${token}`, endOf(token), seen]);
});

test('one that has ended, or was refused, is refreshed, and both tokens are written back', { skip }, async () => {
  for (const isRefused of [false, true]) {
    const old = jwt(Date.now() + (isRefused ? HOUR : 0));
    const fresh = jwt(Date.now() + 2 * HOUR);
    const file = kubeconfig(`        id-token: ${old}\n        refresh-token: once`);
    let form = '';
    answer = ({ path: place, body }) => {
      if (place === '/realm/.well-known/openid-configuration') return [200, { token_endpoint: `https://127.0.0.1:${provider.port}/token` }];
      form = body;
      return [200, { id_token: fresh, refresh_token: 'twice' }];
    };
    assert.equal((await logIn(file, isRefused)).authorization, `Bearer ${fresh}`);
    assert.equal(form, 'grant_type=refresh_token&refresh_token=once&client_id=kube&client_secret=s3cret');
    const written = readFileSync(file, 'utf8');
    assert.match(written, /^# mine, and nobody else's\n/);
    assert.match(written, /- name: jane # and a comment/);
    assert.match(written, new RegExp(`id-token: ${fresh}`));
    assert.match(written, /refresh-token: twice/);
    assert.match(written, /token: stays/);
    assert.equal(statSync(file).mode & 0o777, 0o640);
  }
});

test('a file that another is writing stays as it is; the token holds for this run', { skip }, async () => {
  const file = kubeconfig('        refresh-token: once');
  writeFileSync(`${file}.lock`, '');
  const before = readFileSync(file, 'utf8');
  assert.match((await logIn(file)).authorization ?? '', /^Bearer /);
  assert.equal(readFileSync(file, 'utf8'), before);
  rmSync(`${file}.lock`);
});

test('what cannot be refreshed is told, without a secret', { skip }, async () => {
  const refused = async (tokens: string): Promise<string> => {
    const error = await failure(logIn(kubeconfig(tokens)), 'cluster-login');
    assert.doesNotMatch(error.message, /s3cret|once/);
    return error.message;
  };
  assert.match(await refused('        id-token: rubbish'), /there is no refresh token: log in again/);
  const discovery = { token_endpoint: `https://127.0.0.1:${provider.port}/token` };
  const cases: readonly (readonly [unknown, number, unknown, RegExp])[] = [
    [{}, 200, {}, /names no token endpoint/],
    [{ token_endpoint: 'http://127.0.0.1/token' }, 200, {}, /names no token endpoint with https/],
    [discovery, 400, { error: 'invalid_grant' }, /answered 400 \(invalid_grant\)/],
    [discovery, 200, {}, /gave no ID token that holds/],
    [discovery, 200, { id_token: jwt(Date.now() - HOUR) }, /gave no ID token that holds/],
  ];
  for (const [document, status, body, words] of cases) {
    answer = ({ path: place }) => (place.startsWith('/realm') ? [200, document] : [status, body]);
    assert.match(await refused('        refresh-token: once'), words);
  }
});
