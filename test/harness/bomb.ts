// Frames of zeros that are small and become large, made by hand and without becoming large here.

import {forgePack, packMembers} from './forge-stream.ts'
import {tarHeader} from './read-pack.ts'
import {sha256} from './read-store.ts'

/** The id that the object of zeros goes by, which is not its own. */
export const zeros = sha256(Buffer.from('zeros'))

/** A frame of one object of zeros: its header, then runs of 128 KiB in four bytes each, by RFC 8878. */
export function bomb(size: number, declared = size + 512): Buffer {
  const head = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xc4, 10 << 3, 0, 0, 0, 0, 0, 0, 0, 0])
  head.writeBigUInt64LE(BigInt(declared), 6)
  const raw = Buffer.alloc(3)
  raw.writeUIntLE(512 << 3, 0, 3)
  const runs = Buffer.alloc((size / (128 * 1024)) * 4)
  for (let at = 0; at < runs.length; at += 4) runs.writeUIntLE((at + 4 === runs.length ? 1 : 0) | (1 << 1) | ((128 * 1024) << 3), at, 3)
  return Buffer.concat([head, raw, tarHeader(zeros, size), runs, Buffer.alloc(4)])
}

/** A stream with one pack, whose frame is the bomb and whose table says what it says. */
export function bombStream(frame: Buffer, table: string): Buffer {
  const {name, bytes} = forgePack([[Buffer.from('x')]], {compress: () => frame, toc: () => `#bk toc 1\nframe ${frame.length} ${table}`})
  return packMembers({name, bytes, ids: [zeros]})
}
