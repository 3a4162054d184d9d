// Lists of chunks: nested, cheap to change, and refused when they are not what they say.

import {createHash} from 'node:crypto'
import fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {chunksOf, LIST_SIZE, makeLists, parseList, type ListLine} from '../../../src/lib/store/chunk-list.ts'
import {law, outcome, refusal} from '../index/texts.ts'
import {sha256} from './memory-store.ts'

type Chunk = {readonly id: string; readonly size: number}

const chunk = (n: number, size = 32_768): Chunk => ({id: createHash('sha256').update(`chunk ${n}`).digest('hex'), size})
const chunks = (count: number): Chunk[] => Array.from({length: count}, (_, n) => chunk(n))

async function read(id: string, objects: ReadonlyMap<string, Buffer>): Promise<ListLine[]> {
  const lines: ListLine[] = []
  for await (const line of chunksOf(id, async (one) => objects.get(one)!)) lines.push(line)
  return lines
}

function made(all: readonly Chunk[]): {readonly id: string; readonly objects: Map<string, Buffer>} {
  const {id, objects} = makeLists(all)
  return {id, objects: new Map(objects.map((object) => [object.id, object.bytes]))}
}

/** Lists under which `lines` of text each stand for an object, and their ids. */
function store(...texts: readonly string[]): {readonly ids: string[]; readonly objects: Map<string, Buffer>} {
  const ids = texts.map(sha256)
  return {ids, objects: new Map(texts.map((text, i) => [ids[i]!, Buffer.from(text, 'latin1')]))}
}

describe('lists', () => {
  test.each([1, 2, 63, 64, 850, 851, 852, 1000, 5000, 100_000])('of %d chunks give them back in order', async (count) => {
    const {id, objects} = made(chunks(count))
    expect(await read(id, objects)).toEqual(chunks(count).map((one) => ({kind: 'chunk', ...one})))
    for (const [name, bytes] of objects) {
      expect(bytes.length).toBeLessThanOrEqual(LIST_SIZE)
      expect(sha256(bytes)).toBe(name)
    }
    expect(objects.size === 1).toBe(count <= 851)
  })

  test('are lines as the format has them, each list after those that it names', () => {
    expect(makeLists([chunk(1, 5), chunk(2, 6)]).objects[0]!.bytes.toString('latin1')).toBe(`chunk ${chunk(1).id} 5\nchunk ${chunk(2).id} 6\n`)
    const {id, objects} = makeLists(chunks(3000))
    const seen = new Set<string>()
    for (const object of objects) {
      for (const line of parseList(object.bytes)) expect(line.kind === 'chunk' || seen.has(line.id)).toBe(true)
      seen.add(object.id)
    }
    expect(objects.at(-1)!.id).toBe(id)
    expect(parseList(objects.at(-1)!.bytes).reduce((sum, {size}) => sum + size, 0)).toBe(3000 * 32_768)
  })

  test('are cut at the same lines for years', () => {
    const {id, objects} = makeLists(chunks(5000))
    expect([id, objects.length]).toEqual(['96c83f57854486fbeb9af26dac212f9582ab73a8e566b7872358a264dea6ed06', 13])
  })

  test('of no chunks are a bug', () => {
    expect(() => makeLists([])).toThrow(/no chunks/)
  })

  test('of other content share all but one path with those before', () => {
    const before = chunks(20_000)
    const old = made(before).objects
    for (const at of [0, 5, 9_999, 19_999]) {
      const after = before.map((one, i) => (i === at ? chunk(-1) : one))
      const fresh = makeLists(after).objects.filter(({id}) => !old.has(id))
      // One list of each level; two where the other chunk moved a cut.
      expect(fresh.length).toBeLessThanOrEqual(4)
      expect(fresh.reduce((sum, {bytes}) => sum + bytes.length, 0)).toBeLessThan(3 * LIST_SIZE)
    }
  })

  test('with a chunk more at the front or in the middle share nearly all', () => {
    const before = chunks(20_000)
    const old = made(before).objects
    for (const at of [0, 10_000]) {
      const fresh = makeLists([...before.slice(0, at), chunk(-1), ...before.slice(at)]).objects.filter(({id}) => !old.has(id))
      expect(fresh.length).toBeLessThanOrEqual(6)
    }
  })

  test('of any length are within their limits', async () => {
    const size = fc.constantFrom(1, 8192, 131_072, 999_999_999)
    await law(fc.asyncProperty(fc.integer({min: 1, max: 4000}), fc.nat(), size, async (count, salt, each) => {
      const all = Array.from({length: count}, (_, n) => chunk(n + salt * 10_000, each))
      const {id, objects} = made(all)
      expect((await read(id, objects)).length).toBe(count)
      for (const bytes of objects.values()) expect(bytes.length).toBeLessThanOrEqual(LIST_SIZE)
    }), 10)
  })
})

describe('a list is refused', () => {
  const line = `chunk ${chunk(1).id} 5\n`
  test.each([
    ['empty', '', 1], ['no LF', line.slice(0, -1), 1], ['a line of nothing', `${line}\n`, 2], ['two kinds', `${line}list ${chunk(2).id} 5\n`, 1], ['another kind', line.replace('chunk', 'piece'), 1],
    ['size 0', line.replace(' 5', ' 0'), 1], ['zeros in front', line.replace(' 5', ' 05'), 1], ['no size', line.replace(' 5', ''), 1], ['a size that is no number', line.replace(' 5', ' x'), 1],
    ['upper case', line.toUpperCase(), 1], ['a short id', line.replace(chunk(1).id, chunk(1).id.slice(1)), 1], ['two spaces', line.replace(' 5', '  5'), 1], ['carriage returns', line.replace('\n', '\r\n'), 1],
    ['other bytes', `${line}\xff\n`, 2], ['too long', line.repeat(LIST_SIZE / line.length + 1), 1], ['a size of sixteen digits', line.replace(' 5', ` ${'9'.repeat(16)}`), 1],
  ])('%s', async (_, text, at) => {
    expect(await refusal(() => parseList(Buffer.from(text, 'latin1')))).toBe(`line ${at}: not a list of chunks`)
  })

  test('or prints back, whatever byte is another', async () => {
    const text = line + `chunk ${chunk(2).id} 31999\n`
    for (let at = 0; at < text.length; at++) {
      for (const other of ['', '0', 'a', ' ', '\n', '\0', text[at]! + text[at]!]) {
        const changed = text.slice(0, at) + other + text.slice(at + 1)
        const lines = await outcome(() => parseList(Buffer.from(changed, 'latin1')))
        if (Array.isArray(lines)) expect(lines.map(({kind, id, size}) => `${kind} ${id} ${size}\n`).join('')).toBe(changed)
      }
    }
  })
})

describe('hostile lists', () => {
  const piece = `chunk ${chunk(1).id} 5\n`

  test('that do not add up are refused', async () => {
    const inner = sha256(piece)
    for (const size of [4, 6, 50]) {
      const {ids, objects} = store(piece, `list ${inner} ${size}\n`)
      expect(await refusal(() => read(ids[1]!, objects))).toBe('a list of chunks does not add up')
    }
    const {ids, objects} = store(piece, `list ${inner} 5\n`.repeat(3))
    expect(await read(ids[1]!, objects)).toHaveLength(3)
  })

  test('that nest too deep are refused, not followed', async () => {
    let text = piece
    const objects = new Map<string, Buffer>()
    const ids: string[] = []
    for (let depth = 0; depth < 10; depth++) {
      objects.set(sha256(text), Buffer.from(text))
      ids.push(sha256(text))
      text = `list ${sha256(text)} 5\n`
    }
    expect(await read(ids[5]!, objects)).toHaveLength(1)
    expect(await refusal(() => read(ids[6]!, objects))).toBe('lists of chunks nest too deep')
    expect(await refusal(() => read(ids[9]!, objects))).toBe('lists of chunks nest too deep')
  })

  test('that go in circles are refused', async () => {
    const {id} = chunk(1)
    let asked = 0
    const circle = async (): Promise<Buffer> => {
      asked++
      return Buffer.from(`list ${id} 5\n`)
    }
    expect(await refusal(async () => {
      for await (const line of chunksOf(id, circle)) expect(line).toBeUndefined()
    })).toBe('lists of chunks nest too deep')
    expect(asked).toBeLessThan(10)
  })

  test('that name what is no list are refused', async () => {
    const {ids, objects} = store('hello\n', `list ${sha256('hello\n')} 6\n`)
    expect(await refusal(() => read(ids[1]!, objects))).toBe('line 1: not a list of chunks')
  })

  test('whose few lines stand for very much are given out as they come, and stop where they do not add up', async () => {
    const wide = piece.repeat(800)
    const texts = [wide]
    for (let level = 0; level < 4; level++) texts.push(`list ${sha256(texts[level]!)} ${5 * 800 ** (level + 1)}\n`.repeat(700))
    const {ids, objects} = store(...texts)
    let given = 0
    for await (const {size} of chunksOf(ids[4]!, async (id) => objects.get(id)!)) {
      given += size
      if (given > 100_000) break
    }
    expect(given).toBe(100_005)
  })
})
