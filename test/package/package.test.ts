/** The package as users get it: packed by npm, installed without a network, started, imported and type-checked there. */
import assert from 'node:assert/strict';
import { type ExecFileOptions, execFile } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { skipUnless } from '../support/servers.js';
import { buildRoot, RECIPE, stagesOf } from './container.js';

const run = promisify(execFile);
const root = process.cwd();

describe('the package', () => {
  let folder: string;
  let tarball: string;
  let home: string;
  let installed: string;
  let files: string[];

  const npm = (args: readonly string[], options: ExecFileOptions) => run('npm', [...args], { maxBuffer: 1 << 24, ...options });

  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'tscert-package-'));
    const checkout = path.join(folder, 'checkout');
    await mkdir(checkout);
    // npm packs what is there: a copy, so that the checkout's own dist is left alone.
    const parts = ['bin', 'schema', 'scripts', 'src', 'package.json', 'tsconfig.json', 'tsconfig.build.json'];
    for (const part of [...parts, 'LICENSE', 'README.md', 'CHANGELOG.md'])
      await cp(path.join(root, part), path.join(checkout, part), { recursive: true });
    await symlink(path.join(root, 'node_modules'), path.join(checkout, 'node_modules'));
    await npm(['pack', '--pack-destination', folder], { cwd: checkout });
    tarball = path.join(folder, (await readdir(folder)).find((name) => name.endsWith('.tgz')) ?? '');
    home = path.join(folder, 'home');
    await mkdir(home);
    await npm(['install', '--offline', '--no-audit', '--no-fund', tarball], { cwd: home });
    installed = path.join(home, 'node_modules/tscert');
    files = (await readdir(installed, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => path.relative(installed, path.join(entry.parentPath, entry.name)));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  test('is small, and stands alone', async () => {
    assert.ok((await stat(tarball)).size < 1_100_000, `${(await stat(tarball)).size} bytes`);
    assert.deepEqual(await readdir(path.join(home, 'node_modules')).then((names) => names.filter((name) => !name.startsWith('.'))), [
      'tscert',
    ]);
    const { dependencies, peerDependencies, optionalDependencies } = JSON.parse(
      await readFile(path.join(installed, 'package.json'), 'utf8'),
    );
    assert.deepEqual([dependencies, peerDependencies, optionalDependencies], [undefined, undefined, undefined]);
  });

  test('holds what it names, and nothing of the checkout', () => {
    const outside = files.filter((file) => !/^(bin|dist|schema)\//.test(file)).sort();
    assert.deepEqual(outside, ['CHANGELOG.md', 'LICENSE', 'README.md', 'THIRD-PARTY-LICENSES.txt', 'package.json']);
    for (const file of ['bin/tscert.js', 'dist/cli.cjs', 'dist/index.js', 'dist/types/index.d.ts', 'schema/tscert.schema.json'])
      assert.ok(files.includes(file), file);
    assert.deepEqual(
      files.filter((file) => /\.(ts|map)$/.test(file) && !file.endsWith('.d.ts')),
      [],
    );
  });

  test('names no path of the machine that packed it, and no registry', async () => {
    const { stdout: registry } = await npm(['config', 'get', 'registry'], { cwd: home });
    const words = [root, folder, os.homedir(), os.tmpdir(), os.hostname(), new URL(registry.toString().trim()).host, 'registry.npm'];
    for (const file of files) {
      const text = await readFile(path.join(installed, file), 'utf8');
      for (const word of words.filter((one) => one.length > 4)) assert.ok(!text.includes(word), `${file} holds "${word}"`);
    }
  });

  test('carries the licence of each package in the bundle', async () => {
    const text = await readFile(path.join(installed, 'THIRD-PARTY-LICENSES.txt'), 'utf8');
    for (const name of [
      'acme-client',
      '@aws-sdk/client-route-53',
      '@alicloud/alidns20150109',
      'commander',
      'node-forge',
      'yaml',
      'valibot',
    ])
      assert.match(text, new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(.+\\)$`, 'm'));
    for (const name of ['axios', '@peculiar/x509', 'typescript', 'esbuild']) assert.doesNotMatch(text, new RegExp(`^${name} \\d`, 'm'));
  });

  test('starts by npx', async () => {
    const { stdout } = await run('npx', ['--no-install', 'tscert', '--help'], { cwd: home });
    assert.match(stdout, /^Usage: tscert /);
    const { version } = JSON.parse(await readFile(path.join(installed, 'package.json'), 'utf8'));
    assert.equal((await run('npx', ['--no-install', 'tscert', '--version'], { cwd: home })).stdout.trim(), version);
  });

  test('makes a key, a CSR and an issue that cannot reach its CA, so that every chunk it needs is there', async () => {
    const env = { PATH: process.env.PATH ?? '', HOME: home };
    const bin = path.join(home, 'node_modules/.bin/tscert');
    const { stdout } = await run(bin, ['csr', '-d', 'example.com', '--key-out', path.join(home, 'key.pem')], { env });
    assert.match(stdout, /BEGIN CERTIFICATE REQUEST/);
    const args = ['issue', '-d', 'example.com', '--server', 'https://127.0.0.1:1/dir', '--agree-tos', '--dns', 'manual', '--dir', home];
    await assert.rejects(run(bin, args, { env }), (error: { code?: number; stderr?: string }) => {
      assert.equal(error.code, 1, error.stderr);
      assert.match(error.stderr ?? '', /ECONNREFUSED|refused/);
      return true;
    });
  });

  test('runs in a container: a user without rights, a root that cannot be written', { skip: skipUnless('containerfile') }, async () => {
    const place = path.join(folder, 'container');
    await mkdir(place);
    // Another user has to find the way.
    for (const one of [folder, place]) await chmod(one, 0o755);
    const { version } = JSON.parse(await readFile(path.join(installed, 'package.json'), 'utf8'));
    const stages = stagesOf(await readFile(RECIPE, 'utf8'));
    const words = stages.flatMap(({ commands }) => commands.map((command) => command.words));
    assert.ok(words.includes(`ARG PACKAGE=tscert-${version}.tgz`), words.join('\n'));
    // A distroless base has neither shell nor tar: what is run is run in the first stage.
    assert.deepEqual(
      stages.at(-1)?.commands.filter(({ name }) => ['RUN', 'ADD', 'SHELL'].includes(name)),
      [],
    );
    assert.deepEqual(
      words.filter((line) => line.startsWith('USER')),
      ['USER 65532:65532'],
    );
    const container = buildRoot(place, tarball);
    assert.equal(container.run('--version').stdout.trim(), version);
    const [own] = (await readdir(container.folder, { recursive: true })).filter((file) => file.endsWith('approval-policy.schema.json'));
    assert.ok(own);
    const made = container.run('csr', '-d', 'example.com', '--json');
    assert.equal(made.code, 0, made.stderr);
    assert.match(JSON.parse(made.stdout).csr, /BEGIN CERTIFICATE REQUEST/);
    // Loads what talks to a cluster, and finds none.
    const lost = container.run('diagnose', 'csr', 'web', '--kubeconfig', '/nonexistent/kubeconfig');
    assert.equal(lost.code, 2, lost.stderr);
    const unwritable = container.run(
      'issue',
      '-d',
      'example.com',
      '--agree-tos',
      '--dns',
      'manual',
      '--dir',
      path.join(container.folder, 'data'),
    );
    assert.equal(unwritable.code, 1, unwritable.stderr);
    assert.match(unwritable.stderr, /error: cannot write .*: permission denied\n.*hint: choose another folder with --dir/);
  });

  test('can be imported, and says what it exports', async () => {
    const program =
      "import('tscert').then(async ({ createCsr, generateKey, ...rest }) => { const { pem } = createCsr({ names: [{ type: 'dns', value: 'example.com' }] }, await generateKey('ec256')); console.log(pem.split('\\n')[0], Object.keys(rest).sort().join(' ')); })";
    const { stdout } = await run(process.execPath, ['-e', program], { cwd: home });
    assert.equal(
      stdout.trim(),
      '-----BEGIN CERTIFICATE REQUEST----- TscertError encodePrivateKey isTscertError issue issueMany parseName readCertificate readCertificates readCsr readPrivateKey',
    );
    await run(process.execPath, ['-e', "require.resolve('tscert/schema/tscert.schema.json')"], { cwd: home });
  });

  for (const [module, moduleResolution] of [
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ] as const) {
    test(`has types that a strict program compiles with, moduleResolution ${moduleResolution}`, async () => {
      const place = path.join(home, moduleResolution);
      await mkdir(place);
      await writeFile(path.join(place, 'package.json'), '{ "type": "module" }');
      await writeFile(path.join(place, 'program.ts'), PROGRAM);
      const compilerOptions = {
        module,
        moduleResolution,
        strict: true,
        exactOptionalPropertyTypes: true,
        skipLibCheck: false,
        noEmit: true,
      };
      const options = { ...compilerOptions, target: 'es2023', types: ['node'], typeRoots: [path.join(root, 'node_modules/@types')] };
      await writeFile(path.join(place, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, include: ['program.ts'] }));
      const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
      const { stdout } = await run(process.execPath, [tsc, '-p', place]).catch((error: { stdout: string }) => error);
      assert.equal(stdout, '');
      await writeFile(path.join(place, 'program.ts'), PROGRAM.replace('agreeTos: true', "agreeTos: 'yes'"));
      await assert.rejects(run(process.execPath, [tsc, '-p', place]), ({ stdout: words }: { stdout: string }) => /TS2322/.test(words));
    });
  }

  test('pleases publint', async () => {
    const { messages, pkg } = await publint({ pkgDir: installed, pack: false, strict: true });
    assert.deepEqual(
      messages.map((message) => formatMessage(message, pkg)),
      [],
    );
  });

  test('pleases attw', async () => {
    const attw = path.join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js');
    await run(process.execPath, [attw, '--profile', 'esm-only', '--format', 'ascii', tarball]).catch((error: { stdout: string }) =>
      assert.fail(error.stdout),
    );
  });
});

const PROGRAM = `
import { type Csr, type Event, type IssueOptions, type IssueResult, createCsr, generateKey, isTscertError, issue, parseName, readCertificate } from 'tscert';

const options: IssueOptions = {
  domains: ['example.com', '*.example.com'],
  dns: ['route53', { provider: 'rfc2136', zone: 'example.org', RFC2136_TSIG_SECRET: { file: '/run/secret' } }],
  email: 'admin@example.com',
  agreeTos: true,
  onEvent: (name: string, event: Event) => console.log(name, event.type),
};
const csr: Csr = createCsr({ names: [parseName('example.com')], usages: ['server auth'] }, await generateKey('ec256'));
try {
  const result: IssueResult = await issue(options);
  if (result.state === 'issued' || result.state === 'kept') {
    const path: string = result.stored.locations.fullchain;
    const end: Date = readCertificate(result.stored.certificate).notAfter;
    console.log(path, end.toISOString(), csr.pem);
  }
} catch (error) {
  if (isTscertError(error, 'rate-limited')) console.log(error.data, error.code);
}
`;
