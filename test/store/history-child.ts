// Goes back to the generation 0004, prunes all but the newest, and kills itself with SIGKILL before step K: FOLDER NAME K
import { watchedFileSystem } from './faulty-fs.js';
import { openStore } from './support.js';

const [folder = '', name = '', k = ''] = process.argv.slice(2);
let left = Number(k);
const fs = watchedFileSystem({
  before: () => {
    if (--left === 0) process.kill(process.pid, 'SIGKILL');
  },
});
const store = openStore(folder, { fs });
await store.pointTo(name, '0004');
await store.prune(name, { count: 1, age: 0 });
