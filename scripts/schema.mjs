// Makes schema/tscert.schema.json from the one options table (src/request/options.ts).
// `node scripts/schema.mjs` writes it; with --check it only says whether the file is as it should be.
import { readFile, writeFile } from 'node:fs/promises';
import { toJsonSchema } from '@valibot/to-json-schema';
import esbuild from 'esbuild';

const { outputFiles } = await esbuild.build({
  entryPoints: ['src/request/options.ts'],
  bundle: true,
  write: false,
  format: 'esm',
  platform: 'node',
});
const { configSchema } = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);
const schema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'tscert configuration',
  ...Object.fromEntries(
    Object.entries(toJsonSchema(configSchema, { typeMode: 'input', errorMode: 'ignore' })).filter(([key]) => key !== '$schema'),
  ),
};
const text = `${JSON.stringify(schema, undefined, 2)}\n`;
const file = 'schema/tscert.schema.json';
if (!process.argv.includes('--check')) await writeFile(file, text);
else if ((await readFile(file, 'utf8').catch(() => '')) !== text) {
  console.error(`${file} is not what src/request/options.ts says: run node scripts/schema.mjs`);
  process.exit(1);
}
