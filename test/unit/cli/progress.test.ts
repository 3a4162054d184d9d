// What the progress line says and how wide it gets. How it is drawn is seen on a terminal: test/e2e/screens.test.ts.

import fc from 'fast-check'
import stringWidth from 'string-width'
import {describe, expect, it} from 'vitest'
import {progressLine, shortened, type ProgressFigures} from '../../../src/lib/cli/progress-line.ts'
import {createRate} from '../../../src/lib/cli/rate.ts'

const mebibyte = 2 ** 20
const terminal = (columns: number, unicode = true) => ({columns, unicode, widthOf: stringWidth})
const done: ProgressFigures = {
  bytes: 50 * mebibyte, totalBytes: 100 * mebibyte, files: 12345, rate: 5 * mebibyte, elapsed: 11, left: 10, path: './srv/www/html/pages/index.html',
}

describe('the progress line', () => {
  it.for<[columns: number, line: string]>([
    [100, 'bk send: 50M of 100M  12,345 files  5.0M/s  0:10 left  srv/www/html/pages/index.html'],
    [80, 'bk send: 50M of 100M  12,345 files  5.0M/s  0:10 left  srv/www…pages/index.html'],
    [68, 'bk send: 50M of 100M  12,345 files  5.0M/s  0:10 left  srv…dex.html'],
    [67, 'bk send: 50M of 100M  12,345 files  5.0M/s  0:10 left'],
    [54, 'bk send: 50M of 100M  12,345 files  5.0M/s  0:10 left'],
    [53, 'bk send: 50M of 100M  5.0M/s  0:10 left'],
    [40, 'bk send: 50M of 100M  5.0M/s  0:10 left'],
    [39, 'bk send: 50M of 100M  0:10 left'],
    [31, '50M of 100M  0:10 left'],
    [22, '50M of 100M'],
    [20, '50M of 100M'],
    [19, ''],
    [1, ''],
  ])('in %d columns', ([columns, line]) => {
    expect(progressLine('bk send', done, terminal(columns))).toBe(line)
  })

  it.for<[what: string, figures: Partial<ProgressFigures>, line: string]>([
    ['without a total the time that has passed', {totalBytes: undefined, left: undefined}, 'bk send: 50M  12,345 files  5.0M/s  0:11'],
    ['the same while nothing comes', {left: undefined, rate: 0}, 'bk send: 50M of 100M  12,345 files  0/s  0:11'],
    ['more than was counted', {bytes: 101 * mebibyte, left: 0}, 'bk send: 101M of 101M  12,345 files  5.0M/s  0:00 left'],
    ['what is done first', {phase: 'listing', bytes: undefined, totalBytes: undefined, left: undefined}, 'bk send: listing  12,345 files  0:11'],
    ['one file', {files: 1, bytes: undefined, left: undefined}, 'bk send: 1 file  0:11'],
    ['no files while the first is read', {files: 0}, 'bk send: 50M of 100M  5.0M/s  0:10 left'],
    ['nothing yet', {files: undefined, bytes: undefined, left: undefined}, 'bk send: 0:11'],
  ])('says %s', ([, figures, line]) => {
    expect(progressLine('bk send', {...done, path: undefined, ...figures}, terminal(80))).toBe(line)
  })

  it.for<[path: string, unicode: boolean, shown: string]>([
    [String.raw`./gr\303\266\303\237e/\346\227\245\346\234\254`, true, 'größe/日本'],
    [String.raw`./gr\303\266\303\237e/\346\227\245\346\234\254`, false, String.raw`gr\303\266\303\237e/\346\227\245\346\234\254`],
    [String.raw`./a\040b\133c\134d\012e`, true, String.raw`a b[c\134d\012e`],
    [String.raw`./a\040b\133c\134d\012e`, false, String.raw`a b[c\134d\012e`],
    [String.raw`./\033[31mred\377\342\200\256`, true, String.raw`\033[31mred\377\342\200\256`],
    ['.', true, '.'],
  ])('shows the path %s', ([path, unicode, shown]) => {
    expect(progressLine('bk', {path, files: 1, rate: 0, elapsed: 1}, terminal(100, unicode))).toBe(`bk: 1 file  0:01  ${shown}`)
  })

  it('does without a path whose width is not known yet', () => {
    expect(progressLine('bk', {path: './x', files: 1, rate: 0, elapsed: 1}, {...terminal(80), widthOf: () => undefined})).toBe('bk: 1 file  0:01')
  })

  it('leaves a column free, whatever it is to show', () => {
    const natural = fc.option(fc.nat({max: Number.MAX_SAFE_INTEGER}), {nil: undefined})
    const bytes = fc.uint8Array({maxLength: 120})
    fc.assert(
      fc.property(fc.integer({min: 0, max: 200}), fc.boolean(), natural, natural, natural, natural, bytes, (columns, unicode, files, count, totalBytes, left, path) => {
        const spelled = [...path].map((byte) => (byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`)).join('')
        const line = progressLine('bk restore', {files, bytes: count, totalBytes, left, path: spelled, rate: 7, elapsed: 1e6}, terminal(columns, unicode))
        expect(stringWidth(line)).toBeLessThanOrEqual(Math.max(0, columns - 1))
        expect(line).not.toMatch(unicode ? /[\p{Cc}\p{Cs}]/u : /[^ -~]/)
      }),
      {numRuns: 500},
    )
  })
})

describe('a path that is too long', () => {
  it.for<[text: string, room: number, unicode: boolean, shown: string]>([
    ['abcdefghijkl', 12, true, 'abcdefghijkl'],
    ['abcdefghijklm', 12, true, 'abc…fghijklm'],
    ['abcdefghijklm', 12, false, 'abc...hijklm'],
    // Wide ones take two columns: what would stick out by one is left out.
    ['日本語日本語日本語', 10, true, '日…日本語'],
    ['ab\u0301cdefghijkl\u0308m\u0301', 10, true, 'ab\u0301c…hijkl\u0308m\u0301'],
    [String.raw`\303\303\303\303\303`, 12, false, String.raw`\303...\303`],
  ])('%s in %d', ([text, room, unicode, shown]) => {
    expect(shortened(text, room, {unicode, widthOf: stringWidth})).toBe(shown)
  })
})

describe('the rate', () => {
  const seconds = (from: number, to: number, step: number): number[] => Array.from({length: Math.round((to - from) / step) + 1}, (_, n) => (from + n * step) * 1000)

  it('is that of the last seconds', () => {
    const rate = createRate()
    expect(rate.at(0, 5000)).toBe(0)
    for (const now of seconds(0, 60, 0.05)) rate.add(now, now * 1000)
    expect(rate.at(60_000, 5000)).toBeCloseTo(1e6, -3)
    for (const now of seconds(60, 66, 0.05)) rate.add(now, 60e6 + (now - 60_000) * 10)
    expect(rate.at(66_000, 5000)).toBeCloseTo(1e4, -2)
    expect(rate.at(66_000, 30_000)).toBeGreaterThan(5e5)
  })

  it('falls when nothing comes any more, down to nothing', () => {
    const rate = createRate()
    for (const now of seconds(0, 10, 0.1)) rate.add(now, now * 1000)
    const falling = [10, 11, 13, 16, 19].map((second) => rate.at(second * 1000, 5000))
    expect(falling).toEqual(falling.toSorted((a, b) => b - a))
    expect(falling.at(-1)).toBeLessThan(2e5)
    expect(rate.at(30_000, 5000)).toBe(0)
  })

  it('is steady where content comes in large pieces', () => {
    const rate = createRate()
    for (const now of seconds(0, 96, 16)) rate.add(now, now * 1000)
    for (const now of seconds(97, 111, 1)) expect(rate.at(now, 5000) / 1e6).toSatisfy((share: number) => share > 0.7 && share <= 1)
  })

  it('begins anew with another kind of work, and where figures do', () => {
    const rate = createRate()
    for (const now of seconds(0, 10, 0.5)) rate.add(now, now * 1000)
    rate.add(11_000, 5)
    expect(rate.at(11_000, 5000)).toBe(0)
    for (const now of seconds(12, 15, 0.5)) rate.add(now, (now - 11_000) * 1000)
    expect(rate.at(15_000, 5000)).toBeCloseTo(1e6, -3)
    rate.reset()
    expect(rate.at(15_000, 5000)).toBe(0)
  })
})
