// The walk over SFTP against a server at hand: what it holds, and for how long.

import {PassThrough} from 'node:stream'
import {expect, test} from 'vitest'
import {inputError} from '../../../src/lib/cli/errors.ts'
import {sftpTree} from '../../../src/lib/source/sftp-walk.ts'
import {SftpClient} from '../../../src/lib/ssh/sftp-client.ts'
import {KIND, packet, PacketReader, STATUS, type Packet} from '../../../src/lib/ssh/sftp-packets.ts'
import {directory, nameAnswer, statusAnswer, type Attributes} from '../../harness/sftp-server.ts'

const {attributes: dir} = directory({})
const file: Attributes = {mode: 0o100644, time: 1, size: 1}

async function clientOf(answer: (request: Packet, id: number) => Buffer): Promise<SftpClient> {
  const [input, output] = [new PassThrough(), new PassThrough()]
  const reader = new PacketReader()
  input.on('data', (piece: Buffer) => {
    for (const request of reader.take(piece)) output.write(request.kind === KIND.init ? packet(KIND.version, 3) : answer(request, request.fields.uint32()))
  })
  const client = new SftpClient(input, output, async (cause) => (cause instanceof Error ? cause : inputError('it is gone')))
  await client.greet()
  return client
}

test('directories that end in an error after many names are forgotten, however many', async () => {
  const many = Array.from({length: 100}, (_, at): [string, Attributes] => [`f${at}`, file])
  const given = new Map<string, number>()
  const client = await clientOf(({kind, fields}, id) => {
    const word = fields.text()
    if (kind === KIND.lstat) return packet(KIND.attrs, id, 4, dir.mode)
    if (kind === KIND.opendir) return packet(KIND.handle, id, word)
    if (kind !== KIND.readdir) return statusAnswer(id, STATUS.ok)
    const before = given.get(word) ?? 0
    given.set(word, before + 1)
    if (word === '/') return before > 0 ? statusAnswer(id, STATUS.eof) : nameAnswer(id, Array.from({length: 1000}, (_, at) => [`d${at}`, dir]))
    // Two answers are asked for at once, and what comes with an error is not even looked at.
    return before > 1 ? statusAnswer(id, STATUS.failure) : nameAnswer(id, many)
  })
  const problems: string[] = []
  const tree = sftpTree({client, root: '/', onProblem: (path, code) => problems.push(`${path} ${code}`), onNote: () => {}, checkEntries: () => {}, mostHeld: 1_000_000})
  let [entries, unread] = [0, 0]
  for await (const batch of tree.batches()) {
    entries += batch.entries
    unread += batch.unread
  }
  expect([entries, unread, problems.length]).toEqual([1, 1000, 1000])
  expect(problems[0]).toBe('./d0 EIO')
})
