import { after, before, describe } from 'node:test';
import { storeContract } from '../../contract/store.js';
import { type KubernetesCluster, startKubernetes } from '../../support/kubernetes.js';
import { skipUnless } from '../../support/servers.js';
import { makeNamespace, openIn } from './support.js';

const skip = skipUnless('kubernetes', 'openssl');

describe('a store in a cluster', { skip }, () => {
  let cluster: KubernetesCluster;
  before(async () => {
    cluster = await startKubernetes({ controllers: false });
  });
  after(() => cluster?.stop());

  storeContract('kubernetes', async () => {
    const namespace = await makeNamespace(cluster);
    const [one, two] = [await openIn(cluster, namespace), await openIn(cluster, namespace)];
    return {
      store: one.store,
      other: two.store,
      async close() {
        one.client.close();
        two.client.close();
      },
    };
  });
});
