/**
 * Reads a CRL in a process of its own and tells, in JSON, what it found and the most memory that it held above what it began with:
 * `node crl-large-child.js CRL CA.PEM SERIAL`, with --expose-gc.
 */
import { createReadStream, readFileSync } from 'node:fs';
import process from 'node:process';
import { readCertificate } from '../../src/pki/certificate.js';
import { readCrl } from '../../src/pki/crl-reader.js';

const [file = '', ca = '', serialNumber = ''] = process.argv.slice(2);
const signers = [readCertificate(readFileSync(ca))];

/** The heap and the buffers that are still in use, measured every few chunks; the resident size as the system sees it. */
const peak = { held: 0, resident: 0 };
function measure(): void {
  global.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  peak.held = Math.max(peak.held, heapUsed + external);
  peak.resident = Math.max(peak.resident, rss);
}
async function* measured(): AsyncGenerator<Buffer> {
  let count = 0;
  for await (const chunk of createReadStream(file)) {
    if (count++ % 64 === 0) measure();
    yield chunk as Buffer;
  }
}

measure();
const begun = { ...peak };
const used = process.cpuUsage();
const crl = await readCrl(createReadStream(file), { source: file, serialNumbers: [serialNumber], signers });
const { user, system } = process.cpuUsage(used);
await readCrl(measured(), { source: file, serialNumbers: [serialNumber], signers });
measure();
console.log(
  JSON.stringify({
    entries: crl.entries,
    reason: crl.found.get(serialNumber)?.reason,
    isSigned: crl.signers.length === 1,
    heldMiB: (peak.held - begun.held) / 2 ** 20,
    residentMiB: (peak.resident - begun.resident) / 2 ** 20,
    cpuMs: Math.round((user + system) / 1000),
  }),
);
