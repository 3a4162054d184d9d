// The door to the system: that it is the real one by default, that a test can stand in it, and that the helpers on top hold what
// they promise on disks that are full, slow to take bytes or broken.

import {closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, afterEach, expect, test} from 'vitest'

import {calls, interceptCalls, readAll, readExactly, readFile, readFull, replaceCalls, writeAll} from '../../../src/lib/sys/calls.ts'
import {systemError} from '../../../src/lib/sys/errno.ts'

const dir = mkdtempSync(join(tmpdir(), 'bk-calls-'))
afterAll(() => rmSync(dir, {recursive: true}))

const undo: (() => void)[] = []
afterEach(() => {
  for (const each of undo.splice(0).reverse()) each()
})

/** A disk that takes `room` bytes and then is full, as a real one is: the last write is short, the next fails. */
function fullAfter(room: number): void {
  const {write} = calls
  undo.push(replaceCalls({
    write: (fd, buffer, offset, length, position) => {
      if (room === 0 && length > 0) throw systemError(28, 'write')
      const written = write(fd, buffer, offset, Math.min(length, room), position)
      room -= written
      return written
    },
  }))
}

/** A system that is interrupted at every second call and takes or gives at most three bytes at a time. */
function awkward(): void {
  const {read, write} = calls
  let turn = 0
  const interrupted = (syscall: string) => {
    if ((turn += 1) % 2 === 1) throw systemError(4, syscall)
  }
  undo.push(replaceCalls({
    read: (fd, buffer, offset, length, position) => {
      interrupted('read')
      return read(fd, buffer, offset, Math.min(length, 3), position)
    },
    write: (fd, buffer, offset, length, position) => {
      interrupted('write')
      return write(fd, buffer, offset, Math.min(length, 3), position)
    },
  }))
}

const text = Buffer.from('the quick brown fox jumps over the lazy dog')

test('by default calls are the system', () => {
  const path = join(dir, 'plain')
  const fd = calls.open(path, 'w+', 0o640)
  writeAll(fd, text)
  calls.fsync(fd)
  expect(calls.fstat(fd).size).toBe(BigInt(text.length))
  expect(readExactly(fd, 5, 4)!.toString()).toBe('quick')
  calls.close(fd)
  expect(calls.lstat(path).mode & 0o7777n).toBe(0o640n)
  expect(calls.lstatOrNone(join(dir, 'missing'))).toBeUndefined()
  calls.symlink(Buffer.from([0xff]), join(dir, 'link'))
  expect(calls.readlink(join(dir, 'link'))).toEqual(Buffer.from([0xff]))
  calls.mkdir(Buffer.concat([Buffer.from(`${dir}/`), Buffer.from([0xfe])]))
  expect(calls.readdirBytes(dir)).toContainEqual(Buffer.from([0xfe]))
  expect(calls.statfs(dir).bsize).toBeGreaterThan(0n)
  calls.utimensat(path, 1n, 123_456_789n)
  expect(calls.lstat(path).mtimeNs).toBe(123_456_789n)
})

test('writeAll and the readers go on after short and interrupted calls', () => {
  awkward()
  const path = join(dir, 'awkward')
  const fd = calls.open(path, 'w+')
  writeAll(fd, text)
  writeAll(fd, Buffer.from('THE'), 0)
  expect(readFileSync(path, 'latin1')).toBe(`THE${text.toString().slice(3)}`)
  const buffer = Buffer.alloc(100)
  expect(readFull(fd, buffer, 0)).toBe(text.length)
  expect(readExactly(fd, 5, 4)!.toString()).toBe('quick')
  expect(readExactly(fd, text.length + 1, 0)).toBeUndefined()
  calls.close(fd)
  expect(readFile(path).toString('latin1')).toBe(readFileSync(path, 'latin1'))
})

test('a disk that is full after 10 bytes', () => {
  fullAfter(10)
  const path = join(dir, 'full')
  const fd = calls.open(path, 'w')
  expect(() => writeAll(fd, text)).toThrow(expect.objectContaining({code: 'ENOSPC', syscall: 'write'}))
  calls.close(fd)
  expect(readFileSync(path, 'latin1')).toBe('the quick ')
})

test('/dev/full is full', () => {
  const fd = calls.open('/dev/full', 'w')
  expect(() => writeAll(fd, text)).toThrow(expect.objectContaining({code: 'ENOSPC'}))
  calls.close(fd)
})

test('a write that takes nothing ends', () => {
  undo.push(replaceCalls({write: () => 0}))
  expect(() => writeAll(1, text)).toThrow('wrote none')
})

test('readAll takes files that say no size, and no more than its limit', () => {
  expect(readFile('/proc/self/status').toString()).toMatch(/^Name:/)
  const path = join(dir, 'long')
  writeFileSync(path, Buffer.alloc(100_000, 'x'))
  expect(readFile(path)).toHaveLength(100_000)
  expect(readFile(path, 100_000)).toHaveLength(100_000)
  expect(() => readFile(path, 99_999)).toThrow('file is longer than 99999 bytes')
  expect(() => readFile('/dev/zero', 1_000_000)).toThrow('file is longer than 1000000 bytes')
  expect(readFile('/dev/null')).toHaveLength(0)
  const fd = openSync(path, 'r')
  readFull(fd, Buffer.alloc(99_990))
  expect(readAll(fd, 1_000_000)).toHaveLength(10)
  closeSync(fd)
})

test('every call can be counted, refused, or be the last', () => {
  const names: string[] = []
  undo.push(interceptCalls(({name, proceed}) => {
    names.push(name)
    if (name === 'fsync') throw systemError(5, 'fsync')
    return proceed()
  }))
  const fd = calls.open(join(dir, 'seen'), 'w')
  writeAll(fd, text)
  expect(() => calls.fsync(fd)).toThrow(expect.objectContaining({code: 'EIO'}))
  calls.close(fd)
  const held = calls.open(dir, 'r')
  calls.mkfifoat(held, 'fifo', 0o600)
  calls.unlinkat(held, 'fifo')
  calls.close(held)
  expect(names).toEqual(['open', 'write', 'fsync', 'close', 'open', 'mkfifoat', 'unlinkat', 'close'])
  for (const each of undo.splice(0)) each()
  calls.lstat(dir)
  expect(names).toHaveLength(8)
})

test('an intercepted call can get other arguments, and give another result', () => {
  undo.push(interceptCalls(({name, args, proceed}) => {
    if (name === 'readdir') return ['invented']
    return proceed(`${dir}/${String(args[0])}`, ...args.slice(1))
  }))
  writeFileSync(join(dir, 'relative'), '12345')
  expect(calls.lstat('relative').size).toBe(5n)
  expect(calls.readdir(dir)).toEqual(['invented'])
})

test('replacements nest', () => {
  const original = calls.rmdir
  const outer = replaceCalls({rmdir: () => { throw systemError(1, 'outer') }})
  const inner = replaceCalls({rmdir: () => { throw systemError(1, 'inner') }})
  expect(() => calls.rmdir('/x')).toThrow('inner')
  inner()
  expect(() => calls.rmdir('/x')).toThrow('outer')
  outer()
  expect(calls.rmdir).toBe(original)
})
