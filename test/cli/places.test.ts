import assert from 'node:assert/strict';
import { test } from 'node:test';
import { storePlace } from '../../src/cli/places.js';
import type { System } from '../../src/cli/system.js';

const placeOf = (env: Record<string, string>, globals: Parameters<typeof storePlace>[1] = {}, isPod = false) =>
  storePlace({ env: { HOME: '/home/me', ...env }, cwd: '/work', isRoot: false } as unknown as System, globals, () => isPod);

test('everything is kept on disk, unless the cluster is asked for, or this is a pod that may speak to it', () => {
  const pod = { KUBERNETES_SERVICE_HOST: '10.0.0.1' };
  assert.equal(placeOf({}).isInCluster, false);
  assert.equal(placeOf({}, { store: 'kubernetes' }).isInCluster, true);
  assert.equal(placeOf({ TSCERT_STORE: 'kubernetes' }).isInCluster, true);
  assert.equal(placeOf({ TSCERT_STORE: 'kubernetes' }, { store: 'disk' }).isInCluster, false);
  assert.equal(placeOf(pod, {}, true).isInCluster, true);
  assert.equal(placeOf(pod, {}, false).isInCluster, false);
  assert.equal(placeOf({}, {}, true).isInCluster, false);
  assert.equal(placeOf({ ...pod, TSCERT_DIR: '/data' }, {}, true).isInCluster, false);
  assert.equal(placeOf(pod, { dir: '/data' }, true).isInCluster, false);
  assert.equal(placeOf(pod, { store: 'disk' }, true).isInCluster, false);
  assert.throws(() => placeOf({}, { store: 'etcd' }), { code: 'usage' });
});

test('the cluster that the flags name is the one that is meant', () => {
  const globals = { kubeconfig: 'k', context: 'c', namespace: 'n', as: 'me', asGroup: ['g'], caBundle: 'b' };
  const { cluster, caBundle } = placeOf({}, globals);
  assert.deepEqual({ ...cluster, caBundle }, globals);
  assert.deepEqual(placeOf({ TSCERT_CA_BUNDLE: 'x' }).caBundle, 'x');
});
