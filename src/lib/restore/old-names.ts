/*
 * How earlier versions are called. A name is taken once, never one that the tree has itself, and depends on nothing but the snapshots:
 * whatever part of them is restored, a version is called the same.
 */
import {createHash} from 'node:crypto'
import {escapeBytes, unescapeText} from '../index/escape.ts'
import {IdTable} from '../store/id-table.ts'

/** What stands at a path: in the tree that is restored, or in one before it. */
export const STANDS = {directory: 1, other: 2, before: 4} as const

/** The directory beside files that their earlier versions lie in. */
const OLD = '.old'
const IN_OLD = /\/\.old(?:\.[1-9][0-9]*)?(?:\/[^/]+)?$/
const GIVEN = 8
const LONGEST_NAME = 255
const LONGEST_PATH = 4096
const MOST_COMPONENTS = 1000
/** Where there is less room than this for a name, the directory above is taken. */
const LEAST_ROOM = 64

/** The names that are taken. Only of paths in directories that are called `.old`, and these themselves. */
export class OldNames {
  // A tree may have as many of them as it has files: 48 bytes each.
  readonly #taken = new IdTable()

  /** Notes what stands at an escaped path. */
  note(path: string, what: number): void {
    if (path.includes('/.old') && IN_OLD.test(path)) this.#set(path, what)
  }

  #set(path: string, what: number): void {
    const id = sha256(path)
    this.#taken.set(id, what | Math.max(0, this.#taken.get(id)))
  }

  #at(path: string): number {
    return Math.max(0, this.#taken.get(sha256(path)))
  }

  /**
   * The `.old` of a directory that is called as it was: one that the tree has, or one to be made.
   * @returns undefined where no name in it would have room
   */
  oldOf(directory: string): {readonly path: string; readonly isThere: boolean} | undefined {
    for (let n = 1; ; n++) {
      const path = `${directory}/${OLD}${n === 1 ? '' : `.${n}`}`
      if (roomIn(path) < LEAST_ROOM) return undefined
      const there = this.#at(path)
      if ((there & STANDS.other) === 0) return {path, isThere: (there & STANDS.directory) !== 0}
    }
  }

  /** The `.old` of a directory that has another name than it had; undefined where no name in it would have room. */
  newOldOf(directory: string): string | undefined {
    const path = this.give(directory, OLD, '')
    return path === undefined || roomIn(path) < LEAST_ROOM ? undefined : path
  }

  /**
   * Gives a name in a directory away.
   * @param name bytes as a latin1 string; cut where it is too long
   * @param end what the name ends in
   * @returns the escaped path, or undefined where there is no room
   */
  give(directory: string, name: string, end: string): string | undefined {
    const room = Math.min(LONGEST_NAME, roomIn(directory))
    if (room < LEAST_ROOM) return undefined
    for (let n = 1; ; n++) {
      const tail = n === 1 ? end : `${end}.${n}`
      const path = `${directory}/${escapeBytes(fitted(name, room - tail.length) + tail)}`
      if (this.#at(path) !== 0) continue
      this.#set(path, GIVEN)
      return path
    }
  }
}

/* Bytes that a name in a directory may have. */
function roomIn(directory: string): number {
  const bytes = unescapeText(directory)
  return bytes.split('/').length >= MOST_COMPONENTS ? 0 : LONGEST_PATH - bytes.length - 1
}

/* Two long names that begin alike must not become one, and none must depend on which others there are. */
function fitted(name: string, room: number): string {
  if (name.length <= room) return name
  const mark = `~${sha256(name).slice(0, 8)}`
  let end = room - mark.length
  // Not in the middle of a character, where it is UTF-8.
  for (let back = 0; back < 3 && (name.charCodeAt(end) & 0xc0) === 0x80; back++) end--
  return name.slice(0, end) + mark
}

function sha256(latin1: string): string {
  return createHash('sha256').update(latin1, 'latin1').digest('hex')
}
