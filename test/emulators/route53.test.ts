/** Each rule of Route53 that a wrong client trips over, shown to trip one: the plain SDK doing the naive thing. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import {
  GetChangeCommand,
  ListHostedZonesByNameCommand,
  ListResourceRecordSetsCommand,
  type ListResourceRecordSetsCommandInput,
  type ListResourceRecordSetsCommandOutput,
  type ResourceRecordSet,
} from '@aws-sdk/client-route-53';
import { createPlainClient, type PlainClient, txtSet } from '../support/route53-client.js';
import { type Route53Emulator, type Route53EmulatorOptions, startRoute53Emulator } from './route53/index.js';

const key = { accessKeyId: 'AKIATEST', secretAccessKey: 'secret' };
const NAME = '_acme-challenge.example.com';

describe('the Route53 emulator', () => {
  let emulator: Route53Emulator;
  let plain: PlainClient;
  let now = 0;

  const start = async (options: Partial<Route53EmulatorOptions> = {}): Promise<void> => {
    emulator = await startRoute53Emulator({ zones: [{ name: 'example.com', id: 'Z1' }], credentials: [key], ...options });
    plain = createPlainClient(emulator.endpoint, key);
  };
  const stop = async (): Promise<void> => {
    plain.close();
    await emulator.stop();
  };
  const restart = async (options: Partial<Route53EmulatorOptions>): Promise<void> => {
    await stop();
    await start(options);
  };
  beforeEach(() => {
    now = Date.now();
    return start();
  });
  afterEach(stop);

  const create = (set: ResourceRecordSet): Promise<string> => plain.send('Z1', { Action: 'CREATE', ResourceRecordSet: set });
  const upsert = (set: ResourceRecordSet): Promise<string> => plain.send('Z1', { Action: 'UPSERT', ResourceRecordSet: set });
  const remove = (set: ResourceRecordSet): Promise<string> => plain.send('Z1', { Action: 'DELETE', ResourceRecordSet: set });
  const refused = async (work: Promise<unknown>, name: string, message: RegExp): Promise<void> => {
    await assert.rejects(work, (error: Error) => {
      assert.equal(error.name, name);
      assert.match(error.message, message);
      return true;
    });
  };
  const valuesAt = (name: string): string[] =>
    emulator
      .records('Z1')
      .filter((set) => set.name === `${name}.`)
      .flatMap((set) => [...set.values]);

  test('a new zone has its NS and SOA records, which stay', async () => {
    const sets = await plain.sets('Z1');
    assert.deepEqual(
      sets.map((set) => set.Type),
      ['NS', 'SOA'],
    );
    for (const set of sets) await refused(remove(set), 'InvalidChangeBatch', /A HostedZone must contain/);
  });

  test('CREATE over what stands is refused, and what stands stays', async () => {
    await create(txtSet(NAME, ['"theirs"']));
    await refused(
      create(txtSet(NAME, ['"mine"'])),
      'InvalidChangeBatch',
      /^\[Tried to create resource record set \[name='_acme-challenge\.example\.com\.', type='TXT'\] but it already exists\]$/,
    );
    assert.deepEqual(valuesAt(NAME), ['"theirs"']);
  });

  test('a client that UPSERTs without reading loses the value of another', async () => {
    await create(txtSet(NAME, ['"theirs"']));
    await upsert(txtSet(NAME, ['"mine"']));
    assert.deepEqual(valuesAt(NAME), ['"mine"'], 'the loss is to be seen');
  });

  test('a DELETE must repeat what stands now: TTL and all values, in any order', async () => {
    const set = txtSet(NAME, ['"one"', '"two"']);
    await create(set);
    const mismatch = /but the values provided do not match the current values/;
    await refused(remove(txtSet(NAME, ['"one"'])), 'InvalidChangeBatch', mismatch);
    await refused(remove({ ...set, TTL: 61 }), 'InvalidChangeBatch', mismatch);
    await refused(remove(txtSet(NAME, ['"one"', '"two"', '"three"'])), 'InvalidChangeBatch', mismatch);
    await remove(txtSet(NAME, ['"two"', '"one"']));
    assert.deepEqual(valuesAt(NAME), []);
  });

  test('a DELETE of what stood earlier, and a second DELETE, are refused', async () => {
    const old = txtSet(NAME, ['"old"']);
    await create(old);
    await upsert(txtSet(NAME, ['"new"']));
    await refused(remove(old), 'InvalidChangeBatch', /do not match the current values/);
    await remove(txtSet(NAME, ['"new"']));
    await refused(remove(txtSet(NAME, ['"new"'])), 'InvalidChangeBatch', /but it was not found/);
  });

  test('a batch is all or nothing, and every reason is given', async () => {
    await create(txtSet(NAME, ['"theirs"']));
    const changes = ['a', 'b'].map((label) => ({ Action: 'CREATE' as const, ResourceRecordSet: txtSet(`${label}.example.com`, ['"x"']) }));
    const bad = { Action: 'CREATE' as const, ResourceRecordSet: txtSet(NAME, ['"x"']) };
    const gone = { Action: 'DELETE' as const, ResourceRecordSet: txtSet('c.example.com', ['"x"']) };
    await refused(
      plain.send('Z1', ...changes, bad, gone),
      'InvalidChangeBatch',
      /^\[Tried to create .* already exists, Tried to delete .* not found\]$/,
    );
    assert.deepEqual([...valuesAt('a.example.com'), ...valuesAt('b.example.com')], []);
  });

  test('of one set a batch may hold its DELETE and then its CREATE, nothing else', async () => {
    const [old, fresh] = [txtSet(NAME, ['"old"']), txtSet(NAME, ['"old"', '"new"'])];
    await create(old);
    await plain.send('Z1', { Action: 'DELETE', ResourceRecordSet: old }, { Action: 'CREATE', ResourceRecordSet: fresh });
    assert.deepEqual(valuesAt(NAME), ['"old"', '"new"']);
    const twice = { Action: 'UPSERT' as const, ResourceRecordSet: old };
    await refused(plain.send('Z1', twice, twice), 'InvalidChangeBatch', /invalid set of changes for a resource record set 'TXT _acme/);
  });

  test('an overtaken DELETE and CREATE is refused, where an UPSERT would have lost a value', async () => {
    const read = txtSet(NAME, ['"theirs"']);
    await create(read);
    await upsert(txtSet(NAME, ['"theirs"', '"meanwhile"']));
    const merged = txtSet(NAME, ['"theirs"', '"mine"']);
    await refused(
      plain.send('Z1', { Action: 'DELETE', ResourceRecordSet: read }, { Action: 'CREATE', ResourceRecordSet: merged }),
      'InvalidChangeBatch',
      /do not match the current values/,
    );
    assert.deepEqual(valuesAt(NAME), ['"theirs"', '"meanwhile"']);
  });

  test('TXT values are quoted strings of at most 255 octets, each once', async () => {
    for (const [values, message] of [
      [['bare'], /InvalidCharacterString \(Value should be enclosed in quotation marks\) encountered with 'bare'/],
      [['"open'], /InvalidCharacterString/],
      [['"a" b'], /InvalidCharacterString/],
      [[`"${'x'.repeat(256)}"`], /CharacterStringTooLong \(Value is too long\)/],
      [['"ä"'], /UnsupportedCharacter/],
      [['"a"', '"a"'], /Duplicate Resource Record: '"a"'/],
    ] as const) {
      await refused(create(txtSet(NAME, values)), 'InvalidChangeBatch', message);
    }
    await create(txtSet(NAME, [`"${'x'.repeat(255)}" "${'y'.repeat(255)}"`, '"with \\"quotes\\" and \\303\\244"']));
    assert.equal(valuesAt(NAME).length, 2);
  });

  test('a set without TTL is refused', async () => {
    await refused(
      create({ Name: NAME, Type: 'TXT', ResourceRecords: [{ Value: '"x"' }] }),
      'InvalidInput',
      /but found none in Change with \[Action=CREATE/,
    );
  });

  test('names are compared in lower case, and an asterisk comes back as \\052', async () => {
    await create(txtSet('*.Sub.EXAMPLE.com', ['"x"']));
    await refused(create(txtSet('*.sub.example.com.', ['"y"'])), 'InvalidChangeBatch', /name='\\052\.sub\.example\.com\.'.*already exists/);
    const names = (await plain.sets('Z1')).map((set) => set.Name);
    assert.ok(names.includes('\\052.sub.example.com.'), names.join());
  });

  test('evilexample.com is not in the zone example.com', async () => {
    await refused(
      create(txtSet('_acme-challenge.evilexample.com', ['"x"'])),
      'InvalidChangeBatch',
      /RRSet with DNS name _acme-challenge\.evilexample\.com\. is not permitted in zone example\.com\./,
    );
  });

  test('a CNAME stands alone, and not at the apex', async () => {
    const cname = (name: string): ResourceRecordSet => ({
      Name: name,
      Type: 'CNAME',
      TTL: 60,
      ResourceRecords: [{ Value: 'elsewhere.test' }],
    });
    await create(cname(NAME));
    await refused(
      create(txtSet(NAME, ['"x"'])),
      'InvalidChangeBatch',
      /conflicting RRSet of type CNAME with the same DNS name already exists/,
    );
    await create(txtSet('other.example.com', ['"x"']));
    await refused(create(cname('other.example.com')), 'InvalidChangeBatch', /conflicts with other records with the same DNS name/);
    await refused(create(cname('example.com')), 'InvalidChangeBatch', /not permitted at apex/);
  });

  test('a simple and a multivalue set of one name exclude each other', async () => {
    const multi = (value: string): ResourceRecordSet => txtSet(NAME, [value], { SetIdentifier: value, MultiValueAnswer: true });
    await create(multi('"a"'));
    await create(multi('"b"'));
    await refused(
      create(txtSet(NAME, ['"c"'])),
      'InvalidChangeBatch',
      /cannot be created as other RRSets exist with the same name and type/,
    );
    await refused(upsert(txtSet(NAME, ['"c"'])), 'InvalidChangeBatch', /cannot be created as other RRSets exist/);
    await create(txtSet('simple.example.com', ['"c"']));
    await refused(
      create({ ...multi('"d"'), Name: 'simple.example.com' }),
      'InvalidChangeBatch',
      /SetIdentifier "d" cannot be created because a non multivalue answer rrset exists with the same name and type/,
    );
    await refused(create(txtSet(NAME, ['"e"'], { SetIdentifier: 'w', Weight: 1 })), 'InvalidChangeBatch', /non weighted rrset/);
    await refused(remove(txtSet(NAME, ['"a"'])), 'InvalidChangeBatch', /not found/);
    await remove(multi('"a"'));
    assert.deepEqual(valuesAt(NAME), ['"b"']);
  });

  test('1,000 records and 32,000 characters a batch, an UPSERT counts twice', async () => {
    const many = (count: number, length: number) =>
      Array.from({ length: count }, (_, nth) => txtSet(`n${nth}.example.com`, [`"${String(nth).padStart(length - 2, 'x')}"`]));
    const batch = (action: 'CREATE' | 'UPSERT' | 'DELETE', sets: ResourceRecordSet[]): Promise<string> =>
      plain.send('Z1', ...sets.map((set) => ({ Action: action, ResourceRecordSet: set })));
    await refused(batch('UPSERT', many(501, 10)), 'InvalidChangeBatch', /Number of records limit of 1000 exceeded/);
    await refused(batch('CREATE', many(1001, 10)), 'InvalidChangeBatch', /Number of records limit of 1000 exceeded/);
    await refused(batch('CREATE', many(712, 45)), 'InvalidChangeBatch', /Number of characters limit of 32000 exceeded/);
    await refused(batch('UPSERT', many(356, 45)), 'InvalidChangeBatch', /Number of characters limit of 32000 exceeded/);
    await batch('CREATE', many(711, 45));
    await batch('DELETE', many(711, 45));
  });

  test('ListResourceRecordSets starts at a name and goes on: it does not filter', async () => {
    await create(txtSet('z.example.com', ['"other"']));
    const { ResourceRecordSets: [first] = [] } = await plain.client.send(
      new ListResourceRecordSetsCommand({ HostedZoneId: 'Z1', StartRecordName: NAME, StartRecordType: 'TXT', MaxItems: 1 }),
    );
    assert.equal(first?.Name, 'z.example.com.', 'a client that does not compare the name takes the values of another');
  });

  test('record sets come in the order of reversed names, page by page', async () => {
    const names = ['b.example.com', 'z.a.example.com', 'a.example.com', 'example.com'];
    for (const name of names) await create(txtSet(name, [`"${name}"`]));
    const seen: (string | undefined)[] = [];
    let from: Pick<ListResourceRecordSetsCommandInput, 'StartRecordName' | 'StartRecordType'> | undefined = {};
    while (from !== undefined && seen.length < 10) {
      const page: ListResourceRecordSetsCommandOutput = await plain.client.send(
        new ListResourceRecordSetsCommand({ HostedZoneId: 'Z1', MaxItems: 1, ...from }),
      );
      assert.equal(page.MaxItems, 1);
      seen.push(...(page.ResourceRecordSets ?? []).map((set) => `${set.Type} ${set.Name}`));
      from = page.IsTruncated === true ? { StartRecordName: page.NextRecordName, StartRecordType: page.NextRecordType } : undefined;
    }
    assert.deepEqual(seen, [
      'NS example.com.',
      'SOA example.com.',
      'TXT example.com.',
      'TXT a.example.com.',
      'TXT z.a.example.com.',
      'TXT b.example.com.',
    ]);
  });

  test('ListHostedZonesByName starts at a name and goes on, with private zones among the public ones', async () => {
    await restart({
      zones: [
        { name: 'example.org', id: 'ZORG' },
        { name: 'example.com', id: 'ZB', private: true },
        { name: 'example.com', id: 'ZC' },
        { name: 'a.example.com', id: 'ZA' },
        { name: 'example2.com', id: 'ZEVIL' },
      ],
    });
    const list = (DNSName: string, MaxItems?: number, HostedZoneId?: string) =>
      plain.client.send(
        new ListHostedZonesByNameCommand({
          DNSName,
          ...(MaxItems === undefined ? {} : { MaxItems }),
          ...(HostedZoneId === undefined ? {} : { HostedZoneId }),
        }),
      );
    const ids = (zones: { Id: string | undefined }[] | undefined): (string | undefined)[] => (zones ?? []).map(({ Id }) => Id);
    const all = await list('example.com');
    assert.deepEqual(ids(all.HostedZones), ['/hostedzone/ZB', '/hostedzone/ZC', '/hostedzone/ZA', '/hostedzone/ZEVIL', '/hostedzone/ZORG']);
    assert.equal(all.IsTruncated, false);
    assert.equal(all.HostedZones?.[0]?.Config?.PrivateZone, true, 'a client that takes the first zone writes where nobody looks');
    const beyond = await list('b.example.com', 1);
    assert.deepEqual(ids(beyond.HostedZones), ['/hostedzone/ZEVIL'], 'a client that does not compare the name takes the zone of another');
    assert.equal(beyond.IsTruncated, true);
    assert.equal(beyond.NextDNSName, 'example.org.');
    const next = await list(beyond.NextDNSName ?? '', 1, beyond.NextHostedZoneId);
    assert.deepEqual(ids(next.HostedZones), ['/hostedzone/ZORG']);
  });

  test('a change is PENDING first and INSYNC later', async () => {
    await restart({ insyncAfter: 30_000, now: () => now });
    const id = await create(txtSet(NAME, ['"x"']));
    assert.match(id, /^\/change\/C/);
    const status = async (): Promise<string | undefined> => (await plain.client.send(new GetChangeCommand({ Id: id }))).ChangeInfo?.Status;
    assert.equal(await status(), 'PENDING');
    now += 29_999;
    assert.equal(await status(), 'PENDING');
    now += 1;
    assert.equal(await status(), 'INSYNC');
    await refused(plain.client.send(new GetChangeCommand({ Id: 'CUNKNOWN' })), 'NoSuchChange', /CUNKNOWN/);
  });

  test('an unknown zone is NoSuchHostedZone', async () => {
    await refused(plain.sets('ZNONE'), 'NoSuchHostedZone', /No hosted zone found with ID: ZNONE/);
  });

  test('while a change is in flight another of its zone is PriorRequestNotComplete', async () => {
    await restart({ insyncAfter: 10_000, priorRequest: true, now: () => now });
    await create(txtSet('a.example.com', ['"x"']));
    await refused(create(txtSet('b.example.com', ['"x"'])), 'PriorRequestNotComplete', /still processing a prior request/);
    now += 10_000;
    await create(txtSet('b.example.com', ['"x"']));
  });

  test('requests beyond the bucket are throttled until it has refilled', async () => {
    await restart({ throttle: { capacity: 3, refill: 2 }, now: () => now });
    for (let nth = 0; nth < 3; nth++) await plain.sets('Z1');
    await refused(plain.sets('Z1'), 'Throttling', /Rate exceeded/);
    now += 500;
    await plain.sets('Z1');
    await refused(plain.sets('Z1'), 'Throttling', /Rate exceeded/);
    assert.equal(emulator.calls().ListResourceRecordSets, 6);
  });

  test('a fault is answered once, and the action carried out when its answer alone is lost', async () => {
    emulator.inject({ status: 503, code: 'ServiceUnavailable', message: 'try later', afterwards: true });
    await refused(create(txtSet(NAME, ['"x"'])), 'ServiceUnavailable', /try later/);
    assert.deepEqual(valuesAt(NAME), ['"x"']);
    await plain.sets('Z1');
  });
});
