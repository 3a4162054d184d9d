/*
 * The note of a snapshot (docs/format.md, 6.2): some words of whoever made it, for whoever looks for it. Pure.
 */
import {usageError} from '../cli/errors.ts'
import {escapeBytes, isEscaped, unescapeText} from '../index/escape.ts'

/** Bytes of a note as it is written. A record stays for ever. */
const MAX_NOTE = 500

/**
 * A note as records have it: words, escaped, with one blank between.
 * @throws BkError 64 for one without a word, and for one that is too long
 */
export function escapeNote(text: string): string {
  const words = text.split(/\s+/).filter((word) => word !== '')
  const note = words.map((word) => escapeBytes(Buffer.from(word).toString('latin1'))).join(' ')
  if (note === '') throw usageError('a note without a word', "say something: --note 'before the upgrade'")
  if (note.length > MAX_NOTE) throw usageError(`the note is longer than ${MAX_NOTE} bytes`, 'say less')
  return note
}

/** The words of a note for people and programs. */
export function unescapeNote(note: string): string {
  return Buffer.from(note.split(' ').map(unescapeText).join(' '), 'latin1').toString('utf8')
}

/** Whether a text is a note in its one spelling. */
export function isNote(text: string): boolean {
  return text.length <= MAX_NOTE && text.split(' ').every((word) => word !== '' && isEscaped(word))
}
