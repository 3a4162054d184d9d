/*
 * Names of the same file. The first of them in the order of an index is what the others point to, so this is decided where
 * results are in order, and never remembered: which name is first depends on what else is listed.
 */
import {commentLine} from './describe.ts'
import type {Link} from './job.ts'

export class HardLinks {
  // The first name, and how many more there are. Forgotten with the last.
  readonly #first = new Map<string, {readonly path: string; left: number}>()

  /** The lines of an entry with `hardlink` among its comments, where it is not the first name of its file. */
  resolve(link: Link, lines: Buffer): Buffer {
    const key = `${link.device} ${link.inode}`
    const first = this.#first.get(key)
    const path = lines.toString('latin1', 0, lines.indexOf(0x20))
    if (first === undefined) {
      this.#first.set(key, {path, left: Number(link.names) - 1})
      return lines
    }
    if (--first.left <= 0) this.#first.delete(key)
    return withComment(lines, path, 'hardlink', first.path)
  }
}

/* Puts a comment between those that an entry has, which are sorted by key. */
function withComment(lines: Buffer, path: string, key: string, value: string): Buffer {
  const [entry = '', ...others] = lines.toString('latin1').split(/(?<=\n)/)
  const start = `#bk ${path} `.length
  const at = others.findIndex((line) => line.slice(start, line.indexOf('=', start)) > key)
  others.splice(at < 0 ? others.length : at, 0, commentLine(path, key, value))
  return Buffer.from(entry + others.join(''), 'latin1')
}
