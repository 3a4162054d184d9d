/*
 * When is a file's content unchanged? Digests decide where both sides have one of the same kind, else size and time. What
 * is unchanged keeps what OLD knows of its content and NEW does not: digests, and the list of chunks it is stored as.
 */
import {formatEntry, type Entry} from './entry.ts'
import {commentValue, withComments, type Group} from './group.ts'

/** Whether size and time are known on both sides and agree. */
function sameStat(a: Entry, b: Entry): boolean {
  return a.size !== undefined && a.time !== undefined && a.size === b.size && a.time === b.time
}

/** Whether two entries have the same content (or target, or device; a directory has none). */
export function sameContent(a: Entry, b: Entry): boolean {
  if (a.type !== b.type) return false
  if (a.type === 'link') return a.link === b.link
  if (a.type === 'char' || a.type === 'block') return a.device?.major === b.device?.major && a.device?.minor === b.device?.minor
  if (a.type !== 'file') return true
  if (a.sha256 !== undefined && b.sha256 !== undefined) return a.sha256 === b.sha256
  if (a.md5 !== undefined && b.md5 !== undefined) return a.md5 === b.md5
  return sameStat(a, b)
}

/** NEW's group with what OLD knows of the same content. */
export function carryOver(old: Group, oldEntry: Entry, next: Group, nextEntry: Entry): Group {
  let group = next
  if (nextEntry.type === 'file') {
    const md5 = nextEntry.md5 ?? oldEntry.md5
    const sha256 = nextEntry.sha256 ?? oldEntry.sha256
    if ((md5 !== nextEntry.md5 || sha256 !== nextEntry.sha256) && sameStat(oldEntry, nextEntry)) {
      group = {...group, line: formatEntry({...nextEntry, md5, sha256})}
    }
  }
  return carryChunks(old, group)
}

/** NEW's group with OLD's list of chunks, for content that is the same. */
export function carryChunks(old: Group, next: Group): Group {
  const chunks = commentValue(old, 'chunks')
  if (chunks === undefined || commentValue(next, 'chunks') !== undefined) return next
  return withComments(next, {chunks, cut: commentValue(old, 'cut')})
}

// The last keyword of a line; where there are two digests it is the stronger.
const DIGEST = / (md5|sha256)=([0-9a-f]+)$/

/** The strongest digest of a file that has content, with its kind in front; undefined for anything else. */
export function contentKey({path, line}: Group): string | undefined {
  if (!line.startsWith(' type=file', path.length) || line.includes(' size=0 ', path.length)) return undefined
  const match = DIGEST.exec(line)
  return match === null ? undefined : `${match[1]}:${match[2]}`
}
