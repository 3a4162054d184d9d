// Results that end in any order leave in the order of the tree.

import fc from 'fast-check'
import {expect, test} from 'vitest'
import type {JobResult, SentFrame} from '../../../src/lib/source/job.ts'
import {Rope, type Taken} from '../../../src/lib/source/rope.ts'
import {law} from '../index/texts.ts'

function frame(path: string): SentFrame {
  return {path, names: '', id: 0, known: undefined, reference: undefined, selected: undefined, device: undefined, pending: []}
}

function result(text: string, frames: readonly SentFrame[]): JobResult {
  return {text: Buffer.from(text), parts: [], links: [], records: undefined, incidents: [], unread: 0, bytes: 0, frames}
}

test('whatever the order of ends', async () => {
  await law(fc.property(fc.array(fc.nat(), {minLength: 60, maxLength: 60}), (choices) => {
    const rope = new Rope([frame('')])
    const running: Taken[] = []
    const left: string[] = []
    let choice = 0
    const next = (bound: number): number => choices[choice++ % choices.length]! % bound
    for (let steps = 0; !rope.isEmpty; steps++) {
      const taken = rope.waiting > 0 && (running.length === 0 || next(2) === 0) ? rope.take(1 + next(3)) : undefined
      if (taken !== undefined) running.push(taken)
      else {
        const [done] = running.splice(next(running.length), 1)
        // Each gap becomes its own name and, to a depth of three, gaps for what is below it. Only the last may leave some.
        const paths = done!.frames.map(({path}) => path)
        const last = paths.at(-1)!
        const below = last.length < 3 && steps < 200 ? Array.from({length: next(4)}, (_, index) => frame(last + 'abcd'[index]!)) : []
        rope.put(done!, result(paths.map((path) => `${path}\n`).join(''), below))
      }
      for (let first = rope.shift(); first !== undefined; first = rope.shift()) left.push(...Buffer.from(first.text).toString().split('\n').slice(0, -1))
    }
    expect(left).toEqual([...left].sort())
    expect(new Set(left).size).toBe(left.length)
    expect(rope.waiting).toBe(0)
    expect(rope.held).toBe(0)
    expect(running).toEqual([])
  }), 300)
})

test('gaps are taken from the front, neighbours together', () => {
  const rope = new Rope(['a', 'b', 'c', 'd'].map(frame))
  const first = rope.take(1)!
  expect(rope.isFrontWaiting).toBe(false)
  const second = rope.take(2)!
  expect(second.frames.map(({path}) => path)).toEqual(['b', 'c'])
  rope.put(second, result('bc', [frame('c/x')]))
  expect(rope.held).toBe(2)
  expect(rope.shift()).toBeUndefined()
  rope.put(first, result('a', []))
  expect([rope.shift(), rope.shift()].map((each) => Buffer.from(each!.text).toString())).toEqual(['a', 'bc'])
  expect(rope.isFrontWaiting).toBe(true)
  // Not over what is between them: c/x and d are neighbours now.
  expect(rope.take(9)!.frames.map(({path}) => path)).toEqual(['c/x', 'd'])
})
