// `bk push`: the pipe in one process. What it stores is what the pipe stores; what stands around it (commands, a watcher, a lock) hears of
// every end.

import {createServer} from 'node:http'
import {chmodSync, existsSync, mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {beforeEach, describe, expect, test} from 'vitest'
import {sh, startShell} from '../harness/bk.ts'
import type {Result, Running} from '../harness/bk.ts'
import {atEnd} from '../harness/cleanup.ts'
import {noise} from '../harness/days.ts'
import {until} from '../harness/limits.ts'
import {makeTree} from '../harness/tree.ts'
import {oddTree} from '../harness/odd-tree.ts'
import {readStore} from '../harness/read-store.ts'
import {storeFiles} from '../harness/store-files.ts'
import {newHome, tempDir} from '../harness/temp.ts'
import {shWithoutRights} from '../harness/without-rights.ts'

let dir: string
let env: Record<string, string>

const run = (script: string): Promise<Result> => sh(script, {cwd: dir, env})
const begin = (script: string): Running => startShell(script, {cwd: dir, env})
const newest = () => readStore(join(dir, 'store')).snapshots.at(-1)!
const said = ({status, stderr}: Result): {status: number; stderr: string} => ({status, stderr})

beforeEach(async () => {
  dir = tempDir('push')
  const home = newHome(join(dir, 'home'))
  env = {XDG_STATE_HOME: join(home, 'state'), XDG_CACHE_HOME: join(home, 'cache')}
  mkdirSync(join(dir, 'tree'))
  writeFileSync(join(dir, 'tree/a'), 'a\n')
  expect(said(await run('bk init -q store'))).toEqual({status: 0, stderr: ''})
})

describe('what is stored', () => {
  test('is what the pipe stores, to the byte', async () => {
    makeTree(join(dir, 'tree'), oddTree())
    writeFileSync(join(dir, 'tree/large'), noise(1, 3_000_000))
    expect(said(await run('bk push -q -C tree . store && bk init -q other && bk index -C tree . | bk send -q --to other'))).toEqual({status: 0, stderr: ''})
    expect(newest().index).toBe(readStore(join(dir, 'other')).snapshots[0]!.index)
  })

  test('was read once, and is not read again', async () => {
    for (let at = 0; at < 40; at++) writeFileSync(join(dir, `tree/f${at}`), noise(at, 500_000))
    writeFileSync(join(dir, 'tree/large'), noise(99, 40_000_000))
    const length = 60_000_000
    // Who is asked is bk itself, before it ends.
    const read = "--after 'grep rchar: /proc/$PPID/io'"
    // An hour later: what was written a moment ago is not believed to be settled.
    const bytes = async (): Promise<number> => Number(/rchar: (\d+)/.exec((await run(`faketime -f +1h bk push -q ${read} -C tree . store`)).stderr)?.[1])
    const first = await bytes()
    expect(first).toBeGreaterThan(length)
    expect(first).toBeLessThan(length * 1.3)
    expect(await bytes()).toBeLessThan(length * 0.3)
    // Nor by who wants digests afterwards: the push has left them.
    const digests = async (): Promise<string> => String((await run('faketime -f +1h bk index --no-digest -C tree . | grep -c sha256=.*')).stdout)
    expect(await digests()).toBe('43\n')
    // Also after the cache was lost, and nothing had to be read.
    rmSync(env['XDG_CACHE_HOME']!, {recursive: true})
    await bytes()
    expect(await digests()).toBe('43\n')
  })

  test('has its note, which bk log shows', async () => {
    expect(said(await run("bk push -q --note '  before the\tupgrade = good' tree store"))).toEqual({status: 0, stderr: ''})
    expect(readFileSync(join(dir, 'store/log/000001'), 'latin1')).toMatch(/^note before the upgrade \\075 good\nprev /m)
    expect(String((await run('bk log store')).stdout)).toMatch(/\tbefore the upgrade = good\n$/)
    expect(JSON.parse(String((await run('bk log --json store')).stdout))).toMatchObject({note: 'before the upgrade = good'})
    expect((await run(`bk push --note ${'x'.repeat(501)} tree store`)).status).toBe(64)
  })

  test('is partial where something could not be read, and the rest is there', async () => {
    mkdirSync(join(dir, 'tree/locked'))
    writeFileSync(join(dir, 'tree/secret'), 'secret\n')
    chmodSync(join(dir, 'tree/locked'), 0)
    chmodSync(join(dir, 'tree/secret'), 0)
    const result = await shWithoutRights('bk push -v -C tree . store', {cwd: dir, env})
    const denied = ['locked', 'secret'].map((name) => `bk push: ${dir}/tree/${name}: permission denied\n`)
    expect(said(result)).toEqual({status: 3, stderr: expect.stringContaining(denied[0]!)})
    expect(result.stderr.replaceAll(denied[0]!, '').replaceAll(/^bk push: .*secret: permission denied\n/gm, '')).toMatch(/^bk push: 2 new, 2 unread of 2 entries; read 2 bytes, stored .*\n$/)
    expect(newest()).toMatchObject({state: 'partial 2'})
    expect(newest().index).toMatch(/^\.\/a .* sha256=/m)
  })

  test('leaves the store out where it lies below what is pushed, and refuses to push it', async () => {
    expect(said(await run('bk push -q . store'))).toEqual({status: 0, stderr: ''})
    const paths = newest().index.split('\n').filter((line) => line.startsWith('.')).map((line) => line.split(' ')[0])
    expect(paths).toContain('./tree/a')
    expect(paths.filter((path) => path?.startsWith('./store'))).toEqual([])
    const refused = {status: 64, stderr: expect.stringContaining('bk push: the store cannot be backed up into itself\n')}
    expect(said(await run('bk push store store'))).toEqual(refused)
    expect(said(await run('bk push store/log store'))).toEqual(refused)
  })
})

const newestOrNone = () => readStore(join(dir, 'store')).snapshots.at(-1)

describe('a dry run', () => {
  test('writes the changes and leaves everything as it was', async () => {
    await run('bk push -q -C tree . store')
    writeFileSync(join(dir, 'tree/b'), 'b\n')
    const before = storeFiles(join(dir, 'store'))
    const {status, stdout, stderr} = await run("bk push -n --before 'touch ran' --after 'touch ran' -C tree . store")
    expect({status, stderr}).toEqual({status: 0, stderr: ''})
    expect(String(stdout)).toMatch(/^#bk changes 1 root=.*\n= \. type=dir .*\n\+ \.\/b type=file .*\n#bk end base=sha256:\w{64} target=sha256:\w{64} lines=2 complete\n$/)
    expect(storeFiles(join(dir, 'store'))).toEqual(before)
    expect(existsSync(join(dir, 'ran'))).toBe(false)
  })
})

describe('a list of what to back up', () => {
  test('has comments, and one path that is gone stops it, unless it is to go on', async () => {
    writeFileSync(join(dir, 'list'), '# what matters\ntree\n\ngone\n')
    const gone = await run('bk push --files-from list store')
    expect(said(gone)).toEqual({status: 2, stderr: expect.stringMatching(/^bk push: list: line 4: .*gone.*: no such file or directory\nbk push: hint: .*--keep-going/)})
    expect(newestOrNone()).toBeUndefined()
    const on = await run('bk push --files-from list --keep-going store')
    expect(said(on)).toEqual({status: 3, stderr: expect.stringMatching(/gone: no such file or directory/)})
    expect(newest().index).toMatch(/^\.\/tree\/a /m)
    expect(newest().index).toMatch(/^#bk \.\/gone error=ENOENT$/m)
  })

  test('nothing to push is an error', async () => {
    expect(said(await run('bk push store'))).toEqual({status: 64, stderr: expect.stringContaining('bk push: nothing to push\n')})
  })
})

describe('commands around it', () => {
  const outcome = `--after 'printf "%s|%s|%s\\n" "$BK_STATUS" "$BK_ANSWER" "$BK_ERROR" >outcome'`
  const outcomeIs = (): string => readFileSync(join(dir, 'outcome'), 'utf8')

  test('run before and after, and what they print is no record', async () => {
    const {status, stdout, stderr} = await run(`bk push -q --before 'echo dumped; echo db >tree/dump' --after 'echo "$BK_STATUS $BK_ANSWER"' tree store`)
    expect({status, stderr}).toEqual({status: 0, stderr: `dumped\n0 ${String(stdout)}`})
    expect(newest().index).toContain('/tree/dump type=file')
  })

  test('a failing one before ends it before it begins', async () => {
    expect(said(await run(`bk push --before 'exit 9' ${outcome} tree store`))).toEqual({status: 2, stderr: 'bk push: the command of --before ended with 9: nothing was pushed\n'})
    expect(newestOrNone()).toBeUndefined()
    expect(outcomeIs()).toBe('2||the command of --before ended with 9: nothing was pushed\n')
  })

  test('a failing one after is a warning: what is committed stays', async () => {
    expect(said(await run(`bk push -q --after 'exit 9' tree store`))).toEqual({status: 3, stderr: 'bk push: the command of --after ended with 9\n'})
    expect(newest().seq).toBe(1)
  })

  test('the one after learns of a failure', async () => {
    expect((await run(`bk push ${outcome} gone store`)).status).toBe(2)
    expect(outcomeIs()).toBe('2||cannot read gone: no such file or directory\n')
  })

  test.each([['INT', 130], ['TERM', 143]] as const)('the one after runs when SIG%s ends bk', async (signal, status) => {
    const running = begin(`exec bk push --before 'touch begun; sleep 60 & echo $! >sleeper; wait' ${outcome} tree store`)
    await until('the command before runs', () => existsSync(join(dir, 'sleeper')))
    process.kill(running.pid, `SIG${signal}`)
    await until('the command after ran', () => existsSync(join(dir, 'outcome')))
    process.kill(Number(readFileSync(join(dir, 'sleeper'), 'utf8')))
    expect(await running.done).toMatchObject({signal: `SIG${signal}`, status})
    expect(outcomeIs()).toBe(`${status}||interrupted\n`)
    expect(newestOrNone()).toBeUndefined()
  })
})

describe('one at a time', () => {
  test('a second push of the same ends with 75, or waits; of something else it goes on', async () => {
    mkdirSync(join(dir, 'other'))
    const first = begin(`bk push -q --before 'touch begun; until [ -e go ]; do sleep 0.05; done' tree store`)
    await until('the first is at work', () => existsSync(join(dir, 'begun')))
    expect(said(await run('bk push tree store'))).toEqual({
      status: 75, stderr: expect.stringMatching(/^bk push: another push of the same \(process \d+\) is at work\nbk push: hint: --wait waits for its end\n$/),
    })
    expect(said(await run('bk push -q other store'))).toEqual({status: 0, stderr: ''})
    const waiting = begin('bk push --wait tree store 2>waits')
    await until('the second waits', () => existsSync(join(dir, 'waits')) && readFileSync(join(dir, 'waits'), 'utf8').includes('\n'))
    expect(readFileSync(join(dir, 'waits'), 'utf8')).toMatch(/^bk push: waits for another push of the same \(process \d+\)\n$/)
    writeFileSync(join(dir, 'go'), '')
    expect(said(await first.done)).toEqual({status: 0, stderr: ''})
    expect((await waiting.done).status).toBe(0)
    expect(readStore(join(dir, 'store')).snapshots).toHaveLength(3)
  })
})

describe('a watcher on the web', () => {
  type Heard = {readonly path: string; readonly body: string}
  let heard: Heard[]
  let url: string

  beforeEach(async () => {
    heard = []
    const server = createServer((request, response) => {
      let body = ''
      request.on('data', (piece) => (body += piece)).on('end', () => {
        heard.push({path: request.url!, body})
        response.end('OK')
      })
    })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    atEnd(() => new Promise<void>((done) => void server.close(() => done())))
    url = `http://127.0.0.1:${(server.address() as {port: number}).port}/4f3a?rid=1`
  })

  test('hears of start and end', async () => {
    const {stdout} = await run(`bk push -q --ping '${url}' tree store`)
    expect(heard).toEqual([{path: '/4f3a/start?rid=1', body: ''}, {path: '/4f3a?rid=1', body: expect.stringMatching(new RegExp(`^${String(stdout)}\\d+ new of \\d+ entries; .*\\n$`))}])
  })

  test('hears of a failure, and of what was not all', async () => {
    await run(`bk push -q --ping '${url}' gone store`)
    expect(heard.at(-1)).toEqual({path: '/4f3a/fail?rid=1', body: 'cannot read gone: no such file or directory\n'})
    await run(`bk push -q --after false --keep-going --ping '${url}' tree gone store`)
    expect(heard.at(-1)).toEqual({path: '/4f3a/fail?rid=1', body: expect.stringMatching(/^committed 1 /)})
  })

  test('that does not answer is no failure of the backup', async () => {
    expect(said(await run(`bk push --ping http://127.0.0.1:1/x tree store`))).toEqual({status: 0, stderr: expect.stringMatching(/^bk push: the watcher was not told: 127\.0\.0\.1:1: .*\n(bk push: the watcher.*\n)?$/)})
  }, 60_000)
})

test('a file that is changed while nobody looks, keeping size and time, is believed as by rsync; with another ctime it is read', async () => {
  await run('bk push -q -C tree . store')
  writeFileSync(join(dir, 'tree/a'), 'b\n')
  utimesSync(join(dir, 'tree/a'), 1, 1)
  await run('bk push -q -C tree . store')
  rmSync(env['XDG_CACHE_HOME']!, {recursive: true})
  writeFileSync(join(dir, 'tree/a'), 'c\n')
  utimesSync(join(dir, 'tree/a'), 2, 2)
  expect((await run('bk push -q -C tree . store')).status).toBe(0)
  expect(said(await run('bk restore -q store --to out && cmp out/a tree/a'))).toEqual({status: 0, stderr: ''})
})
