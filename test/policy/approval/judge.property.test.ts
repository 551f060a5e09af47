/** Whatever is changed in a request that was approved, and however well it is signed again: what is approved is only ever what the policy allows. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readDer } from '../../../src/pki/der-reader.js';
import { judge } from '../../../src/policy/approval/judge.js';
import { lookAt } from '../../../src/policy/whole/look.js';
import { mutated } from '../../pki/fuzz.js';
import { NOW } from '../../pki/support.js';
import { RUNS } from '../../support/property.js';
import { dnsName, type Forgery, forge, forgeDer, raw, san } from '../forge.js';
import { KIND_WORLD, requestOf, shipped } from './kit.js';

const FORGERY: Forgery = { extensions: [san(dnsName('worker-1'), raw(0x87, Buffer.from([10, 0, 0, 1])))] };
const body = readDer(forgeDer(FORGERY)).children[0]?.der ?? Buffer.alloc(0);
const serving = await shipped('kubelet-serving.yaml');

test('a changed request is approved only as what it is', async () => {
  assert.equal((await judge(requestOf({ request: forge(FORGERY) }), serving, KIND_WORLD, NOW)).outcome, 'Approved');
  let approved = 0;
  await fc.assert(
    fc.asyncProperty(mutated([body]), async (changed) => {
      const request = forge({ ...FORGERY, edit: () => changed });
      const { outcome } = await judge(requestOf({ request }), serving, KIND_WORLD, NOW);
      if (outcome !== 'Approved') return;
      approved++;
      const { isWhole, description } = lookAt(request);
      assert.ok(isWhole && description !== undefined);
      assert.equal(description.subject, 'CN=system:node:worker-1,O=system:nodes');
      const { dns, ip, ...others } = description.names;
      assert.ok(dns.every((name) => ['worker-1', '10.0.0.1'].includes(name.toLowerCase())));
      assert.ok(ip.every((name) => name === '10.0.0.1'));
      assert.deepEqual(Object.values(others).flat(), []);
      assert.deepEqual([description.isCa, description.otherExtensions], [false, []]);
    }),
    { numRuns: RUNS },
  );
  // A letter in capitals, another string type: some changes mean nothing.
  assert.ok(approved < RUNS / 10);
});
