// The parts of a restore that need no store: items, tables, selections, holes.

import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {EntryTable, KINDS} from '../../../src/lib/restore/entry-table.ts'
import {partsToWrite} from '../../../src/lib/restore/holes.ts'
import {parseItem, textOfGroup} from '../../../src/lib/restore/item.ts'
import {parseOperand, resolvePaths, selectionOf} from '../../../src/lib/restore/selection.ts'
import {Wanted} from '../../../src/lib/restore/wanted.ts'
import {group} from './make-store.ts'

describe('items', () => {
  const line = './f type=file mode=04755 uid=1 gid=2 uname=daemon size=5 time=1.000000002 sha256=' + '0'.repeat(64)

  it('without comments', () => {
    expect(parseItem(line)).toMatchObject({entry: {path: './f', mode: 0o4755, size: 5}, uname: 'daemon', gname: undefined, xattrs: [], sparse: undefined, flags: []})
  })

  it('with all that comments say', () => {
    const item = parseItem(textOfGroup(group(line, 'flags=immutable,nodump', 'gname=a\\040b', 'sparse=0+4096,1048576+5', 'xattr.user.a\\075b=AAE=', 'xattr.user.none=')))
    expect(item).toMatchObject({uname: 'daemon', gname: 'a b', sparse: [[0, 4096], [1_048_576, 1_048_581]], flags: ['immutable', 'nodump']})
    expect(item.xattrs).toEqual([{name: Buffer.from('user.a=b'), value: Buffer.from([0, 1])}, {name: Buffer.from('user.none'), value: Buffer.alloc(0)}])
  })

  it.for(['5+', 'x', '10+5,3+1', '1+1,,2+2'])('extents that are none: %s', (value) => {
    expect(parseItem(textOfGroup(group(line, `sparse=${value}`))).sparse).toBeUndefined()
  })

  it('a file that is nothing but a hole', () => {
    expect(parseItem(textOfGroup(group(line, 'sparse='))).sparse).toEqual([])
  })
})

describe('tables', () => {
  it('entries by number and by path', () => {
    const table = new EntryTable()
    const lines = Array.from({length: 5000}, (_, i) => `./${String(i).padStart(5, '0')} type=dir ${'x'.repeat((i * 37) % 900)}`)
    lines[4000] += 'y'.repeat(3 << 20)
    for (const [i, text] of lines.entries()) expect(table.add(text, i % 2 === 0 ? KINDS.directory : KINDS.whole)).toBe(i)
    expect(table.count).toBe(5000)
    for (const i of [0, 1, 1023, 1024, 3999, 4000, 4001, 4999]) {
      expect(table.text(i)).toBe(lines[i])
      expect(table.kind(i)).toBe(i % 2 === 0 ? KINDS.directory : KINDS.whole)
      expect(table.find(table.path(i))).toBe(i)
    }
    expect([table.find('./0'), table.find('./99999'), table.find('.')]).toEqual([-1, -1, -1])
  })

  it('objects with several uses, each taken once', () => {
    const id = (i: number): string => i.toString(16).padStart(64, '0')
    const wanted = new Wanted((each) => each !== id(7))
    for (let i = 0; i < 3000; i++) for (let use = 0; use <= i % 3; use++) wanted.add(id(i), i, use * 10)
    expect(wanted.nowhere).toEqual([id(7)])
    expect(wanted.has(id(5))).toBe(true)
    expect(wanted.take(id(5))).toEqual([{file: 5, offset: 0}, {file: 5, offset: 10}, {file: 5, offset: 20}])
    expect([wanted.has(id(5)), wanted.take(id(5)), wanted.take(id(4000))]).toEqual([false, undefined, undefined])
    expect(wanted.uses(id(5))).toHaveLength(3)
    expect(wanted.uses(id(2999))).toHaveLength(3)
  })
})

describe('selections', () => {
  it.for([
    ['/etc/hosts', '/', ['./etc/hosts']],
    ['etc//hosts/.', '/', ['./etc/hosts']],
    ['/', '/', ['.']],
    ['.', '/srv', ['.']],
    ['/srv/x', '/srv', ['./x', './srv/x']],
    ['srv/x', '/srv', ['./srv/x']],
    ['/srv', '/srv', ['.', './srv']],
    ['/srvx', '/srv', ['./srvx']],
    ['a b/\xff', '/', ['./a\\040b/\\377']],
  ] as const)('%s below %s', ([path, root, candidates]) => {
    expect(parseOperand(path, root).candidates).toEqual(candidates)
  })

  it('what is there decides', async () => {
    const groups = async function* (...paths: readonly string[]) {
      yield paths.map((path) => group(`${path} type=file`))
    }
    expect(await resolvePaths(['/srv/x'], '/srv', groups('./srv/x'))).toEqual(['./srv/x'])
    expect(await resolvePaths(['/srv/x'], '/srv', groups('./srv/x', './x'))).toEqual(['./x'])
  })

  it('parts', () => {
    const {partOf} = selectionOf(['./a/b', './c'])
    expect(['.', './a', './a/b', './a/b/d', './a/bd', './c', './cc', './d'].map(partOf)).toEqual([
      'on-the-way', 'on-the-way', 'wanted', 'wanted', 'left-out', 'wanted', 'left-out', 'left-out',
    ])
    expect(selectionOf(['./a', '.']).partOf('./x')).toBe('wanted')
  })
})

describe('holes', () => {
  it('what is left out is nothing but zeros, and outside the data', () => {
    const piece = fc.array(fc.tuple(fc.boolean(), fc.integer({min: 1, max: 9000})), {minLength: 1, maxLength: 12})
    const extents = fc.array(fc.tuple(fc.integer({min: 0, max: 60_000}), fc.integer({min: 1, max: 9000})), {maxLength: 4})
    fc.assert(
      fc.property(piece, extents, fc.integer({min: 0, max: 20_000}), (runs, places, offset) => {
        const bytes = Buffer.concat(runs.map(([isData, length]) => Buffer.alloc(length, isData ? 1 : 0)))
        const data = places.sort((a, b) => a[0] - b[0]).reduce<(readonly [number, number])[]>((list, [start, length]) => {
          const from = Math.max(start, list.at(-1)?.[1] ?? 0)
          return [...list, [from, from + length] as const]
        }, [])
        const written = Buffer.alloc(bytes.length)
        let last = 0
        for (const [start, end] of partsToWrite(bytes, offset, data)) {
          expect(start).toBeGreaterThanOrEqual(last)
          expect(end).toBeGreaterThan(start)
          bytes.copy(written, start, start, end)
          written.fill(2, start, end)
          last = end
        }
        for (const [at, byte] of bytes.entries()) {
          const isInData = data.some(([start, end]) => offset + at >= start && offset + at < end)
          if (byte === 1 || isInData) expect(written[at]).toBe(2)
        }
      }),
      {numRuns: 100},
    )
  })

  it('whole blocks of zeros are left out', () => {
    const bytes = Buffer.concat([Buffer.alloc(100, 1), Buffer.alloc(20_000), Buffer.alloc(100, 1)])
    expect([...partsToWrite(bytes, 0, [])]).toEqual([[0, 4096], [16_384, 20_200]])
    expect([...partsToWrite(Buffer.alloc(8192), 4096, [])]).toEqual([])
    expect([...partsToWrite(Buffer.alloc(8192), 4096, [[5000, 5001]])]).toEqual([[0, 4096]])
  })
})
