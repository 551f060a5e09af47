/** A real browser, without a window: Chromium, driven over its DevTools protocol through two pipes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { servers } from './servers.js';

type Params = Readonly<Record<string, unknown>>;

export interface Viewport {
  readonly width: number;
  readonly height?: number;
  readonly scheme: 'light' | 'dark';
}

export interface Page {
  /** Opens an address in this viewport and waits until it is loaded; gives the answer's status. Scripts of the page do not run. */
  open(url: string, viewport: Viewport): Promise<number>;
  /** What an expression is worth there, as JSON gives it; a promise is waited for. */
  evaluate<Value>(expression: string): Promise<Value>;
  /** How often each role stands in the tree that a screen reader gets, and the pictures in it that have no name. */
  accessibility(): Promise<{ readonly roles: Readonly<Record<string, number>>; readonly nameless: number }>;
  /** What the page said: errors, warnings, refused resources. */
  complaints(): readonly string[];
  /** PNG of the whole page. */
  screenshot(): Promise<Buffer>;
}

export interface Browser {
  page(): Promise<Page>;
  close(): Promise<void>;
}

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
  '--hide-scrollbars',
  '--remote-debugging-pipe',
];

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly sessionId?: string;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

export async function startChromium(): Promise<Browser> {
  const profile = await mkdtemp(path.join(tmpdir(), 'tscert-chromium-'));
  const child = spawn(servers('chromium').chromium ?? '', [...FLAGS, `--user-data-dir=${profile}`, 'about:blank'], {
    env: { PATH: process.env.PATH ?? '', HOME: profile, LANG: 'C.UTF-8' },
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
  });
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const { send, listen } = connect(child);
  return {
    page: () => openPage(send, listen),
    async close() {
      await send('Browser.close').catch(() => child.kill('SIGKILL'));
      await closed;
      await rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
}

type Send = (method: string, params?: Params, sessionId?: string) => Promise<Record<string, unknown>>;
type Listen = (listener: (message: Message) => void) => void;

/** Messages are JSON that ends with a NUL: written to the browser's descriptor 3, read from its 4. */
function connect(child: ChildProcess): { readonly send: Send; readonly listen: Listen } {
  const [, , , input, output] = child.stdio as unknown as [null, null, null, Writable, Readable];
  const waiting = new Map<number, { resolve: (result: Record<string, unknown>) => void; reject: (error: Error) => void }>();
  const listeners: ((message: Message) => void)[] = [];
  let rest = Buffer.alloc(0);
  let last = 0;
  const take = (message: Message): void => {
    const call = message.id === undefined ? undefined : waiting.get(message.id);
    if (call === undefined) for (const listener of listeners) listener(message);
    else if (message.error === undefined) call.resolve(message.result ?? {});
    else call.reject(new Error(message.error.message));
    if (message.id !== undefined) waiting.delete(message.id);
  };
  output.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf(0); end >= 0; end = rest.indexOf(0)) {
      const text = rest.subarray(0, end).toString('utf8');
      rest = rest.subarray(end + 1);
      take(JSON.parse(text) as Message);
    }
  });
  input.on('error', () => undefined);
  child.once('close', () => {
    for (const { reject } of waiting.values()) reject(new Error('the browser has ended'));
  });
  return {
    listen: (listener) => void listeners.push(listener),
    send: (method, params = {}, sessionId) =>
      new Promise((resolve, reject) => {
        last += 1;
        waiting.set(last, { resolve, reject });
        input.write(`${JSON.stringify({ id: last, method, params, ...(sessionId === undefined ? {} : { sessionId }) })}\0`);
      }),
  };
}

async function openPage(send: Send, listen: Listen): Promise<Page> {
  const { targetId } = await send('Target.createTarget', { url: 'about:blank' });
  const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true });
  const call = (method: string, params?: Params) => send(method, params, String(sessionId));
  const complaints: string[] = [];
  let status = 0;
  let loaded: () => void = () => undefined;
  listen((message) => {
    if (message.sessionId !== sessionId) return;
    const { method, params = {} } = message;
    if (method === 'Page.loadEventFired') loaded();
    if (method === 'Network.responseReceived') {
      const { response, type } = params as { response: { status: number; url: string }; type: string };
      if (type === 'Document') status = response.status;
    }
    if (method === 'Log.entryAdded' || method === 'Runtime.exceptionThrown' || method === 'Runtime.consoleAPICalled')
      complaints.push(JSON.stringify(params));
  });
  for (const domain of ['Page', 'Network', 'Log', 'Runtime']) await call(`${domain}.enable`);
  await call('Emulation.setScriptExecutionDisabled', { value: true });
  const evaluate = async <Value>(expression: string): Promise<Value> => {
    const { result, exceptionDetails } = await call('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true });
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
    return (result as { value: Value }).value;
  };
  return {
    async open(url, { width, height = 800, scheme }) {
      await call('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: width < 600 });
      await call('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
      const load = new Promise<void>((resolve) => {
        loaded = resolve;
      });
      const { errorText } = await call('Page.navigate', { url });
      if (errorText !== undefined) throw new Error(`${url}: ${errorText}`);
      await load;
      return status;
    },
    evaluate,
    async accessibility() {
      interface Node {
        readonly ignored: boolean;
        readonly role?: { readonly value: string };
        readonly name?: { readonly value: string };
      }
      const { nodes } = (await call('Accessibility.getFullAXTree')) as { nodes: readonly Node[] };
      const roles: Record<string, number> = {};
      for (const { ignored, role } of nodes) if (!ignored && role !== undefined) roles[role.value] = (roles[role.value] ?? 0) + 1;
      const isPicture = ({ ignored, role }: Node): boolean => !ignored && (role?.value === 'img' || role?.value === 'image');
      return { roles, nameless: nodes.filter((node) => isPicture(node) && !node.name?.value).length };
    },
    complaints: () => complaints,
    async screenshot() {
      const { cssContentSize } = (await call('Page.getLayoutMetrics')) as { cssContentSize: { width: number; height: number } };
      const clip = { x: 0, y: 0, width: cssContentSize.width, height: Math.min(cssContentSize.height, 4_000), scale: 1 };
      const { data } = await call('Page.captureScreenshot', { format: 'png', captureBeyondViewport: true, clip });
      return Buffer.from(String(data), 'base64');
    },
  };
}
