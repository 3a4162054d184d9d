// Limits: the stricter always wins, and nothing is "unlimited" by being 0.

import fc from 'fast-check'
import {expect, test} from 'vitest'
import {stricter} from '../../../src/lib/store/limits.ts'
import type {Limits} from '../../../src/lib/store/settings.ts'
import {law} from '../index/texts.ts'

const limit = fc.option(fc.integer({min: 0, max: 100}), {nil: undefined})
const limits = fc.record({quota: limit, perDay: limit, maxFile: limit, maxEntries: limit, reserve: limit})
const none: Limits = {quota: undefined, perDay: undefined, maxFile: undefined, maxEntries: undefined, reserve: undefined}

test('the smaller of two, and the larger of two reserves', () => {
  const store = {quota: 10, perDay: 0, maxFile: 5, reserve: 0}
  const key = {quota: 0, perDay: 48, maxEntries: 7, reserve: 9}
  expect(stricter(store, key)).toEqual({quota: 0, perDay: 0, maxFile: 5, maxEntries: 7, reserve: 9})
})

// What a client could ask for must never lift what the server has set (borg#4093).
test('nobody lifts what another has set, in whatever order they are asked', async () => {
  await law(fc.property(limits, limits, (a, b) => {
    const both = stricter(a, b)
    expect(stricter(b, a)).toEqual(both)
    expect(stricter(both, a)).toEqual(both)
    expect(stricter(a, none)).toEqual(a)
    for (const key of ['quota', 'perDay', 'maxFile', 'maxEntries'] as const) {
      for (const one of [a, b]) if (one[key] !== undefined) expect(both[key]).toBeLessThanOrEqual(one[key])
    }
    for (const one of [a, b]) if (one.reserve !== undefined) expect(both.reserve).toBeGreaterThanOrEqual(one.reserve)
  }), 200)
})
