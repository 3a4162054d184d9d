// The clock that commands pass, and the one of tests.

import {expect, test} from 'vitest'

import {fixedClock, splitTime, systemClock} from '../../../src/lib/sys/clock.ts'

test('the system clock is the system clock, in nanoseconds', () => {
  const before = BigInt(Date.now()) * 1_000_000n
  const now = systemClock.now()
  expect(now).toBeGreaterThanOrEqual(before)
  expect(now).toBeLessThanOrEqual(BigInt(Date.now()) * 1_000_000n)
})

test('a fixed clock goes as it is told', () => {
  const still = fixedClock(5n)
  expect([still.now(), still.now()]).toEqual([5n, 5n])
  const stepping = fixedClock(-1n, 10n)
  expect([stepping.now(), stepping.now(), stepping.now()]).toEqual([-1n, 9n, 19n])
})

test.for([
  [0n, 0n, 0],
  [1_000_000_005n, 1n, 5],
  [-1n, -1n, 999_999_999],
  [-1_000_000_000n, -1n, 0],
  [-1_500_000_000n, -2n, 500_000_000],
] as const)('%s ns split', ([time, seconds, nanoseconds]) => {
  expect(splitTime(time)).toEqual({seconds, nanoseconds})
})
