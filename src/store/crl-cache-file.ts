/** The file of a cached CRL: a header of one page that tells what stands behind it, then the octets as they were fetched. */
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import type { CrlFacts } from './crl-cache.js';

/** Octets before the CRL. */
export const HEADER = 4_096;

/** What the header says. */
export interface CrlFileHeader extends CrlFacts {
  readonly url: string;
  readonly size: number;
  /** SHA-256 of the octets, hex. */
  readonly sha256: string;
  readonly checkedAt: number;
}

/** Hex digits of SHA-256. */
const DIGEST = 64;

/** The octets of a header: a digest of the rest, then JSON, filled with spaces; undefined when it says too much. */
export function headerBytes(header: CrlFileHeader): Buffer | undefined {
  const json = Buffer.from(JSON.stringify(header));
  if (json.length > HEADER - DIGEST) return undefined;
  const rest = Buffer.concat([json, Buffer.alloc(HEADER - DIGEST - json.length, ' ')]);
  return Buffer.concat([Buffer.from(sha256Of(rest)), rest]);
}

/** Reads the header of a file; undefined when it is damaged, or what stands behind it has not the size that it says. */
export async function readHeader(handle: FileHandle): Promise<CrlFileHeader | undefined> {
  const bytes = Buffer.alloc(HEADER);
  const { bytesRead } = await handle.read(bytes, 0, HEADER, 0);
  const rest = bytes.subarray(DIGEST);
  if (bytesRead < HEADER || bytes.toString('latin1', 0, DIGEST) !== sha256Of(rest)) return undefined;
  // The digest says that it was written by `headerBytes`.
  const header = JSON.parse(rest.toString('utf8')) as CrlFileHeader;
  return (await handle.stat()).size === HEADER + header.size ? header : undefined;
}

/** The octets behind the header. */
export async function* contentOf(handle: FileHandle): AsyncGenerator<Buffer> {
  for (let at = HEADER; ; ) {
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(1 << 16), 0, 1 << 16, at);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
    at += bytesRead;
  }
}

/** True when the octets behind the header are those that it speaks of. */
export async function isWhole(handle: FileHandle, { sha256 }: CrlFileHeader): Promise<boolean> {
  const hash = createHash('sha256');
  for await (const chunk of contentOf(handle)) hash.update(chunk);
  return hash.digest('hex') === sha256;
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
