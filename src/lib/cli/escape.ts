/**
 * Makes foreign text safe for one line on a terminal. Names of files come from anywhere: a newline would forge a line of
 * speech, an escape sequence would drive the terminal, a direction mark would show another name than the one on disk.
 * The spelling is that of mtree(5), three octal digits per byte, so that a name can be looked for in an index.
 */

/* Control characters, the marks that turn the direction of text, the invisible ones, and lone surrogates. */
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/gu

/** The name of a file as one line of printable text. A backslash is escaped too, so that the bytes can be told. */
export function escapeName(name: string | Uint8Array): string {
  if (typeof name === 'string') return oneLine(name.replaceAll('\\', '\\134'))
  const text = Buffer.from(name.buffer, name.byteOffset, name.byteLength).toString('utf8')
  if (!text.includes('\ufffd')) return escapeName(text)
  return escapeBytes(name)
}

/** Text that may hold names already escaped: only what is unprintable is replaced, so that escaping twice changes nothing. */
export function oneLine(text: string): string {
  return text.replace(unprintable, (character) => [...Buffer.from(character)].map(octal).join(''))
}

/* For bytes that are not UTF-8: what is valid stays readable, each byte that is not is escaped. */
function escapeBytes(name: Uint8Array): string {
  let text = ''
  let at = 0
  while (at < name.length) {
    const length = sequenceLength(name, at)
    text += length === 0 ? octal(name[at] ?? 0) : escapeName(Buffer.from(name.subarray(at, at + length)).toString('utf8'))
    at += Math.max(length, 1)
  }
  return text
}

/* The length of the valid UTF-8 sequence that begins at `at`, or 0. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0
  const length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2
  const sequence = Buffer.from(bytes.subarray(at, at + length))
  return Buffer.from(sequence.toString('utf8')).equals(sequence) ? length : 0
}

function octal(byte: number): string {
  return `\\${byte.toString(8).padStart(3, '0')}`
}
