// What a snapshot reaches: every object of every line, or a refusal.

import {describe, expect, test} from 'vitest'
import {BkError} from '../../../src/lib/cli/errors.ts'
import {makeLists, MAX_DEPTH} from '../../../src/lib/store/chunk-list.ts'
import {Reach} from '../../../src/lib/store/reach.ts'
import type {Group} from '../../../src/lib/index/group.ts'
import {refusal} from '../index/texts.ts'
import {sha256} from './memory-store.ts'

const time = 'time=0.000000000'
const nothing = sha256('')

function file(path: string, size: number, digest: string, ...comments: string[]): Group {
  return {path, line: `${path} type=file size=${size} ${time} sha256=${digest}`, comments: comments.map((comment) => `#bk ${path} ${comment}`)}
}

function reachOf(packs: Record<string, readonly string[]>, lists: ReadonlyMap<string, Buffer> = new Map()): {readonly reach: Reach; readonly asked: string[]} {
  const asked: string[] = []
  const packOf = (id: string): string | undefined => Object.keys(packs).find((pack) => packs[pack]!.includes(id))
  const getList = async (id: string): Promise<Buffer> => {
    asked.push(id)
    return lists.get(id)!
  }
  return {reach: new Reach({packOf, getList}), asked}
}

async function missing(work: () => unknown): Promise<string> {
  try {
    await work()
  } catch (error) {
    if (error instanceof BkError && error.status === 77) return error.message
    throw error
  }
  throw new Error('was not refused')
}

const [a, b, c] = ['a', 'b', 'c'].map(sha256) as [string, string, string]

test('the packs of whole files are reached, and sizes are summed up', async () => {
  const {reach, asked} = reachOf({p: [a, b], q: [c], r: ['never']})
  reach.add({path: '.', line: '. type=dir', comments: []})
  reach.add(file('./a', 1, a))
  reach.add(file('./c', 5, c))
  reach.add(file('./d', 5, c, 'hardlink=./c', 'stale=EIO'))
  reach.add(file('./e', 0, nothing))
  reach.add({path: './f', line: '', comments: ['#bk ./f error=EIO']})
  reach.add({path: './l', line: './l type=link link=x', comments: []})
  await reach.finish()
  expect([...reach.packs]).toEqual(['p', 'q'])
  expect([reach.entries, reach.bytes, asked]).toEqual([6, 11, []])
})

test('lists, the lists and chunks that they name, and long attributes are reached', async () => {
  const chunks = Array.from({length: 2000}, (_, n) => ({id: sha256(`chunk ${n}`), size: 8192}))
  const {id, objects} = makeLists(chunks)
  const lists = new Map(objects.map((object) => [object.id, object.bytes]))
  const inner = objects.map((object) => object.id).filter((one) => one !== id)
  const {reach, asked} = reachOf({top: [id], inner, first: [chunks[0]!.id], rest: chunks.slice(1).map((chunk) => chunk.id), long: [b], other: [a]}, lists)
  const size = 2000 * 8192
  reach.add(file('./a', size, a, `chunks=${id}`, 'cut=15', `xattr.user.long=@${b}`, 'xattr.user.short=AA=='))
  reach.add(file('./b', size, a, `chunks=${id}`, 'cut=15'))
  await reach.finish()
  // The content of a file in chunks is no object of its own.
  expect([...reach.packs].sort()).toEqual(['first', 'inner', 'long', 'rest', 'top'])
  expect([...asked].sort()).toEqual([...lists.keys()].sort())
  expect(reach.bytes).toBe(2 * size)
})

test('attributes of what is no file are reached, and what only looks like one is not', () => {
  const {reach} = reachOf({p: [a]})
  reach.add({path: './d', line: './d type=dir', comments: [`#bk ./d xattr.user.x=@${a}`]})
  reach.add({path: './e', line: './e type=dir', comments: [`#bk ./e later=@${b}`]})
  expect([...reach.packs]).toEqual(['p'])
})

test('the index itself is reached', () => {
  const {reach} = reachOf({p: [a]})
  reach.addObject(a)
  expect([...reach.packs]).toEqual(['p'])
})

describe('sizes', () => {
  /** What is asked about, `SIZE` or `-` behind each id. */
  function asking(lists: ReadonlyMap<string, Buffer> = new Map()): {readonly reach: Reach; readonly said: string[]} {
    const said: string[] = []
    const packOf = (id: string, size?: number): string => (said.push(`${id} ${size ?? '-'}`), 'p')
    return {reach: new Reach({packOf, getList: async (id) => lists.get(id)}), said}
  }

  test('of objects are said where a line is new, and not where an earlier snapshot had it', () => {
    const {reach, said} = asking()
    reach.add(file('./a', 5, a))
    reach.addOld(file('./b', 6, b))
    expect([said, reach.bytes, reach.entries]).toEqual([[`${a} 5`, `${b} -`], 11, 2])
  })

  test('of chunks are said where no line that names their list is old', async () => {
    const [old, shared, fresh] = [`chunk ${a} 5\n`, `chunk ${b} 6\n`, `chunk ${c} 7\n`].map((text) => Buffer.from(text)) as [Buffer, Buffer, Buffer]
    const both = Buffer.from(`list ${sha256(shared)} 6\nlist ${sha256(fresh)} 7\n`)
    const all = Buffer.from(`list ${sha256(old)} 5\nlist ${sha256(shared)} 6\n`)
    const {reach, said} = asking(new Map([old, shared, fresh, both, all].map((bytes) => [sha256(bytes), bytes])))
    reach.add(file('./a', 13, a, `chunks=${sha256(both)}`))
    reach.add(file('./b', 5, a, `chunks=${sha256(old)}`))
    reach.addOld(file('./c', 11, a, `chunks=${sha256(all)}`))
    reach.addOld(file('./d', 13, a, `xattr.user.x=@${nothing}`))
    await reach.finish()
    expect(said.filter((line) => !line.endsWith(' -'))).toEqual([`${c} 7`])
    expect(said).toEqual(expect.arrayContaining([`${a} -`, `${b} -`, `${nothing} -`]))
  })

  test('of a list that somebody else will check are left to him', async () => {
    const {reach, said} = asking()
    reach.add(file('./a', 13, a, `chunks=${b}`))
    await reach.finish()
    expect(said).toEqual([`${b} -`])
  })
})

describe('lists that nest', () => {
  /** Lists of lists above one of a chunk; returns their ids, the lowest first. */
  function tower(height: number): {readonly ids: string[]; readonly lists: Map<string, Buffer>} {
    const texts = [Buffer.from(`chunk ${c} 7\n`)]
    while (texts.length < height) texts.push(Buffer.from(`list ${sha256(texts.at(-1)!)} 7\n`))
    return {ids: texts.map((text) => sha256(text)), lists: new Map(texts.map((text) => [sha256(text), text]))}
  }
  const {ids, lists} = tower(MAX_DEPTH + 2)
  const deep = /^lists of chunks nest too deep$/

  test('as deep as a restore goes, and no deeper', async () => {
    const {reach} = reachOf({p: [c, ...ids]}, lists)
    reach.add(file('./a', 7, a, `chunks=${ids[MAX_DEPTH]}`))
    await reach.finish()
    expect(reach.lists.size).toBe(MAX_DEPTH + 1)
    const deeper = reachOf({p: [c, ...ids]}, lists).reach
    deeper.add(file('./a', 7, a, `chunks=${ids[MAX_DEPTH + 1]}`))
    expect(await refusal(() => deeper.finish())).toMatch(deep)
  })

  test('too deep below one file, after another has led to the same list', async () => {
    const {reach, asked} = reachOf({p: [c, ...ids]}, lists)
    reach.add(file('./a', 7, a, `chunks=${ids[MAX_DEPTH]}`))
    reach.add(file('./b', 7, a, `chunks=${ids[MAX_DEPTH + 1]}`))
    expect(await refusal(() => reach.finish())).toMatch(deep)
    expect(asked.length).toBe(MAX_DEPTH + 2)
  })
})

describe('is refused', () => {
  const list = Buffer.from(`chunk ${b} 5\nchunk ${c} 6\n`)
  const id = sha256(list)

  test('what no pack holds', async () => {
    const {reach} = reachOf({p: [a]})
    expect(await missing(() => reach.add(file('./b', 1, b)))).toBe(`refused missing-object: the content of ./b is in no pack (${b})`)
    expect(await missing(() => reach.add({path: './d', line: './d type=dir', comments: [`#bk ./d xattr.user.x=@${b}`]}))).toMatch(/missing-object/)
    expect(await missing(() => reach.add(file('./b', 11, a, `chunks=${id}`)))).toMatch(/missing-object/)
    expect(await missing(() => reach.addObject(b))).toMatch(/missing-object/)
  })

  test('a list with a chunk that no pack holds', async () => {
    const {reach} = reachOf({p: [id, b]}, new Map([[id, list]]))
    reach.add(file('./b', 11, a, `chunks=${id}`))
    expect(await missing(() => reach.finish())).toMatch(/missing-object/)
  })

  test('a list that is none, or does not add up to the size of its file', async () => {
    const other = reachOf({p: [id]}, new Map([[id, Buffer.from('hello\n')]])).reach
    other.add(file('./b', 11, a, `chunks=${id}`))
    expect(await refusal(() => other.finish())).toMatch(/not a list of chunks/)
    const {reach} = reachOf({p: [id, b, c]}, new Map([[id, list]]))
    reach.add(file('./b', 12, a, `chunks=${id}`))
    await refusal(() => reach.finish())
  })

  test('one list for two sizes', async () => {
    const {reach} = reachOf({p: [id, b, c]}, new Map([[id, list]]))
    reach.add(file('./a', 11, a, `chunks=${id}`))
    await refusal(async () => {
      reach.add(file('./b', 12, a, `chunks=${id}`))
      await reach.finish()
    })
  })

  test.each([
    ['a file without size', `./a type=file ${time} sha256=${a}`],
    ['a file without time', `./a type=file size=1 sha256=${a}`],
    ['a file without sha256', `./a type=file size=1 ${time}`],
    ['a file with md5 alone', `./a type=file size=1 ${time} md5=${a.slice(32)}`],
    ['a file of no bytes without sha256', `./a type=file size=0 ${time}`],
    ['a file of no bytes with the sha256 of some', `./a type=file size=0 ${time} sha256=${a}`],
  ])('%s', async (_, line) => {
    const {reach} = reachOf({p: [a]})
    await refusal(() => reach.add({path: './a', line, comments: []}))
  })
})
