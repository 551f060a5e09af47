import assert from 'node:assert/strict';
import { chmod, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { findId } from '../../src/host/users.js';
import { withFolder } from '../store/support.js';
import { realClock } from '../support/clock.js';

const signal = new AbortController().signal;
const PATH = process.env.PATH;

test('numbers are themselves, names are asked of the machine', async () => {
  const asking = { environment: { PATH }, clock: realClock, signal };
  assert.equal(await findId('passwd', '0', asking), 0);
  assert.equal(await findId('group', '4294967294', asking), 4_294_967_294);
  assert.equal(await findId('passwd', '4294967295', asking), undefined);
  assert.equal(await findId('passwd', 'root', asking), 0);
  assert.equal(await findId('group', 'daemon', asking), 1);
  assert.equal(await findId('passwd', 'roo', asking), undefined);
  assert.equal(await findId('group', 'no-such-group', asking), undefined);
});

test('what stands in no file is asked of getent, whose answers are not trusted blindly', () =>
  withFolder(async (folder) => {
    const getent = path.join(folder, 'getent');
    const answers = async (lines: string): Promise<number | undefined> => {
      await writeFile(getent, `#!/bin/sh\n[ "$1" = passwd ] && [ "$2" = ldap-user ] || exit 2\nprintf '${lines}'\n`);
      await chmod(getent, 0o755);
      return findId('passwd', 'ldap-user', { environment: { PATH: folder }, clock: realClock, signal });
    };
    assert.equal(await answers('ldap-user:*:20001:20001::/home/l:/bin/sh\\n'), 20_001);
    assert.equal(await answers('other:*:1:1::/:/bin/sh\\n'), undefined);
    assert.equal(await answers('ldap-user:*:-1:1::/:/bin/sh\\n'), undefined);
    assert.equal(await answers('ldap-user:*:99999999999:1::/:/bin/sh\\n'), undefined);
    assert.equal(await answers(''), undefined);
    assert.equal(await findId('group', 'ldap-user', { environment: { PATH: folder }, clock: realClock, signal }), undefined);
    assert.equal(await findId('passwd', 'ldap-user', { environment: { PATH: '/nonexistent' }, clock: realClock, signal }), undefined);
  }));
