import { createClock } from '../../src/cli/system.js';
import { createMemoryStore } from '../../src/store/memory.js';
import { storeContract } from '../contract/store.js';

storeContract('memory', async () => {
  const store = createMemoryStore({ clock: createClock() });
  return { store, other: store, close: async () => undefined };
});
