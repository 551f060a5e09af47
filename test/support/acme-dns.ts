/** acme-dns's HTTP interface as its documentation has it, strict: a wrong path, method, login or value is refused. */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';

export interface AcmeDns {
  readonly url: string;
  readonly username: string;
  readonly password: string;
  readonly subdomain: string;
  /** Values that were accepted. */
  readonly values: readonly string[];
  registrations(): number;
  stop(): void;
}

const LOGIN = { username: 'c36f50e8-4632-44f0-83fe-e070fef28a10', password: 'htB9mR9DYgcu9bX_afHF62erXaH2TS7bg9KW3F7Z' };
const SUBDOMAIN = '8e5700ea-a4bf-41c7-8a77-e990661dcc6a';

/** Starts a server that has one account, which registering hands out. */
export async function startAcmeDns(): Promise<AcmeDns> {
  const values: string[] = [];
  let registrations = 0;
  const server = createServer(async (request, response) => {
    const answer = (status: number, body: unknown): void =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    const body = await bodyOf(request);
    if (request.method !== 'POST') return answer(405, { error: 'method' });
    if (request.url === '/register') {
      registrations++;
      return answer(201, { ...LOGIN, fulldomain: `${SUBDOMAIN}.auth.example.org`, subdomain: SUBDOMAIN, allowfrom: [] });
    }
    if (request.url !== '/update') return answer(404, { error: 'path' });
    const { subdomain, txt } = JSON.parse(body) as { subdomain?: string; txt?: string };
    const isLogin = request.headers['x-api-user'] === LOGIN.username && request.headers['x-api-key'] === LOGIN.password;
    if (!isLogin || subdomain !== SUBDOMAIN) return answer(401, { error: 'forbidden' });
    if (txt === undefined || !/^[A-Za-z0-9_-]{43}$/.test(txt)) return answer(400, { error: 'bad_txt' });
    values.push(txt);
    return answer(200, { txt });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const bound = server.address();
  return {
    url: `http://127.0.0.1:${typeof bound === 'object' ? bound?.port : 0}`,
    ...LOGIN,
    subdomain: SUBDOMAIN,
    values,
    registrations: () => registrations,
    stop: () => void server.close(),
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
