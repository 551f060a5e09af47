import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSource, readTree, type SourceFile } from './support/imports.js';

/** Floor of each room; a file directly in src is the face. */
const FLOORS: Readonly<Record<string, number>> = {
  base: 0,
  pki: 1,
  request: 1,
  policy: 1,
  net: 1,
  host: 1,
  acme: 1,
  kubernetes: 1,
  signing: 1,
  dns: 2,
  solver: 2,
  store: 2,
  issuer: 2,
  deploy: 2,
  migration: 2,
  flow: 3,
  cli: 4,
  'index.ts': 5,
};

/** F2 rooms that may know each other: a solver stands on dns; the store's port is known to all who bring to it or take from it. */
const NEIGHBOURS: ReadonlySet<string> = new Set([
  'solver>dns',
  'issuer>store',
  'dns>store',
  'solver>store',
  'deploy>store',
  'migration>store',
]);

/** What touches the world, and the only rooms in which it may stand. */
const WORLD: readonly { what: string; pattern: RegExp; rooms: readonly string[] }[] = [
  { what: 'process.', pattern: /\bprocess\.(?!hrtime)/, rooms: ['cli'] },
  { what: 'Date.now', pattern: /\bDate\.now\b|\bnew Date\(\)/, rooms: ['cli/system'] },
  { what: 'Math.random', pattern: /\bMath\.random\b/, rooms: ['cli/system'] },
  { what: 'timers', pattern: /\bset(Timeout|Interval|Immediate)\s*\(/, rooms: ['cli', 'net', 'base/timer'] },
  { what: 'fetch', pattern: /\bfetch\s*\(/, rooms: [] },
  { what: 'console', pattern: /\bconsole\./, rooms: [] },
];
const NETWORK_MODULES = /^(node:)?(net|tls|http|https|http2|dgram|dns|dns\/promises)$/;
const NETWORK_ROOMS = ['net', 'solver/http-01', 'solver/tls-alpn-01'];

const room = (file: string): string => file.split('/')[1] ?? '';
const isIn = (file: string, rooms: readonly string[]): boolean =>
  rooms.some((name) => file.startsWith(`src/${name}/`) || file === `src/${name}.ts`);

function upwardEdges(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) =>
    file.imports
      .filter((target) => {
        const [from, to] = [room(file.path), room(target)];
        const [own, other] = [FLOORS[from] ?? Number.NaN, FLOORS[to] ?? Number.NaN];
        if (from === to) return false;
        return !(other < own || (own === 1 && other === 1) || (own === 2 && other === 2 && NEIGHBOURS.has(`${from}>${to}`)));
      })
      .map((target) => `${file.path} -> ${target}`),
  );
}

function circles(files: readonly SourceFile[]): string[] {
  const imports = new Map(files.map((file) => [file.path, file.imports]));
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (file: string, trail: readonly string[]): void => {
    if (trail.includes(file)) {
      found.push([...trail.slice(trail.indexOf(file)), file].join(' -> '));
      return;
    }
    if (done.has(file)) return;
    for (const target of imports.get(file) ?? []) visit(target, [...trail, file]);
    done.add(file);
  };
  for (const file of files) visit(file.path, []);
  return found;
}

function worldliness(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => [
    ...WORLD.filter(({ pattern, rooms }) => pattern.test(file.code) && !isIn(file.path, rooms)).map(({ what }) => `${file.path}: ${what}`),
    ...file.modules
      .filter(
        (name) =>
          NETWORK_MODULES.test(name) &&
          !isIn(file.path, NETWORK_ROOMS) &&
          !/import \{ isIP(v[46])?(, isIPv[46])* \} from 'node:net'/.test(file.code),
      )
      .map((name) => `${file.path}: ${name}`),
  ]);
}

function roomCircles(files: readonly SourceFile[]): string[] {
  const rooms = new Map<string, Set<string>>();
  for (const file of files) {
    const own = room(file.path);
    rooms.set(own, rooms.get(own) ?? new Set());
    for (const target of file.imports) if (room(target) !== own) rooms.get(own)?.add(room(target));
  }
  return circles([...rooms].map(([name, targets]) => ({ path: name, code: '', imports: [...targets], modules: [] })));
}

const tree = readTree('src');

test('imports go down only', () => assert.deepEqual(upwardEdges(tree), []));
test('no file is in a circle', () => assert.deepEqual(circles(tree), []));
test('no room is in a circle', () => assert.deepEqual(roomCircles(tree), []));
test('environment, clock, chance, timers and network stand in their rooms only', () => assert.deepEqual(worldliness(tree), []));
test('every room has a floor', () =>
  assert.deepEqual(
    [...new Set(tree.map((file) => room(file.path)))].filter((name) => !(name in FLOORS)),
    [],
  ));

test('the guards themselves fail on bad examples', () => {
  const bad = [
    parseSource('src/base/up.ts', "import { x } from '../cli/main.js';"),
    parseSource('src/pki/clock.ts', 'export const now = (): number => Date.now();'),
    parseSource('src/pki/env.ts', 'export const home = process.env.HOME;'),
    parseSource('src/pki/a.ts', "import { b } from './b.js';"),
    parseSource('src/pki/b.ts', "import { a } from './a.js';"),
    parseSource('src/store/wire.ts', "import https from 'node:https';\nimport '../issuer/acme.js';"),
  ];
  assert.deepEqual(upwardEdges(bad), ['src/base/up.ts -> src/cli/main.ts', 'src/store/wire.ts -> src/issuer/acme.ts']);
  assert.deepEqual(circles(bad), ['src/pki/a.ts -> src/pki/b.ts -> src/pki/a.ts']);
  assert.deepEqual(worldliness(bad), ['src/pki/clock.ts: Date.now', 'src/pki/env.ts: process.', 'src/store/wire.ts: node:https']);
});
