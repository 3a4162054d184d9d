/*
 * Members of the tar inside a pack. A header is a pure function of id and size (docs/format.md, 4), so that equal objects
 * make equal bytes and a reader can refuse any header that is not exactly the one it would have written.
 */

export const BLOCK = 512
/** The end of a tar: two blocks of zeros. */
export const TAR_END = Buffer.alloc(2 * BLOCK)

/** Largest object: what eleven octal digits can say. */
export const MAX_OBJECT = 8 ** 11 - 1

const TEMPLATE = makeTemplate()
const TEMPLATE_SUM = sumOf(TEMPLATE)

function makeTemplate(): Buffer {
  const header = Buffer.alloc(BLOCK)
  header.write('0000444\0', 100, 'latin1')
  header.write('0000000\0', 108, 'latin1')
  header.write('0000000\0', 116, 'latin1')
  header.write('00000000000\0', 136, 'latin1')
  header.write('        ', 148, 'latin1')
  header.write('0', 156, 'latin1')
  header.write('ustar\u000000', 257, 'latin1')
  header.write('0000000\0', 329, 'latin1')
  header.write('0000000\0', 337, 'latin1')
  return header
}

function sumOf(bytes: Uint8Array): number {
  let sum = 0
  for (const byte of bytes) sum += byte
  return sum
}

/** Bytes that a member of so many bytes takes: header, content, padding. */
export function memberSize(size: number): number {
  return BLOCK + Math.ceil(size / BLOCK) * BLOCK
}

/** Writes the header of a member named `name` (an id, or a short path) into 512 bytes at `offset`. */
export function writeHeader(dst: Buffer, offset: number, name: string, size: number): void {
  TEMPLATE.copy(dst, offset)
  dst.write(name, offset, 'latin1')
  const octal = size.toString(8).padStart(11, '0')
  dst.write(octal, offset + 124, 'latin1')
  let sum = TEMPLATE_SUM
  for (let i = 0; i < name.length; i++) sum += name.charCodeAt(i)
  for (let i = 0; i < 11; i++) sum += octal.charCodeAt(i)
  dst.write(sum.toString(8).padStart(6, '0') + '\0 ', offset + 148, 'latin1')
}

/** A header as bytes of its own. */
export function headerOf(name: string, size: number): Buffer {
  const header = Buffer.allocUnsafe(BLOCK)
  writeHeader(header, 0, name, size)
  return header
}

/** Name and size of the header at `offset`, or undefined when it is not exactly one that `writeHeader` writes. */
export function readHeader(bytes: Buffer, offset: number): {readonly name: string; readonly size: number} | undefined {
  if (offset + BLOCK > bytes.length) return undefined
  const stop = bytes.indexOf(0, offset)
  const name = bytes.toString('latin1', offset, Math.min(stop < 0 ? offset + 100 : stop, offset + 100))
  const octal = bytes.toString('latin1', offset + 124, offset + 135)
  if (name === '' || !/^[0-7]{11}$/.test(octal)) return undefined
  const size = parseInt(octal, 8)
  return headerOf(name, size).equals(bytes.subarray(offset, offset + BLOCK)) ? {name, size} : undefined
}
