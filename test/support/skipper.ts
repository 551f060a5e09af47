/**
 * Loaded into the command with `--import`: at SIGUSR2 so many milliseconds have passed as SKIP_BY says, and whoever slept 40 seconds or
 * longer wakes. With SKIP_SET the clock was set by as much, and no time has passed.
 */
const by = Number(process.env.SKIP_BY ?? 61_000);
const LONG = 40_000;
let skipped = 0;
let slept = 0;

const RealDate = Date;
const now = (): number => RealDate.now() + skipped;
globalThis.Date = new Proxy(RealDate, {
  construct: (target, values, self) => Reflect.construct(target, values.length === 0 ? [now()] : values, self) as object,
  get: (target, key) => (key === 'now' ? now : Reflect.get(target, key)),
});
const uptime = performance.now.bind(performance);
performance.now = () => uptime() + slept;

const sleepers = new Map<NodeJS.Timeout, () => void>();
const realSetTimeout = globalThis.setTimeout;
const realClearTimeout = globalThis.clearTimeout;
globalThis.setTimeout = ((call: () => void, wait = 0, ...values: unknown[]) => {
  if (wait < LONG || values.length > 0) return realSetTimeout(() => (call as (...all: unknown[]) => void)(...values), wait);
  const timer = realSetTimeout(() => {
    sleepers.delete(timer);
    call();
  }, wait);
  sleepers.set(timer, call);
  return timer;
}) as typeof setTimeout;
globalThis.clearTimeout = ((timer: NodeJS.Timeout) => {
  sleepers.delete(timer);
  realClearTimeout(timer);
}) as typeof clearTimeout;

process.on('SIGUSR2', () => {
  skipped += by;
  if (process.env.SKIP_SET === undefined) slept += by;
  const waking = [...sleepers];
  sleepers.clear();
  for (const [timer, call] of waking) {
    realClearTimeout(timer);
    call();
  }
});
