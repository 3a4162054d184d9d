// `bk receive` and sizes that lie: of files and of chunks, of what comes and of what the store had; and lists deeper than a restore goes.

import {describe, expect, test} from 'vitest'
import {digestOf, forgePack, indexText, storedChanges} from '../harness/forge-stream.ts'
import {sha256} from '../harness/read-store.ts'
import {asObject, attempt, before, chunks, dirLine, fileLine, forged, list, one, storeWithFirst, two} from './thief.ts'
import type {Forged} from './thief.ts'

const store = await storeWithFirst()
const full = {object: sha256(asObject(before)), text: before}

async function expectRefused(stream: Buffer, words: RegExp): Promise<void> {
  const outcome = await attempt(stream, {store})
  const grown = outcome.grown.filter((name) => !name.startsWith('packs/'))
  expect({...outcome, grown}).toMatchObject({status: 65, message: expect.stringMatching(words), harmed: [], grown: []})
}

async function expectTaken(stream: Buffer): Promise<void> {
  expect(await attempt(stream, {store})).toMatchObject({status: 0, message: '', harmed: []})
}

const unlike = /^an object is of another size than the snapshot says/
const saying = (line: string, size: number): string => line.replace(/ size=\d+/, ` size=${size}`)
const withA = (line: string): string => indexText(before.split('\n').slice(2, -2).map((old) => (old.startsWith('./a ') ? line : old)))
const asNear = (line: string, mark = '~'): Forged => ({indexes: [storedChanges(full, withA(line), [`${mark} ${line}`])], whole: withA(line)})
const asFull = (line: string): Forged => ({indexes: [withA(line)], whole: withA(line)})

/** The first snapshot again, whose larger file has another list. */
function inChunks(text: string, content: readonly Buffer[] = []): Forged {
  const object = Buffer.from(text)
  const whole = indexText(before.replace(sha256(list), sha256(object)).split('\n').slice(2, -2))
  return {content: [...content, object], indexes: [whole], whole}
}

const [first, second] = chunks.map((each) => sha256(each))

describe('sizes', () => {
  test.each([3, 5, 2 ** 32 + 4, 2 ** 32])('of a new file, which is not %i', async (size) => {
    const line = saying(fileLine('./a', two), size)
    await expectRefused(forged(asNear(line)), unlike)
    await expectRefused(forged(asFull(line)), unlike)
  })

  test.each([3, 5, 2 ** 32 + 4])('of a file that the store had, which is not %i', async (size) => {
    const line = saying(fileLine('./a', one), size)
    await expectRefused(forged({...asNear(line, '='), content: []}), unlike)
    await expectRefused(forged({...asFull(line), content: []}), unlike)
    // Also where it comes again.
    await expectRefused(forged({...asNear(line, '='), content: [one]}), unlike)
  })

  test('of a file under a name of its own are right or wrong as under another', async () => {
    const lines = [...before.split('\n').slice(2, -2), fileLine('./c', one)]
    const changed = (line: string): Forged => {
      const whole = indexText(lines.with(-1, line))
      return {content: [], indexes: [storedChanges(full, whole, [`+ ${line}`])], whole}
    }
    await expectTaken(forged(changed(lines.at(-1)!)))
    await expectRefused(forged(changed(saying(lines.at(-1)!, 3))), unlike)
  })

  test('of chunks, which add up and are wrong all the same', async () => {
    const text = `chunk ${first} 400\nchunk ${second} 600\n`
    await expectRefused(forged(inChunks(text)), unlike)
    await expectRefused(forged(inChunks(text, chunks)), unlike)
    const inner = Buffer.from(text)
    await expectRefused(forged(inChunks(`list ${sha256(inner)} 1000\n`, [inner])), unlike)
    await expectTaken(forged(inChunks(`list ${sha256(list)} 1000\n`)))
  })

  test('in a pack that the store can no longer read say nothing, and the next snapshot is taken', async () => {
    const [text, whole] = [indexText([dirLine('.'), fileLine('./a', one)]), indexText([dirLine('.'), fileLine('./a', one), fileLine('./c', one)])]
    const pack = forgePack([[one]])
    const {store: lost} = await attempt(forged({packs: [pack, forgePack([[asObject(text)]])], indexes: [text], whole: text, lines: {base: 'none'}}))
    const changes = storedChanges({object: sha256(asObject(text)), text}, whole, [`+ ${fileLine('./c', one)}`])
    const next = forged({content: [], indexes: [changes], whole, lines: {base: digestOf(text)}})
    lost.files.set(`packs/${pack.name.slice(0, 2)}/${pack.name}.tar.zst`, Buffer.alloc(pack.bytes.length))
    expect(await attempt(next, {store: lost})).toMatchObject({status: 0, message: ''})
  })

  test('of lists that nest deeper than a restore goes', async () => {
    const towers = [list]
    while (towers.length < 7) towers.push(Buffer.from(`list ${sha256(towers.at(-1)!)} 1000\n`))
    await expectTaken(forged(inChunks(String(towers[5]), towers.slice(1, 5))))
    await expectRefused(forged(inChunks(String(towers[6]), towers.slice(1, 6))), /^lists of chunks nest too deep$/)
  })
})
