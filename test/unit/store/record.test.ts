// Records: what is read prints back byte for byte, and no byte of one can change without its sum knowing.

import fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {LineTaker} from '../../../src/lib/store/line-taker.ts'
import {summedLines} from '../../../src/lib/store/sum.ts'
import {formatEditRecord, formatOwn, formatSnapshot, isSetName, NO_RECORD, ownLines, parseCopied, parseRecord, recordTime, type SnapshotDraft, type SnapshotRecord, type StoreRecord} from '../../../src/lib/store/record.ts'
import {formatNeeds} from '../../../src/lib/store/needs.ts'
import {law, outcome, refusal} from '../index/texts.ts'
import {sha256} from './memory-store.ts'

const [one, two, three, four] = ['1', '2', '3', '4'].map((digit) => digit.repeat(64)) as [string, string, string, string]

const draft: SnapshotDraft = {
  seq: 18, set: 'web1', received: '2026-11-22T08:30:05Z', claimed: '2026-11-22T08:29:58Z', partial: 3, entries: 118532, bytes: 957680012,
  index: {id: one, level: 'near'}, tree: two, catalog: three, needs: {base: 17, drop: new Map([[3, new Set([4])]]), add: new Map([[18, new Set([1, 2])]])},
  epoch: 1, saw: {seq: 17, sum: four}, note: 'before the upgrade', prev: four,
}
const body = `#bk record 1 snapshot
seq 18
set web1
received 2026-11-22T08:30:05Z
claimed 2026-11-22T08:29:58Z
state partial 3
entries 118532 bytes 957680012
index ${one} near
tree ${two}
catalog ${three}
needs 17 -3.4 +18.1-2
epoch 1
saw 17 ${four}
note before the upgrade
prev ${four}
`

/** A text with its sum behind it. */
function summed(text: string): string {
  return `${text}sum ${sha256(text)}\n`
}

const read = (text: string): StoreRecord => parseRecord(Buffer.from(text, 'latin1'))

/** A record as text again, whatever its kind, with the lines of later versions in their place. */
function printed(record: StoreRecord): string {
  if (record.kind === 'edit') return summed(`${['#bk record 1 edit', `seq ${record.seq}`, ...record.lines, ...record.copied.map((line) => `copy ${line}`), `prev ${record.prev}`].join('\n')}\n`)
  const text = formatSnapshot(record).text.replace(/sum .*\n$/, '')
  const at = text.search(/^(?:copy|prev) /m)
  return summed(text.slice(0, at) + record.unknown.map((line) => `${line}\n`).join('') + text.slice(at))
}

describe('a record that the next one has copied', () => {
  const before = formatEditRecord({seq: 17, lines: ['drop 3 by hand'], copied: ['#bk record 1 edit', 'seq 16', `prev ${one}`], prev: two})
  const after = formatSnapshot({...draft, prev: before.sum, copied: ownLines(before.text)})

  test('is all but its sum and what it has copied itself', () => {
    expect(after.text).toBe(summed(body.replace(/prev .*/, `copy #bk record 1 edit\ncopy seq 17\ncopy drop 3 by hand\ncopy prev ${two}\nprev ${before.sum}`)))
    const {copied, prev, unknown} = read(after.text) as SnapshotRecord
    expect({copied, prev, unknown}).toEqual({copied: ['#bk record 1 edit', 'seq 17', 'drop 3 by hand', `prev ${two}`], prev: before.sum, unknown: []})
  })

  test('says the same, and is the same file with what it has copied itself', () => {
    const {copied, prev} = read(after.text)
    expect(parseCopied(copied, prev)).toEqual({...read(before.text), copied: []})
    expect(read(before.text).size).toBe(before.text.length - `copy #bk record 1 edit\ncopy seq 16\ncopy prev ${one}\n`.length)
    expect(formatOwn(copied, read(before.text).copied)).toEqual(before)
  })

  test('is none when it is long', () => {
    const lines = Array.from({length: 1000}, (_, i) => `drop ${i + 1} ${'x'.repeat(54)}`)
    expect(ownLines(formatEditRecord({seq: 1001, lines: lines.slice(1), prev: one}).text)).toHaveLength(1002)
    expect(ownLines(formatEditRecord({seq: 1001, lines: [...lines, ...lines], prev: one}).text)).toEqual([])
  })

  test.each([
    ['behind prev', (text: string) => text.replace(/(copy prev .*\n)(prev .*\n)/, '$2$1')],
    ['before a word of its own', (text: string) => text.replace(/(epoch .*\n)/, 'copy seq 17\n$1')],
    ['with two blanks', (text: string) => text.replace('copy seq', 'copy  seq')],
  ])('%s, is refused', async (_, change) => {
    const text = change(after.text).replace(/sum .*\n$/, '')
    expect(text).not.toBe(after.text.replace(/sum .*\n$/, ''))
    await refusal(() => read(summed(text)))
  })
})

describe('a snapshot', () => {
  test('is written as the format has it', () => {
    expect(formatSnapshot(draft)).toEqual({text: summed(body), sum: sha256(body)})
  })

  test('is read as it was written', () => {
    expect(read(summed(body))).toEqual({...draft, kind: 'snapshot', unknown: [], copied: [], sum: sha256(body), size: summed(body).length})
  })

  test('may lack a catalog and what the writer saw, and be the first', () => {
    const first: SnapshotDraft = {...draft, seq: 1, partial: 0, catalog: undefined, saw: undefined, note: undefined, prev: NO_RECORD, needs: {base: undefined, drop: new Map(), add: new Map()}, index: {id: one, level: 'full'}}
    const {text, sum} = formatSnapshot(first)
    expect(text).toContain('state complete\n')
    expect(read(text)).toEqual({...first, kind: 'snapshot', unknown: [], copied: [], sum, size: text.length})
  })

  test('names edits that say what is lost', () => {
    const text = summed(body.replace('prev ', 'damaged 3 17\nlater-word some words\nprev '))
    const record = read(text)
    expect(record).toMatchObject({damaged: [3, 17], unknown: ['later-word some words']})
    expect(formatSnapshot({...draft, damaged: [3, 17]}).text).toBe(summed(body.replace('prev ', 'damaged 3 17\nprev ')))
  })

  test('keeps lines of later versions, which stand before prev', () => {
    const text = summed(body.replace('prev ', 'mac 77c0\nlater-word some words\nprev '))
    const record = read(text)
    expect(record).toMatchObject({unknown: ['mac 77c0', 'later-word some words'], prev: four})
    expect(printed(record)).toBe(text)
  })

  test('of any values comes back', async () => {
    const id = fc.constantFrom(one, two, three)
    const count = fc.oneof(fc.integer({min: 0, max: 1e6}), fc.constantFrom(0, 999_999_999_999_999))
    const time = fc.bigInt({min: 0n, max: 253_402_300_799_000_000_000n}).map(recordTime)
    const labels = fc.uniqueArray(fc.integer({min: 1, max: 50}), {maxLength: 5}).map((all) => (all.length === 0 ? new Map() : new Map([[7, new Set(all.sort((a, b) => a - b))]])))
    const any = fc.record({
      seq: fc.integer({min: 1, max: 999_999_999}), set: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/), received: time, claimed: time, partial: count, entries: count, bytes: count,
      index: fc.record({id, level: fc.constantFrom('full' as const, 'far' as const, 'near' as const)}), tree: id, catalog: fc.option(id, {nil: undefined}),
      needs: fc.oneof(fc.record({base: fc.constant(undefined), drop: fc.constant(new Map()), add: labels}), fc.record({base: fc.integer({min: 1, max: 9}), drop: labels, add: labels})),
      epoch: fc.integer({min: 1, max: 99}), saw: fc.option(fc.record({seq: fc.integer({min: 1, max: 99}), sum: id}), {nil: undefined}), note: fc.option(fc.stringMatching(/^[a-z]{1,9}( [a-z]{1,9}){0,3}$/), {nil: undefined}), prev: id,
      copied: fc.constantFrom([], ownLines(summed(body)), ['#bk record 1 edit', 'seq 4', 'drop 3 by hand', `prev ${one}`]),
    })
    await law(fc.property(any, (it) => {
      const {text, sum} = formatSnapshot(it)
      const record = read(text)
      expect(record).toEqual({...it, kind: 'snapshot', unknown: [], sum, size: text.replace(/^copy .*\n/gm, '').length})
      expect(printed(record)).toBe(text)
    }), 300)
  })
})

describe('an edit', () => {
  test.each([[[]], [['drop 18-40 keep-daily', `doom ${one} ${two}`]]])('is read as it was written: %j', (lines) => {
    const text = summed(['#bk record 1 edit', 'seq 19', ...lines, `prev ${one}`, ''].join('\n'))
    const record = read(text)
    expect(record).toEqual({kind: 'edit', seq: 19, lines, copied: [], catalog: undefined, stored: undefined, prev: one, sum: sha256(text.replace(/sum .*\n$/, '')), size: text.length})
    expect(printed(record)).toBe(text)
  })

  test.each([
    ['no prev', '#bk record 1 edit\nseq 1\ndrop 1\n'],
    ['prev not last', `#bk record 1 edit\nseq 1\nprev ${one}\ndrop 1\n`],
    ['no seq', `#bk record 1 edit\nprev ${one}\n`],
    ['a line of other bytes', `#bk record 1 edit\nseq 1\ndrop \xff\nprev ${one}\n`],
    ['an empty line', `#bk record 1 edit\nseq 1\n\nprev ${one}\n`],
    ['a carriage return', `#bk record 1 edit\nseq 1\ndrop 1\r\nprev ${one}\n`],
  ])('is refused: %s', async (_, text) => {
    await refusal(() => read(summed(text)))
  })
})

describe('a record is refused', () => {
  const without = (word: string): string => body.replace(new RegExp(`^${word} .*\n`, 'm'), '')
  const lineOf = (word: string): string => new RegExp(`^${word} .*\n`, 'm').exec(body)![0]

  test.each(['seq', 'set', 'received', 'claimed', 'state', 'entries', 'index', 'tree', 'needs', 'epoch', 'prev'])('without %s', async (word) => {
    await refusal(() => read(summed(without(word))))
  })

  test.each(['seq', 'set', 'received', 'claimed', 'state', 'entries', 'index', 'tree', 'catalog', 'needs', 'epoch', 'saw', 'note', 'prev'])('with %s twice', async (word) => {
    await refusal(() => read(summed(body.replace(lineOf(word), lineOf(word).repeat(2)))))
  })

  test.each(['seq', 'set', 'received', 'claimed', 'state', 'entries', 'index', 'tree', 'catalog', 'needs', 'epoch', 'saw'])('with %s at the end', async (word) => {
    await refusal(() => read(summed(without(word).replace('prev ', `${lineOf(word)}prev `).replace(word === 'saw' ? 'saw' : '\0', 'saw '))))
    await refusal(() => read(summed(without(word) + lineOf(word))))
  })

  test.each([
    ['another version', body.replace('record 1', 'record 2'), /record is from version 2, this is version 1/],
    ['another kind', body.replace('snapshot', 'note'), /^line 1: not a record of bk/],
    ['no header', body.slice(body.indexOf('\n') + 1), /^line 1: not a record of bk/],
    ['seq 0', body.replace('seq 18', 'seq 0'), /^line 2: not in the format: seq 0/],
    ['seq 018', body.replace('seq 18', 'seq 018'), /^line 2/],
    ['a set with a slash', body.replace('web1', '../web1'), /^line 3/],
    ['a set that is hidden', body.replace('web1', '.web1'), /^line 3/],
    ['a set of 65 characters', body.replace('web1', 'w'.repeat(65)), /^line 3/],
    ['a time with a zone', body.replace('08:30:05Z', '08:30:05+00:00'), /^line 4/],
    ['a time that is none', body.replace('08:30:05Z', '28:30:05Z'), /^not a time: 2026-11-22T28:30:05Z$/],
    ['a day that is none', body.replace('2026-11-22T08:30', '2026-02-30T08:30'), /^not a time/],
    ['a claimed time that is none', body.replace('2026-11-22T08:29', '2026-13-22T08:29'), /^not a time/],
    ['partial 0', body.replace('partial 3', 'partial 0'), /^line 6/],
    ['counts with signs', body.replace('bytes 957680012', 'bytes -1'), /^line 7/],
    ['another level', body.replace(' near', ' middle'), /^line 8/],
    ['upper case', body.replace(two, two.replaceAll('2', 'A')), /^line 9/],
    ['needs that are no list', body.replace('+18.1-2', '+18.2-1'), /not a list of packs/],
    ['needs in two spellings', body.replace('+18.1-2', '+18.1 +18.2'), /not a list of packs/],
    ['epoch 0', body.replace('epoch 1', 'epoch 0'), /^line 12/],
    ['saw without a sum', body.replace(`saw 17 ${four}`, 'saw 17'), /^line 13/],
    ['saw 0', body.replace(`saw 17 ${four}`, `saw 0 ${four}`), /^line 13/],
    ['a note with two blanks', body.replace('before the', 'before  the'), /./],
    ['a note that is not escaped', body.replace('before the', 'before=the'), /a note is not in the format/],
    ['a note that is too long', body.replace('upgrade', 'x'.repeat(500)), /a note is not in the format/],
    ['edits out of order that say what is lost', body.replace('prev ', 'damaged 3 2\nprev '), /damaged does not name records before it/],
    ['an edit twice that says what is lost', body.replace('prev ', 'damaged 3 3\nprev '), /damaged does not name records before it/],
    ['an edit to come that says what is lost', body.replace('prev ', 'damaged 18\nprev '), /damaged does not name records before it/],
    ['what is lost, and no edit that says so', body.replace('prev ', 'damaged \nprev '), /^line 15/],
    ['something behind prev', `${body}later 1\n`, /something stands behind prev/],
    ['an empty line', body.replace('epoch', '\nepoch'), /^line 12/],
    ['a later word of other bytes', body.replace('prev ', 'later \xff\nprev '), /^line 15/],
    ['a later word without value', body.replace('prev ', 'later\nprev '), /^line 15/],
    ['carriage returns', body.replaceAll('\n', '\r\n'), /./],
  ])('with %s', async (_, text, why) => {
    expect(await refusal(() => read(summed(text)))).toMatch(why)
  })

  test('when one byte is another, missing or too much, by its sum', async () => {
    const text = summed(body)
    for (let at = 0; at < text.length; at++) {
      for (const other of ['', '\n', '0', '\0', String.fromCharCode(text.charCodeAt(at) ^ 1), text[at]! + text[at]!]) {
        const changed = text.slice(0, at) + other + text.slice(at + 1)
        if (changed !== text) expect(await refusal(() => read(changed))).toBe('its sum is wrong or missing')
      }
      expect(await refusal(() => read(text.slice(0, at)))).toBe('its sum is wrong or missing')
    }
  })

  test('or prints back, when it was forged and signed again', async () => {
    let taken = 0
    for (let at = 0; at < body.length; at++) {
      for (const other of ['', ' ', '\n', '0', '1', 'a', '-', '+', body[at]! + body[at]!]) {
        const text = summed(body.slice(0, at) + other + body.slice(at + 1))
        const record = await outcome(() => read(text))
        if ('refused' in record) continue
        taken++
        expect(printed(record)).toBe(text)
      }
    }
    expect(taken).toBeGreaterThan(300)
  })
})

test('what could not be read again is not written', () => {
  expect(() => formatSnapshot({...draft, bytes: 10 ** 15})).toThrow(/more than a snapshot can say/)
  expect(read(formatSnapshot({...draft, bytes: 10 ** 15 - 1}).text)).toMatchObject({bytes: 999_999_999_999_999})
})

test('long lists of packs continue on further lines', () => {
  const add = new Map([[18, new Set(Array.from({length: 30_000}, (_, i) => 2 * i + 1))]])
  const {text} = formatSnapshot({...draft, needs: {base: undefined, drop: new Map(), add}})
  expect(text.match(/^needs and /gm)!.length).toBe(formatNeeds({base: undefined, drop: new Map(), add}).length - 1)
  expect(read(text)).toMatchObject({needs: {base: undefined, add}})
})

test('a text and its sum', async () => {
  expect(summedLines(summed('a\nb\n'))).toEqual({lines: ['a', 'b'], sum: sha256('a\nb\n')})
  for (const text of ['', `sum ${sha256('')}\n`, summed('a'), summed('a\n').slice(0, -1), `${summed('a\n')}\n`, summed('a\n').replace('sum', 'sun'), `x${summed('a\n')}`]) {
    await refusal(() => summedLines(text))
  }
})

test('lines are taken in order', async () => {
  const take = new LineTaker(['a 1', 'b 2', 'c'])
  expect(take.maybe(/^b (\d)$/)).toBeUndefined()
  expect(take.must(/^a (\d)$/)).toEqual(['1'])
  expect(await refusal(() => take.must(/^c$/))).toBe('line 2: not in the format: b 2')
  expect(take.maybe(/^b (\d)(x)?$/)).toEqual(['2', undefined])
  expect(take.rest()).toEqual(['c'])
  expect(await refusal(() => take.must(/^./))).toBe('line 4: not in the format: missing')
})

test.each([[0n, '1970-01-01T00:00:00Z'], [1_763_800_000_999_999_999n, '2025-11-22T08:26:40Z'], [951_782_400_000_000_000n, '2000-02-29T00:00:00Z']])('%s nanoseconds are %s', (time, text) => {
  expect(recordTime(time)).toBe(text)
})

test.each([['web1', true], ['a', true], ['9', true], ['a.b_c-D', true], ['w'.repeat(64), true], ['', false], ['-a', false], ['.a', false], ['_a', false], ['a/b', false], ['a b', false], ['w'.repeat(65), false], ['a\n', false], ['ü', false]])(
  '%j may name a set: %s', (name, may) => {
    expect(isSetName(name)).toBe(may)
  },
)
