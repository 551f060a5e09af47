import { test } from 'node:test';
import { AUDITS, excusedExpiries, positions } from './audit.js';
import type { Twist } from './history.js';
import { live } from './live.js';

test('probe', async () => {
  const begin = process.cpuUsage();
  const [classic, tlsserver, shortlived] = (process.env.MIX ?? '25,20,5').split(',').map(Number);
  const twist = process.env.TWIST as Twist | undefined;
  const [h] = await live({
    seed: Number(process.env.SEED ?? 1),
    classic: classic ?? 0,
    tlsserver: tlsserver ?? 0,
    shortlived: shortlived ?? 0,
    days: Number(process.env.DAYS ?? 365),
    trouble: process.env.TROUBLE !== '0',
    ...(twist ? { twist } : {}),
  });
  if (!h) throw new Error('no history');
  const used = process.cpuUsage(begin);
  console.log('cpu', (used.user + used.system) / 1e6, 's', process.memoryUsage().rss / 1e6);
  const count = (list: typeof h.ca) => {
    const c: Record<string, number> = {};
    for (const e of list) {
      const k = e.kind === 'refused' ? `${e.status} ${e.type} ${e.detail.slice(0, 50)}` : e.kind;
      c[k] = (c[k] ?? 0) + 1;
    }
    return c;
  };
  console.log(count(h.ca), 'staging', count(h.staging));
  const states: Record<string, number> = {};
  const errors: Record<string, number> = {};
  for (const r of h.runs) {
    for (const [k, v] of Object.entries(r.states)) states[k] = (states[k] ?? 0) + v;
    for (const f of r.failures) {
      const m = `${f.code}: ${f.message}`
        .replace(/(www\.)?n\d+\.d\d+\.test/g, 'NAME')
        .replace(/\d{4}-\S+/g, 'T')
        .slice(0, 130);
      errors[m] = (errors[m] ?? 0) + 1;
    }
  }
  console.log(states, 'cut', h.runs.filter((r) => r.isCut).length, 'stored', h.stored.length, 'served', h.served.length);
  console.log(errors);
  console.log('excused', excusedExpiries(h), 'positions', positions(h).length, 'moved', h.moved.size);
  const T = (t: number): string => new Date(t).toISOString().slice(5, 19);
  for (const word of (process.env.WATCH ?? '').split(',').filter(Boolean)) {
    const [name, around] = word.split('@');
    const t = Date.parse(around ?? '');
    const w = h.wanted.find((one) => one.name === name);
    console.log('==', name, w?.profile, 'machine', w?.machine);
    const lines: [number, string][] = [];
    for (const r of h.runs)
      if (r.machine === w?.machine && Math.abs(r.from - t) < 3 * 86400000)
        lines.push([
          r.from,
          `run -${T(r.to)} ${r.isCut ? 'CUT' : JSON.stringify(r.states)} ${r.failures.map((f) => `${f.name}: ${f.message.slice(0, 80)}`).join(' | ')}`,
        ]);
    for (const x of h.stored) if (x.name === name) lines.push([x.at, `stored ${x.serial} until ${T(x.notAfter)}`]);
    for (const x of h.served) if (x.name === name) lines.push([x.at, `served ${x.serial}`]);
    for (const x of h.picks) if (x.name === name) lines.push([x.at, `pick ${T(x.pick)} in ${T(x.start)}..${T(x.end)}`]);
    for (const x of h.ca)
      if (x.kind === 'issued' && x.names.includes(name ?? '')) lines.push([x.at, `ISSUED ${x.serial} replaces ${x.replaces}`]);
    for (const x of h.ca) if (x.kind === 'order' && x.names.includes(name ?? '')) lines.push([x.at, `order ${x.exempt}`]);
    for (const x of h.troubles)
      if (x.name === undefined || x.name === name) lines.push([x.from, `trouble ${x.kind} ${x.what} until ${T(x.to)}`]);
    for (const [at, text] of lines.sort((a, b) => a[0] - b[0])) if (Math.abs(at - t) < 3 * 86400000) console.log(T(at), text);
  }
  for (const [name, audit] of Object.entries(AUDITS)) {
    try {
      const f = audit(h);
      console.log(name, f.length, f.slice(0, 4));
    } catch (e) {
      console.log(name, String(e));
    }
  }
});
