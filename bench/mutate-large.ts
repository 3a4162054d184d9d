// A day in the life of large files: 1 MiB inserted near the front of a database dump, 100 scattered 4 KiB writes into a disk image,
// 5 MiB appended to a log.

import {closeSync, openSync, readSync, renameSync, statSync, writeSync} from 'node:fs'
import {join} from 'node:path'
import {appendLog, logStart} from './access-log.ts'
import {seeded} from './random.ts'
import {shuffledLines} from './texts.ts'

const MiB = 1 << 20
const head = 64 * 1024

/** Changes the three files of `dir` in place; the same seed changes the same places. */
export function mutateLarge(dir: string, seed: string): string {
  const random = seeded(Buffer.from(`large${seed}`))
  insertIntoDump(join(dir, 'dump.sql'), (old) => shuffledLines(old, random).subarray(0, MiB))
  overwriteBlocks(join(dir, 'disk.raw'), (limit) => random.below(limit))
  const log = join(dir, 'access.log')
  const before = statSync(log).size
  appendLog(log, Buffer.from(`more${seed}`), logStart + 10 ** 6, 5 * MiB)
  return `dump.sql +${MiB} bytes at ${head}; disk.raw 100 x 4096; access.log +${statSync(log).size - before}`
}

function insertIntoDump(path: string, made: (old: Buffer) => Buffer): void {
  const src = openSync(path, 'r')
  const dst = openSync(`${path}.new`, 'w')
  writeSync(dst, readAt(src, 0, head))
  writeSync(dst, made(readAt(src, Math.min(300 * MiB, Math.floor(statSync(path).size / 2)), 2 * MiB)))
  for (let at = head, piece = readAt(src, at, 8 * MiB); piece.length > 0; piece = readAt(src, at, 8 * MiB)) {
    writeSync(dst, piece)
    at += piece.length
  }
  closeSync(src)
  closeSync(dst)
  renameSync(`${path}.new`, path)
}

/** The new blocks are pieces of this program's own executable: real machine code that the image does not hold. */
function overwriteBlocks(path: string, below: (limit: number) => number): void {
  const blocks = Math.floor(statSync(path).size / 4096)
  const src = openSync(process.execPath, 'r')
  const dst = openSync(path, 'r+')
  for (let k = 0; k < 100; k++) writeSync(dst, readAt(src, 40 * MiB + k * 65536, 4096), 0, 4096, below(blocks) * 4096)
  closeSync(src)
  closeSync(dst)
}

function readAt(fd: number, position: number, length: number): Buffer {
  const buffer = Buffer.alloc(length)
  return buffer.subarray(0, readSync(fd, buffer, 0, length, position))
}
