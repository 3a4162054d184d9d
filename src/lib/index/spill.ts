/*
 * Where bytes wait that may be too many for memory. The modules of this folder touch no file, so they are handed a
 * factory; sys/spill.ts makes the real one.
 */

/** Bytes written once, then read any number of times, in order. */
export interface Spill {
  write(piece: Uint8Array): void
  pieces(): AsyncIterable<Buffer>
  close(): void
}

export type SpillFactory = () => Spill
