import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tscert } from '../support/command.js';

/** `tscert inspect` on something that it refuses, in a process in which something warns at the end. */
async function warned(message: string, type: string, flags: readonly string[] = []): Promise<readonly string[]> {
  const emit = `process.once('beforeExit', () => process.emitWarning(${JSON.stringify(message)}, ${JSON.stringify(type)}, 'DEP0169'))`;
  const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(emit)}` };
  const { stderr, code } = await tscert([...flags, 'inspect', '-'], { env, input: 'nothing' });
  assert.equal(code, 1);
  assert.match(stderr, /cannot read it/i);
  return stderr.split('\n').filter((line) => line.includes(message));
}

for (const type of ['DeprecationWarning', 'Warning', 'ExperimentalWarning']) {
  test(`what a library says as ${type} reaches nobody but who asks for more`, async () => {
    assert.deepEqual(await warned('`url.parse()` is old', type), []);
    assert.deepEqual(await warned('`url.parse()` is old', type, ['--json']), []);
    assert.deepEqual(await warned('`url.parse()` is old', type, ['--verbose']), [`tscert: ${type}: \`url.parse()\` is old`]);
    const [line] = await warned('is old', type, ['--verbose', '--json']);
    assert.deepEqual(JSON.parse(line ?? ''), { version: 1, type: 'note', message: `${type}: is old` });
  });
}

test('a warning of Node.js about what people have set is a warning', async () => {
  const message = 'Setting the NODE_TLS_REJECT_UNAUTHORIZED environment variable to 0 makes TLS connections insecure';
  assert.deepEqual(await warned(message, 'Warning', ['--quiet']), [`tscert: warning: ${message}`]);
});
