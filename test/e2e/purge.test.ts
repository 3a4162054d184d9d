// What is purged is nowhere in a store any more, and everything else is as it was: to bk, to whoever reads the store by docs/format.md alone,
// and to recover.sh.

import {appendFileSync, cpSync, existsSync, linkSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {beforeEach, describe, expect, test} from 'vitest'
import {sh, startShell} from '../harness/bk.ts'
import {noise} from '../harness/days.ts'
import {rounds} from '../harness/faults.ts'
import {until} from '../harness/limits.ts'
import {readPack} from '../harness/read-pack.ts'
import {readStore, sha256} from '../harness/read-store.ts'
import {newHome, tempDir} from '../harness/temp.ts'

let dir: string
let env: Record<string, string>
const tree = (...names: readonly string[]): string => join(dir, 'tree', ...names)
const run = async (script: string, status = 0): Promise<{stdout: string; stderr: string}> => {
  const result = await sh(script, {cwd: dir, env})
  expect({script, status: result.status, stderr: status === 0 ? result.stderr : ''}).toEqual({script, status, stderr: ''})
  return {stdout: String(result.stdout), stderr: result.stderr}
}
const push = (set = 'a', from = 'tree'): Promise<unknown> => run(`bk push -q --set ${set} -C ${from} . store`)

function filesOf(folder: string): string[] {
  return readdirSync(join(dir, folder), {recursive: true, withFileTypes: true}).filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name))
}

/** Neither the bytes nor the sha256 of any of these are in any file of the store, packed or not. */
function expectNowhere(...secrets: readonly Buffer[]): void {
  for (const file of filesOf('store')) {
    const bytes = readFileSync(file)
    const texts = [bytes, ...(file.endsWith('.zst') ? readPack(bytes).values() : [])]
    for (const secret of secrets) for (const text of texts) expect(text.includes(secret) || text.includes(sha256(secret)), file).toBe(false)
  }
}

async function expectWhole(): Promise<void> {
  const {snapshots} = readStore(join(dir, 'store'))
  const needed = new Set(snapshots.flatMap(({packs}) => [...packs]))
  expect(filesOf('store/packs').map((file) => file.slice(-72, -8)).filter((name) => !needed.has(name))).toEqual([])
  await run('bk verify -q store --read-data && bk log store --check')
}

beforeEach(async () => {
  dir = tempDir('purge')
  const home = newHome(join(dir, 'home'))
  env = {XDG_STATE_HOME: join(home, 'state'), XDG_CACHE_HOME: join(home, 'cache')}
  mkdirSync(tree('ssh/deep'), {recursive: true})
  for (let at = 0; at < 5; at++) writeFileSync(tree(`file ${at}`), noise(at, 3000))
  await run('bk init -q store')
})

const key = Buffer.from('-----BEGIN OPENSSH PRIVATE KEY----- never to be anywhere')
const later = Buffer.from('another key, of a later day')

describe('a secret', () => {
  beforeEach(async () => {
    writeFileSync(tree('ssh/id'), key)
    writeFileSync(tree('ssh/id.pub'), 'public')
    await push()
    writeFileSync(tree('ssh/id'), later)
    await push()
    writeFileSync(tree('file 0'), noise(77, 3000))
    await push()
    await push('b')
  })

  test('is gone from every snapshot and from the store, and nothing else is', async () => {
    await run('for n in 1 2 3; do bk restore -q store@$n --set a --to before/$n; done')
    expect((await run('bk purge store /ssh/id')).stdout).toBe('./ssh/id\t1-4\n')
    expect((await run('bk purge -q store ssh/id --apply')).stdout).toMatch(/^purged 1 snapshots 4 freed \d+\n$/)
    expectNowhere(key, later)
    await expectWhole()
    await run(`for n in 1 2 3; do rm before/$n/ssh/id && bk restore -q store@$n --set a --to after/$n && touch -r before/$n/ssh after/$n/ssh && diff -r before/$n after/$n; done`)
    await run('sh store/recover.sh 2 recovered 2>/dev/null && diff -r recovered after/2')
    expect((await run('bk purge store ssh/id', 2)).stderr).toBe("bk purge: no snapshot has ssh/id\nbk purge: hint: 'bk log STORE@WHEN -l DIRECTORY' shows what is there\n")
    expect((await run('bk log --all store')).stdout).toMatch(/purged \.\/ssh\/id/)
    // Counted as before: every byte of a set, once.
    expect((await run('bk verify -q store && bk status store')).stdout).not.toMatch(/damaged/)
  })

  test('is told where it would come again, and the next backup without it goes on', async () => {
    expect((await sh('bk purge store ssh/id --apply', {cwd: dir, env})).stderr).toBe('bk purge: if it is still there, the next backup brings it again: leave out ssh/id\n')
    rmSync(tree('ssh/id'))
    await push()
    await push('b')
    expectNowhere(key, later)
    await expectWhole()
    await run('bk restore -q store --set a --to back && diff -r back tree')
  })

  test('may be a directory, and several at once', async () => {
    expect((await run("bk purge store ssh 'file 1' --json")).stdout.trim().split('\n').map((line) => (JSON.parse(line) as {path: string}).path)).toEqual([
      './file\\0401', './ssh', './ssh/deep', './ssh/id', './ssh/id.pub',
    ].map((path) => path.replace('\\040', ' ')))
    await run("bk purge -q store ssh 'file 1' --apply")
    expectNowhere(key, later, noise(1, 3000))
    await expectWhole()
    await run("bk restore -q store@3 --set a --to back && rm -r tree/ssh 'tree/file 1' && diff -r back tree")
  })

  test('of a dropped snapshot, and of a session that was cut, is gone too', async () => {
    await run('bk rotate -q store --drop 1 --apply')
    writeFileSync(tree('ssh/id'), noise(9, 900_000))
    await run('bk index -q -C tree . | bk diff -q none - | bk send -q -C tree >stream')
    await run('head -c -2000 stream | bk receive --set a store', 65)
    expect(filesOf('store/sessions')).toHaveLength(1)
    await run('bk purge -q store ssh/id --apply')
    expectNowhere(key, later, noise(9, 900_000).subarray(0, 500), noise(9, 900_000).subarray(-500))
    await run('bk verify -q store --read-data && bk log store --check && bk push -q --set a -C tree . store && bk verify -q store --read-data')
  })

  test('that other files have as well stays there, and is said', async () => {
    cpSync(tree('ssh/id'), tree('copy'))
    await push()
    const {stderr} = await run('bk purge store ssh/id --apply', 3)
    expect(stderr).toMatch(/^bk purge: 1 object of the content is in other files too, and stays\n/m)
    await expectWhole()
    await run('bk restore -q store --set a --to back && rm tree/ssh/id && touch -r tree/ssh back/ssh && diff -r back tree')
    expectNowhere(key)
  })

  test('with a hard link that would stay is refused, and nothing changes', async () => {
    linkSync(tree('ssh/id'), tree('same'))
    await push()
    const before = filesOf('store').sort()
    expect((await run('bk purge store ssh/id --apply', 2)).stderr).toMatch(/is a hard link to [^]*which would stay\nbk purge: hint: name .* too\n$/)
    expect(filesOf('store').sort()).toEqual(before)
    await run('bk purge -q store ssh/id same --apply')
    expectNowhere(key, later)
    await expectWhole()
  })

  test('in a store with a damaged index stays: nobody would know what is left', async () => {
    const [index] = filesOf('store/packs').filter((file) => [...readPack(readFileSync(file)).values()].some((text) => /^#(?:mtree|bk changes)/.test(String(text))))
    const bytes = readFileSync(index!)
    bytes[60]! ^= 1
    rmSync(index!)
    writeFileSync(index!, bytes)
    const before = filesOf('store').sort()
    await run('bk purge store ssh/id --apply', 65)
    expect(filesOf('store').sort()).toEqual(before)
  })
})

test('large files go with their chunks and lists, and a pack of nothing else goes whole', async () => {
  const secret = noise(5, 5_000_000)
  writeFileSync(tree('image'), secret)
  await push()
  appendFileSync(tree('image'), 'more')
  await push()
  await run('bk purge -q store image --apply')
  for (const at of [0, 1_000_000, 4_999_000]) expectNowhere(secret.subarray(at, at + 1000))
  await expectWhole()
  expect(filesOf('store/packs').reduce((sum, file) => sum + readFileSync(file).length, 0)).toBeLessThan(30_000)
})

test('a client over the dialogue goes on from there', async () => {
  const wrapper = join(dir, 'ssh')
  writeFileSync(wrapper, '#!/bin/sh\nexec bk receive --set a store\n', {mode: 0o755})
  const toVault = `PATH=${dir}:$PATH bk push -q -C tree . vault:store`
  writeFileSync(tree('ssh/id'), key)
  await run(toVault)
  writeFileSync(tree('file 1'), noise(50, 3000))
  await run(toVault)
  await run('bk purge -q store ssh/id --apply')
  rmSync(tree('ssh/id'))
  writeFileSync(tree('file 2'), noise(51, 3000))
  for (let times = 0; times < 2; times++) {
    await run(toVault)
    expectNowhere(key)
    await expectWhole()
    writeFileSync(tree('file 3'), noise(52 + times, 3000))
  }
})

test('a sender at work has to send again, and brings nothing back', async () => {
  writeFileSync(tree('ssh/id'), key)
  await push()
  rmSync(tree('ssh/id'))
  const sender = startShell('{ bk index -q -C tree . | bk diff -q store@latest -; } >changes; bk index -q store@latest >old.idx; { head -c 30 changes; touch begun; while [ ! -e go ]; do sleep 0.05; done; tail -c +31 changes; } | bk send -q --set a --base old.idx -C tree --to store', {cwd: dir, env})
  await until('it has begun', () => existsSync(join(dir, 'begun')))
  await run('bk purge -q store ssh/id --apply')
  writeFileSync(join(dir, 'go'), '')
  const {status} = await sender.done
  expect([0, 2, 65, 77]).toContain(status)
  expectNowhere(key)
  await push()
  await expectWhole()
  await run('bk restore -q store --set a --to back && diff -r back tree')
})

test('random histories: what is left is what was there, without that', async () => {
  await rounds(4, async (random, round) => {
    const store = `store${round}`
    await run(`bk init -q ${store}`)
    const names = ['a', 'b', 'd/a', 'd/b', 'd/e/c', 'x y', 'z']
    const kept: {seq: number; set: string}[] = []
    for (let seq = 1; seq <= 8; seq++) {
      for (const name of names) {
        const what = random()
        const file = join(dir, `r${round}`, name)
        mkdirSync(join(file, '..'), {recursive: true})
        if (what < 0.3) writeFileSync(file, noise(Math.floor(random() * 6), Math.floor(random() * 5000)))
        else if (what < 0.4) rmSync(file, {force: true})
      }
      const set = random() < 0.7 ? 'one' : 'two'
      await run(`bk push -q --set ${set} -C r${round} . ${store}`)
      kept.push({seq, set})
    }
    const gone = new Set<number>()
    if (random() < 0.5) gone.add(1 + Math.floor(random() * 6))
    for (const seq of gone) await run(`bk rotate -q ${store} --drop ${seq} --apply`)
    const path = ['a', 'd', 'd/e', 'x y'][Math.floor(random() * 4)]!
    const left = kept.filter(({seq}) => !gone.has(seq))
    for (const {seq, set} of left) await run(`bk restore -q ${store}@${seq} --set ${set} --to b${round}/${seq} 2>/dev/null || [ $? = 3 ]`)
    const result = await sh(`bk purge -q ${store} '${path}' --apply`, {cwd: dir, env})
    const has = left.some(({seq}) => existsSync(join(dir, `b${round}/${seq}`, path)))
    expect([0, 3].includes(result.status!) ? 'done' : result.status, result.stderr).toBe(has ? 'done' : 2)
    const {snapshots} = readStore(join(dir, store))
    expect(snapshots.map(({seq}) => seq)).toEqual(left.map(({seq}) => seq))
    await run(`bk verify -q ${store} --read-data && bk log ${store} --check`)
    for (const {seq, set} of left) {
      rmSync(join(dir, `b${round}/${seq}`, path), {recursive: true, force: true})
      await run(`bk restore -q ${store}@${seq} --set ${set} --to c${round}/${seq} 2>/dev/null || [ $? = 3 ]; diff -r b${round}/${seq} c${round}/${seq}`)
    }
    await run(`bk rotate -q ${store} --keep-last 1 --keep-daily 1 --apply --compact --now && bk verify -q ${store} --read-data && bk push -q --set one -C r${round} . ${store}`)
    readStore(join(dir, store))
  })
}, 300_000)
