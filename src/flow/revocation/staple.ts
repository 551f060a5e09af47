/** The file from which a server staples: nginx's `ssl_stapling_file`, HAProxy's `.ocsp`; DER. */
import path from 'node:path';
import { TscertError } from '../../base/errors.js';
import { replaceFile } from '../../store/atomic.js';
import { type FileSystem, hasCode, reasonOf } from '../../store/files.js';
import type { OcspEvidence, RevocationReport } from './evidence.js';

/** The newest response that is good, believed and in time; none of a certificate that is not good after all. */
export function stapleOf({ status, evidence }: Pick<RevocationReport, 'status' | 'evidence'>, now: number): OcspEvidence | undefined {
  if (status !== 'good') return undefined;
  return evidence
    .filter((one): one is OcspEvidence & { status: 'good' } => one.kind === 'ocsp' && one.status === 'good')
    .filter(({ nextUpdate }) => nextUpdate === undefined || nextUpdate.getTime() > now)
    .sort((a, b) => b.thisUpdate.getTime() - a.thisUpdate.getTime())[0];
}

/**
 * Writes it in one step, unless it stands there. What is no regular file is neither followed nor replaced.
 * @param file absolute
 * @throws {TscertError} `file-unwritable`
 */
export async function placeStaple(file: string, response: Buffer, fs: FileSystem): Promise<void> {
  try {
    // One name for one file: what a run that was killed has left is gone with the next one.
    const temporary = path.join(path.dirname(file), `.${path.basename(file)}.tscert-new`);
    await fs.rm(temporary, { force: true });
    const there = fs.lstatSync(file, { throwIfNoEntry: false });
    if (there !== undefined && !there.isFile()) throw new Error('it is there, and no regular file');
    if (there?.size === response.length && fs.readFileSync(file).equals(response)) return;
    await replaceFile(fs, file, temporary, { text: response, mode: 0o644, durable: true });
  } catch (error) {
    throw new TscertError('file-unwritable', `Cannot write the staple file "${file}": ${reasonOf(error)}`, {
      data: { file },
      cause: error,
    });
  }
}

/** True where there is a file; what it holds is not looked at. */
export function isStapleThere(file: string, fs: Pick<FileSystem, 'lstatSync'>): boolean {
  try {
    return fs.lstatSync(file, { throwIfNoEntry: false })?.isFile() === true;
  } catch (error) {
    if (hasCode(error, 'ENOTDIR', 'EACCES', 'ELOOP', 'ENAMETOOLONG')) return false;
    throw error;
  }
}
