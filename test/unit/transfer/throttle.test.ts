// `--bwlimit`: by a clock of the test's own.

import {expect, it} from 'vitest'
import {Throttle} from '../../../src/lib/transfer/throttle.ts'

function throttled(rate: number): {readonly throttle: Throttle; readonly clock: {now: number}} {
  const clock = {now: 1000}
  const wait = async (milliseconds: number): Promise<void> => void (clock.now += milliseconds)
  return {throttle: new Throttle(rate, () => clock.now, wait), clock}
}

it('never lets more pass than the rate, but for one piece', async () => {
  const {throttle, clock} = throttled(1000)
  for (let sent = 0; sent < 50_000; sent += 250) {
    await throttle.take(250)
    expect(sent).toBeLessThanOrEqual(clock.now - 1000)
  }
  expect(clock.now).toBe(1000 + 49_750)
})

it('saves nothing up while nothing is sent', async () => {
  const {throttle, clock} = throttled(1000)
  await throttle.take(500)
  clock.now += 60_000
  await throttle.take(2000)
  expect(clock.now).toBe(61_000)
  await throttle.take(1)
  expect(clock.now).toBe(63_000)
})

it('waits for none who is slower', async () => {
  const {throttle, clock} = throttled(1000)
  for (let at = 0; at < 10; at++) {
    await throttle.take(100)
    clock.now += 150
  }
  expect(clock.now).toBe(2500)
})
