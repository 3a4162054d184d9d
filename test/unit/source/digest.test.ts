// Reading for a digest: what is in the digest was in the file at one moment, or it is said; nothing ever waits.

import {createHash} from 'node:crypto'
import {appendFileSync, chmodSync, lstatSync, mkdirSync, renameSync, symlinkSync, truncateSync, unlinkSync, utimesSync, writeFileSync, type BigIntStats} from 'node:fs'
import {spawnSync} from 'node:child_process'
import {join} from 'node:path'
import {afterEach, describe, expect, test} from 'vitest'
import {createDigester} from '../../../src/lib/source/digest.ts'
import {calls, replaceCalls} from '../../../src/lib/sys/calls.ts'
import {tempDir} from '../../harness/temp.ts'

const dir = tempDir('digest')
const path = join(dir, 'file')
const stat = (): BigIntStats => lstatSync(path, {bigint: true})
/* Past the tick of the clock in which the file was written, so that a change is one of times as well. */
const nextTick = (): unknown => spawnSync('sleep', ['0.02'])
const sha256 = (bytes: string | Buffer): string => createHash('sha256').update(bytes).digest('hex')
const digester = createDigester('sha256')

let restore: (() => void) | undefined
afterEach(() => {
  restore?.()
  restore = undefined
})

/** Does something at the n-th read of a file's content, before it. */
function atRead(actions: Readonly<Record<number, () => void>>): void {
  let reads = 0
  const {read} = calls
  restore = replaceCalls({
    read: (...args) => {
      actions[++reads]?.()
      return read(...args)
    },
  })
}

const piece = 1024 * 1024

test.for([0, 1, 4096, piece - 1, piece, piece + 1, 2 * piece, 3 * piece + 7])('%d bytes', (size) => {
  const content = Buffer.alloc(size, 'some text, ')
  writeFileSync(path, content)
  expect(digester(path, stat())).toMatchObject({digest: sha256(content), size: BigInt(size), changed: false})
  expect(createDigester('md5')(path, stat())).toMatchObject({digest: createHash('md5').update(content).digest('hex')})
})

describe('a file that changes while it is read', () => {
  test.for([
    ['once', 10, 20, {1: () => writeFileSync(path, 'x'.repeat(20))}, false],
    ['it grows', 10, 13, {1: () => appendFileSync(path, 'new')}, false],
    ['it shrinks', 10, 4, {1: () => truncateSync(path, 4)}, false],
    ['a large one', 2 * piece, 5, {2: () => writeFileSync(path, 'x'.repeat(5))}, false],
    ['only its times', 10, 10, {1: () => utimesSync(path, 1, 2)}, false],
    ['twice', 10, 12, {1: () => appendFileSync(path, 'ne'), 2: () => appendFileSync(path, 'w!')}, true],
    // The second reading begins with the third read, since what comes short is asked for again.
    ['it shrinks, twice', 10, 2, {1: () => truncateSync(path, 6), 3: () => truncateSync(path, 2)}, true],
  ] as const)('%s', ([, before, after, actions, changed]) => {
    writeFileSync(path, 'x'.repeat(before))
    const first = stat()
    nextTick()
    atRead(actions)
    const read = digester(path, first)!
    expect(read).toMatchObject({changed, size: BigInt(after)})
    if (!changed) expect(read.stats).toMatchObject({size: stat().size, ctimeNs: stat().ctimeNs})
    const content = Buffer.alloc(after, 'x')
    if (changed && after === 12) content.write('ne', 10)
    if (after === 13) content.write('new', 10)
    expect(read.digest).toBe(sha256(content))
  })

  test('one that grows without end is read to the size it had', () => {
    writeFileSync(path, 'x'.repeat(piece + 1))
    const first = stat()
    let reads = 0
    const {read} = calls
    restore = replaceCalls({
      read: (...args) => {
        reads++
        appendFileSync(path, Buffer.alloc(piece))
        return read(...args)
      },
    })
    expect(digester(path, first)).toMatchObject({changed: true})
    expect(reads).toBeLessThan(10)
  })
})

describe('something else has the name', () => {
  test('a fifo that nobody writes to', () => {
    writeFileSync(path, 'content')
    const first = stat()
    unlinkSync(path)
    spawnSync('mkfifo', [path])
    expect(digester(path, first)).toBeUndefined()
    unlinkSync(path)
  })

  test('a link', () => {
    writeFileSync(path, 'content')
    const first = stat()
    unlinkSync(path)
    symlinkSync('/etc/passwd', path)
    expect(() => digester(path, first)).toThrow(expect.objectContaining({code: 'ELOOP'}))
    unlinkSync(path)
  })

  test('a directory', () => {
    writeFileSync(path, 'content')
    const first = stat()
    unlinkSync(path)
    mkdirSync(path)
    expect(() => digester(path, first)).toThrow(expect.objectContaining({code: 'EISDIR'}))
    renameSync(path, join(dir, 'directory'))
  })

  test('another file', () => {
    writeFileSync(path, 'content')
    const first = stat()
    nextTick()
    writeFileSync(join(dir, 'other'), 'another')
    renameSync(join(dir, 'other'), path)
    expect(digester(path, first)).toBeUndefined()
  })

  test('nothing', () => {
    writeFileSync(path, 'content')
    const first = stat()
    unlinkSync(path)
    expect(() => digester(path, first)).toThrow(expect.objectContaining({code: 'ENOENT'}))
  })
})

test('access times stay, where that may be asked for', () => {
  writeFileSync(path, 'content')
  utimesSync(path, 1000, 2000)
  digester(path, stat())
  expect(stat().atimeNs).toBe(1_000_000_000_000n)
})

test('a file without rights cannot be read', () => {
  writeFileSync(path, 'content')
  chmodSync(path, 0)
  const first = stat()
  if (process.getuid?.() === 0) expect(digester(path, first)).toMatchObject({digest: sha256('content')})
  else expect(() => digester(path, first)).toThrow(expect.objectContaining({code: 'EACCES'}))
  unlinkSync(path)
})
