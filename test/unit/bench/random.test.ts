// The corpora and the day's change are only those of earlier figures if these numbers are CPython's.

import {expect, it} from 'vitest'
import {seeded} from '../../../bench/random.ts'

// python3: r = random.Random(seed); [r.random() x 2], r.randrange(1000003), r.shuffle(list(range(10)))
it.for([
  {seed: 1, next: [0.13436424411240122, 0.8474337369372327], below: 800875, shuffled: [7, 2, 0, 8, 5, 6, 3, 9, 4, 1]},
  {seed: Buffer.from('src/aé1'), next: [0.6853251131301329, 0.9319459891247611], below: 23735, shuffled: [4, 9, 6, 1, 7, 5, 8, 0, 3, 2]},
])('gives the numbers of CPython for seed $seed', ({seed, next, below, shuffled}) => {
  const random = seeded(seed)
  expect([random.next(), random.next()]).toEqual(next)
  expect(random.below(1000003)).toBe(below)
  const list = [...Array(10).keys()]
  random.shuffle(list)
  expect(list).toEqual(shuffled)
})

it('goes on as CPython does beyond the first block of state', () => {
  const random = seeded(Buffer.from('x'))
  const last = Array.from({length: 2000}, () => random.next()).at(-1)
  expect(last).toBe(0.7520333116850563)
})
