// What a snapshot needs: as words and back, as differences and back, and nothing that is spelt in two ways.

import fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {applyNeeds, diffNeeds, formatNeeds, parseNeeds, type Labels} from '../../../src/lib/store/needs.ts'
import {law, outcome, refusal} from '../index/texts.ts'

const labelsOf = (...pairs: readonly (readonly [number, readonly number[]])[]): Map<number, Set<number>> => new Map(pairs.map(([seq, numbers]) => [seq, new Set(numbers)]))
const labels = fc
  .uniqueArray(fc.tuple(fc.integer({min: 1, max: 30}), fc.uniqueArray(fc.integer({min: 1, max: 12}), {minLength: 1, maxLength: 8})), {selector: ([seq]) => seq, maxLength: 6})
  .map((pairs) => labelsOf(...pairs))

describe('needs are written', () => {
  test.each([
    ['nothing', {base: undefined, drop: labelsOf(), add: labelsOf()}, ['none']],
    ['nothing new', {base: 17, drop: labelsOf(), add: labelsOf()}, ['17']],
    ['as the format has it', {base: 17, drop: labelsOf([3, [4]]), add: labelsOf([18, [1, 2]])}, ['17 -3.4 +18.1-2']],
    ['in order', {base: undefined, drop: labelsOf(), add: labelsOf([18, [7, 1, 3, 2]], [3, [5]])}, ['none +3.5 +18.1-3 +18.7']],
  ])('%s', (_, needs, words) => {
    expect(formatNeeds(needs)).toEqual(words)
    expect(parseNeeds(words)).toEqual(needs)
  })

  test('in lines of at most 60,000 bytes', () => {
    const add = labelsOf([1, Array.from({length: 40_000}, (_, i) => 2 * i + 1)])
    const lines = formatNeeds({base: 5, drop: labelsOf(), add})
    expect(lines.length).toBeGreaterThan(4)
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(60_000)
    expect(lines.slice(1).every((line) => line.startsWith('and +1.'))).toBe(true)
    expect(parseNeeds(lines)).toEqual({base: 5, drop: labelsOf(), add})
  })
})

describe('needs are refused', () => {
  test.each([
    [''], ['0'], ['017'], ['x'], ['17 '], ['17  +1.1'], ['17 1.1'], ['17 +1'], ['17 +1.'], ['17 +1.0'], ['17 +0.1'], ['17 +01.1'], ['17 +1.01'], ['17 +1.2-1'], ['17 +1.1-1'],
    ['17 +1.1-'], ['17 +1.2 +1.1'], ['17 +2.1 +1.1'], ['17 +1.1 -1.2'], ['17 +1.1 +1.1'], ['17 +1.1 +1.2'], ['17 +1.1-2 +1.3'], ['17 +1.1-3 +1.2'], ['none none'], ['and +1.1'],
    ['17 +1.1,2'], ['1234567890'], ['17 +1.12345678'], ['none\t+1.1'], ['none +1.1\n'], ['none -1.1'],
  ])('%j', async (line) => {
    await refusal(() => parseNeeds([line]))
  })

  test('in lines that are cut otherwise', async () => {
    const long = `and${Array.from({length: 300_000}, (_, i) => ` +1.${2 * i + 1}`).join('')}`
    for (const lines of [[], [long], ['none', long], ['17', 'and +1.1'], ['17 +1.1', '+1.3'], ['17 +1.1', 'and'], ['17 +1.1', 'and and +1.3']]) await refusal(() => parseNeeds(lines))
  })

  test('that name more packs than a store has, before they take memory', async () => {
    const before = process.memoryUsage().rss
    await refusal(() => parseNeeds([`none${Array.from({length: 9}, (_, i) => ` +${i + 1}.1-9999999`).join('')}`]))
    expect(process.memoryUsage().rss - before).toBeLessThan(200 << 20)
    expect(parseNeeds(['none +1.1-1000000']).add.get(1)!.size).toBe(1_000_000)
  })

  test('or print back', async () => {
    const parts = fc.constantFrom('none', '17', ' ', '+', '-', '1', '2', '.', '1.1', '+1.1', '-2.3', 'and ', '0')
    await law(fc.asyncProperty(fc.array(fc.array(parts, {maxLength: 8}).map((all) => all.join('')), {maxLength: 2}), async (lines) => {
      const needs = await outcome(() => parseNeeds(lines))
      if (!('refused' in needs)) expect(formatNeeds(needs)).toEqual(lines)
    }), 3000)
  })
})

test('a difference leads from one to the other, and through words', async () => {
  await law(fc.property(labels, labels, (before, after) => {
    const needs = diffNeeds(9, before, after)
    const copy: Labels = new Map([...before].map(([seq, numbers]) => [seq, new Set(numbers)]))
    expect(applyNeeds(before, needs)).toEqual(after)
    expect(applyNeeds(before, parseNeeds(formatNeeds(needs)))).toEqual(after)
    expect(before).toEqual(copy)
    // Nothing is dropped that was not there, nothing added that was.
    for (const [seq, numbers] of needs.drop) for (const n of numbers) expect(before.get(seq)?.has(n) && after.get(seq)?.has(n) !== true).toBe(true)
    for (const [seq, numbers] of needs.add) for (const n of numbers) expect(before.get(seq)?.has(n) !== true && after.get(seq)?.has(n)).toBe(true)
    if (before.size === 0 && after.size === 0) expect(formatNeeds(needs)).toEqual(['9'])
  }), 400)
})
