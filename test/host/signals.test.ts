import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { describeProcess, sendSignal } from '../../src/host/signals.js';

test('a process is told by its name and by the signals that it takes', async () => {
  const child = spawn('sh', ['-c', 'trap "echo told" USR2; echo up; while :; do sleep 0.05; done'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await once(child.stdout, 'data');
    const pid = child.pid ?? 0;
    const found = describeProcess(pid);
    assert.equal(found?.name, 'sh');
    assert.deepEqual(
      (['SIGUSR1', 'SIGUSR2', 'SIGTERM'] as const).map((signal) => found.catches(signal)),
      [false, true, false],
    );
    sendSignal(pid, 'SIGUSR2');
    assert.equal(String(await once(child.stdout, 'data')), 'told\n');
  } finally {
    child.kill('SIGKILL');
    await once(child, 'close');
  }
  assert.equal(describeProcess(child.pid ?? 0), undefined);
  assert.throws(() => sendSignal(child.pid ?? 0, 'SIGUSR2'), { code: 'ESRCH' });
});
