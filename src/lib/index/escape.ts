/*
 * The one spelling of bytes in bk's text (docs/format.md, 1). Bytes travel through the library as "latin1" strings, one
 * character per byte: JavaScript compares those as `LC_ALL=C` does, and a name that is not UTF-8 is nothing special.
 */

const ESCAPES: readonly string[] = Array.from({length: 256}, (_, byte) =>
  byte <= 0x20 || byte >= 0x7f || '\\#=*?[]'.includes(String.fromCharCode(byte))
    ? '\\' + byte.toString(8).padStart(3, '0')
    : String.fromCharCode(byte),
)

const NEEDS_ESCAPE = /[^!-~]|[\\#=*?[\]]/
const NEEDS_ESCAPE_ALL = /[^!-~]|[\\#=*?[\]]/g

/** Escapes bytes given as a latin1 string. A name that needs nothing comes back as it is. */
export function escapeBytes(latin1: string): string {
  return NEEDS_ESCAPE.test(latin1) ? latin1.replace(NEEDS_ESCAPE_ALL, (char) => ESCAPES[char.charCodeAt(0) & 0xff]!) : latin1
}

/** The bytes of an escaped text as a latin1 string. The text must be in the grammar (ESCAPED below). */
export function unescapeText(text: string): string {
  if (!text.includes('\\')) return text
  return text.replace(/\\([0-3][0-7]{2})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)))
}

/** Source of a regular expression for one escaped byte other than NUL and `/`, in its one spelling. */
export const NAME_BYTE = String.raw`(?:[!"$-)+-.0-<>@-Z^-~]|\\(?:0[1-3][0-7]|00[1-7]|040|043|052|075|077|13[345]|177|[23][0-7]{2}))`

/** Source of a regular expression for an escaped value of any bytes, `/` and NUL included, possibly empty. */
export const ESCAPED = String.raw`(?:[!"$-)+-<>@-Z^-~]|\\(?:0[0-3][0-7]|040|043|052|075|077|13[345]|177|[23][0-7]{2}))*`

const ESCAPED_WHOLE = new RegExp(`^${ESCAPED}$`)

/** Whether a text is an escaped value in its one spelling. */
export function isEscaped(text: string): boolean {
  return ESCAPED_WHOLE.test(text)
}

/** A latin1 string as the bytes it stands for. */
export function toBytes(latin1: string): Buffer {
  return Buffer.from(latin1, 'latin1')
}

/** The same text in memory of its own: V8 keeps the whole text that a part was cut out of for as long as anybody has the part. */
export function detached(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}
