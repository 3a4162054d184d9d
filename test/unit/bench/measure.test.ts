// What is measured is all of a command, and nothing of it goes on into the run of the next peer.

import {existsSync, mkdtempSync, rmSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {expect, it} from 'vitest'
import {measure} from '../../../bench/measure.ts'

const env = {PATH: process.env['PATH'] ?? '/usr/bin:/bin'}
const run = (command: string, limit = 20, signal = new AbortController().signal) => measure({command, env, limit}, signal)

it('counts the processor time and the memory of grandchildren in a pipe', async () => {
  const busy = "awk 'BEGIN {for (i = 0; i < 3000000; i++) y += i}'"
  const large = '(head -c 40000000 /dev/zero; sleep 0.3) | tail -c 30000000'
  const {status, wall, user, system, maxRss, sumRss} = await run(`${busy} | cat; ${large} > /dev/null`)
  expect(status).toBe('0')
  expect(user + system).toBeGreaterThan(0.05)
  expect(user + system).toBeLessThanOrEqual(wall * 2 + 0.1)
  expect(maxRss).toBeGreaterThan(25_000)
  expect(sumRss).toBeGreaterThanOrEqual(maxRss)
})

it('gives the status of a failing member of a pipe and what it said', async () => {
  const {status, stderr} = await run('(echo broken >&2; exit 7) | cat')
  expect(status).toBe('7')
  expect(stderr).toBe('broken\n')
})

it('ends what takes too long, all of it', async () => {
  const {status, wall} = await run('sleep 60 | sleep 61', 1)
  expect(status).toBe('timeout')
  expect(wall).toBeLessThan(10)
})

it('does not let a command leave processes behind', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'bk-bench-test-'))
  const {status} = await run(`(sleep 1; touch ${dir}/late) > /dev/null 2>&1 &`)
  expect(status).toBe('left-processes')
  await run('sleep 1.5')
  expect(existsSync(join(dir, 'late'))).toBe(false)
  rmSync(dir, {recursive: true})
})

it('kills the command when it is aborted', async () => {
  const stop = new AbortController()
  const running = run('sleep 60', 100, stop.signal)
  stop.abort()
  expect((await running).status).toBe('signal SIGKILL')
})
