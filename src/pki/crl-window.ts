/** A window that moves over a stream of bytes: what was read goes, so that the whole is never in memory. */
import { derError } from './der-reader.js';

/** The most octets that are taken in at once: a chunk that is larger is looked at piece by piece. */
const PIECE = 1 << 16;

export interface CrlWindow {
  /** What is in the window; another buffer after each `need`. */
  readonly bytes: Buffer;
  /** Where reading goes on, as an index into `bytes`. */
  at: number;
  /** The position in the stream of what stands at `at`. */
  position(): number;
  /**
   * Has at least `count` octets stand at `at`.
   * @throws {TscertError} `der-invalid` when the stream ends before; what the stream throws
   */
  need(count: number): Promise<void>;
  /** True when the stream ends at `at`. */
  isAtEnd(): Promise<boolean>;
  /** Begins to keep what is read, for `tap`. */
  keep(): void;
  /** Gives `sink` what was read since `keep`, and from now on what is read, in pieces and in order; they are valid during the call only. */
  tap(sink: (piece: Buffer) => void): void;
  /** Gives the sink the last piece, up to `at`. */
  untap(): void;
}

/** A window over these chunks, which may have any size. */
export function openWindow(chunks: AsyncIterator<Buffer>): CrlWindow {
  let bytes: Buffer = Buffer.alloc(0);
  let chunk: Buffer = bytes;
  /** The position of `bytes` in the stream. */
  let before = 0;
  /** Where in `bytes` that stands which the sink has not had; undefined when nothing is kept. */
  let kept: number | undefined;
  let sink: ((piece: Buffer) => void) | undefined;

  const nextPiece = async (): Promise<Buffer | undefined> => {
    while (chunk.length === 0) {
      const { done, value } = await chunks.next();
      if (done) return undefined;
      chunk = value;
    }
    const piece = chunk.subarray(0, PIECE);
    chunk = chunk.subarray(PIECE);
    return piece;
  };

  const flush = (): void => {
    if (kept === undefined || sink === undefined) return;
    if (kept < window.at) sink(bytes.subarray(kept, window.at));
    kept = window.at;
  };

  /** Lets go of what was read and joins the rest with as many pieces as `count` octets behind `at` take. */
  const fill = async (count: number): Promise<boolean> => {
    flush();
    const start = kept ?? window.at;
    const parts = start < bytes.length ? [bytes.subarray(start)] : [];
    let missing = count - (bytes.length - window.at);
    while (missing > 0) {
      const piece = await nextPiece();
      if (piece === undefined) break;
      parts.push(piece);
      missing -= piece.length;
    }
    const [first] = parts;
    bytes = parts.length === 1 && first !== undefined ? first : Buffer.concat(parts);
    before += start;
    window.at -= start;
    if (kept !== undefined) kept = 0;
    return missing <= 0;
  };

  const window: CrlWindow = {
    get bytes() {
      return bytes;
    },
    at: 0,
    position: () => before + window.at,
    async need(count) {
      if (bytes.length - window.at >= count || (await fill(count))) return;
      throw derError(`it ends after ${before + bytes.length} bytes, within an element`);
    },
    async isAtEnd() {
      return bytes.length === window.at && !(await fill(1));
    },
    keep() {
      kept = window.at;
    },
    tap(to) {
      sink = to;
    },
    untap() {
      flush();
      kept = undefined;
      sink = undefined;
    },
  };
  return window;
}
