// The end of a stream: whoever waits for an answer keeps his side open behind it, others close it, and nobody sends anything more.

import {describe, expect, test} from 'vitest'
import {STREAM_END, StreamReader, streamMember} from '../../../src/lib/transfer/stream.ts'

const archive = Buffer.concat([...streamMember('snapshot', [Buffer.from('x')]), STREAM_END])

async function* pieces(bytes: Uint8Array, size: number, staysOpen: boolean): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
  if (staysOpen) await new Promise(() => {})
}

async function readAll(reader: StreamReader): Promise<string[]> {
  const names: string[] = []
  for (let header = await reader.next(); header !== undefined; header = await reader.next()) {
    names.push(header.name)
    await reader.content(header)
  }
  return names
}

describe.each([1, 512, 100_000])('in pieces of %d bytes', (size) => {
  test('one that is closed, and one that stays open', async () => {
    expect(await readAll(new StreamReader(pieces(archive, size, false)))).toEqual(['snapshot'])
    expect(await readAll(new StreamReader(pieces(archive, size, true), {staysOpen: true}))).toEqual(['snapshot'])
  })

  test('what stands behind the end is an error', async () => {
    const more = Buffer.concat([archive, Buffer.from('x')])
    await expect(readAll(new StreamReader(pieces(more, size, false)))).rejects.toThrow('something stands behind its end')
    // What comes later than the end is not looked at where nobody waits for it.
    if (size === 100_000) await expect(readAll(new StreamReader(pieces(more, size, true), {staysOpen: true}))).rejects.toThrow('something stands behind its end')
  })
})
