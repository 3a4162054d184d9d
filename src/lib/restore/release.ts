/*
 * Gives memory back at once. Buffers of a MiB come and go by the thousand here; left to the garbage collector, which counts them
 * late, they pile up to hundreds of MiB in each thread, and every new one is memory that the kernel has to clear first.
 */

/** Frees what a buffer that nobody uses any more stands on. Only for buffers that have all of their memory to themselves. */
export function release(buffer: Buffer): void {
  const {buffer: memory} = buffer
  // Small buffers share a pool.
  if (memory instanceof ArrayBuffer && memory.byteLength >= 65_536) memory.transfer(0)
}
