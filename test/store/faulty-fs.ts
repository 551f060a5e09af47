import { type FileSystem, nodeFileSystem } from '../../src/store/files.js';

/** One step that touches the disk: `mkdir`, `open`, `handle.sync`, ... with the path it is about. */
export interface Step {
  readonly what: string;
  readonly path: string;
  /** Where a rename or link goes. */
  readonly to?: string;
}

/** Called before each step, which fails with what it throws; and after each one that went well. */
interface Watchers {
  readonly before?: (step: Step) => void | Promise<void>;
  readonly after?: (step: Step) => void;
}

const CHANGING = ['chmod', 'link', 'mkdir', 'open', 'readdir', 'rename', 'rm', 'rmdir', 'statfs', 'symlink', 'unlink', 'utimes'] as const;
const HANDLE_STEPS: ReadonlySet<string> = new Set(['chown', 'chmod', 'writeFile', 'sync', 'close']);

/** The real file system, with each asynchronous step watched. */
export function watchedFileSystem(watchers: Watchers): FileSystem {
  const watched = new Map(
    CHANGING.map((what) => [
      what,
      async (...args: unknown[]): Promise<unknown> => {
        const [path, to] = args.map(String);
        const link = what === 'symlink';
        const goes = ['rename', 'link', 'symlink'].includes(what) ? { to: (link ? path : to) ?? '' } : {};
        const step = { what, path: (link ? to : path) ?? '', ...goes };
        await watchers.before?.(step);
        const result: unknown = await Reflect.apply(nodeFileSystem[what], undefined, args);
        watchers.after?.(step);
        return what === 'open' ? watchHandle(result as object, path ?? '', watchers) : result;
      },
    ]),
  );
  return new Proxy(nodeFileSystem, {
    get: (target, name: keyof FileSystem) => (watched as ReadonlyMap<string, unknown>).get(name) ?? target[name],
  });
}

function watchHandle(handle: object, path: string, watchers: Watchers): object {
  return new Proxy(handle, {
    get(target, name: string) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== 'function' || !HANDLE_STEPS.has(name)) return typeof method === 'function' ? method.bind(target) : method;
      const step = { what: `handle.${name}`, path };
      return async (...args: unknown[]) => {
        try {
          await watchers.before?.(step);
        } catch (error) {
          // A close that reports an error has closed all the same.
          if (name === 'close') await Reflect.apply(method, target, []);
          throw error;
        }
        const result: unknown = await Reflect.apply(method, target, args);
        watchers.after?.(step);
        return result;
      };
    },
  });
}

/** An error as the system gives it. */
export function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: injected, '${path}'`), { code, path });
}
