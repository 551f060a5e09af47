/** Hooks of others in a row: run by /bin/sh itself. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import { oneAfterTheOther, quoted, withVariables } from '../../src/migration/shell.js';

function sh(command: string, env: Readonly<Record<string, string>> = {}): { readonly code: number | null; readonly stdout: string } {
  const { status, stdout } = spawnSync('/bin/sh', ['-c', command], { env: { PATH: process.env.PATH ?? '', ...env }, encoding: 'utf8' });
  return { code: status, stdout };
}

test('a quoted text is one word of the shell, whatever it holds', () => {
  const part = fc.constantFrom("'", '"', '$X', '`id`', '\\', ' ', '\n', ';', '&', '#', '*', '~', 'é', '/a/b', '-', '!');
  const text = fc.array(part, { minLength: 1, maxLength: 8 }).map((parts) => parts.join(''));
  const texts = fc.sample(fc.oneof(text, fc.string({ unit: 'grapheme', minLength: 1 })), 500).filter((one) => !one.includes('\0'));
  const { stdout } = sh(`printf '%s\\0' ${texts.map(quoted).join(' ')}`);
  assert.deepEqual(stdout.split('\0').slice(0, -1), texts);
  assert.equal(quoted('/etc/letsencrypt/live'), '/etc/letsencrypt/live');
});

test('commands in a row end with the first that fails, and none of them reaches into the next', () => {
  assert.equal(oneAfterTheOther([], []), undefined);
  assert.equal(oneAfterTheOther([], ['a; b # c']), 'a; b # c');
  assert.equal(oneAfterTheOther(['cat a > b'], ['systemctl reload nginx']), 'cat a > b && systemctl reload nginx');
  const row = (...theirs: readonly string[]) => sh(oneAfterTheOther(['echo 0'], theirs) ?? '');
  assert.deepEqual(row('echo 1', 'echo 2'), { code: 0, stdout: '0\n1\n2\n' });
  assert.deepEqual(row('false', 'echo 2'), { code: 1, stdout: '0\n' });
  assert.deepEqual(row('false || echo 1', 'echo 2'), { code: 0, stdout: '0\n1\n2\n' });
  assert.deepEqual(row('true; false', 'echo 2'), { code: 1, stdout: '0\n' });
  assert.deepEqual(row('echo 1 # echo no', 'echo 2'), { code: 0, stdout: '0\n1\n2\n' });
  assert.deepEqual(row('exit 0', 'echo 2'), { code: 0, stdout: '0\n2\n' });
  assert.deepEqual(row('cd /', 'pwd').stdout.includes('\n/\n'), false);
  assert.deepEqual(row('echo 1 &', 'echo 2').code, 0);
});

test('only the variables that a command speaks of stand before it', () => {
  const variables = { CERT_PATH: '"$TSCERT_CERT"', CA_CERT_PATH: '"$TSCERT_CHAIN"' };
  assert.equal(withVariables('systemctl reload nginx', variables), 'systemctl reload nginx');
  assert.equal(withVariables('cp $CA_CERT_PATH /x', variables), 'export CA_CERT_PATH="$TSCERT_CHAIN"; cp $CA_CERT_PATH /x');
  const { stdout } = sh(withVariables('printf %s "$CERT_PATH"', variables), { TSCERT_CERT: "/a b/it's" });
  assert.equal(stdout, "/a b/it's");
});
