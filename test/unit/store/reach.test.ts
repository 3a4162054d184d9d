// What a snapshot reaches: every object of every line, or a refusal.

import {describe, expect, test} from 'vitest'
import {BkError} from '../../../src/lib/cli/errors.ts'
import {makeLists} from '../../../src/lib/store/chunk-list.ts'
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
