/** Every command line of README.md and docs/ is run as it stands there; a page that shows what does not work is red. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { whyNoPebble } from '../support/pebble.js';
import { skipUnless } from '../support/servers.js';
import { type Block, blocksOf, PAGES } from './blocks.js';
import { type DocsWorld, startDocsWorld } from './world.js';

const skip = (await whyNoPebble()) || skipUnless('bind', 'acme.sh', 'openssl', 'curl');

/** The exit code that a block promises; 0 unless its first line says `exit N`. */
function promised({ info, place }: Block): number {
  const code = /^(?:exit (\d+))?$/.exec(info);
  if (code === null) throw new Error(`${place}: "${info}" is neither "exit N" nor "skip (why)"`);
  return Number(code[1] ?? 0);
}

async function check(world: DocsWorld, block: Block): Promise<void> {
  const { code, stdout, stderr } = await world.run(block.text);
  assert.equal(code, promised(block), `${block.place}\n${block.text}\n${stdout}${stderr}`);
}

for (const page of PAGES) {
  const blocks = blocksOf(page).filter(({ language }) => language === 'sh' || language === 'yaml');
  const isSkipped = ({ info }: Block): boolean => info.startsWith('skip');
  if (!blocks.some((block) => block.language === 'sh' && !isSkipped(block))) continue;
  const cluster = ['secrets', 'kubernetes', 'diagnose', 'in-the-cluster'].some((name) => page === `docs/${name}.md`);
  describe(page, { skip: skip || (cluster && skipUnless('kubernetes')) }, () => {
    let world: DocsWorld;
    before(async () => {
      world = await startDocsWorld({ cluster });
    });
    after(() => world.close());

    for (const block of blocks.filter((one) => !isSkipped(one))) {
      const title = block.text.split('\n').find((line) => line !== '' && !line.startsWith('#')) ?? '';
      if (block.language === 'sh') test(`${block.place} ${title}`, () => check(world, block));
      // A configuration holds for the commands below it.
      else if (/^certificates:/m.test(block.text))
        test(`${block.place} is the configuration of what follows`, () => writeFile(path.join(world.dir, 'tscert.yaml'), block.text));
    }
  });
}

test('few blocks are skipped, and each says why', () => {
  const skipped = PAGES.flatMap(blocksOf).filter(({ info }) => info.startsWith('skip'));
  assert.ok(skipped.length <= 5, `${skipped.length} are skipped`);
  for (const { info, place } of skipped) assert.match(info, /^skip \(.{10,}\)$/, place);
});

test('a flag that does not exist makes a page red', { skip }, async () => {
  const world = await startDocsWorld();
  try {
    const block = (text: string, info = ''): Block => ({ language: 'sh', info, text, place: 'nowhere:1' });
    await assert.rejects(
      check(world, block('tscert issue -d example.com --dns route53 --wildcards')),
      /the option "--wildcards": there is no such option/,
    );
    await assert.rejects(check(world, block('tscert frobnicate\n')), /"frobnicate"/);
    await assert.rejects(check(world, block('tscert genkey --out key.pem\ntscert genkey --out key.pem')), /already|exists/);
    await assert.rejects(check(world, block('tscert --version', 'exit 1')));
    await assert.rejects(check(world, block('tscert --version', 'later')), /neither/);
  } finally {
    await world.close();
  }
});
