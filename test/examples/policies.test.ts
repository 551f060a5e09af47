/** examples/kubernetes/policies: each names its schema and fits it; the schema refuses what the reader refuses. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { readPolicies } from '../../src/policy/approval/read.js';
import { SHIPPED } from '../policy/approval/kit.js';
import { validate } from '../support/json-schema.js';

const FOLDER = 'examples/kubernetes/policies';
const schema = JSON.parse(readFileSync('schema/approval-policy.schema.json', 'utf8'));
const textOf = (file: string): string => readFileSync(`${FOLDER}/${file}`, 'utf8');

test('the tests know all of them', () => assert.deepEqual(readdirSync(FOLDER).sort(), [...SHIPPED].sort()));

for (const file of SHIPPED.filter((name) => name !== 'cert-manager.yaml')) {
  test(`${file} names its schema, for editors, and fits it`, () => {
    const target = /^# yaml-language-server: \$schema=(\S+)\n/.exec(textOf(file))?.[1] ?? '';
    assert.equal(path.resolve(FOLDER, target), path.resolve('schema/approval-policy.schema.json'));
    assert.deepEqual(validate(schema, parse(textOf(file))), []);
  });
}

test('the schema refuses what the reader refuses', async () => {
  const [policy] = parse(textOf('kubelet-serving.yaml')).policies;
  for (const wrong of [
    {},
    { policies: [] },
    { policies: [{ ...policy, usages: ['web'] }] },
    { policies: [{ ...policy, subjects: {} }] },
    { policies: [{ ...policy, names: { dns: {} } }] },
    { policies: [{ ...policy, belongTo: 'pod' }] },
    { policies: [{ ...policy, maxPending: -1 }] },
    { policies: [{ ...policy, signers: 'kubernetes.io/kubelet-serving' }] },
    { policies: [{ ...policy, rules: ['true'] }] },
  ]) {
    assert.notDeepEqual(validate(schema, wrong), [], JSON.stringify(wrong));
    await assert.rejects(readPolicies(JSON.stringify(wrong), '"wrong"'), { code: 'config-invalid' });
  }
});
