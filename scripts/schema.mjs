// Makes the JSON schemas: schema/tscert.schema.json from the one options table (src/request/options.ts), schema/approval-policy.schema.json from
// the format of policies (src/policy/approval/format.ts). `node scripts/schema.mjs` writes them; with --check it only says whether they are as they should be.
import { readFile, writeFile } from 'node:fs/promises';
import { toJsonSchema } from '@valibot/to-json-schema';
import esbuild from 'esbuild';

const SCHEMAS = [
  { source: 'src/request/options.ts', name: 'configSchema', title: 'tscert configuration', file: 'schema/tscert.schema.json' },
  {
    source: 'src/policy/approval/format.ts',
    name: 'approvalPolicySchema',
    title: 'tscert approval policies',
    file: 'schema/approval-policy.schema.json',
  },
];

let isStale = false;
for (const { source, name, title, file } of SCHEMAS) {
  const { outputFiles } = await esbuild.build({ entryPoints: [source], bundle: true, write: false, format: 'esm', platform: 'node' });
  const module = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);
  const schema = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title,
    ...Object.fromEntries(
      Object.entries(toJsonSchema(module[name], { typeMode: 'input', errorMode: 'ignore' })).filter(([key]) => key !== '$schema'),
    ),
  };
  const text = `${JSON.stringify(schema, undefined, 2)}\n`;
  if (!process.argv.includes('--check')) await writeFile(file, text);
  else if ((await readFile(file, 'utf8').catch(() => '')) !== text) {
    console.error(`${file} is not what ${source} says: run node scripts/schema.mjs`);
    isStale = true;
  }
}
if (isStale) process.exit(1);
