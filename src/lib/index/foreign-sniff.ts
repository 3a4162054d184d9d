/*
 * Tells by its first bytes what a list is, so that commands need no option for it. Only a guess about the format: the reader of
 * that format then takes the text or refuses it, with the line.
 */

/** `unknown` is text in no format that bk reads. */
export type ListKind = 'bk-index' | 'bk-changes' | 'mtree' | 'checksums' | 'binary' | 'empty' | 'unknown'

/** Bytes that `sniff` should be given, unless there are no more: more than the longest line of a checksum list. */
export const SNIFFED = 8192

const CHECKSUM = /^\\?(?:[0-9a-fA-F]{32,128} [ *]|[A-Z][A-Z0-9-]{2,15} \()/
const COMMENTS = /^(?:[ \t]*(?:#.*)?\r?\n)*/
const DIRECTIVE = /^[ \t]*(?:\/(?:set|unset)[ \t]|\.\.?[ \t]*\r?(?:\n|$))/
const KEYWORD = 'cksum|device|flags|gid|gname|link|md5|md5digest|mode|nlink|sha(?:1|256|384|512)(?:digest)?|size|time|type|uid|uname'
const ENTRY = new RegExp(String.raw`^[ \t]*[^ \t\n]+[ \t]+(?:\\\r?\n|(?:[a-z0-9]+(?:=[^ \t\n]*)?[ \t]+)*(?:${KEYWORD})=)`)
const CONTROL = /[\0-\x08\x0e-\x1a\x1c-\x1f]/

/** What the text that begins with these bytes is. `first` holds `SNIFFED` bytes, or all there are. */
export function sniff(first: Uint8Array): ListKind {
  if (first.length === 0) return 'empty'
  const text = Buffer.from(first.buffer, first.byteOffset, Math.min(first.length, SNIFFED)).toString('latin1')
  if (text.startsWith('#bk changes ')) return 'bk-changes'
  if (text.startsWith('#bk') || text.startsWith('#mtree\n#bk')) return 'bk-index'
  // Before the look for NUL bytes, which end the lines of `sha256sum --zero`.
  if (CHECKSUM.test(text)) return 'checksums'
  if (text.includes('\0')) return 'binary'
  if (isMtree(text)) return 'mtree'
  return CONTROL.test(text) ? 'binary' : 'unknown'
}

function isMtree(text: string): boolean {
  if (text.startsWith('#!')) return false
  if (text.startsWith('#mtree')) return true
  const rest = text.slice(COMMENTS.exec(text)?.[0].length ?? 0)
  return (rest === '' && text.includes('#')) || rest.startsWith('#') || DIRECTIVE.test(rest) || ENTRY.test(rest)
}
