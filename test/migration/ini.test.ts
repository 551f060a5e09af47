/** certbot's configuration files: read as ConfigObj, which writes them, reads them; anything else is config-invalid without a secret. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { isTscertError } from '../../src/base/errors.js';
import { isOn, listOf, parseIni, type Section, textOf } from '../../src/migration/ini.js';
import { RUNS } from '../support/property.js';
import { servers, skipUnless } from '../support/servers.js';

/** A section as data. */
type Tree = { readonly [key: string]: string | readonly string[] | Tree };

function treeOf({ values, sections }: Section): Tree {
  const inner = [...sections].map(([name, section]) => [name, treeOf(section)] as const);
  return Object.fromEntries([...values, ...inner]);
}

const read = (text: string): Tree => treeOf(parseIni(text, 'f'));

function refuses(text: string, line: number, reason: RegExp): void {
  assert.throws(
    () => parseIni(text, 'f'),
    (error) => {
      assert.ok(isTscertError(error, 'config-invalid'));
      assert.match(error.message, /^Cannot read "f": line \d+: /);
      assert.equal(error.data.line, line);
      assert.match(error.message, reason);
      return true;
    },
  );
}

test('a renewal configuration of certbot 5.8', () => {
  const text = `# renew_before_expiry = 30 days
version = 5.8.0
archive_dir = /etc/letsencrypt/archive/w.example.com
[renewalparams]
account = 9a2c06a845559e289237bd96bcfd70f1
pref_challs = dns-01,
pre_hook = "true # one"
post_hook = "echo $A, b"
renew_hook = '''echo 'it is "done"' >/tmp/x'''
must_staple = True
webroot_path = /var/www/a, /var/www/b,
[[webroot_map]]
w.example.com = /var/www/a
`;
  assert.deepEqual(read(text), {
    version: '5.8.0',
    archive_dir: '/etc/letsencrypt/archive/w.example.com',
    renewalparams: {
      account: '9a2c06a845559e289237bd96bcfd70f1',
      pref_challs: ['dns-01'],
      pre_hook: 'true # one',
      post_hook: 'echo $A, b',
      renew_hook: `echo 'it is "done"' >/tmp/x`,
      must_staple: 'True',
      webroot_path: ['/var/www/a', '/var/www/b'],
      webroot_map: { 'w.example.com': '/var/www/a' },
    },
  });
});

test('comments, empty values, lists, quotes and values over several lines', () => {
  assert.deepEqual(read("\uFEFFa = 1 # one\r\n  b=\n\"c d\" = 'x, y'\ne = ,\nf = \"p\", q , 'r' # s\ng = http://x/?a=b\nh = it's\n"), {
    a: '1',
    b: '',
    'c d': 'x, y',
    e: [],
    f: ['p', 'q', 'r'],
    g: 'http://x/?a=b',
    h: "it's",
  });
  assert.deepEqual(read('a = """one\n  # two\nthree""" # four\nb = 2'), { a: 'one\n  # two\nthree', b: '2' });
  assert.deepEqual(read('[ one ] # 1\n[[two]]\na = 1\n[["thr]ee"]]'.replace('thr]ee', 'three')), { one: { two: { a: '1' }, three: {} } });
});

test('what cannot be read is refused with its line', () => {
  refuses('a = 1\nb', 2, /no "key = value"/);
  refuses('= 1', 1, /no "key = value"/);
  refuses('a = 1\n\na = 2', 3, /twice/);
  refuses('[a]\n[a]', 2, /twice/);
  refuses('[a]\n[[[b]]]', 2, /too deep/);
  refuses('[a', 1, /head of a section/);
  refuses('[a] b', 1, /head of a section/);
  refuses('a = "x', 1, /closing quote/);
  refuses('a = "x" y', 1, /cannot be read/);
  refuses('a = x, , y', 1, /cannot be read/);
  refuses("a = '''x\ny", 1, /closing quotes/);
  refuses("a = '''x''' y", 1, /follows/);
});

test('texts, lists and switches of a section', () => {
  const section = parseIni('a = x\nb = x, y\nc = None\nd = True\ne =', 'f');
  assert.deepEqual(
    ['a', 'b', 'c', 'e', 'z'].map((key) => textOf(section, key)),
    ['x', undefined, undefined, undefined, undefined],
  );
  assert.deepEqual(
    ['a', 'b', 'c', 'e', 'z'].map((key) => listOf(section, key)),
    [['x'], ['x', 'y'], [], [], []],
  );
  assert.deepEqual([isOn(section, 'd'), isOn(section, 'a')], [true, false]);
});

test('any text is a section or config-invalid, and nothing of it is repeated', () => {
  const marked = 'PlantedSecret3b7e';
  const pieces = fc.constantFrom(
    'a',
    'b = ',
    '=',
    marked,
    '[',
    ']',
    '[x]',
    '[[y]]',
    '"',
    "'",
    "'''",
    '"""',
    ',',
    ' ',
    '#',
    '\n',
    '\n',
    '\\',
    '\uFEFF',
  );
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(pieces, { maxLength: 25 }).map((parts) => parts.join('')),
  );
  let good = 0;
  fc.assert(
    fc.property(text, (one) => {
      try {
        parseIni(one, 'f');
        good++;
      } catch (error) {
        assert.ok(isTscertError(error, 'config-invalid'), String(error));
        assert.ok(!JSON.stringify([error.message, error.data]).includes(marked), error.message);
      }
    }),
    { numRuns: RUNS },
  );
  assert.ok(good > 0, 'none was good');
});

test('a text that goes on for ever is read in no time', () => {
  for (const piece of ['"a", ', "'", '[', ',', "a = '''\n", ' # ']) {
    try {
      parseIni(`a = ${piece.repeat(50_000)}`, 'f');
    } catch (error) {
      assert.ok(isTscertError(error, 'config-invalid'));
    }
  }
});

describe('beside ConfigObj itself', { skip: skipUnless('certbot') }, () => {
  const WRITE = `
import configobj, io, json, sys
texts = []
for tree in json.load(sys.stdin):
    config = configobj.ConfigObj(interpolation=False)
    config.merge(tree)
    out = io.BytesIO()
    try:
        config.write(out)
        texts.append(out.getvalue().decode())
    except Exception:
        texts.append(None)
json.dump(texts, sys.stdout)
`;
  const python = (input: unknown): unknown[] => {
    const file = path.join(path.dirname(servers('certbot').certbot ?? ''), 'python');
    const { status, stdout, stderr } = spawnSync(file, ['-c', WRITE], { input: JSON.stringify(input), encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    return JSON.parse(stdout) as unknown[];
  };

  test('what it writes is read as what it wrote', () => {
    const key = fc.stringMatching(/^[A-Za-z_][\w.-]{0,12}$/);
    const part = fc.constantFrom('a', 'b c', "'", '"', '#', ',', ' ', '=', '[', ']', '%', '$X', '\\', '\n', 'é', '/etc/x');
    const text = fc.array(part, { maxLength: 6 }).map((parts) => parts.join(''));
    const value = fc.oneof({ weight: 3, arbitrary: text }, { weight: 1, arbitrary: fc.array(text, { minLength: 1, maxLength: 3 }) });
    const inner = fc.dictionary(key, value, { maxKeys: 3, noNullPrototype: true });
    const tree = fc.tuple(
      fc.dictionary(key, value, { maxKeys: 3, noNullPrototype: true }),
      fc.dictionary(fc.stringMatching(/^s[a-z]{1,5}$/), inner, { maxKeys: 2, noNullPrototype: true }),
    );
    const trees = fc.sample(tree, 300).map(([values, sections]) => ({ ...values, ...sections }) as Tree);
    const texts = python(trees);
    let written = 0;
    for (const [at, one] of texts.entries()) {
      if (typeof one !== 'string') continue;
      written++;
      assert.deepEqual(read(one), trees[at], one);
    }
    assert.ok(written > 100, `${written} were written`);
  });
});
