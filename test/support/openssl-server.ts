/** Servers of openssl: `openssl ocsp -port ...`, `openssl s_server -accept ...`. */
import { spawn } from 'node:child_process';
import { servers } from './servers.js';

export interface OpensslServer {
  stop(): void;
}

/** Starts one and waits until it says that it listens: its responder never gets over a connection that asks nothing. */
export async function startOpenssl(words: string): Promise<OpensslServer> {
  const child = spawn(servers('openssl').openssl ?? 'openssl', words.split(' '), { stdio: 'pipe' });
  const stop = (): void => {
    process.off('exit', stop);
    child.kill('SIGKILL');
  };
  process.once('exit', stop);
  let said = '';
  await new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (piece: Buffer) => {
        said += piece.toString();
        if (/ACCEPT/.test(said)) resolve();
      });
    }
    child.once('exit', () => reject(new Error(`openssl ${words}: ${said}`)));
  });
  return { stop };
}
