// Several at once, and some of them killed. Nobody locks anything: whoever finds the number of his record taken takes the next one. And
// dash has no pipefail: when a process of the pipe dies, the one behind it must notice by itself that what it read was not all.

import {mkdirSync, readFileSync, readdirSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {beforeEach, describe, expect, test} from 'vitest'
import {bk, sh, startShell} from '../harness/bk.ts'
import {noise} from '../harness/days.ts'
import {killDuring, rounds} from '../harness/faults.ts'
import {until} from '../harness/limits.ts'
import {descendants} from '../harness/processes.ts'
import {readStore} from '../harness/read-store.ts'
import {storeFiles} from '../harness/store-files.ts'
import {newHome, tempDir} from '../harness/temp.ts'
import {manyFiles} from '../harness/tree.ts'

let dir: string
let store: string

beforeEach(async () => {
  dir = tempDir('together')
  store = join(dir, 'store')
  await bk(['init', '-q', store])
})

describe('two at once', () => {
  const ways = [
    {name: 'into a store', pipe: 'bk index -C tree . | bk send --to "$STORE" --set SET'},
    {name: 'through receive', pipe: 'bk index -C tree . | bk send | bk receive "$STORE" --set SET'},
  ]
  const sets = [{name: 'the same set', names: ['web1', 'web1']}, {name: 'two sets', names: ['web1', 'web2']}, {name: 'six, of three sets', names: ['a', 'b', 'c', 'a', 'b', 'c']}]

  describe.each(ways)('$name', ({pipe}) => {
    test.each(sets)('$name: each commits, under its own number', async ({names}) => {
      const places = names.map((set, at) => {
        const place = newHome(join(dir, `place ${at}`))
        mkdirSync(join(place, 'tree'))
        return {set, place, env: {STORE: store, XDG_STATE_HOME: join(place, 'state'), XDG_CACHE_HOME: join(place, 'cache')}}
      })
      for (let day = 1; day <= 3; day++) {
        for (const {place, set} of places) writeFileSync(join(place, 'tree', `of ${set} on day ${day}`), noise(day * 100 + place.length, 200_000))
        const results = await Promise.all(places.map(({set, place, env}) => sh(pipe.replace('SET', set), {cwd: place, env})))
        for (const {status, stderr} of results) expect({status, stderr}).toEqual({status: 0, stderr: ''})
        const numbers = results.map(({stdout}) => Number(/^committed (\d+) \w{64}\n$/.exec(String(stdout))?.[1]))
        expect(numbers.toSorted((a, b) => a - b)).toEqual(places.map((_, at) => (day - 1) * places.length + at + 1))
        const {snapshots} = readStore(store)
        for (const [at, number] of numbers.entries()) {
          expect(snapshots[number - 1]?.set).toBe(places[at]?.set)
          expect(snapshots[number - 1]?.index).toContain(`root=${places[at]?.place.replaceAll(' ', '\\040')}/tree\n`)
        }
      }
    }, 60_000)
  })
})

describe('a process of the pipe is killed', () => {
  const pipes = [
    {name: 'into a store', pipe: 'bk index -C tree . | bk diff -q remote.idx | bk send -q --to store --index-out remote.idx', victims: ['index', 'diff', 'send']},
    {
      name: 'one way',
      pipe: 'bk index -C tree . | bk diff -q remote.idx | bk send -q --index-out remote.idx | bk receive store && mv remote.idx.pending remote.idx',
      victims: ['index', 'diff', 'send', 'receive'],
    },
  ]

  test.each(pipes)('$name: a snapshot is whole or is not there', async ({pipe, victims}) => {
    manyFiles(join(dir, 'tree'), 1500)
    await rounds(victims.length * 4, async (random, round) => {
      writeFileSync(join(dir, `tree/d${round % 10}/new ${round}`), noise(Math.floor(random() * 1e9), 300_000))
      const before = storeFiles(store)
      const victim = new RegExp(`bk\\.js ${victims[round % victims.length]}`)
      // bash without pipefail, as dash is.
      const {result} = await killDuring(`set +o pipefail; ${pipe}`, {victim, after: random() * 250}, {cwd: dir})
      const whole = String((await bk(['index', '-C', 'tree', '.'], {cwd: dir})).stdout)
      const {snapshots} = readStore(store)
      const wasThere = [...before.keys()].filter((name) => name.startsWith('log/')).length
      for (const {index, state} of snapshots.slice(wasThere)) expect({index: index === whole, state}).toEqual({index: true, state: 'complete'})
      expect(snapshots.length - wasThere).toBeLessThanOrEqual(1)
      if (String(result.stdout).startsWith('committed')) expect(snapshots.length).toBe(wasThere + 1)
      const known = readdirSync(dir).includes('remote.idx') ? readFileSync(join(dir, 'remote.idx'), 'latin1') : undefined
      if (known !== undefined) expect(snapshots.map(({index}) => index)).toContain(known)
      for (const [name, sum] of before) if (!name.startsWith('sessions/')) expect(storeFiles(store).get(name), name).toBe(sum)
    })
    expect((await sh(pipe, {cwd: dir})).status).toBe(0)
    expect(readStore(store).snapshots.at(-1)?.index).toBe(String((await bk(['index', '-C', 'tree', '.'], {cwd: dir})).stdout))
  }, 120_000)

  test('send, in the middle of a large first backup: the next run goes on from the packs that are there', async () => {
    mkdirSync(join(dir, 'tree'))
    for (let at = 0; at < 5; at++) writeFileSync(join(dir, `tree/large ${at}`), noise(at, 20_000_000))
    const packs = (): string[] => readdirSync(store, {recursive: true, encoding: 'utf8'}).filter((name) => name.endsWith('.tar.zst'))
    const {pid, done} = startShell('bk index -C tree . | bk send --to store; exit $?', {cwd: dir})
    await until('three packs are written', () => packs().length >= 3)
    process.kill(descendants(pid).find(({command}) => command.includes('bk.js send'))!.pid, 'SIGKILL')
    expect((await done).status).toBe(137)
    const [session = ''] = readdirSync(join(store, 'sessions'))
    const listed = [...readFileSync(join(store, 'sessions', session), 'utf8').matchAll(/^pack (\w{64}) /gm)].map(([, name]) => name!)
    expect(listed.length).toBeGreaterThan(0)
    expect((await sh('bk index -C tree . | bk send --to store', {cwd: dir})).status).toBe(0)
    const [snapshot] = readStore(store).snapshots
    expect(snapshot?.bytes).toBe(100_000_000)
    for (const name of listed) expect(snapshot?.packs).toContain(name)
    expect(readdirSync(join(store, 'sessions'))).toEqual([])
  }, 60_000)

  test.each([['INT', 130], ['TERM', 143]] as const)('SIG%s to send: it dies of it, leaves no temporary file and commits nothing', async (signal, status) => {
    mkdirSync(join(dir, 'tree'))
    // Content that compresses, at a level that takes some seconds for it: noise would be stored as it is, at once.
    writeFileSync(join(dir, 'tree/large'), noise(1, 45_000_000).toString('hex'))
    await bk(['index', '-C', 'tree', '.'], {cwd: dir}).then(({stdout}) => writeFileSync(join(dir, 'new.idx'), stdout))
    const {pid, done} = startShell('bk send --compress 12 --to store new.idx; exit $?', {cwd: dir})
    const named = (part: string): string[] => readdirSync(store, {recursive: true, encoding: 'utf8'}).filter((name) => name.includes(part))
    await until('send has written a pack', () => named('.tar.zst').length > 0)
    const victim = descendants(pid).find(({command}) => command.includes('bk.js send'))
    process.kill(victim!.pid, `SIG${signal}`)
    const result = await done
    // The shell may say how its command ended.
    const stderr = result.stderr.replace(/^Terminated\n$/, '')
    expect({status: result.status, stderr, left: named('.tmp.')}).toEqual({status, stderr: '', left: []})
    expect(readStore(store).snapshots).toEqual([])
  })
})
