// The two halves of SFTP against each other, and the client against servers that lie.

import {mkdirSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {PassThrough} from 'node:stream'
import {setImmediate, setTimeout as sleep} from 'node:timers/promises'
import {describe, expect, it} from 'vitest'
import {browse} from '../../../src/lib/browse/serve.ts'
import {BrowseTree} from '../../../src/lib/browse/tree.ts'
import {inputError} from '../../../src/lib/cli/errors.ts'
import {SftpClient} from '../../../src/lib/ssh/sftp-client.ts'
import {SftpFiles} from '../../../src/lib/ssh/sftp-files.ts'
import {KIND, packet, PacketReader, STATUS, type Packet} from '../../../src/lib/ssh/sftp-packets.ts'
import {noise} from '../../harness/days.ts'
import {tempDir} from '../../harness/temp.ts'

/** A client whose requests `server` answers: with bytes, as many packets as it likes. */
function clientOf(server: (request: Packet, id: number) => Buffer | Promise<Buffer>): {readonly client: SftpClient} {
  const [input, output] = [new PassThrough(), new PassThrough()]
  const reader = new PacketReader()
  input.on('data', (piece: Buffer) => {
    for (const request of reader.take(piece)) {
      const answer = server(request, request.kind === KIND.init ? 0 : request.fields.uint32())
      if (answer instanceof Promise) void answer.then((bytes) => output.write(bytes))
      else output.write(answer)
    }
  })
  return {client: new SftpClient(input, output, async (cause) => (cause instanceof Error ? cause : inputError('it is gone')))}
}

/** A session with `browse` on a directory that looks like a store. */
async function served(files: Readonly<Record<string, Buffer>>): Promise<SftpFiles> {
  const dir = tempDir('served')
  for (const folder of ['log', 'catalogs', 'packs', 'packs/ab']) mkdirSync(join(dir, folder))
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(dir, name), bytes)
  const [input, output] = [new PassThrough(), new PassThrough()]
  const write = async (bytes: Buffer): Promise<void> => void (output.write(bytes) || (await new Promise((resolve) => output.once('drain', resolve))))
  void browse({tree: new BrowseTree(dir), input, write, patience: 60_000}).catch(() => output.destroy())
  const client = new SftpClient(input, output, async () => inputError('it is gone'))
  await client.greet()
  return new SftpFiles(client)
}

describe('files', () => {
  const size = 9 * 1024 * 1024 + 77
  const content = noise(1, size)
  const path = '/store/packs/ab/pack'
  const session = served({'packs/ab/pack': content})

  it.for([
    [0, 0], [0, 1], [size - 1, 1], [size - 1, 2], [size, 1], [size + 5, 10],
    [0, 131_071], [0, 131_072], [0, 131_073], [1, 262_144],
    [0, 4 << 20], [0, (4 << 20) + 1], [5, size - 5], [0, size], [0, size + 1], [0, 2 ** 30],
  ] as const)('from %d, %d bytes', async ([offset, length]) => {
    const read = await (await session).read(path, offset, length)
    expect(read.equals(content.subarray(offset, offset + length))).toBe(true)
  })

  it('all at once, more of them than stay open', async () => {
    const names = Array.from({length: 100}, (_, i) => `log/${i}`)
    const files = await served(Object.fromEntries(names.map((name) => [name, Buffer.from(name)])))
    const read = await Promise.all(names.map((name) => files.read(`/store/${name}`, 0, 100)))
    expect(read.map(String)).toEqual(names)
    expect((await files.names('/store/log')).sort()).toEqual(names.map((name) => name.slice(4)).sort())
    expect(await files.names('/store/nothing')).toEqual([])
    expect(await files.size('/store/log/7')).toBe(5)
    expect(await files.size('/store/log')).toBe(undefined)
    await expect(files.read('/store/log/x', 0, 1)).rejects.toMatchObject({code: 'ENOENT'})
  })
})

describe('a client that keeps a session open', () => {
  const tree = (): BrowseTree => new BrowseTree(tempDir('patience'))

  it('by asking nothing, or a byte now and then, is sent away', async () => {
    async function* trickle(): AsyncGenerator<Buffer> {
      yield packet(KIND.init, 3)
      for (const byte of Buffer.alloc(1000, packet(KIND.realpath, 1, 'x'.repeat(10_000)))) {
        await sleep(5)
        yield Buffer.from([byte])
      }
    }
    const answers: Buffer[] = []
    const done = browse({tree: tree(), input: trickle(), write: async (answer) => void answers.push(answer), patience: 100})
    await expect(done).rejects.toMatchObject({status: 75, message: 'nothing was asked for too long'})
    expect(answers).toEqual([packet(KIND.version, 3)])
  })

  it('by taking no answer is sent away', async () => {
    const done = browse({tree: tree(), input: new PassThrough().end(packet(KIND.init, 3)), write: () => new Promise(() => {}), patience: 50})
    await expect(done).rejects.toMatchObject({status: 75})
  })

  it('by asking in time may go on', async () => {
    async function* steady(): AsyncGenerator<Buffer> {
      yield packet(KIND.init, 3)
      for (let id = 1; id <= 20; id++) {
        await sleep(20)
        yield packet(KIND.realpath, id, '.')
      }
    }
    const answers: Buffer[] = []
    await browse({tree: tree(), input: steady(), write: async (answer) => void answers.push(answer), patience: 200})
    expect(answers).toHaveLength(21)
  })
})

const handle = (id: number): Buffer => packet(KIND.handle, id, 'h')

describe('a server that lies', () => {
  const opened = async (server: (request: Packet, id: number) => Buffer): Promise<SftpFiles> => {
    const {client} = clientOf((request, id) => {
      if (request.kind === KIND.init) return packet(KIND.version, 3)
      return request.kind === KIND.open ? handle(id) : server(request, id)
    })
    await client.greet()
    return new SftpFiles(client)
  }

  it.for([
    ['more bytes than were asked for', (id: number) => packet(KIND.data, id, Buffer.alloc(101))],
    ['no bytes, again and again', (id: number) => packet(KIND.data, id, '')],
    ['something else', (id: number) => packet(KIND.attrs, id, 0)],
    ['a packet that ends too early', (id: number) => Buffer.concat([Buffer.from([0, 0, 0, 9, KIND.data]), packet(0, id, 50).subarray(5)])],
    ['what was not asked', (id: number) => packet(KIND.data, id + 7, 'x')],
    ['no SFTP at all', () => Buffer.from('Welcome to vault!\n')],
    ['a packet without end', () => Buffer.from([0xff, 0xff, 0xff, 0xff, 0])],
  ] as const)('%s', async ([, answer]) => {
    const files = await opened((_, id) => answer(id))
    await expect(files.read('/x', 0, 100)).rejects.toMatchObject({status: 65})
  })

  it('pieces that are small are put together', async () => {
    const files = await opened((request, id) => {
      request.fields.bytes()
      const offset = request.fields.uint64()
      return offset >= 1000 ? packet(KIND.status, id, STATUS.eof, '', '') : packet(KIND.data, id, String.fromCharCode(offset % 251))
    })
    const read = await files.read('/x', 0, 2000)
    expect(read).toEqual(Buffer.from(Array.from({length: 1000}, (_, i) => i % 251)))
  })

  it('where a file ends: what comes is taken, and no more is asked than there can be', async () => {
    for (const said of [0n, 700n, 999n, 1000n, 1001n, 2n ** 40n]) {
      const files = await opened((request, id) => {
        if (request.kind === KIND.fstat) return packet(KIND.attrs, id, 1, said)
        request.fields.bytes()
        const offset = request.fields.uint64()
        return offset >= 1000 ? packet(KIND.status, id, STATUS.eof, '', '') : packet(KIND.data, id, Buffer.alloc(Math.min(300, 1000 - offset)))
      })
      expect((await files.read('/x', 0, 2 ** 30)).length).toBe(1000)
    }
  })

  it('another version, or something else than one', async () => {
    await expect(clientOf(() => packet(KIND.version, 2)).client.greet()).rejects.toThrow('it speaks version 2 of SFTP, not 3')
    await expect(clientOf(() => packet(KIND.status, 3)).client.greet()).rejects.toMatchObject({status: 65})
  })

  it.for([
    [STATUS.noSuchFile, 'ENOENT'], [STATUS.permissionDenied, 'EACCES'], [STATUS.failure, 'EIO'], [99, 'EIO'],
  ] as const)('status %d is %s', async ([code, name]) => {
    const files = await opened((_, id) => packet(KIND.status, id, code, 'whatever it says', ''))
    await expect(files.read('/x', 0, 1)).rejects.toMatchObject({code: name})
  })

  it('a size that no file has', async () => {
    const files = await opened((_, id) => packet(KIND.attrs, id, 1, 2n ** 63n))
    await expect(files.size('/x')).rejects.toMatchObject({status: 65})
  })

  it('names without end', async () => {
    const many = Array.from({length: 3000}, () => ['x'.repeat(20), '', 0]).flat()
    const {client} = clientOf((request, id) => {
      if (request.kind === KIND.init) return packet(KIND.version, 3)
      return request.kind === KIND.opendir ? handle(id) : packet(KIND.name, id, 3000, ...many)
    })
    await client.greet()
    await expect(new SftpFiles(client).names('/x')).rejects.toThrow('more than 4194304 names in a directory')
  })

  it('is asked for no more than 64 things at a time', async () => {
    let most = 0
    let open = 0
    const {client} = clientOf(async (request, id) => {
      if (request.kind === KIND.init) return packet(KIND.version, 3)
      most = Math.max(most, ++open)
      await setImmediate()
      open--
      return packet(KIND.status, id, STATUS.noSuchFile, '', '')
    })
    await client.greet()
    await Promise.all(Array.from({length: 1000}, (_, i) => client.lstat(`/${i}`)))
    expect(most).toBeGreaterThan(1)
    expect(most).toBeLessThanOrEqual(64)
  })
})
