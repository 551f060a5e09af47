// Saves a certificate and kills itself with SIGKILL before step K: FOLDER NAME BUNDLE.json K
import { readFileSync } from 'node:fs';
import type { Bundle } from '../../src/store/store.js';
import { watchedFileSystem } from './faulty-fs.js';
import { openStore } from './support.js';

const [folder = '', name = '', file = '', k = ''] = process.argv.slice(2);
let left = Number(k);
const fs = watchedFileSystem({
  before: () => {
    if (--left === 0) process.kill(process.pid, 'SIGKILL');
  },
});
await openStore(folder, { fs }).save(name, JSON.parse(readFileSync(file, 'utf8')) as Bundle);
