import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {attributeFields, KIND, packet, PacketReader, type Field, type Packet} from '../../../src/lib/ssh/sftp-packets.ts'

function packetsOf(pieces: readonly Buffer[]): Packet[] {
  const reader = new PacketReader()
  return pieces.flatMap((piece) => [...reader.take(piece)])
}

const cut = (bytes: Buffer, size: number): Buffer[] => Array.from({length: Math.ceil(bytes.length / size)}, (_, i) => bytes.subarray(i * size, (i + 1) * size))

describe('packets', () => {
  it('come back as they were made, however the stream is cut', () => {
    const field = fc.oneof(fc.nat(2 ** 31), fc.bigInt({min: 0n, max: 2n ** 53n - 1n}), fc.uint8Array({maxLength: 300}))
    fc.assert(fc.property(fc.array(fc.tuple(fc.integer({min: 1, max: 201}), fc.array(field)), {minLength: 1}), fc.integer({min: 1, max: 400}), (made, size) => {
      const all = Buffer.concat(made.map(([kind, fields]) => packet(kind, ...fields)))
      const read = packetsOf(cut(all, size))
      expect(read.map(({kind}) => kind)).toEqual(made.map(([kind]) => kind))
      for (const [i, {fields}] of read.entries()) {
        for (const expected of made[i]![1]) {
          const got: Field = typeof expected === 'number' ? fields.uint32() : typeof expected === 'bigint' ? BigInt(fields.uint64()) : Uint8Array.from(fields.bytes())
          expect(got).toEqual(expected)
        }
        expect(() => fields.uint32()).toThrow('ends in the middle of a field')
      }
    }))
  })

  it.for([0, 256 * 1024 + 1, 2 ** 31, 2 ** 32 - 1])('of %d bytes are refused before anything of them is kept', (length) => {
    const head = Buffer.alloc(4)
    head.writeUInt32BE(length)
    expect(() => packetsOf([head])).toThrow(expect.objectContaining({status: 65}))
  })

  it('know whether the stream may end', () => {
    const reader = new PacketReader()
    const bytes = packet(KIND.init, 3)
    expect(reader.isBetween).toBe(true)
    expect([...reader.take(bytes.subarray(0, 6))]).toEqual([])
    expect(reader.isBetween).toBe(false)
    expect([...reader.take(bytes.subarray(6))]).toHaveLength(1)
    expect(reader.isBetween).toBe(true)
  })
})

describe('fields', () => {
  const fieldsOf = (...bytes: number[]) => packetsOf([Buffer.from([0, 0, 0, 1 + bytes.length, KIND.data, ...bytes])])[0]!.fields

  it('that say they are longer than their packet are refused', () => {
    expect(() => fieldsOf(0xff, 0xff, 0xff, 0xff, 1).bytes()).toThrow(expect.objectContaining({status: 65}))
    expect(() => fieldsOf(0, 0, 0, 2, 1).bytes()).toThrow(expect.objectContaining({status: 65}))
    expect(() => fieldsOf(1).uint32()).toThrow(expect.objectContaining({status: 65}))
  })

  it('of 64 bits that no file reaches are infinite', () => {
    expect(fieldsOf(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff).uint64()).toBe(Infinity)
    expect(fieldsOf(0, 0x20, 0, 0, 0, 0, 0, 0).uint64()).toBe(Infinity)
    expect(fieldsOf(0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff).uint64()).toBe(Number.MAX_SAFE_INTEGER)
  })

  it('of attributes come back, and times stay within theirs', () => {
    const {fields} = packetsOf([packet(KIND.attrs, ...attributeFields({size: 5e12, mode: 0o100444, time: 1e11}))])[0]!
    expect(fields.attributes()).toEqual({size: 5e12, mode: 0o100444, time: 0xffff_ffff, uid: 0, gid: 0})
  })

  it('of attributes that claim endless extensions end with the packet', () => {
    expect(() => fieldsOf(0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff).attributes()).toThrow(expect.objectContaining({status: 65}))
  })
})
