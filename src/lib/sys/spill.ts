/*
 * The real place where bytes wait that may be too many for memory: memory up to a limit, then a temporary file that has no
 * name any more as soon as it is open, so that nothing is left of it however the process ends.
 */
import {mkdtempSync, rmSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {BkError, errorCode, reasonOf} from '../cli/errors.ts'
import {calls, readFull, writeAll} from './calls.ts'
import type {Spill} from '../index/spill.ts'

const IN_MEMORY = 8 << 20
const PIECE = 256 * 1024

/** A spill in the system's folder for temporary files. */
export function createSpill(inMemory = IN_MEMORY): Spill {
  let held: Uint8Array[] = []
  let size = 0
  let fd: number | undefined
  return {
    write(piece) {
      held.push(piece)
      size += piece.length
      if (size <= inMemory) return
      try {
        fd ??= openNameless()
        for (const part of held) writeAll(fd, part)
      } catch (error) {
        if (errorCode(error) === undefined) throw error
        throw new BkError(`cannot write a temporary file in ${tmpdir()}: ${reasonOf(error)}`, {hint: 'TMPDIR names another place for them', cause: error})
      }
      held = []
      size = 0
    },
    async *pieces() {
      if (fd !== undefined) {
        for (let at = 0; ; ) {
          const piece = Buffer.allocUnsafe(PIECE)
          const got = readFull(fd, piece, at)
          if (got === 0) break
          at += got
          yield piece.subarray(0, got)
        }
      }
      for (const piece of held) yield Buffer.from(piece.buffer, piece.byteOffset, piece.length)
    },
    close() {
      if (fd !== undefined) calls.close(fd)
      fd = undefined
      held = []
    },
  }
}

function openNameless(): number {
  const folder = mkdtempSync(join(tmpdir(), 'bk-'))
  try {
    return calls.open(join(folder, 'spill'), 'wx+', 0o600)
  } finally {
    rmSync(folder, {recursive: true})
  }
}
