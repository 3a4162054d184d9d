/*
 * POSIX ACLs as tar has them: short text with numbers, which GNU tar, bsdtar and star all read. The kernel gives them as extended attributes.
 */

const TAGS: ReadonlyMap<number, string> = new Map([
  [0x01, 'user'],
  [0x02, 'user'],
  [0x04, 'group'],
  [0x08, 'group'],
  [0x10, 'mask'],
  [0x20, 'other'],
])
/** Tags that go with a number. */
const NAMED = 0x02 | 0x08
const VERSION = 2
const HEADER = 4
const ENTRY = 8

/** The value of a `system.posix_acl_…` attribute as text, `user::rw-,user:1000:r--,…`; undefined for what is none. */
export function aclText(value: Buffer): string | undefined {
  if (value.length <= HEADER || (value.length - HEADER) % ENTRY !== 0 || value.readUInt32LE(0) !== VERSION) return undefined
  const words: string[] = []
  for (let at = HEADER; at < value.length; at += ENTRY) {
    const tag = value.readUInt16LE(at)
    const rights = value.readUInt16LE(at + 2)
    const word = TAGS.get(tag)
    if (word === undefined || rights > 7) return undefined
    const who = (tag & NAMED) === 0 ? '' : String(value.readUInt32LE(at + 4))
    words.push(`${word}:${who}:${(rights & 4) === 0 ? '-' : 'r'}${(rights & 2) === 0 ? '-' : 'w'}${(rights & 1) === 0 ? '-' : 'x'}`)
  }
  return words.join(',')
}
