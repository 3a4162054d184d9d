/*
 * Gives the memory of a large buffer back at once. Node frees a buffer when the garbage collector finds it, which for
 * buffers of a MiB means dozens of MiB in waiting, and a collection of the whole heap for each few of them.
 */

// Node hands out small buffers as parts of a shared pool, which must not be touched.
const OWN_MEMORY = 128 * 1024

/** Frees a buffer that nobody will look at again. Small ones are left to the garbage collector. */
export function freeBuffer(buffer: Uint8Array | Uint32Array): void {
  const memory = buffer.buffer
  if (memory instanceof ArrayBuffer && memory.byteLength >= OWN_MEMORY) memory.transfer(0)
}
