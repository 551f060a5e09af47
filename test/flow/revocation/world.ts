/** A responder and a server of CRLs and certificates in the process, which answer rightly unless they are told otherwise, and count. */
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Der } from '../../../src/pki/der.js';
import { readDer } from '../../../src/pki/der-reader.js';
import { type CertId, certIdsOf, readCertId } from '../../../src/pki/ocsp-cert-id.js';
import { nonceValue, OCSP_NONCE } from '../../../src/pki/ocsp-request.js';
import { criticalExtension, forge, GOOD, revoked, UNKNOWN } from '../../pki/ocsp-forge.js';
import { HOUR, ocspCa, ocspLeaf } from '../../pki/ocsp-world.js';
import type { Party, PartySpec } from '../../pki/support.js';

/** A question that came in. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: http.IncomingHttpHeaders;
  /** Of an OCSP request. */
  readonly ids: readonly CertId[];
  readonly nonce: Buffer | undefined;
}

type Reply = { readonly status?: number; readonly headers?: Record<string, string>; readonly body?: Uint8Array } | 'cut' | 'silence';

export interface RevocationServer {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly asked: Asked[];
  /** Answers at a path; undefined has nothing to say and leaves it to a 404. */
  on(path: string, handle: (asked: Asked) => Reply | undefined): void;
  close(): Promise<void>;
}

export async function startRevocationServer(): Promise<RevocationServer> {
  const asked: Asked[] = [];
  const handlers = new Map<string, (asked: Asked) => Reply | undefined>();
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const [, place = '', encoded = ''] = /^(\/[^/]*)\/?(.*)$/.exec(request.url ?? '') ?? [];
      const body = request.method === 'POST' ? Buffer.concat(chunks) : Buffer.from(decodeURIComponent(encoded), 'base64');
      const one: Asked = { method: request.method ?? '', path: place, headers: request.headers, ...readOcspRequest(body) };
      asked.push(one);
      const reply = handlers.get(place)?.(one) ?? { status: 404 };
      if (reply === 'silence') return;
      if (reply === 'cut') request.socket.destroy();
      else response.writeHead(reply.status ?? 200, reply.headers).end(reply.body);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    on: (place, handle) => void handlers.set(place, handle),
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

function readOcspRequest(body: Buffer): Pick<Asked, 'ids' | 'nonce'> {
  if (body.length === 0) return { ids: [], nonce: undefined };
  const [list, wrapped] = readDer(body).children[0]?.children ?? [];
  const extension = wrapped?.children[0]?.children[0]?.children.at(-1)?.content;
  return {
    ids: (list?.children ?? []).map(({ children: [id] }) => readCertId(id ?? readDer(Buffer.from('0500', 'hex')))),
    nonce: extension === undefined ? undefined : readDer(extension).content,
  };
}

export type State = 'good' | 'unknown' | { readonly at: number; readonly reason?: number };

/** A CA whose responder is at a path of the server. */
export interface RespondingCa {
  readonly ca: Party;
  /** The responder's URL. */
  readonly url: string;
  /** States by serial number; what has none is good. */
  readonly states: Map<string, State>;
  leaf(name: string, spec?: PartySpec): Party;
  /** The right answer. */
  answer(asked: Asked): Reply;
}

export function respondingCa(server: RevocationServer, name: string, now: number, spec: PartySpec = {}): RespondingCa {
  const ca = ocspCa(name, spec);
  const responder = respondFor(server, name, { key: ca.key, certificate: ca.certificate, now });
  return {
    ...{ ca, ...responder },
    leaf: (leafName, leafSpec = {}) => ocspLeaf(leafName, ca, { ocspUrls: [responder.url], ...leafSpec }),
  };
}

/**
 * The responder of an issuer, at `/name` of the server; what it says was so an hour ago, and holds for so many hours.
 */
export function respondFor(
  server: RevocationServer,
  name: string,
  { now, hours = 24, ...issuer }: Pick<Party, 'key' | 'certificate'> & { readonly now: number; readonly hours?: number },
): Pick<RespondingCa, 'url' | 'states' | 'answer'> {
  const states = new Map<string, State>();
  const ids = certIdsOf(issuer.certificate);
  const stateDer = (state: State): Der => (state === 'good' ? GOOD : state === 'unknown' ? UNKNOWN : revoked(state.at, state.reason));
  const answer = ({ ids: wanted, nonce }: Asked): Reply => ({
    headers: { 'content-type': 'application/ocsp-response' },
    body: forge({
      issuer: issuer.certificate,
      serialNumber: wanted[0]?.serialNumber ?? '00',
      signer: issuer,
      producedAt: now,
      singles: wanted.map((id) => ({
        id: ids.der(id.serialNumber, id.hash ?? 'sha1'),
        status: stateDer(ids.isOf(id, id.serialNumber) ? (states.get(id.serialNumber) ?? 'good') : 'unknown'),
        thisUpdate: now - HOUR,
        nextUpdate: now + hours * HOUR,
      })),
      extensions: nonce === undefined ? [] : [criticalExtension(OCSP_NONCE, nonceValue(nonce), false)],
    }),
  });
  server.on(`/${name}`, answer);
  return { url: `${server.url}/${name}`, states, answer };
}

/** The OCSPResponse of an error status: 1 malformedRequest, 3 tryLater, 6 unauthorized. */
export function errorReply(status: number): Reply {
  return { body: Buffer.from([0x30, 3, 0x0a, 1, status]) };
}
