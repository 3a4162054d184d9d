// authorized_keys on disk: replaced as a whole, with its mode and owner, by one process at a time.

import {spawnSync} from 'node:child_process'
import {chmodSync, chownSync, existsSync, linkSync, lstatSync, mkdirSync, readFileSync, readdirSync, statSync, symlinkSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {beforeEach, describe, expect, test} from 'vitest'
import {changeAuthorizedKeys, readAuthorizedKeys, type ChangeOptions} from '../../../src/lib/keys/authorized-file.ts'
import {interceptCalls, calls} from '../../../src/lib/sys/calls.ts'
import {LOCK_EX} from '../../../src/lib/sys/libc.ts'
import {tempDir} from '../../harness/temp.ts'

const isRoot = process.getuid?.() === 0

let dir: string
let file: string
const append = (path: string, more = 'new\n', options: Partial<ChangeOptions> = {}): string =>
  changeAuthorizedKeys(path, (text) => ({text: text + more, result: text}), {create: true, ...options})
const modeOf = (path: string): number => statSync(path).mode & 0o7777

beforeEach(() => {
  dir = tempDir('authorized')
  file = join(dir, 'authorized_keys')
})

describe('a file that is there', () => {
  test('keeps its mode, and its bytes', () => {
    writeFileSync(file, Buffer.from([0xff, 0x00, 0x0a]))
    chmodSync(file, 0o640)
    expect(append(file)).toBe('\xff\0\n')
    expect(readFileSync(file).equals(Buffer.from('\xff\0\nnew\n', 'latin1'))).toBe(true)
    expect(modeOf(file)).toBe(0o640)
    expect(readdirSync(dir)).toEqual(['authorized_keys'])
  })

  test.runIf(isRoot)('keeps its owner', () => {
    writeFileSync(file, '')
    chownSync(file, 1234, 4321)
    append(file)
    expect(statSync(file)).toMatchObject({uid: 1234, gid: 4321})
  })

  test('is replaced and not written into: who reads it has the old or the new', () => {
    writeFileSync(file, 'old\n')
    linkSync(file, join(dir, 'same'))
    append(file)
    expect([readFileSync(join(dir, 'same'), 'utf8'), readFileSync(file, 'utf8')]).toEqual(['old\n', 'old\nnew\n'])
  })

  test('is not touched when nothing changes', () => {
    writeFileSync(file, 'old\n')
    const {ino} = statSync(file)
    expect(append(file, '')).toBe('old\n')
    expect(statSync(file).ino).toBe(ino)
  })

  test.each(['write', 'fsync', 'fchmod', 'rename', ...(isRoot ? ['fchown'] : [])])('is as before when %s fails, and nothing is left', (name) => {
    writeFileSync(file, 'old\n')
    if (name === 'fchown') chownSync(file, 1234, 4321)
    const restore = interceptCalls((call) => {
      if (call.name === name) throw Object.assign(new Error('no space'), {code: 'ENOSPC', errno: -28})
      return call.proceed()
    })
    try {
      expect(() => append(file)).toThrow(expect.objectContaining({status: 2, message: `cannot change ${file}: no space left on device`}))
    } finally {
      restore()
    }
    expect(readFileSync(file, 'utf8')).toBe('old\n')
    expect(readdirSync(dir)).toEqual(['authorized_keys'])
  })
})

describe('a file that is not there', () => {
  test('is made, for its owner alone, with its .ssh', () => {
    const home = join(dir, 'home')
    mkdirSync(home)
    if (isRoot) chownSync(home, 1234, 4321)
    append(join(home, '.ssh/authorized_keys'))
    expect([modeOf(join(home, '.ssh')), modeOf(join(home, '.ssh/authorized_keys'))]).toEqual([0o700, 0o600])
    const {uid, gid} = statSync(home)
    for (const path of ['.ssh', '.ssh/authorized_keys']) expect(statSync(join(home, path))).toMatchObject({uid, gid})
  })

  test('is an error in another directory that is not there, and where none is to be made', () => {
    expect(() => append(join(dir, 'etc/keys'))).toThrow(expect.objectContaining({status: 2}))
    expect(() => append(file, 'x', {create: false})).toThrow(`cannot change ${file}: no such file or directory`)
    expect(() => readAuthorizedKeys(file)).toThrow(`cannot read ${file}: no such file or directory`)
    expect(readdirSync(dir)).toEqual([])
  })
})

describe('what is no file', () => {
  test('a directory, a fifo', () => {
    expect(() => append(dir)).toThrow(expect.objectContaining({status: 2, message: `${dir} is no regular file`}))
    spawnSync('mkfifo', [file])
    expect(() => append(file)).toThrow(`${file} is no regular file`)
  })

  test('a link leads to the file, and stays', () => {
    const real = join(dir, 'real')
    writeFileSync(real, 'old\n')
    symlinkSync('real', file)
    const told: string[] = []
    append(file, 'new\n', {onLink: (target) => told.push(target)})
    expect(told).toEqual([real])
    expect(lstatSync(file).isSymbolicLink()).toBe(true)
    expect(readFileSync(real, 'utf8')).toBe('old\nnew\n')
  })

  test('a link to nothing is an error', () => {
    symlinkSync('nothing', file)
    expect(() => append(file)).toThrow(`cannot change ${file}: no such file or directory`)
    expect(existsSync(join(dir, 'nothing'))).toBe(false)
  })

  test.runIf(isRoot)('a link that somebody planted for root is refused', () => {
    const real = join(dir, 'real')
    writeFileSync(real, 'old\n')
    symlinkSync('real', file)
    calls.lchown(file, 1234, 1234)
    expect(() => append(file)).toThrow(expect.objectContaining({status: 77}))
    expect(readFileSync(real, 'utf8')).toBe('old\n')
    chownSync(real, 1234, 1234)
    append(file)
    expect(readFileSync(real, 'utf8')).toBe('old\nnew\n')
    expect(statSync(real).uid).toBe(1234)
  })
})

describe('two at a time', () => {
  test('a locked file is waited for, and then reported', () => {
    let waits = 0
    const restore = interceptCalls((call) => {
      if (call.name !== 'flock') return call.proceed()
      waits++
      return false
    })
    try {
      expect(() => append(file, 'new\n', {patience: 200})).toThrow(expect.objectContaining({status: 75, message: `${file} is locked by another process`}))
    } finally {
      restore()
    }
    expect(waits).toBe(5)
    expect(readdirSync(dir)).toEqual([])
  })

  test('the lock is held while the file is read and written, and given back', () => {
    const steps: string[] = []
    const restore = interceptCalls((call) => {
      if (call.name === 'flock') steps.push(`flock ${Number(call.args[1]) & LOCK_EX}`)
      if (call.name === 'rename') steps.push('rename')
      return call.proceed()
    })
    append(file)
    restore()
    append(file)
    expect(steps).toEqual([`flock ${LOCK_EX}`, 'rename'])
    expect(readFileSync(file, 'utf8')).toBe('new\nnew\n')
  })
})
