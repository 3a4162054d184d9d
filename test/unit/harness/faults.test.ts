// Killing, measuring and waiting: that the right process dies, at its time, and that randomness can be repeated.

import {writeFileSync} from 'node:fs'
import {createServer} from 'node:net'
import {join} from 'node:path'
import {describe, expect, test} from 'vitest'
import {killDuring, rounds, seeded} from '../../harness/faults.ts'
import {freePort, measureMemory, smallDisk, until} from '../../harness/limits.ts'

describe('randomness', () => {
  test('comes from the seed alone', () => {
    const take = (seed: number): number[] => Array.from({length: 5}, seeded(seed))
    expect(take(1)).toEqual(take(1))
    expect(take(1)).not.toEqual(take(2))
    const many = Array.from({length: 10_000}, seeded(3))
    expect(many.every((number) => number >= 0 && number < 1)).toBe(true)
    expect(many.reduce((sum, number) => sum + number) / many.length).toBeCloseTo(0.5, 1)
  })

  test('a failing round says how to repeat it', async () => {
    const seen: number[] = []
    const failing = rounds(3, async (random, index) => {
      seen.push(random())
      if (index === 1) throw new Error('broken')
    })
    const message = await failing.then(() => '', (error: Error) => error.message)
    expect(message).toMatch(/^round 2 of 3, BK_SEED=\d+: broken$/)
    expect(seeded(Number(/\d+(?=: )/.exec(message)?.[0]))()).toBe(seen[1])
  })
})

describe('killDuring', () => {
  test('kills the one process of a pipe', async () => {
    const {result, killed} = await killDuring('sleep 20 | cat; echo "${PIPESTATUS[@]}"', {victim: /^sleep 20$/, after: 50})
    expect(killed).toBe(true)
    expect(result.stdout.toString()).toBe('137 0\n')
  })

  test('leaves a process alone that ended before', async () => {
    const {result, killed} = await killDuring('sleep 0.1; echo done', {victim: /^sleep/, after: 10_000})
    expect(killed).toBe(false)
    expect(result).toMatchObject({status: 0, stdout: Buffer.from('done\n')})
  })

  test('says when there is no such process', async () => {
    expect(await killDuring('true', {victim: /no such program/, after: 0})).toMatchObject({killed: false})
  })
})

describe('limits', () => {
  test('memory of each process', async () => {
    const eat = `"${process.execPath}" -e "const b = Buffer.alloc(200e6, 1); setTimeout(() => {}, 200)"`
    const {result, peaks} = await measureMemory(`${eat} | cat`)
    expect(result.status).toBe(0)
    expect(peaks[0]?.command).toContain('alloc')
    expect(peaks[0]?.kibibytes).toBeGreaterThan(195_000)
    expect(peaks.find(({command}) => command === 'cat')?.kibibytes).toBeLessThan(20_000)
  })

  test('a port is free', async () => {
    const port = await freePort()
    const server = createServer()
    await new Promise<void>((resolve, reject) => server.on('error', reject).listen(port, '127.0.0.1', resolve))
    server.close()
  })

  test.runIf(process.getuid?.() === 0)('a small disk fills up', () => {
    const disk = smallDisk(1)
    expect(() => writeFileSync(join(disk, 'big'), Buffer.alloc(2 ** 21))).toThrow('ENOSPC')
  })

  test('waiting ends with the answer, or says what it waited for', async () => {
    let count = 0
    expect(await until('three', () => (++count === 3 ? 'three' : undefined))).toBe('three')
    await expect(until('never', () => false, 20)).rejects.toThrow('waited 20 ms in vain until never')
  })
})
