// However little memory there is, the order is that of `LC_ALL=C sort`, every line comes out, and no run stays open.

import {spawnSync} from 'node:child_process'
import fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {LineSorter} from '../../../src/lib/index/sort.ts'
import {createSpill} from '../../../src/lib/sys/spill.ts'
import {countingSpills} from './foreign-lists.ts'

async function sort(lines: readonly string[], sorter: LineSorter): Promise<string[]> {
  for (const line of lines) {
    sorter.add(line)
    if (sorter.full) await sorter.makeRun()
  }
  const sorted: string[] = []
  for await (const batch of sorter.sorted()) sorted.push(...batch)
  sorter.close()
  return sorted
}

const line = fc.string({unit: fc.constantFrom('a', 'b', '/', ' ', '.', '-', '\\', '\xff'), maxLength: 12})

describe('LineSorter', () => {
  test('sorts as sort(1) does, in memory and in runs', async () => {
    await fc.assert(fc.asyncProperty(fc.array(line), fc.integer({min: 1, max: 60}), async (lines, memory) => {
      const expected = spawnSync('sort', {input: Buffer.from(lines.map((text) => text + '\n').join(''), 'latin1'), env: {LC_ALL: 'C', PATH: process.env['PATH']}})
        .stdout.toString('latin1').split('\n').slice(0, -1)
      const spills = countingSpills()
      expect(await sort(lines, new LineSorter())).toEqual(expected)
      expect(await sort(lines, new LineSorter({memory, spill: spills.spill}))).toEqual(expected)
      expect(spills.open()).toBe(0)
    }))
  })

  test('merges the runs when they are many', async () => {
    const lines = Array.from({length: 500}, (_, index) => String((index * 7919) % 500).padStart(3, '0'))
    const spills = countingSpills()
    expect(await sort(lines, new LineSorter({memory: 1, spill: spills.spill}))).toEqual(lines.toSorted())
    expect(spills.made()).toBeGreaterThan(500)
    expect(spills.open()).toBe(0)
  })

  test('takes lines of the greatest length, and files for runs', async () => {
    const lines = Array.from({length: 40}, (_, index) => String.fromCharCode(200 - index).repeat(65_000))
    expect(await sort(lines, new LineSorter({memory: 300_000, spill: () => createSpill(0)}))).toEqual(lines.toReversed())
  })

  test('keeps all in memory where there is nothing to spill to', async () => {
    const sorter = new LineSorter({memory: 1})
    sorter.add('b')
    expect(sorter.full).toBe(false)
    await sorter.makeRun()
    sorter.add('a')
    expect(await sort([], sorter)).toEqual(['a', 'b'])
  })
})
