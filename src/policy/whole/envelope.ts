/** The text around a request: exactly one block, and nothing that a reader of another make would take for something else. */
import { type Fault, faultsOf } from './fault.js';

/** Longer than any request that is meant honestly: RSA 16384 with a hundred names has less. */
const MAX_BYTES = 64 * 1024;
const LABEL = 'CERTIFICATE REQUEST';
const ONE_BLOCK = new RegExp(`^\\s*-----BEGIN ${LABEL}-----\\r?\\n([A-Za-z0-9+/=\\r\\n]+)-----END ${LABEL}-----\\s*$`);

const pem = faultsOf('pem');

/** The DER of the first block, where there is one, and what is wrong around it. */
export function openEnvelope(request: Uint8Array): { der: Buffer | undefined; faults: Fault[] } {
  if (request.length > MAX_BYTES)
    return { der: undefined, faults: [{ check: 'size', message: `It has ${request.length} bytes, more than ${MAX_BYTES}` }] };
  const text = Buffer.from(request).toString('latin1');
  const body = ONE_BLOCK.exec(text)?.[1]?.replaceAll(/[\r\n]/g, '');
  if (body !== undefined) {
    const der = Buffer.from(body, 'base64');
    return { der, faults: der.toString('base64') === body ? [] : pem('Its base64 is not of the one form that its bytes have') };
  }
  const blocks = [...text.matchAll(/-----BEGIN ([^\r\n]*?)-----/g)].map(([, label = '']) => label);
  const faults = pem(
    blocks.length === 0 ? `There is no PEM block "${LABEL}"` : undefined,
    blocks.length > 1 ? `There are ${blocks.length} PEM blocks: signers read the first alone` : undefined,
    blocks.length === 1 && blocks[0] !== LABEL ? `The PEM block is ${JSON.stringify(blocks[0])}, not "${LABEL}"` : undefined,
    blocks.length === 1 && blocks[0] === LABEL
      ? 'Something stands beside the PEM block, or within it, that is not part of the request'
      : undefined,
  );
  return { der: firstBlock(text), faults };
}

function firstBlock(text: string): Buffer | undefined {
  const body = new RegExp(`-----BEGIN ${LABEL}-----([^-]*)-----END ${LABEL}-----`).exec(text)?.[1]?.replaceAll(/\s/g, '');
  return body === undefined || !/^[A-Za-z0-9+/]+={0,2}$/.test(body) ? undefined : Buffer.from(body, 'base64');
}
