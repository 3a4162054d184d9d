// What is kept of the words of ssh, for the line that says why a session failed. What is told of them: session.test.ts.

import {describe, expect, it} from 'vitest'
import {Words} from '../../../src/lib/ssh/words.ts'

/** What is kept of these words, however they are cut into pieces. */
function kept(text: string, size: number): string {
  const words = new Words(() => {}, () => true)
  const bytes = Buffer.from(text, 'latin1')
  for (let at = 0; at < bytes.length; at += size) words.add(bytes.subarray(at, at + size))
  words.end()
  return words.kept
}

describe.each([1, 7, 100_000])('words in pieces of %d bytes', (size) => {
  it('are kept by whole lines that are safe to print, without the ends that a terminal wants', () => {
    expect(kept('one\r\n\x1b[31mtwo\n\n\r\xffthree', size)).toBe('one\n\\033[31mtwo\n\ufffdthree\n')
  })

  it('are kept to the last 2 KiB, in whole lines', () => {
    const lines = Array.from({length: 3000}, (_, at) => `line ${at}\n`)
    const text = kept(lines.join(''), size)
    expect(lines.join('').endsWith(`\n${text}`)).toBe(true)
    expect(text.length).toBeLessThanOrEqual(2048)
    expect(text.length).toBeGreaterThan(2048 - 'line 0000\n'.length)
  })

  it('of a line without end are kept to 2 KiB', () => {
    expect(kept('x'.repeat(100_000), size)).toBe(`${'x'.repeat(2047)}\n`)
  })
})

describe('what bk says over there', () => {
  it('is gathered without its name, safe to print, a hundred lines of it', () => {
    const words = new Words(() => {}, () => true)
    words.add(Buffer.from('banner\nbk offer: one\r\nbk: two\nbk keys list: \x1b[2Jthree\nbkx: none\n bk offer: none\nbk offer: half'))
    expect(words.said).toEqual({lines: ['one', 'two', '\\033[2Jthree'], more: 0})
    for (let at = 0; at < 1000; at++) words.add(Buffer.from('\nbk offer: more'))
    words.end()
    expect(words.said.lines).toHaveLength(100)
    expect(words.said.lines[3]).toBe('half')
    expect(words.said.more).toBe(3 + 1000 - 100)
  })

  it('is cut where it has no end', () => {
    const words = new Words(() => {}, () => true)
    words.add(Buffer.from(`bk offer: ${'x'.repeat(100_000)}\n`))
    expect(words.said.lines[0]!.length).toBeLessThan(2048)
  })
})
