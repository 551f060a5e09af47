/** Targets as they are written, and what becomes of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isTscertError } from '../../src/base/errors.js';
import { parseConfig } from '../../src/request/config.js';
import type { TargetRequest } from '../../src/request/request.js';
import { buildTargets } from '../../src/request/targets.js';
import { RUNS } from '../support/property.js';

/** The targets of a configuration for `www`. */
const built = (text: string, name = 'www'): TargetRequest[] => buildTargets(parseConfig(text, '"f"'), name);
const refuses = (text: string, words: RegExp | string): void =>
  assert.throws(
    () => built(text),
    (error) => {
      assert.ok(isTscertError(error, 'request-invalid') || isTscertError(error, 'config-invalid'), String(error));
      if (typeof words === 'string') assert.equal(error.message, words);
      else assert.match(error.message, words);
      return true;
    },
  );

const PEM = { content: ['fullchain', 'key'], mode: 0o600 } as const;

test('words are whole targets, in their order; hook and probe come last', () => {
  assert.deepEqual(built('deploy: [nginx, "haproxy:/srv/www.pem", apache]\nprobe: "localhost:443"\ndeployHook: "true"'), [
    { kind: 'nginx' },
    { kind: 'haproxy', file: { path: '/srv/www.pem', ...PEM } },
    { kind: 'apache' },
    { kind: 'command', command: 'true', timeout: 600_000 },
    { kind: 'probe', address: 'localhost:443' },
  ]);
  assert.deepEqual(built('deploy: nginx'), [{ kind: 'nginx' }]);
  assert.deepEqual(built('{}'), []);
});

test('HAProxy gets a file of its own unless it reads another', () => {
  assert.deepEqual(built('deploy: haproxy', '*.example.com'), [
    { kind: 'haproxy', file: { path: '/etc/haproxy/certs/_.example.com.pem', ...PEM } },
  ]);
  assert.deepEqual(built('deploy: { haproxy: { file: false, pidFile: /run/h.pid, config: /srv/h.cfg } }'), [
    { kind: 'haproxy', config: '/srv/h.cfg', pidFile: '/run/h.pid' },
  ]);
  assert.deepEqual(built('deploy: { haproxy: { file: /srv/h.pem, owner: "haproxy:haproxy", mode: "0640" } }'), [
    { kind: 'haproxy', file: { path: '/srv/h.pem', content: ['fullchain', 'key'], owner: 'haproxy', group: 'haproxy', mode: 0o640 } },
  ]);
});

test('files: content, owner and mode', () => {
  const file = (text: string): TargetRequest | undefined => built(`deploy: { file: /srv//www.pem, ${text} }`)[0];
  assert.deepEqual(file(''), { kind: 'file', path: '/srv/www.pem', content: ['fullchain'], mode: 0o644 });
  assert.deepEqual(file('content: key'), { kind: 'file', path: '/srv/www.pem', content: ['key'], mode: 0o600 });
  assert.deepEqual(file('content: key+cert+chain, mode: "440", owner: ":ssl-cert"'), {
    kind: 'file',
    path: '/srv/www.pem',
    content: ['key', 'cert', 'chain'],
    group: 'ssl-cert',
    mode: 0o440,
  });
  assert.deepEqual(file('content: combined, owner: "1000"'), { kind: 'file', path: '/srv/www.pem', ...PEM, owner: '1000' });
});

test('commands have their own time, servers their own places', () => {
  assert.deepEqual(built('deploy: [{ command: reload, timeout: 2m }, { nginx: { program: /opt/nginx, config: /srv/n.conf, unit: n } }]'), [
    { kind: 'command', command: 'reload', timeout: 120_000 },
    { kind: 'nginx', program: '/opt/nginx', config: '/srv/n.conf', unit: 'n' },
  ]);
});

test('a key is never written for everybody', () => {
  for (const mode of ['0604', '0644', '666', '0601', '0602']) {
    const words = `Cannot use the mode "${mode}": "/srv/www.pem" holds the key, which others may not touch`;
    refuses(`deploy: { file: /srv/www.pem, content: combined, mode: "${mode}" }`, words);
    refuses(`deploy: { haproxy: { file: /srv/www.pem, mode: "${mode}" } }`, words);
  }
});

test('what cannot be meant is refused, with what was', () => {
  refuses(
    'deploy: nginxx',
    'Cannot deploy to "nginxx": it wants nginx, apache, haproxy, haproxy:FILE or rollout:deployment/NAME (did you mean nginx?)',
  );
  refuses('deploy: "nginx:/srv/n.conf"', /it wants nginx, .* \(did you mean nginx\?\)$/);
  refuses('deploy: "haproxy:"', 'Cannot deploy to the file "": it wants an absolute path');
  refuses('deploy: "haproxy:www.pem"', /it wants an absolute path$/);
  refuses('deploy: { file: /srv/ }', 'Cannot deploy to the file "/srv/": it is a folder');
  refuses('deploy: { file: /srv/.. }', /it is a folder$/);
  refuses('deploy: { file: "/srv/a\\0b" }', /it wants an absolute path$/);
  refuses('deploy: { file: /srv/a, content: fullchian }', /"fullchian": it wants cert, .* joined by \+ \(did you mean fullchain\?\)$/);
  refuses('deploy: { file: /srv/a, content: cert+ }', /"cert\+": it wants/);
  refuses('deploy: { file: /srv/a, content: constructor }', /it wants/);
  for (const mode of ['640a', '0888', '04755', '64', '-640', '0o640'])
    refuses(`deploy: { file: /srv/a, mode: "${mode}" }`, `Cannot use the mode "${mode}": it wants three octal digits, as "0640"`);
  for (const owner of [':', 'a:', 'a:b:c', 'a b', '-x', 'a:-b'])
    refuses(`deploy: { file: /srv/a, owner: "${owner}" }`, `Cannot use the owner "${owner}": it wants USER, USER:GROUP or :GROUP`);
  refuses('deploy: { command: "true", timeout: soon }', /duration "soon"/);
  refuses('deploy: { nginx: { program: bin/nginx } }', /it wants a name or an absolute path$/);
  refuses('deploy: { nginx: { config: nginx.conf } }', /it wants an absolute path$/);
  refuses('deploy: { nginx: { unit: --help } }', /no unit begins with "-"$/);
  for (const probe of ['localhost', 'localhost:0', 'localhost:65536', ':443', 'a b:443', 'https://a:443'])
    refuses(`probe: "${probe}"`, `Cannot look at "${probe}": it wants HOST:PORT`);
  refuses('csr: a.csr\ndeploy: haproxy', /Cannot write the key "\/etc\/haproxy\/certs\/www\.pem": the CSR was brought along/);
});

test('a mapping is held against the kind that it names', () => {
  refuses('deploy: [nginx, { file: /x, contnet: key }]', 'Cannot use "f": deploy[1].contnet is no known key (did you mean content?)');
  refuses('deploy: { haproxy: { pidfile: /x } }', 'Cannot use "f": deploy.haproxy.pidfile is no known key (did you mean pidFile?)');
  refuses('deploy: { nginx: { file: /x } }', 'Cannot use "f": deploy.nginx.file does not belong to that kind of target');
  refuses('deploy: { file: /x, command: y }', 'Cannot use "f": deploy.command does not belong to that kind of target');
  refuses(
    'certificates: [{ deploy: { comand: x } }]',
    /certificates\[0\]\.deploy wants one of the keys file, command, nginx, haproxy, apache, rollout$/,
  );
  refuses('deploy: { file: /x, mode: 0640 }', 'Cannot use "f": deploy.mode must be a text, not 640');
  refuses('deploy: { nginx: true }', 'Cannot use "f": deploy.nginx must be a mapping, not true');
  refuses('deploy: { haproxy: { file: true } }', 'Cannot use "f": deploy.haproxy.file must be a text or false, not true');
  refuses(
    'deploy: [7, [8]]',
    'Cannot use "f": deploy[0] must be a text or a mapping, not 7; deploy[1] must be a text or a mapping, not a list',
  );
});

test('any target is built or refused with a word, and no key of it is laxer than its owner and group', () => {
  const word = fc.oneof(
    fc.string(),
    fc.constantFrom(
      'nginx',
      'haproxy',
      'haproxy:/x',
      '/srv/x',
      'key',
      'combined',
      'cert+key',
      '0640',
      '0604',
      '777',
      'root:ssl',
      '2m',
      '__proto__',
    ),
  );
  const key = fc.constantFrom(
    'file',
    'content',
    'owner',
    'mode',
    'command',
    'timeout',
    'nginx',
    'haproxy',
    'apache',
    'program',
    'pidFile',
    '__proto__',
  );
  const target = fc.oneof(
    word,
    fc.dictionary(key, fc.oneof(word, fc.dictionary(key, word, { maxKeys: 3 }), fc.constant(false)), { maxKeys: 4 }),
    fc.record({ file: word, content: word, mode: word, owner: word }, { requiredKeys: ['file'] }),
  );
  let good = 0;
  fc.assert(
    fc.property(fc.array(target, { maxLength: 3 }), (deploy) => {
      try {
        for (const made of buildTargets(parseConfig(JSON.stringify({ deploy }), '"f"'), 'www')) {
          good++;
          const file = made.kind === 'haproxy' ? made.file : made.kind === 'file' ? made : undefined;
          if (file === undefined) continue;
          assert.ok(file.path.startsWith('/') && !file.path.endsWith('/'), file.path);
          assert.ok(file.mode >= 0 && file.mode <= 0o777);
          assert.ok(!file.content.includes('key') || (file.mode & 0o007) === 0);
        }
      } catch (error) {
        assert.ok(isTscertError(error, 'request-invalid') || isTscertError(error, 'config-invalid'), String(error));
        assert.match(error.message, /^Cannot /);
        assert.doesNotMatch(error.message, /\bundefined\b|\[object /);
      }
    }),
    { numRuns: RUNS },
  );
  assert.ok(good > 0);
});
