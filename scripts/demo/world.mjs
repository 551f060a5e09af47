// The servers of the demo, which are those of the tests: Pebble, and the strict emulator of Route 53 with its name server.
import { execFileSync, spawnSync } from 'node:child_process';
import { cp } from 'node:fs/promises';
import path from 'node:path';
import { loadTypeScript } from '../test-support.mjs';

/** Bundles the command into `folder`, as users get it: `folder/bin/tscert.js`. */
export async function buildCommand(folder) {
  execFileSync(process.execPath, ['scripts/build.mjs', '--no-types', '--outdir', path.join(folder, 'dist')], { stdio: 'inherit' });
  await cp('bin', path.join(folder, 'bin'), { recursive: true });
  await cp('package.json', path.join(folder, 'package.json'));
}

/**
 * Starts the servers.
 * @throws {Error} with one line, which says what is missing and how to get it, and `isPlain`
 */
export async function startWorld(key) {
  const { status } = spawnSync(process.execPath, ['scripts/servers.mjs', 'openssl', 'pebble'], { stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) throw Object.assign(new Error('The demo cannot run without them; nothing was started.'), { isPlain: true });
  const { startPebble, startRoute53Emulator } = await loadTypeScript(
    "export { startRoute53Emulator } from './test/emulators/route53/index.js'; export { startPebble } from './test/support/pebble.js';",
  );
  const emulator = await startRoute53Emulator({
    zones: [{ name: 'example.com' }],
    credentials: [key],
    dns: { servers: [{ address: '127.0.0.1' }] },
  });
  const [dns] = emulator.dns.addresses;
  let pebble;
  try {
    pebble = await startPebble({ dnsServer: dns });
  } catch (error) {
    await emulator.stop();
    throw error;
  }
  return {
    directory: pebble.directory,
    caBundle: pebble.caBundle,
    route53: emulator.endpoint,
    dns,
    root: () => pebble.root(),
    calls: () => emulator.calls().total,
    requests: () => pebble.requests().total,
    txtSets: () =>
      emulator
        .zones()
        .flatMap(({ id }) => emulator.records(id))
        .filter(({ type }) => type === 'TXT')
        .map(({ name }) => name),
    async stop() {
      await Promise.all([pebble.stop(), emulator.stop()]);
    },
  };
}
