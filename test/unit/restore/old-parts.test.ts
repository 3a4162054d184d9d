// The parts of the layout `old` that need no store: groups that are sorted, names that are given.

import {describe, expect, it} from 'vitest'
import {pathProblem} from '../../../src/lib/index/path.ts'
import {unescapeText} from '../../../src/lib/index/escape.ts'
import {OldNames, STANDS} from '../../../src/lib/restore/old-names.ts'
import {groupAt, SortedGroups, wordsOf, type Sorted} from '../../../src/lib/restore/sorted-groups.ts'
import {createSpill} from '../../../src/lib/sys/spill.ts'
import {seeded} from '../../harness/faults.ts'
import {group} from './make-store.ts'
import type {Spill} from '../../../src/lib/index/spill.ts'

const END = '.20261122T083005Z'

describe('names', () => {
  it('a time behind the name, and a number where that is taken', () => {
    const names = new OldNames()
    names.note('./d/.old/b.20261122T083005Z', STANDS.other)
    names.note('./d/.old/c.20261122T083005Z', STANDS.before)
    expect(names.oldOf('./d')).toEqual({path: './d/.old', isThere: false})
    expect(['a', 'a', 'a', 'b', 'c', 'new\nline'].map((name) => names.give('./d/.old', name, END))).toEqual([
      './d/.old/a.20261122T083005Z', './d/.old/a.20261122T083005Z.2', './d/.old/a.20261122T083005Z.3', './d/.old/b.20261122T083005Z.2', './d/.old/c.20261122T083005Z.2',
      String.raw`./d/.old/new\012line.20261122T083005Z`,
    ])
  })

  it('another directory where `.old` is none, the one that is there, and the one that was there', () => {
    const names = new OldNames()
    names.note('./file/.old', STANDS.other)
    names.note('./both/.old', STANDS.other)
    names.note('./both/.old.2', STANDS.other)
    names.note('./both/.old.3', STANDS.directory)
    names.note('./was/.old', STANDS.before)
    expect(['./file', './both', './was', '.'].map((path) => names.oldOf(path))).toEqual([
      {path: './file/.old.2', isThere: false}, {path: './both/.old.3', isThere: true}, {path: './was/.old', isThere: false}, {path: './.old', isThere: false},
    ])
  })

  it('long ones are cut, never in a character, and stay apart', () => {
    const names = new OldNames()
    const long = ['n'.repeat(255), `${'n'.repeat(254)}m`, 'n'.repeat(239), 'n'.repeat(238), Buffer.from('ü'.repeat(127)).toString('latin1'), '\x80'.repeat(255)]
    const given = long.map((name) => unescapeText(names.give('./.old', name, END)!).slice('./.old/'.length))
    expect(new Set(given).size).toBe(long.length)
    for (const name of given) expect(name).toMatch(/^[^]{1,238}\.20261122T083005Z$/)
    expect(given[3]).toBe('n'.repeat(238) + END)
    expect(Buffer.from(given[4]!, 'latin1').toString('utf8')).toMatch(/^ü{114}~[0-9a-f]{8}\.20261122T083005Z$/)
    // Whatever else is there.
    expect(unescapeText(new OldNames().give('./.old', long[1]!, END)!).slice('./.old/'.length)).toBe(given[1])
  })

  it('never a path that no index has', () => {
    const deep = (count: number, length: number): string => `./${Array.from({length: count}, () => 'd'.repeat(length)).join('/')}`
    for (let extra = 0; extra < 260; extra++) {
      const names = new OldNames()
      const folder = `${deep(18, 210)}/${'e'.repeat(1 + (extra % 255))}`
      const old = names.oldOf(folder)
      for (const path of [old?.path, old && names.give(old.path, 'n'.repeat(255), END), names.newOldOf(folder), names.give(folder, 'x'.repeat(200), '')]) {
        if (path !== undefined) expect(pathProblem(path)).toBeUndefined()
      }
    }
    for (let count = 990; count <= 999; count++) {
      const names = new OldNames()
      const old = names.oldOf(deep(count, 1))
      if (old !== undefined) expect(pathProblem(names.give(old.path, 'a', END)!)).toBeUndefined()
      expect(old === undefined).toBe(count > 997)
    }
  })
})

describe('groups that are sorted', () => {
  it('come back by path and number, with their comments in order, from disk too', async () => {
    const random = seeded(5)
    const spills: Spill[] = []
    const groups = Array.from({length: 3000}, (_, i) => {
      const path = `./${['a', 'a-b', 'a/b', 'a.b', 'b'][i % 5]}${i % 7}`
      const comments = Array.from({length: Math.floor(random() * 4)}, (_, n) => `xattr.user.${n}=${'A'.repeat(4 * Math.floor(random() * 2000))}`)
      return {number: Math.floor(i / 35), group: group(`${path} type=file mode=0644 size=${i}`, ...comments)}
    })
    const many = group('./many type=file', ...Array.from({length: 10_000}, (_, i) => `xattr.user.${String(i).padStart(5, '0')}=`))
    groups.push({number: 36 ** 4 - 1, group: many}, {number: 0, group: {path: './gone', line: './gone', comments: []}})
    const sorted = new SortedGroups(() => {
      const spill = createSpill(1000)
      spills.push(spill)
      return spill
    })
    for (const each of groups.toSorted(() => random() - 0.5)) await sorted.add(each.group.path, each.number, wordsOf(each.group))
    const found: Sorted[] = []
    for await (const batch of sorted.batches()) found.push(...batch)
    for (const spill of spills) spill.close()
    const byPlace = groups.toSorted((a, b) => (a.group.path < b.group.path ? -1 : a.group.path > b.group.path ? 1 : a.number - b.number))
    expect(found.map(({path, number, ...words}) => ({number, group: groupAt(path, words)}))).toEqual(byPlace)
    expect(spills.length).toBeGreaterThan(2)
  })

  it('a comment that a sorter does not take is left out', async () => {
    const sorted = new SortedGroups(() => createSpill())
    await sorted.add('./holes', 0, {rest: ' type=file', notes: [`sparse=${'1+1,'.repeat(16_240)}`, 'xattr.user.a=']})
    const found: Sorted[] = []
    for await (const batch of sorted.batches()) found.push(...batch)
    expect(found).toEqual([{path: './holes', number: 0, rest: ' type=file', notes: [`sparse=${'1+1,'.repeat(16_240)}`, 'xattr.user.a=']}])
    const other = new SortedGroups(() => createSpill())
    await other.add('./holes', 0, {rest: ' type=file', notes: [`sparse=${'1+1,'.repeat(16_250)}`, 'xattr.user.a=']})
    for await (const batch of other.batches()) expect(batch).toEqual([{path: './holes', number: 0, rest: ' type=file', notes: ['xattr.user.a=']}])
  })
})
