// Finds processes of a running pipe, as /proc shows them: to measure them (limits.ts) and to kill them (faults.ts), and to see them gone.

import {readFileSync, readdirSync} from 'node:fs'

export type Process = {
  readonly pid: number
  readonly parent: number
  /** arguments with blanks between */
  readonly command: string
}

/** All processes below `pid` that run now, without itself. */
export function descendants(pid: number): Process[] {
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((name) => readProcess(Number(name)))
  const found: Process[] = []
  const parents = [pid]
  for (let parent = parents.pop(); parent !== undefined; parent = parents.pop()) {
    const children = all.filter((process) => process.parent === parent)
    found.push(...children)
    parents.push(...children.map((child) => child.pid))
  }
  return found
}

/** Whether a process runs. One that has ended does not, even where nobody has asked how: in a container that may be so for ever. */
export function isRunning(pid: number): boolean {
  return /^\S+ \(.*\) [^Z] /s.test(readProc(pid, 'stat'))
}

/** The most memory the process has had at a time, in KiB (VmHWM); 0 when it has ended. */
export function peakMemory(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readProc(pid, 'status'))?.[1] ?? 0)
}

function readProcess(pid: number): Process[] {
  // The name in parentheses may hold blanks and parentheses; the state and the parent come behind the last one.
  const parent = /^\S+ \(.*\) [A-Z] (\d+) /s.exec(readProc(pid, 'stat'))?.[1]
  if (parent === undefined) return []
  return [{pid, parent: Number(parent), command: readProc(pid, 'cmdline').split('\0').join(' ').trim()}]
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return '' // it has ended
  }
}
