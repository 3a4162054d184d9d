// The worker pool with real threads: results, errors with all they carry, workers that die, buffers that move, and a process that a
// pool does not hold.

import {spawnSync} from 'node:child_process'
import {lstatSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {pathToFileURL} from 'node:url'
import {afterEach, expect, test} from 'vitest'

import {BkError} from '../../../src/lib/cli/errors.ts'
import {createPool, workerUrl, type Pool, type PoolOptions} from '../../../src/lib/sys/workers.ts'
import type {Task} from './echo-worker.ts'

const url = workerUrl(import.meta.url, './echo-worker')
const pools: Pool<Task, unknown>[] = []

function pool(options: Partial<PoolOptions> = {}): Pool<Task, unknown> {
  const made = createPool<Task, unknown>({url, size: 1, ...options})
  pools.push(made)
  return made
}

afterEach(async () => {
  for (const each of pools.splice(0)) await each.close()
})

test('a worker lies beside its caller, with the same ending', () => {
  expect(workerUrl('file:///a/src/walk.ts', './walk-worker').href).toBe('file:///a/src/walk-worker.ts')
  expect(workerUrl('file:///a/dist/walk.js', './walk-worker').href).toBe('file:///a/dist/walk-worker.js')
  expect(workerUrl('file:///a/dist.d/lib/walk.js?x=1', '../source/walk-worker').href).toBe('file:///a/dist.d/source/walk-worker.js')
})

test('jobs are done, each with its own answer', async () => {
  const {job} = pool({size: 2})
  const answers = await Promise.all(Array.from({length: 500}, (_, value) => job({do: value % 7 === 0 ? 'later' : 'echo', value})))
  expect(answers).toEqual(Array.from({length: 500}, (_, value) => value))
})

test('two workers work at the same time', async () => {
  const {job} = pool({size: 2})
  await Promise.all([job({do: 'echo'}), job({do: 'echo'})])
  const [one, two] = (await Promise.all([job({do: 'busy', value: 200}), job({do: 'busy', value: 200})])) as [bigint, bigint]
  const apart = one > two ? one - two : two - one
  expect(apart).toBeLessThan(190_000_000n)
})

test('workerData arrives', async () => {
  expect(await pool({workerData: {root: '/', depth: 3}}).job({do: 'data'})).toEqual({root: '/', depth: 3})
})

test('buffers are moved, both ways', async () => {
  const {job} = pool()
  const bytes = new Uint8Array(100_000).fill(5)
  const back = (await job({do: 'echo', value: bytes}, [bytes.buffer])) as Uint8Array
  expect(bytes.byteLength).toBe(0)
  expect(back).toEqual(new Uint8Array(100_000).fill(5))
  expect(await job({do: 'bytes', value: 65_536})).toEqual(new Uint8Array(65_536).fill(7))
})

test('errors keep what they carry', async () => {
  const {job} = pool()
  const failed = await job({do: 'fail'}).catch((error: unknown) => error)
  expect(failed).toBeInstanceOf(Error)
  expect(failed).toMatchObject({
    code: 'ENOSPC', errno: -28, syscall: 'write', path: '/some/path',
    message: "ENOSPC: no space left on device, write '/some/path'",
  })
  const refused = await job({do: 'refuse'}).catch((error: unknown) => error)
  expect(refused).toBeInstanceOf(BkError)
  expect(refused).toMatchObject({
    message: 'no such thing', status: 77, hint: 'ask for another', oclif: {exit: 77}, cause: {code: 'EACCES', path: 'x'},
  })
  const later = (await job({do: 'fail later'}).catch((error: unknown) => error)) as Error
  expect([later.name, later.message, later.stack]).toEqual(['TypeError', 'later', expect.stringContaining('echo-worker.ts')])
  await expect(job({do: 'throw text'})).rejects.toThrow('text')
  await expect(job({do: 'what'})).rejects.toThrow('unknown task what')
  expect(await job({do: 'echo', value: 'goes on'})).toBe('goes on')
})

test('what cannot be cloned fails its own job only', async () => {
  const {job} = pool()
  await expect(job({do: 'echo', value: () => {}})).rejects.toThrow('could not be cloned')
  await expect(job({do: 'function'})).rejects.toThrow('could not be cloned')
  expect(await job({do: 'echo', value: 1})).toBe(1)
})

test('a worker that ends fails its jobs, the other goes on', async () => {
  const {job} = pool({size: 2, inFlight: 1})
  const dying = job({do: 'die'})
  const waiting = Array.from({length: 20}, (_, value) => job({do: 'echo', value}))
  await expect(dying).rejects.toThrow('worker ended with 9')
  expect(await Promise.all(waiting)).toHaveLength(20)
})

test('when no worker is left every job fails, with the cause', async () => {
  const {job} = pool()
  const jobs = [job({do: 'crash'}), job({do: 'later'}), job({do: 'later'}), job({do: 'later'})]
  const results = await Promise.allSettled(jobs)
  expect(results[0]).toMatchObject({status: 'rejected', reason: {message: 'worker failed: crashed', cause: {message: 'crashed'}}})
  expect(results.every((result) => result.status === 'rejected' || result.value === undefined)).toBe(true)
  await expect(job({do: 'echo'})).rejects.toMatchObject({message: 'worker failed: crashed', cause: {message: 'crashed'}})
})

test('a worker that eats too much memory ends, the process does not', async () => {
  const {job} = pool({memory: 16})
  await expect(job({do: 'eat'})).rejects.toMatchObject({cause: {code: 'ERR_WORKER_OUT_OF_MEMORY'}})
})

test('a worker that cannot start', async () => {
  const {job} = pool({url: workerUrl(import.meta.url, './missing-worker')})
  await expect(job({do: 'echo'})).rejects.toMatchObject({cause: {code: expect.stringContaining('MODULE_NOT_FOUND')}})
})

test('close fails what is not done', async () => {
  const {close, job} = pool()
  const jobs = Promise.allSettled([job({do: 'busy', value: 50}), job({do: 'echo'}), job({do: 'echo'}), job({do: 'echo'})])
  await close()
  for (const each of await jobs) expect(each).toMatchObject({status: 'rejected', reason: {message: 'worker pool is closed'}})
  await expect(job({do: 'echo'})).rejects.toThrow('worker pool is closed')
  await close()
})

test('libc works in every worker, and after workers that had it are gone', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'bk-workers-'))
  writeFileSync(join(dir, 'file'), '')
  for (let round = 0; round < 5; round += 1) {
    const {close, job} = pool({size: 2, inFlight: 1})
    await Promise.all([job({do: 'times', value: join(dir, 'file')}), job({do: 'times', value: join(dir, 'file')})])
    await close()
  }
  expect(lstatSync(join(dir, 'file'), {bigint: true}).mtimeNs).toBe(123_456_789n)
  rmSync(dir, {recursive: true})
})

test('a pool holds the process while jobs are in work, and no longer', () => {
  const script = `
    const {createPool} = await import(${JSON.stringify(pathToFileURL(join(import.meta.dirname, '../../../src/lib/sys/workers.ts')).href)})
    const {job} = createPool({url: new URL(${JSON.stringify(url.href)}), size: 2})
    console.log(await job({do: 'later', value: 'first'}))
    await new Promise((resolve) => setTimeout(resolve, 50))
    console.log(await job({do: 'later', value: 'second'}))`
  const {status, stderr, stdout} = spawnSync(process.execPath, ['--input-type=module', '-e', script], {encoding: 'utf8', timeout: 20_000})
  expect([status, stdout, stderr]).toEqual([0, 'first\nsecond\n', ''])
})

// Seen once in some hundred cut connections: the process drained while it waited for its workers to end, and node's status for that is 13.
test('a process waits until its pool is closed, also when an answer comes that late', () => {
  const script = `
    import {createPool} from ${JSON.stringify(new URL('../../../src/lib/sys/workers.ts', import.meta.url).href)}
    const {job, close} = createPool({url: new URL(${JSON.stringify(url.href)}), size: 2})
    await Promise.all([job({do: 'echo'}), job({do: 'echo'})])
    const lost = [job({do: 'echo'}), job({do: 'echo'})].map((each) => each.catch((error) => error.message))
    // The answers come while nobody listens, and are heard after the pool was told to close.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
    await close()
    console.log(await Promise.all(lost))`
  const {status, stderr, stdout} = spawnSync(process.execPath, ['--input-type=module', '-e', script], {encoding: 'utf8', timeout: 20_000})
  expect([status, stdout, stderr]).toEqual([0, "[ 'worker pool is closed', 'worker pool is closed' ]\n", ''])
})
