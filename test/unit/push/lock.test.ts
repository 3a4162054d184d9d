// One process at a time, whatever becomes of it.

import {lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {beforeEach, expect, it} from 'vitest'
import {tryLock, waitForLock, type Attempt} from '../../../src/lib/push/lock.ts'
import {replaceCalls} from '../../../src/lib/sys/calls.ts'
import {systemError} from '../../../src/lib/sys/errno.ts'
import {root, start, type Running} from '../../harness/bk.ts'
import {tempDir} from '../../harness/temp.ts'

const identity = ['/srv', 'vault:']
let directory: string

beforeEach(() => {
  directory = join(tempDir('lock'), 'state/bk/locks')
})

/* A process that has the lock until it is told to end. */
async function holder(): Promise<Running> {
  const code = `const {tryLock} = await import('${root}/src/lib/push/lock.ts')
    const attempt = tryLock('${directory}', ${JSON.stringify(identity)})
    if (attempt.kind !== 'held') process.exit(1)
    const {spawn} = await import('node:child_process')
    spawn('sleep', ['60'], {detached: true, stdio: 'ignore'}).unref()
    console.log('held')
    setInterval(() => {}, 1000)`
  const running = start(process.execPath, ['--input-type=module', '-e', code])
  await new Promise<void>((done, failed) => {
    running.child.stdout!.once('data', () => done())
    running.child.once('exit', () => failed(new Error('the holder has ended')))
  })
  return running
}

function release(attempt: Attempt): void {
  expect(attempt.kind).toBe('held')
  if (attempt.kind === 'held') attempt.release()
}

it('is held by one and seen by the other, who learns its number', async () => {
  const other = await holder()
  expect(tryLock(directory, identity)).toEqual({kind: 'busy', pid: other.pid})
  // What does not name the same is another lock, however its words run together.
  release(tryLock(directory, ['/srv', 'vault2:']))
  release(tryLock(directory, ['/srvvault:', '']))
  other.kill()
  await other.done
})

it('goes with a process that is killed, though it leaves a child behind', async () => {
  const other = await holder()
  process.kill(other.pid, 'SIGKILL')
  await other.done.catch(() => {})
  release(tryLock(directory, identity))
})

it('is waited for', async () => {
  const other = await holder()
  const told: (number | undefined)[] = []
  let got = false
  const waiting = waitForLock(directory, identity, {onWait: (pid) => told.push(pid), step: 20}).then((attempt) => {
    got = true
    return attempt
  })
  await new Promise((done) => setTimeout(done, 200))
  expect({got, told}).toEqual({got: false, told: [other.pid]})
  process.kill(other.pid, 'SIGTERM')
  release(await waiting)
})

it('is not waited for where it is free', async () => {
  const told: unknown[] = []
  release(await waitForLock(directory, identity, {onWait: (pid) => told.push(pid)}))
  expect(told).toEqual([])
})

it('is given back, once, and its file stays, with no word of what it is for', () => {
  const first = tryLock(directory, identity)
  expect(tryLock(directory, identity)).toEqual({kind: 'busy', pid: process.pid})
  release(first)
  const second = tryLock(directory, identity)
  release(first)
  expect(tryLock(directory, identity).kind).toBe('busy')
  release(second)
  expect(readdirSync(directory)).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/)])
  expect(readFileSync(join(directory, readdirSync(directory)[0]!), 'utf8')).toBe(`${process.pid}\n`)
  expect([directory, join(directory, '..')].map((path) => lstatSync(path).mode & 0o777)).toEqual([0o700, 0o700])
  expect(lstatSync(join(directory, readdirSync(directory)[0]!)).mode & 0o777).toBe(0o600)
})

it('believes no number that is none', () => {
  const first = tryLock(directory, identity)
  for (const text of ['', 'x\n', '-1\n', '0\n', '99999999999999999999\n', '12']) {
    writeFileSync(join(directory, readdirSync(directory)[0]!), text)
    expect(tryLock(directory, identity)).toEqual({kind: 'busy', pid: undefined})
  }
  release(first)
})

it('cannot be had, which stops nobody: no directory, a link in its place, no flock(2), a full disk', () => {
  mkdirSync(join(directory, '..'), {recursive: true})
  writeFileSync(directory, '')
  expect(tryLock(directory, identity)).toEqual({kind: 'none', why: 'not a directory'})

  const good = `${directory}2`
  release(tryLock(good, identity))
  const name = readdirSync(good)[0]!
  mkdirSync(`${directory}3`)
  symlinkSync('/dev/null', join(`${directory}3`, name))
  expect(tryLock(`${directory}3`, identity).kind).toBe('none')

  const noLocks = replaceCalls({
    flock: () => {
      throw systemError(95, 'flock')
    },
  })
  expect(tryLock(good, identity)).toEqual({kind: 'none', why: 'operation not supported on socket'})
  noLocks()

  const full = replaceCalls({
    write: () => {
      throw systemError(28, 'write')
    },
  })
  const attempt = tryLock(good, identity)
  full()
  release(attempt)
})
