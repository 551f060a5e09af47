/** The actions of the API that the emulator has, on the state and with the service's own rules. */
import { MissingParameter, Refusal } from './refusal.js';
import { asciiOf, type Domain, type State, type StoredRecord } from './state.js';

/** One call: its parameters, and the account that its key belongs to. */
interface ActionCall {
  readonly parameters: ReadonlyMap<string, string>;
  readonly account: string;
  readonly state: State;
  /** Asks RAM; every action does before it looks or changes. @throws {Refusal} `Forbidden.RAM` */
  authorize(domainName?: string): void;
}

type Action = (call: ActionCall) => Readonly<Record<string, unknown>>;

const NAME = /^(@|\*|(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*)$/;

function required(call: ActionCall, name: string): string {
  const value = call.parameters.get(name);
  if (value === undefined || value === '') throw new MissingParameter(name);
  return value;
}

function whole(call: ActionCall, name: string, preset: number, most: number): number {
  const text = call.parameters.get(name);
  if (text === undefined) return preset;
  if (!/^[1-9]\d{0,8}$/.test(text) || Number(text) > most) {
    throw new Refusal('InvalidParameter', { message: `Specified parameter ${name} is not valid.` });
  }
  return Number(text);
}

function pageOf<Item>(call: ActionCall, items: readonly Item[], most: number): { fields: Record<string, number>; items: readonly Item[] } {
  const size = whole(call, 'PageSize', 20, most);
  const number = whole(call, 'PageNumber', 1, 999_999_999);
  const cut = items.slice((number - 1) * size, number * size);
  return { fields: { TotalCount: items.length, PageNumber: number, PageSize: size }, items: cut };
}

const shownRecord = ({ domain, since: _since, until: _until, ...record }: StoredRecord): Record<string, unknown> => ({
  ...record,
  DomainName: domain.shown,
});

function ownDomain(call: ActionCall, name: string): Domain {
  call.authorize(name);
  return call.state.domain(name, call.account);
}

function listRecords(call: ActionCall, records: readonly StoredRecord[], most: number): Record<string, unknown> {
  const type = call.parameters.get('Type')?.toUpperCase();
  const { fields, items } = pageOf(
    call,
    records.filter((record) => type === undefined || record.Type === type),
    most,
  );
  return { ...fields, DomainRecords: { Record: items.map(shownRecord) } };
}

/**
 * The registered domain of a name is found by its suffix alone: a longer domain of the account is not looked for, which is the trap
 * for clients that leave DomainName out.
 */
function registeredDomain(call: ActionCall, name: string): Domain | undefined {
  const ascii = asciiOf(name);
  return call.state.domains
    .filter((domain) => domain.account === call.account && (ascii === domain.ascii || ascii.endsWith(`.${domain.ascii}`)))
    .sort((a, b) => a.ascii.length - b.ascii.length)[0];
}

const relative = (name: string, domain: Domain): string =>
  asciiOf(name) === domain.ascii ? '@' : asciiOf(name).slice(0, -domain.ascii.length - 1);

export const ACTIONS: Readonly<Record<string, Action>> = {
  DescribeDomains(call) {
    call.authorize();
    const keyWord = (call.parameters.get('KeyWord') ?? '').toLowerCase();
    const exact = call.parameters.get('SearchMode') === 'EXACT';
    const found = call.state.domains.filter(
      ({ account, shown }) => account === call.account && (exact && keyWord !== '' ? shown === keyWord : shown.includes(keyWord)),
    );
    const { fields, items } = pageOf(call, found, 100);
    const count = (domain: Domain): number => call.state.standing().filter((record) => record.domain === domain).length;
    return {
      ...fields,
      Domains: {
        Domain: items.map((domain) => ({
          DomainId: domain.id,
          DomainName: domain.shown,
          PunyCode: domain.ascii,
          AliDomain: true,
          VersionCode: domain.minimumTtl < 600 ? 'version_enterprise_basic' : 'mianfei',
          DnsServers: { DnsServer: ['dns1.hichina.com', 'dns2.hichina.com'] },
          RecordCount: count(domain),
        })),
      },
    };
  },

  GetMainDomainName(call) {
    call.authorize();
    const input = required(call, 'InputString');
    const domain = registeredDomain(call, input);
    if (domain === undefined) throw new Refusal('InvalidDomainName.NoExist');
    return { DomainName: domain.shown, RR: relative(input, domain), DomainLevel: asciiOf(input).split('.').length };
  },

  /** RRKeyWord, TypeKeyWord and ValueKeyWord find parts: `_acme-challenge` is in `_acme-challenge.www` too. */
  DescribeDomainRecords(call) {
    const domain = ownDomain(call, required(call, 'DomainName'));
    const holds = (text: string, parameter: string): boolean =>
      text.toLowerCase().includes((call.parameters.get(parameter) ?? '').toLowerCase());
    const found = call.state
      .standing()
      .filter(
        (record) =>
          record.domain === domain &&
          holds(record.RR, 'RRKeyWord') &&
          holds(record.Type, 'TypeKeyWord') &&
          holds(record.Value, 'ValueKeyWord'),
      );
    return listRecords(call, found, 500);
  },

  DescribeSubDomainRecords(call) {
    const name = required(call, 'SubDomain');
    const chosen = call.parameters.get('DomainName') ?? registeredDomain(call, name)?.shown;
    if (chosen === undefined) throw new Refusal('InvalidDomainName.NoExist');
    const domain = ownDomain(call, chosen);
    if (asciiOf(name) !== domain.ascii && !asciiOf(name).endsWith(`.${domain.ascii}`)) {
      throw new Refusal('InvalidParameter', { message: 'Specified parameter SubDomain is not valid.' });
    }
    const rr = relative(name, domain);
    return listRecords(
      call,
      call.state.standing().filter((record) => record.domain === domain && record.RR === rr),
      100,
    );
  },

  AddDomainRecord(call) {
    const domainName = required(call, 'DomainName');
    const [RR, Type, Value] = [required(call, 'RR').toLowerCase(), required(call, 'Type').toUpperCase(), required(call, 'Value')];
    const domain = ownDomain(call, domainName);
    if (!NAME.test(RR)) throw new Refusal('InvalidParameter', { message: 'Specified parameter RR is not valid.' });
    if (Value.length > 512) throw new Refusal('InvalidParameter', { message: 'Specified parameter Value is not valid.' });
    const TTL = whole(call, 'TTL', 600, 999_999_999);
    const { RecordId } = call.state.add(domain, { RR, Type, Value, TTL, Line: call.parameters.get('Line') ?? 'default' });
    return { RecordId };
  },

  DeleteDomainRecord(call) {
    const recordId = required(call, 'RecordId');
    let record: StoredRecord;
    try {
      record = call.state.record(recordId, call.account);
    } catch (error) {
      call.authorize();
      throw error;
    }
    call.authorize(record.domain.shown);
    call.state.remove(record);
    return { RecordId: recordId };
  },

  /** Takes away every value at a name, those of others too: a trap for clean-ups. */
  DeleteSubDomainRecords(call) {
    const domain = ownDomain(call, required(call, 'DomainName'));
    const RR = required(call, 'RR').toLowerCase();
    const type = call.parameters.get('Type')?.toUpperCase();
    const found = call.state
      .standing()
      .filter((record) => record.domain === domain && record.RR === RR && (type === undefined || record.Type === type) && !record.Locked);
    for (const record of found) call.state.remove(record);
    return { RR, TotalCount: String(found.length) };
  },
};
