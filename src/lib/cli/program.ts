/**
 * Where bk itself is, for those who write its path down: a forced command is run without a PATH that could find it.
 */
import {isAbsolute} from 'node:path'
import {fileURLToPath} from 'node:url'

/**
 * The absolute path of bin/bk. Of the path by which it was started links to directories stay, so that `/opt/bk`, which may lead to
 * another version tomorrow, is written down as that.
 */
export function bkProgram(): string {
  const entry = process.argv[1] ?? ''
  if (isAbsolute(entry) && entry.endsWith('/bin/bk.js')) return entry.slice(0, -'.js'.length)
  return fileURLToPath(new URL('../../../bin/bk', import.meta.url))
}
