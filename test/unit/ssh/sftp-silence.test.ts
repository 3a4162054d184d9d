// How long an SFTP session waits for the other side: as long as something comes, and then so long and no longer.

import {join} from 'node:path'
import {PassThrough} from 'node:stream'
import {setTimeout as sleep} from 'node:timers/promises'
import {afterEach, describe, expect, test, vi} from 'vitest'
import {inputError} from '../../../src/lib/cli/errors.ts'
import {SftpClient} from '../../../src/lib/ssh/sftp-client.ts'
import {KIND, packet, PacketReader, type Packet} from '../../../src/lib/ssh/sftp-packets.ts'
import {startSftp} from '../../../src/lib/ssh/sftp-session.ts'
import {root} from '../../harness/bk.ts'
import {fakeSsh} from '../../harness/sftp-server.ts'
import {tempDir} from '../../harness/temp.ts'

/** A client whose requests are answered as told, or not; and the times at which it had enough, in milliseconds. */
function clientOf(after: number, answer: (request: Packet, id: number, write: (bytes: Buffer) => void) => void): {readonly client: SftpClient; readonly silences: readonly number[]} {
  const [input, output] = [new PassThrough(), new PassThrough()]
  const reader = new PacketReader()
  const silences: number[] = []
  const began = performance.now()
  input.on('data', (piece: Buffer) => {
    for (const request of reader.take(piece)) {
      if (request.kind === KIND.init) output.write(packet(KIND.version, 3))
      else answer(request, request.fields.uint32(), (bytes) => void output.write(bytes))
    }
  })
  const call = (): void => {
    silences.push(performance.now() - began)
    output.destroy()
  }
  return {client: new SftpClient(input, output, async () => inputError('it is gone'), {after, call}), silences}
}

const attributes = (id: number): Buffer => packet(KIND.attrs, id, 0)

describe('a silence', () => {
  test('is over after its time, and whoever waited hears of it', async () => {
    const {client, silences} = clientOf(200, () => {})
    await client.greet()
    await expect(Promise.all([client.lstat('/a'), client.lstat('/b')])).rejects.toThrow('it is gone')
    expect(silences).toHaveLength(1)
    expect(silences[0]).toBeGreaterThan(150)
    expect(silences[0]).toBeLessThan(2000)
    await expect(client.lstat('/c')).rejects.toThrow('it is gone')
  })

  test('of bytes that never make an answer is one', async () => {
    let timer: NodeJS.Timeout | undefined
    const {client, silences} = clientOf(200, (_, id, write) => {
      const answer = attributes(id)
      let at = 0
      timer = setInterval(() => at < answer.length - 1 && write(answer.subarray(at, ++at)), 20)
    })
    await client.greet()
    await expect(client.lstat('/a')).rejects.toThrow('it is gone')
    clearInterval(timer)
    expect(silences).toHaveLength(1)
  })

  test('of an answer to one of many questions is none, as long as others are answered', async () => {
    const {client, silences} = clientOf(200, (_, id, write) => void (id > 1 && write(attributes(id))))
    await client.greet()
    const never = client.lstat('/never')
    never.catch(() => {})
    for (let asked = 0; asked < 12; asked++) {
      await sleep(50)
      await client.lstat('/a')
    }
    expect(silences).toEqual([])
    await expect(never).rejects.toThrow('it is gone')
    expect(silences).toHaveLength(1)
  })

  test('of nobody who was asked anything is none', async () => {
    const {client, silences} = clientOf(100, (_, id, write) => write(attributes(id)))
    await client.greet()
    await sleep(400)
    expect(await client.lstat('/a')).toEqual({})
    expect(silences).toEqual([])
  })
})

describe('a session over ssh', () => {
  afterEach(() => void vi.unstubAllEnvs())

  test.each(['nothing, from the beginning', 'nothing after the greeting', 'a byte now and then'])('%s: ends with a line, and 75', async (row) => {
    const bin = join(tempDir('silent'), 'bin')
    fakeSsh(bin, join(root, 'test/e2e/sftp-hostile.ts'), [row])
    vi.stubEnv('PATH', `${bin}:${process.env['PATH']}`)
    const reads = async (): Promise<void> => {
      const {client} = await startSftp({user: undefined, host: 'web1', port: undefined, path: ''}, {subsystem: 'sftp'}, {silentHint: 'is it asleep?', patience: 1200})
      await client.lstat('/srv')
      await client.read(await client.open('/srv/one'), 0, 10)
    }
    await expect(reads()).rejects.toMatchObject({status: 75, message: 'web1 has said nothing for 1.2 seconds', hint: 'is it asleep?'})
  })
})
