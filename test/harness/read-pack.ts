// Reads a pack as docs/format.md, 4 describes it, without bk's code, and builds packs that are not as it describes them.

import {createHash} from 'node:crypto'
import {zstdDecompressSync} from 'node:zlib'

/** The objects of a pack by id. Throws for anything that the page does not allow. */
export function readPack(bytes: Buffer): Map<string, Buffer> {
  const length = Number(/^length (\d{8})\n$/.exec(bytes.toString('latin1', bytes.length - 16))?.[1])
  const table = bytes.subarray(bytes.length - length)
  must(bytes.readUInt32BE(0) === 0x502a4d18 && bytes.readUInt32LE(4) === 16, 'it begins otherwise')
  must(table.readUInt32BE(0) === 0x512a4d18 && table.readUInt32LE(4) === length - 8, 'its last frame is no table of contents')
  const [head, ...frames] = table.toString('latin1', 8, length - 16).split(/^frame /m)
  must(head === '#bk toc 1\n', 'its table of contents begins otherwise')
  const members = new Map<string, Buffer>()
  let offset = 24
  for (const frame of frames) {
    const [first = '', ...lines] = frame.trimEnd().split('\n')
    const [compressed = 0, size = 0] = first.split(' ').map(Number)
    const content = zstdDecompressSync(bytes.subarray(offset, offset + compressed))
    must(content.length === size, 'a frame has another size than its table of contents says')
    offset += compressed
    let at = 0
    for (const line of lines) {
      const [id = '', length = ''] = line.split(' ')
      at = readMember(content, at, id, Number(length), members)
    }
    must(at === size, 'a frame is not filled by its members')
  }
  must(zstdDecompressSync(bytes.subarray(offset, bytes.length - length)).equals(Buffer.alloc(1024)), 'its archive does not end in zeros')
  return members
}

function readMember(content: Buffer, at: number, id: string, size: number, members: Map<string, Buffer>): number {
  const header = content.subarray(at, at + 512)
  must(header.equals(tarHeader(id, size)), `the header of ${id} is another`)
  const bytes = content.subarray(at + 512, at + 512 + size)
  const end = at + 512 + Math.ceil(size / 512) * 512
  must(createHash('sha256').update(bytes).digest('hex') === id, `object ${id} has other bytes`)
  must(!members.has(id), `object ${id} is in it twice`)
  must(content.subarray(at + 512 + size, end).every((byte) => byte === 0), `behind ${id} are other bytes than zeros`)
  members.set(id, bytes)
  return end
}

/** The one header that a member of this name and size may have. `fields` overwrite it, for forged ones. */
export function tarHeader(name: string, size: number, fields: Readonly<Record<number, string>> = {}): Buffer {
  const header = Buffer.alloc(512)
  header.write(name, 0, 100, 'latin1')
  header.write('0000444\0' + '0000000\0' + '0000000\0' + size.toString(8).padStart(11, '0') + '\0' + '00000000000\0', 100, 'latin1')
  header.write('0', 156, 'latin1')
  header.write('ustar\0' + '00', 257, 'latin1')
  header.write('0000000\0' + '0000000\0', 329, 'latin1')
  for (const [offset, text] of Object.entries(fields)) header.write(text, Number(offset), 'latin1')
  const sum = header.reduce((total, byte) => total + byte, 8 * 32)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return header
}

function must(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(`a pack is not in the format: ${otherwise}`)
}
