// Calls in a held directory: whatever links are planted, at the leaf or above, before or during, nothing outside is touched.

import {execFileSync, spawn} from 'node:child_process'
import {
  chmodSync, closeSync, constants, existsSync, lstatSync, mkdirSync, mkdtempSync, openSync, readFileSync, readdirSync, readlinkSync,
  renameSync, rmSync, symlinkSync, writeFileSync, writeSync,
} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, beforeEach, expect, test} from 'vitest'

import {
  deviceOf, fchmodat, fchmodByName, fchownat, heldPath, linkat, lstatat, makedev, mkdirat, mkfifoat, mknodat, openat, openBeneath,
  openDirAt, readlinkat, renameat, renameNewAt, rmdirat, symlinkat, unlinkat, utimesAt,
} from '../../../src/lib/sys/at.ts'
import {lsetxattr, readXattrs} from '../../../src/lib/sys/xattr.ts'

const {O_CREAT, O_DIRECTORY, O_EXCL, O_RDONLY, O_WRONLY} = constants

const root = process.getuid!() === 0
const top = mkdtempSync(join(tmpdir(), 'bk-at-'))
afterAll(() => rmSync(top, {recursive: true}))

let dir: string
let held: number
let count = 0
beforeEach(() => {
  dir = join(top, String((count += 1)))
  mkdirSync(dir)
  held = openSync(dir, 'r')
  return () => closeSync(held)
})

/** Open, write and close. */
function put(leaf: string | Buffer, text: string): void {
  const fd = openat(held, leaf, O_CREAT | O_EXCL | O_WRONLY, 0o600)
  writeSync(fd, text)
  closeSync(fd)
}

function withCode(code: string) {
  return expect.objectContaining({code})
}

test.for(['', '.', '..', 'a/b', '/', '/etc', '../x', 'x/', 'nul\0'])('%j is no leaf', (leaf) => {
  const refused = withCode('EINVAL')
  expect(() => openat(held, leaf, O_CREAT | O_WRONLY, 0o600)).toThrow(refused)
  expect(() => mkdirat(held, leaf, 0o700)).toThrow(refused)
  expect(() => symlinkat('x', held, leaf)).toThrow(refused)
  expect(() => unlinkat(held, leaf)).toThrow(refused)
  expect(() => rmdirat(held, leaf)).toThrow(refused)
  expect(() => readlinkat(held, leaf)).toThrow(refused)
  expect(() => lstatat(held, leaf)).toThrow(refused)
  expect(() => fchmodat(held, leaf, 0o700)).toThrow(refused)
  expect(() => fchownat(held, leaf, 0, 0)).toThrow(refused)
  expect(() => utimesAt(held, leaf, 0n, 0n)).toThrow(refused)
  expect(() => mkfifoat(held, leaf, 0o600)).toThrow(refused)
  expect(() => mknodat(held, leaf, 0o020600, {major: 1, minor: 3})).toThrow(refused)
  expect(() => linkat(held, leaf, held, 'new')).toThrow(refused)
  expect(() => linkat(held, 'old', held, leaf)).toThrow(refused)
  expect(() => renameat(held, leaf, held, 'new')).toThrow(refused)
  expect(() => renameat(held, 'old', held, leaf)).toThrow(refused)
  expect(() => renameNewAt(held, 'old', held, leaf)).toThrow(refused)
  expect(() => heldPath(held, leaf)).toThrow(refused)
  expect(readdirSync(dir)).toEqual([])
})

test.for([['...'], ['..a'], ['-rf'], [Buffer.from([0xff, 0x0a])], ['x'.repeat(255)]])('%s is a leaf', ([leaf]) => {
  put(leaf!, 'text')
  expect(readdirSync(dir, 'buffer')).toEqual([Buffer.from(leaf!)])
  expect(readFileSync(heldPath(held, leaf!), 'utf8')).toBe('text')
})

test('make, look, rename, link, remove', () => {
  put('a', 'A')
  mkdirat(held, 'd', 0o700)
  const inner = openDirAt(held, 'd')
  linkat(held, 'a', inner, 'b')
  expect(lstatSync(join(dir, 'd/b')).ino).toBe(lstatSync(join(dir, 'a')).ino)
  expect(() => linkat(held, 'a', inner, 'b')).toThrow(withCode('EEXIST'))
  expect(() => renameNewAt(inner, 'b', held, 'a')).toThrow(withCode('EEXIST'))
  renameNewAt(inner, 'b', held, 'c')
  put('e', 'E')
  renameat(held, 'e', held, 'c')
  expect(readFileSync(join(dir, 'c'), 'utf8')).toBe('E')
  expect(lstatat(held, 'c')!.size).toBe(1n)
  expect(lstatat(held, 'gone')).toBeUndefined()
  unlinkat(held, 'c')
  expect(() => unlinkat(held, 'd')).toThrow(withCode('EISDIR'))
  rmdirat(held, 'd')
  closeSync(inner)
  expect(readdirSync(dir)).toEqual(['a'])
})

test('links: made with any target, read, stamped, owned, never followed', () => {
  const target = Buffer.concat([Buffer.from('x'.repeat(3_000)), Buffer.from([0xff, 0x0a])])
  symlinkat(target, held, 'l')
  expect(readlinkat(held, 'l')).toEqual(target)
  expect(readlinkSync(join(dir, 'l'), 'buffer')).toEqual(target)

  writeFileSync(join(top, 'outside'), 'outside')
  const before = lstatSync(join(top, 'outside'), {bigint: true})
  symlinkat('../outside', held, 'out')
  utimesAt(held, 'out', 1n, 2n)
  expect(lstatat(held, 'out')!.mtimeNs).toBe(2n)
  expect(lstatat(held, 'out')!.isSymbolicLink()).toBe(true)
  if (root) {
    fchownat(held, 'out', 12, 34)
    expect([lstatat(held, 'out')!.uid, lstatat(held, 'out')!.gid]).toEqual([12n, 34n])
  } else expect(() => fchownat(held, 'out', 12, 34)).toThrow(withCode('EPERM'))
  expect(() => fchmodat(held, 'out', 0o777)).toThrow(withCode('ENOTSUP'))
  expect(() => fchmodByName(held, 'out', 0o777)).toThrow(withCode('ENOTSUP'))
  expect(() => openat(held, 'out', O_WRONLY)).toThrow(withCode('ELOOP'))
  expect(() => openat(held, 'out', O_WRONLY | O_CREAT, 0o600)).toThrow(withCode('ELOOP'))
  linkat(held, 'out', held, 'second')
  expect(lstatat(held, 'second')!.isSymbolicLink()).toBe(true)
  expect(lstatSync(join(top, 'outside'), {bigint: true})).toEqual(before)
  // An attribute of a link itself, by the held directory; only root's kinds are for links.
  const mark = () => lsetxattr(heldPath(held, 'out'), 'trusted.bk', Buffer.from('x'))
  if (root) mark()
  else expect(mark).toThrow(withCode('EPERM'))
  expect(readXattrs(heldPath(held, 'out'))).toHaveLength(root ? 1 : 0)
  expect(readXattrs(join(top, 'outside'))).toEqual([])
})

test('a link in place of a directory is refused', () => {
  symlinkSync('/etc', join(dir, 'd'))
  expect(() => openDirAt(held, 'd')).toThrow(withCode('ENOTDIR'))
})

test('what is held stays held when its path leads elsewhere', () => {
  mkdirat(held, 'd', 0o700)
  mkdirSync(join(dir, 'outside'))
  const inner = openDirAt(held, 'd')
  renameSync(join(dir, 'd'), join(dir, 'moved'))
  symlinkSync('outside', join(dir, 'd'))
  closeSync(openat(inner, 'file', O_CREAT | O_EXCL | O_WRONLY, 0o600))
  closeSync(inner)
  expect(readdirSync(join(dir, 'moved'))).toEqual(['file'])
  expect(readdirSync(join(dir, 'outside'))).toEqual([])
})

test.for([true, false])('openBeneath refuses every link and every way out (by the kernel: %s)', (byKernel) => {
  mkdirSync(join(dir, 'a/b/c'), {recursive: true})
  writeFileSync(join(dir, 'a/b/c/file'), 'text')
  symlinkSync('b', join(dir, 'a/inside'))
  symlinkSync('/etc', join(dir, 'a/outside'))
  symlinkSync('file', join(dir, 'a/b/c/leaf'))
  symlinkSync('/proc/self/root', join(dir, 'a/magic'))

  const fd = openBeneath(held, 'a/b/c/file', O_RDONLY, 0, byKernel)
  expect(readFileSync(fd, 'utf8')).toBe('text')
  closeSync(fd)
  const made = openBeneath(held, Buffer.from('a/b/c/new'), O_CREAT | O_EXCL | O_WRONLY, 0o640, byKernel)
  closeSync(made)
  expect(lstatSync(join(dir, 'a/b/c/new')).mode & 0o777).toBe(0o640)
  const deep = openBeneath(held, 'a/b/c', O_RDONLY | O_DIRECTORY, 0, byKernel)
  expect(lstatat(deep, 'file')!.size).toBe(4n)
  closeSync(deep)

  for (const path of ['a/inside/c/file', 'a/outside/passwd', 'a/b/c/leaf', 'a/magic/etc/passwd']) {
    expect(() => openBeneath(held, path, O_RDONLY, 0, byKernel), path).toThrow(
      expect.objectContaining({code: expect.stringMatching(/^(ELOOP|ENOTDIR)$/)}),
    )
  }
  for (const path of ['/etc/passwd', '../outside', 'a/../../x', 'a//b', 'a/./b', '', 'a/', '.']) {
    expect(() => openBeneath(held, path, O_RDONLY, 0, byKernel), path).toThrow(withCode('EINVAL'))
  }
  expect(() => openBeneath(held, 'a/b/missing/x', O_RDONLY, 0, byKernel)).toThrow(withCode('ENOENT'))
  expect(() => openBeneath(held, 'a/b/c/file/x', O_RDONLY, 0, byKernel)).toThrow(withCode('ENOTDIR'))
})

test('openBeneath by steps leaves no descriptor open', () => {
  mkdirSync(join(dir, 'a/b/c'), {recursive: true})
  const open = () => readdirSync('/proc/self/fd').length
  const before = open()
  for (let round = 0; round < 20; round += 1) {
    closeSync(openBeneath(held, 'a/b/c', O_RDONLY | O_DIRECTORY, 0, false))
    expect(() => openBeneath(held, 'a/b/x/y', O_RDONLY, 0, false)).toThrow(withCode('ENOENT'))
  }
  expect(open()).toBe(before)
})

test.for(['kernel', 'steps', 'path'] as const)('a racer flips a directory and a link: opened by %s', async (way) => {
  mkdirSync(join(dir, 'real/sub'), {recursive: true})
  mkdirSync(join(dir, 'victim/sub'), {recursive: true})
  symlinkSync('victim', join(dir, 'planted'))
  const racer = spawn(process.execPath, ['-e', `
    const {renameSync} = require('node:fs')
    process.chdir(process.argv[1])
    process.stdout.write('x')
    for (;;) {
      renameSync('real', 'd'); renameSync('d', 'real')
      renameSync('planted', 'd'); renameSync('d', 'planted')
    }`, dir], {stdio: ['ignore', 'pipe', 'inherit']})
  await new Promise((resolve) => racer.stdout.once('data', resolve))
  const flags = O_CREAT | O_EXCL | O_WRONLY
  const open = (name: string) =>
    way === 'path' ? openSync(join(dir, name), flags, 0o600) : openBeneath(held, name, flags, 0o600, way === 'kernel')
  const seen = new Map<string, number>()
  const escaped = () => readdirSync(join(dir, 'victim/sub')).length
  const tried = () => (way === 'path' ? escaped() > 0 : seen.has('made') && (seen.has('ELOOP') || seen.has('ENOTDIR')))
  const deadline = Date.now() + 20_000
  for (let round = 0; (round < 4_000 || !tried()) && Date.now() < deadline; round += 1) {
    let outcome = 'made'
    try {
      closeSync(open(`d/sub/${round}`))
    } catch (error) {
      outcome = (error as NodeJS.ErrnoException).code!
    }
    seen.set(outcome, (seen.get(outcome) ?? 0) + 1)
  }
  const ended = new Promise((resolve) => racer.once('exit', resolve))
  racer.kill('SIGKILL')
  await ended
  // The race is a real one: directory and link were both met, and a plain path does get out.
  expect(tried()).toBe(true)
  if (way !== 'path') expect(escaped()).toBe(0)
})

test('fifos and devices, with their modes', () => {
  mkfifoat(held, 'fifo', 0o600)
  expect(lstatat(held, 'fifo')!.isFIFO()).toBe(true)
  // Set-id bits and what the umask cut; without opening, which would block.
  fchmodat(held, 'fifo', 0o6777)
  expect(Number(lstatat(held, 'fifo')!.mode) & 0o7777).toBe(0o6777)
  fchmodByName(held, 'fifo', 0o622)
  expect(Number(lstatat(held, 'fifo')!.mode) & 0o7777).toBe(0o622)
  utimesAt(held, 'fifo', 1n, 2n)
  expect(lstatat(held, 'fifo')!.mtimeNs).toBe(2n)

  if (!root) {
    expect(() => mknodat(held, 'null', 0o020600, {major: 1, minor: 3})).toThrow(withCode('EPERM'))
    return
  }
  mknodat(held, 'null', 0o020600, {major: 1, minor: 3})
  mknodat(held, 'disk', 0o060600, {major: 259, minor: 70_000})
  expect(lstatat(held, 'null')!.rdev).toBe(lstatSync('/dev/null', {bigint: true}).rdev)
  expect(lstatat(held, 'null')!.isCharacterDevice()).toBe(true)
  expect(lstatat(held, 'disk')!.isBlockDevice()).toBe(true)
  expect(deviceOf(lstatat(held, 'disk')!.rdev)).toEqual({major: 259, minor: 70_000})
  expect(execFileSync('stat', ['-c', '%Hr %Lr', join(dir, 'disk')], {encoding: 'utf8'})).toBe('259 70000\n')
  expect(() => mknodat(held, 'wide', 0o020600, {major: 1, minor: 2 ** 20})).toThrow(withCode('EINVAL'))
  expect(existsSync(join(dir, 'wide'))).toBe(false)
})

test('device numbers there and back', () => {
  for (const major of [0, 1, 255, 4_095, 4_096, 2 ** 32 - 1]) {
    for (const minor of [0, 3, 255, 256, 2 ** 20 - 1, 2 ** 20, 2 ** 32 - 1]) {
      expect(deviceOf(makedev({major, minor}))).toEqual({major, minor})
    }
  }
  expect(makedev({major: 8, minor: 1})).toBe(0x801n)
})

test('a directory that may be passed but not listed is no obstacle', () => {
  mkdirSync(join(dir, 'passed/inner'), {recursive: true})
  chmodSync(join(dir, 'passed'), 0o111)
  closeSync(openBeneath(held, 'passed/inner', O_RDONLY | O_DIRECTORY, 0, false))
  chmodSync(join(dir, 'passed'), 0o700)
})
