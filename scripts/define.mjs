// What the build puts into the sources.
import { readFileSync } from 'node:fs';

const { version } = JSON.parse(readFileSync('package.json', 'utf8'));

export const define = { TSCERT_VERSION: JSON.stringify(version) };
