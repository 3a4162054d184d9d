// The index of a first backup that is made on the way: the same as one made at the end, or none.

import {describe, expect, test} from 'vitest'
import fc from 'fast-check'
import {HardLinks} from '../../../src/lib/index/hard-links.ts'
import {PrintTable} from '../../../src/lib/index/print-table.ts'
import {IndexWriter} from '../../../src/lib/index/write.ts'
import {EarlyIndex, type MadeIndex} from '../../../src/lib/transfer/early-index.ts'
import type {Change} from '../../../src/lib/index/changes.ts'
import type {Spill} from '../../../src/lib/index/spill.ts'
import {sha256} from '../store/memory-store.ts'

const DIR = ' type=dir mode=0755 uid=0 gid=0 uname=root gname=root time=1.000000000'
const rest = (content: string): string => ` type=file mode=0644 uid=0 gid=0 uname=root gname=root size=${content.length} time=1.000000000 sha256=${sha256(content)}`
const dir = (path: string, mark: Change['mark'] = '+'): Change => ({mark, group: {path, line: path + DIR, comments: []}})
const file = (path: string, content: string, first?: string): Change => ({
  mark: '+', group: {path, line: path + rest(content), comments: first === undefined ? [] : [`#bk ${path} hardlink=${first}`]},
})
const unread: Change = {mark: '!', group: {path: './x', line: '', comments: ['#bk ./x error=EACCES']}}

interface Gathered extends Spill {
  readonly text: () => string
  readonly closed: () => boolean
}

function memory(): Gathered {
  const pieces: Buffer[] = []
  let closed = false
  return {
    write: (piece) => void pieces.push(Buffer.from(piece)),
    async *pieces() {
      yield* pieces
    },
    close: () => void (closed = true),
    text: () => Buffer.concat(pieces).toString('latin1'),
    closed: () => closed,
  }
}

interface Made {
  readonly made: MadeIndex | undefined
  readonly spill: Gathered
}

/** Adds the changes one batch at a time, closing a pack with all that is known every `every` batches and at the end. */
function early(batches: readonly (readonly Change[])[], {every = 1, missing = ''} = {}): Made {
  const spill = memory()
  const known = new Set<string>()
  const packs = new Map<string, string>()
  const close = (name: string): void => known.forEach((id) => (packs.has(id) || id === missing ? undefined : packs.set(id, name)))
  const index = new EarlyIndex('/srv', {packOf: (id) => packs.get(id), getList: async () => undefined}, {has: (id) => known.has(id)}, spill)
  for (const [at, batch] of batches.entries()) {
    for (const {group} of batch) for (const [, id] of group.line.matchAll(/sha256=(\w+)/g)) known.add(id!)
    index.add(batch)
    if (at % every === every - 1) close(`pack ${at}`)
  }
  close('last')
  return {made: index.end(), spill}
}

function plain(changes: readonly Change[]): string {
  const pieces: Buffer[] = []
  const writer = new IndexWriter('/srv', (piece) => pieces.push(Buffer.from(piece)))
  for (const {group} of changes) writer.add(group)
  writer.end()
  return Buffer.concat(pieces).toString('latin1')
}

describe('the index of changes without a base', () => {
  const changes = [dir('.'), dir('./a'), file('./a/1', 'one'), file('./a/2', 'two'), file('./b', 'one', './a/1'), unread]

  test('is that of its groups, and reaches the packs that its objects came to lie in', () => {
    const {made, spill} = early(changes.map((change) => [change]))
    expect(spill.text()).toBe(plain(changes))
    expect([made?.end.partial, made?.reach.entries, made?.reach.bytes]).toEqual([1, 5, 9])
    expect([...made!.reach.packs].toSorted()).toEqual(['pack 2', 'pack 3'])
    expect(spill.closed()).toBe(false)
  })

  test('waits for packs that are open, whether they are closed now and then or at the end', () => {
    const many = [dir('.'), ...Array.from({length: 30_000}, (_, at) => file(`./${String(at).padStart(5, '0')}`, `${at}`))]
    const batches = Array.from({length: 301}, (_, at) => many.slice(at * 100, at * 100 + 100))
    const now = early(batches, {every: 50}).made!
    expect(now.reach.packs).toEqual(new Set(['pack 49', 'pack 99', 'pack 149', 'pack 199', 'pack 249', 'pack 299', 'last']))
    const late = early(batches, {every: 1000}).made!
    expect(late.reach.packs).toEqual(new Set(['last']))
    expect(late.end).toEqual(now.end)
  })

  test.each<[string, readonly Change[]]>([
    ['a change of something that was there', [dir('.'), dir('./a', '~')]],
    ['something gone', [dir('.'), {mark: '-', group: {path: './a', line: '', comments: []}}]],
    ['a move', [dir('.'), {...file('./b', 'x'), mark: '>'}]],
    ['a path without its directory', [dir('.'), file('./a/1', 'one')]],
    ['nothing at the top', [file('./1', 'one')]],
    ['a hard link to nothing', [dir('.'), file('./a', 'one'), file('./c', 'one', './b')]],
    ['a hard link to another file', [dir('.'), file('./a', 'one'), file('./c', 'two', './a')]],
    ['a hard link to what comes later', [dir('.'), file('./a', 'one', './c'), file('./c', 'one')]],
    ['a hard link to a hard link', [dir('.'), file('./a', 'one'), file('./b', 'one', './a'), file('./c', 'one', './b')]],
    ['a hard link to a directory', [dir('.'), dir('./a'), {mark: '+', group: {path: './b', line: `./b${DIR.replace('dir', 'file')}`, comments: ['#bk ./b hardlink=./a']}}]],
    ['a file without a digest', [dir('.'), {mark: '+', group: {path: './a', line: './a type=file size=1 time=1.000000000', comments: []}}]],
  ])('is given up for %s', (_, given) => {
    const {made, spill} = early([given.slice(0, -1), given.slice(-1), [file('./z', 'z')]])
    expect({made, closed: spill.closed()}).toEqual({made: undefined, closed: true})
  })

  test('is given up when an object is in no pack after all', () => {
    const {made, spill} = early([changes], {missing: sha256('two')})
    expect({made, closed: spill.closed()}).toEqual({made: undefined, closed: true})
  })

  test('is given up where hard links would have to be mended, and only there', () => {
    const names = ['./a', './b', './c', './d']
    const given = fc.tuple(...names.map(() => fc.record({content: fc.constantFrom('1', '2'), first: fc.option(fc.constantFrom(...names), {nil: undefined})})))
    fc.assert(fc.property(given, (files) => {
      const all = [dir('.'), ...files.map(({content, first}, at) => file(names[at]!, content, first))]
      const links = new HardLinks(new Set(names))
      for (const {group} of all) links.mend(group)
      // A link whose first is a link itself is mended, too.
      expect(early([all]).made === undefined).toBe(links.mended > 0)
    }), {numRuns: 500})
  })
})

test('fingerprints tell every text and every value apart that they are given', () => {
  const table = new PrintTable()
  const texts = Array.from({length: 50_000}, (_, at) => `./some/directory/${at}`)
  for (const [at, text] of texts.entries()) table.add(text, `value ${at % 1000}`)
  for (const [at, text] of texts.entries()) expect([table.has(text, `value ${at % 1000}`), table.has(text, `value ${(at + 1) % 1000}`), table.has(`${text} `, `value ${at % 1000}`)]).toEqual([true, false, false])
  expect(table.has('', '')).toBe(false)
})
