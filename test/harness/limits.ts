// The edges of a machine, made small: disks that fill up, memory that is watched, ports, and waiting without fixed sleeps.

import {spawnSync} from 'node:child_process'
import {createServer} from 'node:net'
import {setTimeout as sleep} from 'node:timers/promises'
import type {RunOptions, Result} from './bk.ts'
import {startShell} from './bk.ts'
import {atEnd} from './cleanup.ts'
import {descendants, peakMemory} from './processes.ts'
import type {Process} from './processes.ts'
import {tempDir} from './temp.ts'

/** An empty file system of `mebibytes`, unmounted at the end of the test file. Needs root. */
export function smallDisk(mebibytes: number): string {
  const dir = tempDir('disk')
  const {status, stderr} = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=0755`, 'none', dir], {encoding: 'utf8'})
  if (status !== 0) throw new Error(`cannot mount a small disk (that needs root): ${stderr.trim()}`)
  atEnd(() => void spawnSync('umount', ['-l', dir]))
  return dir
}

export type Measured = {readonly result: Result; readonly peaks: readonly (Process & {readonly kibibytes: number})[]}

/**
 * Runs a script as `sh` of bk.ts does and watches each process below it; answers their peaks in KiB, highest first. The kernel keeps
 * the peak, and it is read every 20 ms: what a process gains in its last 20 ms is not seen.
 */
export async function measureMemory(script: string, options: RunOptions = {}): Promise<Measured> {
  const {pid, done} = startShell(script, options)
  const peaks = new Map<number, Process & {kibibytes: number}>()
  const timer = setInterval(() => {
    for (const process of descendants(pid)) {
      // One of bk's that ends puts a shell in its place (bin/bk.js), which is not what is measured.
      if (/^sh -c exit \d+$/.test(process.command)) continue
      const before = peaks.get(process.pid)
      const kibibytes = Math.max(peakMemory(process.pid), before?.kibibytes ?? 0)
      // One that is about to end has no command line any more.
      peaks.set(process.pid, {...process, command: process.command || (before?.command ?? ''), kibibytes})
    }
  }, 20)
  const result = await done.finally(() => clearInterval(timer))
  return {result, peaks: [...peaks.values()].sort((a, b) => b.kibibytes - a.kibibytes)}
}

/** A TCP port on 127.0.0.1 that nobody listens on. Somebody may a moment later: try again with another then. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => server.on('error', reject).listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/**
 * Waits until `condition` answers something other than undefined, null or false, and answers that.
 * @param what is waited for, for the message
 * @param timeout in milliseconds, after which it throws
 */
export async function until<T>(what: string, condition: () => T | Promise<T>, timeout = 20_000): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeout
  while (true) {
    const answer = await condition()
    if (answer !== undefined && answer !== null && answer !== false) return answer
    if (performance.now() > deadline) throw new Error(`waited ${timeout} ms in vain until ${what}`)
    await sleep(5)
  }
}
