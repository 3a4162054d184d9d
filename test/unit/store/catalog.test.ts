// Catalogs: what is read prints back byte for byte, all else is refused.

import fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {formatCatalog, holdsObject, parseCatalog, type CataloguedPack} from '../../../src/lib/store/catalog.ts'
import {law, outcome, refusal} from '../index/texts.ts'
import {sha256} from './memory-store.ts'

const digest = (n: number): string => n.toString(16).padStart(64, '0')
const sample = `#bk catalog 1\npack ${digest(1)} 16790021\n${digest(3)}\n${digest(0xa)}\npack ${digest(0xb)} 4190332\n${digest(2)}\n`
// With their ids, which are looked at when they are asked for.
/** Without what tells whether an id is there. */
const plain = (packs: readonly CataloguedPack[]): CataloguedPack[] => packs.map(({name, size, ids}) => ({name, size, ids}))
const read = (text: string): ReturnType<typeof parseCatalog> => plain(parseCatalog(Buffer.from(text, 'latin1')))

test('a catalog says what it holds, and is named by its bytes', () => {
  expect(read(sample)).toEqual([
    {name: digest(1), size: 16790021, ids: [digest(3), digest(0xa)]},
    {name: digest(0xb), size: 4190332, ids: [digest(2)]},
  ])
  const {bytes, digest: name, packs} = formatCatalog([...read(sample)].reverse())
  expect(bytes.toString('latin1')).toBe(sample)
  expect(name).toBe(sha256(sample))
  expect(packs).toEqual(read(sample))
})

test('any catalog comes back', async () => {
  const ids = fc.uniqueArray(fc.integer({min: 0, max: 1e6}), {minLength: 1, maxLength: 20}).map((all) => all.map(digest).sort())
  const packs = fc.uniqueArray(fc.record({name: fc.nat().map(digest), size: fc.integer({min: 1, max: 2 ** 40}), ids}), {selector: ({name}) => name, minLength: 1, maxLength: 8})
  await law(fc.property(packs, (all) => {
    const {bytes, packs: sorted} = formatCatalog(all)
    const parsed = parseCatalog(bytes)
    expect(plain(parsed)).toEqual(sorted)
    const ids = sorted.flatMap((pack) => pack.ids)
    for (const [at, pack] of parsed.entries()) for (const id of ids) expect(holdsObject(pack, id)).toBe(sorted[at]!.ids.includes(id))
    expect(sorted.map(({name}) => name)).toEqual(all.map(({name}) => name).sort())
  }), 200)
})

describe('a catalog is refused', () => {
  test.each([
    ['nothing', '', 1],
    ['another version', sample.replace('catalog 1', 'catalog 2'), 1],
    ['no packs', '#bk catalog 1\n', 1],
    ['ids before the first pack', sample.replace(/pack .*\n/, ''), 2],
    ['a pack without ids', `${sample}pack ${digest(0xc)} 1\n`, 7],
    ['a pack without ids in the middle', sample.replace(`${digest(3)}\n${digest(0xa)}\n`, ''), 3],
    ['packs unsorted', `#bk catalog 1\npack ${digest(2)} 1\n${digest(1)}\npack ${digest(1)} 1\n${digest(1)}\n`, 4],
    ['a pack twice', `#bk catalog 1\npack ${digest(1)} 1\n${digest(1)}\npack ${digest(1)} 1\n${digest(1)}\n`, 4],
    ['ids unsorted', `#bk catalog 1\npack ${digest(1)} 1\n${digest(2)}\n${digest(1)}\n`, 4],
    ['an id twice', `#bk catalog 1\npack ${digest(1)} 1\n${digest(2)}\n${digest(2)}\n`, 4],
    ['upper case', sample.replaceAll('a', 'A').replaceAll('pAck', 'pack').replace('cAtAlog', 'catalog'), 4],
    ['a size of nothing', sample.replace('16790021', '0'), 2],
    ['a size with zeros in front', sample.replace('16790021', '016790021'), 2],
    ['a size that is no number', sample.replace('16790021', '9'.repeat(16)), 2],
    ['no size', sample.replace(' 16790021', ''), 2],
    ['an empty line', sample.replace('\npack', '\n\npack'), 2],
    ['a short id', sample.replace(`${digest(3)}\n`, `${digest(3).slice(1)}\n`), 3],
    ['carriage returns', sample.replaceAll('\n', '\r\n'), 1],
  ])('%s', async (_, text, line) => {
    expect(await refusal(() => read(text))).toBe(`line ${line}: not a line of a catalog`)
  })

  test('or prints back, whatever byte of it is another', async () => {
    for (let at = 0; at < sample.length; at++) {
      const cut = sample.slice(0, at)
      const others = ['', '0', '1', 'f', ' ', '\n', '\0', '\xff', sample[at]! + sample[at]!].map((other) => cut + other + sample.slice(at + 1))
      for (const text of [cut, ...others]) {
        const packs = await outcome(() => read(text))
        if (Array.isArray(packs)) expect(formatCatalog(packs).bytes.toString('latin1')).toBe(text)
      }
    }
  })
})
