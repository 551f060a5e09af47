/** The emulator against Alibaba Cloud's own Python SDK: two official clients that were written apart agree with it. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { servers, skipUnless } from '../support/servers.js';
import { startAlidnsEmulator } from './alidns/index.js';

const PROGRAM = `
import json, sys
from alibabacloud_alidns20150109.client import Client
from alibabacloud_alidns20150109 import models
from alibabacloud_tea_openapi.utils_models import Config

asked = json.load(sys.stdin)
client = Client(Config(endpoint=asked["endpoint"], protocol="http", **asked["key"]))
seen = {}
try:
    page = client.describe_domains(models.DescribeDomainsRequest(page_size=100)).body
    seen["domains"] = [[d.domain_name, d.puny_code] for d in page.domains.domain]
    added = client.add_domain_record(models.AddDomainRecordRequest(domain_name="example.com", rr="_acme-challenge", type="TXT", value=asked["value"], ttl=600)).body
    seen["id"] = added.record_id
    try:
        client.add_domain_record(models.AddDomainRecordRequest(domain_name="example.com", rr="_acme-challenge", type="TXT", value=asked["value"]))
    except Exception as error:
        seen["again"] = error.code
    found = client.describe_sub_domain_records(models.DescribeSubDomainRecordsRequest(sub_domain="_acme-challenge.example.com", type="TXT")).body
    seen["found"] = [[r.record_id, r.rr, r.value, r.ttl] for r in found.domain_records.record]
    client.delete_domain_record(models.DeleteDomainRecordRequest(record_id=added.record_id))
    try:
        client.delete_domain_record(models.DeleteDomainRecordRequest(record_id=added.record_id))
    except Exception as error:
        seen["gone"] = error.code
except Exception as error:
    seen["error"] = getattr(error, "code", None) or repr(error)
json.dump(seen, sys.stdout)
`;

const KEY = { access_key_id: 'LTAI5tPython', access_key_secret: 'python-secret' };
const TOKEN = { access_key_id: 'STS.Python', access_key_secret: 'python-secret', security_token: 'CAIS+/=python' };
const VALUE = "with spaces & 'quotes' (é~*!)";

async function python(endpoint: string, key: Readonly<Record<string, string>>): Promise<Record<string, unknown>> {
  const { python: program = '' } = servers('alidns-python');
  const running = promisify(execFile)(program, ['-c', PROGRAM], { timeout: 60_000 });
  running.child.stdin?.end(JSON.stringify({ endpoint, key, value: VALUE }));
  return JSON.parse((await running).stdout) as Record<string, unknown>;
}

test('the Python SDK adds, finds and deletes, and a wrong secret is refused', { skip: skipUnless('alidns-python') }, async () => {
  const emulator = await startAlidnsEmulator({
    domains: [{ name: 'example.com' }, { name: 'bücher.example' }],
    credentials: [
      { accessKeyId: KEY.access_key_id, accessKeySecret: KEY.access_key_secret },
      { accessKeyId: TOKEN.access_key_id, accessKeySecret: TOKEN.access_key_secret, securityToken: TOKEN.security_token },
    ],
  });
  try {
    const { host } = new URL(emulator.endpoint);
    for (const key of [KEY, TOKEN]) {
      const { id, ...seen } = await python(host, key);
      assert.deepEqual(seen, {
        domains: [
          ['example.com', 'example.com'],
          ['bücher.example', 'xn--bcher-kva.example'],
        ],
        again: 'DomainRecordDuplicate',
        found: [[id, '_acme-challenge', VALUE, 600]],
        gone: 'DomainRecordNotBelongToUser',
      });
    }
    assert.deepEqual(emulator.records('example.com'), []);
    assert.deepEqual(await python(host, { ...KEY, access_key_secret: 'wrong' }), { error: 'SignatureDoesNotMatch' });
    assert.deepEqual(await python(host, { ...KEY, access_key_id: 'LTAI5tNobody' }), { error: 'InvalidAccessKeyId.NotFound' });
    assert.deepEqual(await python(host, { ...TOKEN, security_token: 'forged' }), { error: 'InvalidSecurityToken.Malformed' });
  } finally {
    await emulator.stop();
  }
});
