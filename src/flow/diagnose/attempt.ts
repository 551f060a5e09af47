/** Reading what may be refused: the refusal is evidence too. */
import { TscertError } from '../../base/errors.js';

/** What was read, or why it could not be. */
export type Read<T> = { readonly value: T; readonly error?: never } | { readonly error: TscertError };

/** Reads; what was not read because the run ends is thrown, and so is what is no error of tscert's. */
export async function attempt<T>(signal: AbortSignal, read: () => Promise<T>): Promise<Read<T>> {
  try {
    return { value: await read() };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof TscertError) return { error };
    throw error;
  }
}

/** What was read, if it was. */
export function valueIn<T>(read: Read<T>): T | undefined {
  return read.error === undefined ? read.value : undefined;
}
