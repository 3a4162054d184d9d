// libc.ts against the real kernel and this directory's file system: times that Node cannot set, names that are not text, locks
// between two processes, holes, flags, and that nobody pays for koffi who does not call it.

import {execFileSync, spawn} from 'node:child_process'
import {
  closeSync, cpSync, ftruncateSync, lstatSync, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync, symlinkSync, writeFileSync, writeSync,
} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {pathToFileURL} from 'node:url'
import {afterAll, expect, test} from 'vitest'

import {
  cstring, dataExtents, flock, FS_NODUMP_FL, futimens, getFlags, libc, LOCK_EX, LOCK_NB, LOCK_UN, setFlags, utimensat,
} from '../../../src/lib/sys/libc.ts'

const dir = mkdtempSync(join(tmpdir(), 'bk-libc-'))
afterAll(() => rmSync(dir, {recursive: true}))

const sources = join(import.meta.dirname, '../../../src')
const libcUrl = pathToFileURL(join(sources, 'lib/sys/libc.ts')).href
const callsUrl = pathToFileURL(join(sources, 'lib/sys/calls.ts')).href

/** Run a script as a module in a process of its own; answers its stdout. */
function runNode(script: string): string {
  return execFileSync(process.execPath, ['--input-type=module', '-e', script], {encoding: 'utf8'})
}

function mtime(path: string | Buffer): bigint {
  return lstatSync(path, {bigint: true}).mtimeNs
}

test.for([
  0n,
  1n,
  -1n,
  -1_000_000_000n,
  -1_000_000_001n,
  -1_500_000_000_123_456_789n, // 1922
  1_763_800_000_123_456_789n,
  2_147_483_648_000_000_001n, // the second after 2038
  9_000_000_000_999_999_999n, // 2255, beyond a double's nanoseconds and near the end of what ext4 holds
])('times are kept to the nanosecond: %s', (time) => {
  const path = join(dir, 'time')
  writeFileSync(path, '')
  utimensat(path, time, time)
  const stat = lstatSync(path, {bigint: true})
  // stat's own bigint nanoseconds are what the kernel says.
  expect([stat.atimeNs, stat.mtimeNs]).toEqual([time, time])
})

test('omit leaves a time, now sets it', () => {
  const path = join(dir, 'omit')
  writeFileSync(path, '')
  utimensat(path, 5n, 7n)
  utimensat(path, 'omit', 9n)
  expect(lstatSync(path, {bigint: true}).atimeNs).toBe(5n)
  expect(mtime(path)).toBe(9n)
  const before = BigInt(Date.now()) * 1_000_000n
  utimensat(path, 'omit', 'now')
  expect(mtime(path)).toBeGreaterThan(before - 100_000_000n)
})

test('a link gets its own time, its target keeps its', () => {
  writeFileSync(join(dir, 'target'), '')
  utimensat(join(dir, 'target'), 3n, 3n)
  symlinkSync('target', join(dir, 'link'))
  utimensat(join(dir, 'link'), 11n, 12n)
  expect(mtime(join(dir, 'link'))).toBe(12n)
  expect(mtime(join(dir, 'target'))).toBe(3n)
})

test('futimens sets the times of an open file', () => {
  const path = join(dir, 'open')
  const fd = openSync(path, 'w')
  futimens(fd, 1n, -123_456_789n)
  closeSync(fd)
  expect(mtime(path)).toBe(-123_456_789n)
})

test.for([
  ['not UTF-8', Buffer.from([0xff, 0xfe, 0x80])],
  ['newline at the end', Buffer.from('name\n')],
  ['255 bytes', Buffer.alloc(255, 'x')],
  ['control and escape characters', Buffer.from('\x01\x1b[31m\\\t"')],
])('names are bytes: %s', ([, name]) => {
  const path = Buffer.concat([Buffer.from(`${dir}/`), name as Buffer])
  writeFileSync(path, '')
  utimensat(path, 1n, 42n)
  expect(mtime(path)).toBe(42n)
  expect(readdirSync(dir, 'buffer').some((each) => each.equals(name as Buffer))).toBe(true)
})

test('strings are UTF-8', () => {
  writeFileSync(join(dir, 'ä€😀'), '')
  utimensat(join(dir, 'ä€😀'), 1n, 43n)
  expect(mtime(Buffer.from(join(dir, 'ä€😀')))).toBe(43n)
})

test('a NUL in a path is refused, not cut', () => {
  writeFileSync(join(dir, 'cut'), '')
  expect(() => utimensat(join(dir, 'cut\0longer'), 1n, 1n)).toThrow(expect.objectContaining({code: 'EINVAL'}))
  expect(() => cstring(Buffer.from([0]))).toThrow(expect.objectContaining({code: 'EINVAL'}))
  expect(mtime(join(dir, 'cut'))).toBeGreaterThan(1n)
})

test('errors are those of node:fs', () => {
  const path = join(dir, 'missing')
  expect(() => utimensat(path, 1n, 1n)).toThrow(
    expect.objectContaining({
      code: 'ENOENT', errno: -2, syscall: 'utimensat', path,
      message: `ENOENT: no such file or directory, utimensat '${path}'`,
    }),
  )
  expect(() => futimens(999_999, 1n, 1n)).toThrow(expect.objectContaining({code: 'EBADF', errno: -9}))
})

test('a lock keeps another process out until it is gone', async () => {
  const path = join(dir, 'lock')
  const fd = openSync(path, 'w')
  expect(flock(fd, LOCK_EX | LOCK_NB)).toBe(true)
  const other = `
    import {openSync} from 'node:fs'
    const {flock, LOCK_EX, LOCK_NB} = await import(${JSON.stringify(libcUrl)})
    console.log(flock(openSync(${JSON.stringify(path)}, 'r'), LOCK_EX | LOCK_NB))`
  expect(runNode(other)).toBe('false\n')
  flock(fd, LOCK_UN)
  expect(runNode(other)).toBe('true\n')

  // And the other way round: held by a process that is killed.
  const script = `${other}; setInterval(() => {}, 1000)`
  const holder = spawn(process.execPath, ['--input-type=module', '-e', script], {stdio: ['ignore', 'pipe', 'inherit']})
  await new Promise((resolve) => holder.stdout.once('data', resolve))
  expect(flock(fd, LOCK_EX | LOCK_NB)).toBe(false)
  const ended = new Promise((resolve) => holder.once('exit', resolve))
  holder.kill('SIGKILL')
  await ended
  expect(flock(fd, LOCK_EX | LOCK_NB)).toBe(true)
  closeSync(fd)
})

test('holes are found', () => {
  const fd = openSync(join(dir, 'sparse'), 'w+')
  ftruncateSync(fd, 64 << 20)
  expect(dataExtents(fd, 64 << 20)).toEqual([])
  writeSync(fd, Buffer.alloc(65_536, 1), 0, 65_536, 1 << 20)
  writeSync(fd, Buffer.alloc(65_536, 1), 0, 65_536, 8 << 20)
  expect(dataExtents(fd, 64 << 20)).toEqual([[1 << 20, (1 << 20) + 65_536], [8 << 20, (8 << 20) + 65_536]])
  // Data up to the end, and an end in the middle of the data.
  expect(dataExtents(fd, (8 << 20) + 100)).toEqual([[1 << 20, (1 << 20) + 65_536], [8 << 20, (8 << 20) + 100]])
  expect(dataExtents(fd, 0)).toEqual([])
  closeSync(fd)
})

test('offsets beyond 4 GiB', () => {
  const fd = openSync(join(dir, 'huge'), 'w+')
  const far = 5 * 2 ** 40
  writeSync(fd, Buffer.alloc(4_096, 1), 0, 4_096, far)
  expect(dataExtents(fd, far + 4_096)).toEqual([[far, far + 4_096]])
  closeSync(fd)
})

test('the nodump flag', () => {
  const fd = openSync(join(dir, 'flags'), 'w')
  const before = getFlags(fd)!
  expect(before & FS_NODUMP_FL).toBe(0)
  setFlags(fd, before | FS_NODUMP_FL)
  expect(getFlags(fd)).toBe(before | FS_NODUMP_FL)
  closeSync(fd)
  const proc = openSync('/proc/self/status', 'r')
  expect(getFlags(proc)).toBeUndefined()
  closeSync(proc)
})

test('koffi is not loaded by import, only by the first call', () => {
  const output = runNode(`
    import {readFileSync} from 'node:fs'
    const loaded = () => readFileSync('/proc/self/maps', 'latin1').includes('koffi')
    const {calls} = await import(${JSON.stringify(callsUrl)})
    calls.lstat('/')
    console.log(loaded())
    calls.utimensat(${JSON.stringify(dir)}, 1n, 1n)
    console.log(loaded())`)
  expect(output).toBe('false\ntrue\n')
})

test('without koffi everything else works, and a call that needs it says what to do', () => {
  const bare = join(dir, 'bare')
  mkdirSync(join(bare, 'lib'), {recursive: true})
  for (const part of ['sys', 'cli']) cpSync(join(sources, 'lib', part), join(bare, 'lib', part), {recursive: true})
  writeFileSync(join(bare, 'package.json'), '{"type":"module"}')
  const output = runNode(`
    const {calls} = await import(${JSON.stringify(pathToFileURL(join(bare, 'lib/sys/calls.ts')).href)})
    console.log(calls.lstat('/').isDirectory())
    try {
      calls.utimensat('/', 1n, 1n)
    } catch (error) {
      console.log(error.name, error.status, error.hint.startsWith('koffi'), error.cause.code)
    }`)
  expect(output).toBe('true\nBkError 2 true MODULE_NOT_FOUND\n')
})

test('one libc for all calls of a thread', () => {
  expect(libc()).toBe(libc())
})
