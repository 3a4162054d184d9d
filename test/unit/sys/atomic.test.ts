// Atomic files under every fault: at each system call in turn the disk fails or the process dies, and the name then leads to the old
// file, to the whole new one, or to nothing, never to part of one.

import {spawnSync} from 'node:child_process'
import {existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {pathToFileURL} from 'node:url'
import {afterAll, afterEach, beforeEach, expect, test} from 'vitest'

import {beginFile, createFile, isTempName, replaceFile, syncDirectory} from '../../../src/lib/sys/atomic.ts'
import {calls, interceptCalls, replaceCalls, writeAll} from '../../../src/lib/sys/calls.ts'
import {systemError} from '../../../src/lib/sys/errno.ts'

const top = mkdtempSync(join(tmpdir(), 'bk-atomic-'))
afterAll(() => rmSync(top, {recursive: true}))

const undo: (() => void)[] = []
let dir: string
let path: string
let count = 0
beforeEach(() => {
  dir = join(top, String((count += 1)))
  mkdirSync(dir)
  path = join(dir, 'file')
})
afterEach(() => {
  for (const each of undo.splice(0).reverse()) each()
})

const bytes = Buffer.alloc(200_000, 'new')

/** Names in the directory that are no temporary files, and how many are. */
function left(): {names: string[]; temporary: number} {
  const names = readdirSync(dir)
  return {names: names.filter((name) => !isTempName(name)), temporary: names.filter(isTempName).length}
}

/** A module of src/lib/sys, as a string in a script. */
function sysUrl(file: string): string {
  return JSON.stringify(pathToFileURL(join(import.meta.dirname, '../../../src/lib/sys', file)).href)
}

/** link(2) fails as on FAT. */
function withoutLinks(): void {
  undo.push(replaceCalls({link: () => { throw systemError(1, 'link') }}))
}

test('replaceFile makes and replaces, with the mode it is told', () => {
  replaceFile(path, Buffer.from('old'))
  expect(lstatSync(path).mode & 0o777).toBe(0o666 & ~process.umask())
  replaceFile(path, bytes, {mode: 0o666})
  expect(readFileSync(path)).toEqual(bytes)
  expect(lstatSync(path).mode & 0o7777).toBe(0o666)
  replaceFile(path, Buffer.alloc(0), {mode: 0o400})
  expect([lstatSync(path).size, lstatSync(path).mode & 0o7777]).toEqual([0, 0o400])
  expect(left()).toEqual({names: ['file'], temporary: 0})
})

test('a link is replaced, not followed', () => {
  writeFileSync(join(dir, 'target'), 'target')
  symlinkSync('target', path)
  replaceFile(path, bytes)
  expect(lstatSync(path).isFile()).toBe(true)
  expect(readFileSync(join(dir, 'target'), 'utf8')).toBe('target')
})

test.for([false, true])('createFile creates, and only once (without link(2): %s)', (linkless) => {
  if (linkless) withoutLinks()
  expect(createFile(path, bytes, {mode: 0o444})).toBe(true)
  expect([readFileSync(path), lstatSync(path).mode & 0o7777, lstatSync(path).nlink]).toEqual([bytes, 0o444, 1])
  expect(createFile(path, Buffer.from('other'))).toBe(false)
  // The same where the other one came between look and link.
  const file = beginFile(path)
  writeAll(file.fd, Buffer.from('other'))
  expect(file.createIfAbsent()).toBe(false)
  symlinkSync('nowhere', join(dir, 'dangling'))
  expect(createFile(join(dir, 'dangling'), bytes)).toBe(false)
  expect(readFileSync(path)).toEqual(bytes)
  expect(left()).toEqual({names: ['dangling', 'file'], temporary: 0})
})

test('many writers, one winner', () => {
  const script = `
    const {createFile} = await import(${sysUrl('atomic.ts')})
    const [, dir, writer] = process.argv
    const won = []
    for (let number = 0; number < 50; number += 1) {
      if (createFile(dir + '/' + number, Buffer.from(writer), {sync: 'nothing'})) won.push(number)
    }
    console.log(won.join(' '))`
  // Two at once, from one shell.
  const together = '"$0" --input-type=module -e "$1" "$2" A & "$0" --input-type=module -e "$1" "$2" B; wait'
  const both = spawnSync('/bin/sh', ['-c', together, process.execPath, script, dir], {encoding: 'utf8'})
  expect(both.stderr).toBe('')
  const won = both.stdout.trim().split(/\s+/).map(Number).sort((a, b) => a - b)
  expect(won).toEqual(Array.from({length: 50}, (_, number) => number))
  for (const number of won) expect(readFileSync(join(dir, String(number)), 'utf8')).toMatch(/^[AB]$/)
  expect(left().temporary).toBe(0)
})

test('names of 255 bytes that are not text', () => {
  const name = Buffer.concat([Buffer.alloc(254, 0xff), Buffer.from('\n')])
  const long = Buffer.concat([Buffer.from(`${dir}/`), name])
  replaceFile(long, bytes)
  expect(createFile(long, bytes)).toBe(false)
  expect(readdirSync(dir, 'buffer')).toEqual([name])
})

test('a bare name lies in the working directory, a file in / has a directory', () => {
  const before = process.cwd()
  process.chdir(dir)
  undo.push(() => process.chdir(before))
  replaceFile('bare', bytes)
  expect(readFileSync(join(dir, 'bare'))).toEqual(bytes)
  expect(() => replaceFile('/proc-is-not-a-name\0', bytes)).toThrow()
  expect(() => createFile('/proc/new', bytes)).toThrow(expect.objectContaining({code: expect.stringMatching(/^(ENOENT|EACCES)$/)}))
})

/** What to do before the n-th system call, counted from 0. */
function beforeStep(step: number, act: () => void): () => number {
  let made = 0
  undo.push(interceptCalls(({proceed}) => {
    if (made === step) {
      made += 1
      act()
    }
    made += 1
    return proceed()
  }))
  return () => made
}

function stepsOf(work: () => void): number {
  const made = beforeStep(-1, () => {})
  work()
  undo.pop()!()
  return made()
}

test('every call that can fail, failing: the old file or the new, no temporary file, and the error that was', () => {
  const total = stepsOf(() => replaceFile(path, bytes, {mode: 0o600}))
  expect(total).toBeGreaterThan(6)
  for (let step = 0; step < total; step += 1) {
    writeFileSync(path, 'old')
    beforeStep(step, () => {
      throw systemError(5, `step ${step}`)
    })
    const failed = expect.objectContaining({code: 'EIO', syscall: `step ${step}`})
    expect(() => replaceFile(path, bytes, {mode: 0o600}), `step ${step}`).toThrow(failed)
    undo.pop()!()
    expect([Buffer.from('old'), bytes]).toContainEqual(readFileSync(path))
    expect(left(), `step ${step}`).toEqual({names: ['file'], temporary: 0})
  }
})

test.for([false, true])('the same for createFile (without link(2): %s)', (linkless) => {
  if (linkless) withoutLinks()
  const total = stepsOf(() => createFile(path, bytes, {mode: 0o600}))
  for (let step = 0; step < total; step += 1) {
    rmSync(path, {force: true})
    beforeStep(step, () => {
      throw systemError(5, `step ${step}`)
    })
    let created: unknown
    try {
      created = createFile(path, bytes, {mode: 0o600})
    } catch (error) {
      created = error
    }
    undo.pop()!()
    // Whoever is told "created" has the whole file. Without link(2) an error may leave a torn one, as documented.
    if (created === true) expect(readFileSync(path)).toEqual(bytes)
    else {
      expect(created).toMatchObject({code: 'EIO'})
      if (!linkless && existsSync(path)) expect(readFileSync(path)).toEqual(bytes)
    }
  }
})

test.for(['replaceFile', 'createFile'])('killed before any call, %s leaves the old file or the whole new one', (name) => {
  const script = `
    const {interceptCalls} = await import(${sysUrl('calls.ts')})
    const atomic = await import(${sysUrl('atomic.ts')})
    let step = Number(process.argv[2])
    interceptCalls(({proceed}) => {
      if (step-- === 0) process.kill(process.pid, 'SIGKILL')
      return proceed()
    })
    atomic.${name}(process.argv[1], Buffer.alloc(200_000, 'new'))`
  for (let step = 0; ; step += 1) {
    if (name === 'replaceFile') writeFileSync(path, 'old')
    else rmSync(path, {force: true})
    const {signal, stderr} = spawnSync(process.execPath, ['--input-type=module', '-e', script, path, String(step)], {encoding: 'utf8'})
    expect(stderr).toBe('')
    if (name === 'replaceFile') expect([Buffer.from('old'), bytes]).toContainEqual(readFileSync(path))
    else if (existsSync(path)) expect(readFileSync(path)).toEqual(bytes)
    if (signal === null) {
      expect(step).toBeGreaterThan(5)
      expect(readFileSync(path)).toEqual(bytes)
      break
    }
    expect(signal).toBe('SIGKILL')
  }
  // What killed runs leave is known by its name.
  expect(left().names).toEqual(['file'])
})

test('a full disk: nothing is left but the old file', () => {
  writeFileSync(path, 'old')
  const {write} = calls
  let room = 1_000
  undo.push(replaceCalls({
    write: (fd, buffer, offset, length, position) => {
      if (room === 0) throw systemError(28, 'write')
      const written = write(fd, buffer, offset, Math.min(room, length), position)
      room -= written
      return written
    },
  }))
  expect(() => replaceFile(path, bytes)).toThrow(expect.objectContaining({code: 'ENOSPC'}))
  expect(readFileSync(path, 'utf8')).toBe('old')
  expect(left()).toEqual({names: ['file'], temporary: 0})
})

test('bytes are durable before the name, the name before the answer', () => {
  const order: string[] = []
  const watch = () => interceptCalls(({name, proceed}) => {
    order.push(name)
    return proceed()
  })
  undo.push(watch())
  replaceFile(path, bytes)
  expect(order).toEqual(['open', 'write', 'fsync', 'close', 'rename', 'open', 'fsync', 'close'])
  order.length = 0
  createFile(join(dir, 'created'), bytes)
  expect(order).toEqual(['lstatOrNone', 'open', 'write', 'fsync', 'link', 'close', 'unlink', 'open', 'fsync', 'close'])
  order.length = 0
  replaceFile(path, bytes, {sync: 'file'})
  expect(order).toEqual(['open', 'write', 'fsync', 'close', 'rename'])
  order.length = 0
  createFile(join(dir, 'later'), bytes, {sync: 'nothing'})
  expect(order).toEqual(['lstatOrNone', 'open', 'write', 'link', 'close', 'unlink'])
})

test('EEXIST of a link that was made all the same (NFS)', () => {
  const {link} = calls
  undo.push(replaceCalls({
    link: (existing, name) => {
      link(existing, name)
      throw systemError(17, 'link', existing, name)
    },
  }))
  expect(createFile(path, bytes)).toBe(true)
  expect(readFileSync(path)).toEqual(bytes)
})

test('a directory that cannot be fsynced is taken at its word, one that fails is not', () => {
  undo.push(replaceCalls({fsync: () => { throw systemError(22, 'fsync') }}))
  expect(() => syncDirectory(dir)).not.toThrow()
  undo.push(replaceCalls({fsync: () => { throw systemError(5, 'fsync') }}))
  expect(() => syncDirectory(dir)).toThrow(expect.objectContaining({code: 'EIO'}))
})

test('whoever asks is told of every temporary file, and when it is gone', () => {
  const events: string[] = []
  const onTemp = (tmp: string | Buffer) => {
    const name = tmp.toString().slice(dir.length + 1)
    expect(isTempName(name)).toBe(true)
    expect(name).toMatch(new RegExp(`^\\.file\\.tmp\\.${process.pid}\\.[0-9a-f]{12}$`))
    events.push('made')
    return () => {
      expect(existsSync(join(dir, name))).toBe(false)
      events.push('gone')
    }
  }
  replaceFile(path, bytes, {onTemp})
  rmSync(path)
  createFile(path, bytes, {onTemp})
  beginFile(path, {onTemp}).discard()
  beginFile(path, {onTemp}).createIfAbsent()
  expect(events).toEqual(['made', 'gone', 'made', 'gone', 'made', 'gone', 'made', 'gone'])
  events.length = 0
  expect(() => beginFile(join(dir, 'missing/file'), {onTemp: (tmp) => (events.push(tmp.toString()), () => events.push('gone'))})).toThrow(
    expect.objectContaining({code: 'ENOENT'}),
  )
  expect(events.at(-1)).toBe('gone')
})

test('isTempName', () => {
  const yes = ['.a.tmp.1.0123456789ab', '.a\n.tmp.99999.0123456789ab', '..tmp.1.0123456789ab']
  expect(yes.filter(isTempName)).toEqual(yes)
  const no = ['a.tmp.1.0123456789ab', '.a.tmp.1.0123456789a', '.a.tmp.x.0123456789ab', '.a.tmp.1.0123456789ab ', '000018']
  expect(no.filter(isTempName)).toEqual([])
})
