// `bk pull sftp://…`: a source without bk, read over the SFTP of its sshd. What somebody hostile does there is in pull-sftp-hostile.test.ts,
// the page "Article 2" in article-2.test.ts.

import {execFileSync} from 'node:child_process'
import {appendFileSync, chmodSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync} from 'node:fs'
import {createServer} from 'node:net'
import {join} from 'node:path'
import {beforeEach, describe, expect, test} from 'vitest'
import {sh} from '../harness/bk.ts'
import type {Result} from '../harness/bk.ts'
import {days, noise} from '../harness/days.ts'
import {readStore} from '../harness/read-store.ts'
import {countingServer} from '../harness/sftp-counter.ts'
import {startSshd} from '../harness/sshd.ts'
import {tempDir} from '../harness/temp.ts'
import type {Sshd} from '../harness/sshd.ts'

let dir: string
let tree: string
let sshd: Sshd
let asked: () => Readonly<Record<string, number>>

const run = (script: string): Promise<Result> => sh(script, {cwd: dir, env: sshd.env})
const said = ({status, stdout, stderr}: Result) => ({status, stdout: String(stdout), stderr})
const newest = () => readStore(join(dir, 'store')).snapshots.at(-1)!
const committed = (seq: number, stderr: unknown = '') => ({status: 0, stderr, stdout: expect.stringMatching(new RegExp(`^committed ${seq} \\w{64}\\n$`))})
const pull = async (flags = '', path = tree) => said(await run(`bk pull ${flags} 'sftp://web1${path}' store`))
const indexed = (path: string): string | undefined => newest().index.split('\n').find((line) => line.startsWith(`${path} type=`))

/** What differs between the tree and a restored one: kind, mode, owner, links, time, content. */
async function differences(when = '@latest'): Promise<unknown> {
  rmSync(join(dir, 'back'), {recursive: true, force: true})
  expect(said(await run(`bk restore -q store${when} --to back`))).toMatchObject({status: 0})
  // Devices and sockets do not come, and SFTP has no times before 1970 or after 2106.
  const list = `find . ! -type b ! -type c ! -type s ! -path './times*' ! -path ./root -printf '%P %y %m %U %G %l %Ts\\n' | sort; find . -type f -print0 | sort -z | xargs -0r sha256sum`
  return said(await run(`(cd tree && ${list}) >a; (cd back && ${list}) >b; diff a b`))
}
const same = {status: 0, stdout: '', stderr: ''}

/** Makes all times old, so that no file has to be read again because it is new. */
function age(): void {
  execFileSync('find', [tree, '-exec', 'touch', '-h', '-d', '@1700000001', '{}', '+'])
}

beforeEach(async () => {
  dir = tempDir('pull-sftp')
  tree = join(dir, 'tree')
  const counter = countingServer(join(dir, 'asked'))
  asked = counter.asked
  sshd = await startSshd({hosts: ['web1'], sftp: counter.command})
  sshd.authorize([sshd.publicKeys['web1']!])
  for (const name of ['sub/deeper', 'sub-x', 'empty']) mkdirSync(join(tree, name), {recursive: true})
  writeFileSync(join(tree, 'one'), 'one\n')
  writeFileSync(join(tree, 'none'), '')
  writeFileSync(join(tree, 'sub/large'), noise(1, 3_000_000))
  writeFileSync(join(tree, 'sub/deeper/na me\n#=*'), 'odd')
  writeFileSync(join(tree, 'sub-x/more'), noise(2, 200_000))
  symlinkSync('../one', join(tree, 'sub/link'))
  symlinkSync('nowhere', join(tree, 'broken'))
  chmodSync(join(tree, 'one'), 0o4751)
  age()
  expect((await run('bk init -q store')).status).toBe(0)
})

describe('a walk', () => {
  test('brings everything that SFTP shows, and nothing twice', async () => {
    expect(await pull()).toEqual(committed(1))
    expect(await differences()).toEqual(same)
    const before = asked()
    expect(await pull()).toEqual(committed(2))
    expect(newest().index).toBe(readStore(join(dir, 'store')).snapshots[0]!.index)
    expect(asked()['open']).toBe(before['open'])
  })

  test('days in a row are there as they were', async () => {
    rmSync(tree, {recursive: true})
    mkdirSync(tree)
    for (const [at, {pass, what}] of days.slice(0, 10).entries()) {
      pass(tree)
      expect({what, ...(await pull('-q'))}).toEqual({what, ...committed(at + 1)})
      expect({what, found: await differences()}).toEqual({what, found: same})
    }
  })

  test('what is changed in the second in which it was read is read again', async () => {
    const path = join(tree, 'one')
    const now = Math.floor(Date.now() / 1000)
    writeFileSync(path, 'at one time\n')
    utimesSync(path, now, now)
    expect(await pull()).toEqual(committed(1))
    writeFileSync(path, 'at 1 other.\n')
    utimesSync(path, now, now)
    expect(await pull()).toEqual(committed(2))
    expect(await differences()).toEqual(same)
  })

  test('changes, moves and losses', async () => {
    await pull()
    appendFileSync(join(tree, 'sub/large'), 'more')
    renameSync(join(tree, 'sub-x'), join(tree, 'moved'))
    rmSync(join(tree, 'broken'))
    rmSync(join(tree, 'none'))
    mkdirSync(join(tree, 'none'))
    writeFileSync(join(tree, 'none/below'), 'x')
    expect(await pull()).toEqual(committed(2))
    expect(await differences()).toEqual(same)
    expect(await differences('@1')).not.toEqual(same)
  })

  test('sockets, fifos and what is in the way', async () => {
    execFileSync('mkfifo', [join(tree, 'fifo')])
    const server = createServer().listen(join(tree, 'socket'))
    try {
      expect(await pull()).toEqual(committed(1, 'bk pull: ./socket: socket left out\n'))
    } finally {
      server.close()
    }
    expect(newest().index).toMatch(/^\.\/fifo type=fifo /m)
    expect(newest().index).toMatch(/^#bk \.\/socket left-out=socket$/m)
  })

  test('a tree that is not there, or is no directory, is no empty backup', async () => {
    expect(await pull('', `${tree}/gone`)).toEqual({status: 2, stdout: '', stderr: `bk pull: cannot read ${tree}/gone there: ENOENT\n`})
    expect(await pull('', `${tree}/one`)).toMatchObject({status: 2, stdout: ''})
    expect(readStore(join(dir, 'store')).snapshots).toHaveLength(0)
  })

  test('the account is put where it is put when no path is given', async () => {
    mkdirSync(join(sshd.home, 'x'), {recursive: true})
    const {status, stderr} = said(await run(`bk pull --max-entries 0 sftp://web1 store`))
    expect({status, stderr}).toEqual({status: 77, stderr: 'bk pull: refused max-entries: there are more than 0 entries, which is the limit\n'})
  })

  test('a connection that goes leaves what came for the next run', async () => {
    for (let at = 0; at < 150; at++) writeFileSync(join(tree, `noise${at}`), noise(at, 1_000_000))
    age()
    const {status, stderr} = said(await run(`(until [ -e store/sessions/web1 ]; do sleep 0.02; done; pkill -f '[s]ftp-counter.ts ${dir}/asked') & bk pull sftp://web1${tree} store; status=$?; wait; exit $status`))
    expect([status, stderr]).toEqual([75, expect.stringMatching(/^bk pull: .*\n/)])
    expect(await pull()).toEqual(committed(1))
    expect(await differences()).toEqual(same)
  })
})

describe('a list', () => {
  const listing = `cd $TREE && find . -type f ! -name .index -print0 | xargs -0 md5sum >.index`
  const list = (how = listing) => run(`TREE=${tree}; ${how}`)

  test.each([
    ['md5sum', listing, 'md5'],
    ['sha256sum', listing.replace('md5sum', 'sha256sum'), 'sha256'],
    ['bk index', 'bk index -q --no-cache -C $TREE . >i && mv i $TREE/.index', 'sha256'],
    ['bk index, for md5sum', 'bk index -q --no-cache --format md5sum -C $TREE . >i && mv i $TREE/.index', 'md5'],
    ['bsdtar', 'bsdtar -cf - --format=mtree --options=!all,type,size,time,mode,uid,gid,link,md5 -C $TREE --exclude .index . >i && mv i $TREE/.index', 'md5'],
  ])('by %s says what is fetched', async (_, how, digest) => {
    expect((await list(how)).status).toBe(0)
    expect(await pull('--index .index')).toEqual(committed(1))
    const large = indexed('./sub/large')!
    expect(large).toMatch(new RegExp(` size=3000000 time=\\d+\\.\\d{9}.* ${digest}=`))
    expect(large).toMatch(/ sha256=\w{64}$/)
    const before = asked()
    writeFileSync(join(tree, 'one'), 'two\n')
    expect((await list(how)).status).toBe(0)
    expect(await pull('--index .index')).toEqual(committed(2))
    // The list and one file.
    expect(asked()['open']! - before['open']!).toBe(2)
    expect((await run('bk restore -q store --to back && diff -r -x .index -x empty -x broken -x link tree back')).status).toBe(0)
    expect(await pull('--index .index')).toEqual(committed(3))
  })

  test('that is wrong about a file is said, and the file stored as it is', async () => {
    await list()
    writeFileSync(join(tree, 'one'), 'changed since\n')
    const lied = {status: 3, stdout: expect.stringMatching(/^committed/), stderr: 'bk pull: ./one: is not what .index says; it is stored as it is\n'}
    expect(await pull('--index .index')).toEqual(lied)
    const digest = execFileSync('md5sum', [join(tree, 'one')], {encoding: 'utf8'}).slice(0, 32)
    expect(indexed('./one')).toContain(` md5=${digest} sha256=`)
    expect(newest().index).toMatch(/^#bk \.\/one note=not-as-listed$/m)
    expect(await pull('--index .index')).toEqual(lied)
    await list()
    expect(await pull('--index .index')).toEqual(committed(3))
    expect(newest().index).not.toContain('not-as-listed')
  })

  test('of files that are not there any more: they have vanished', async () => {
    await list()
    rmSync(join(tree, 'one'))
    expect(await pull('--index .index')).toEqual(committed(1, 'bk pull: ./one: vanished\n'))
  })

  test('whose paths lead nowhere is no empty backup', async () => {
    await list(`printf '%s  %s\\n' d41d8cd98f00b204e9800998ecf8427e /srv/elsewhere/a 0cc175b9c0f1b6a831c399e269772661 /srv/elsewhere/b >$TREE/.index`)
    expect(await pull('--index .index')).toEqual({
      status: 2,
      stdout: '',
      stderr: `bk pull: ./srv/elsewhere/a: vanished\nbk pull: ./srv/elsewhere/b: vanished\nbk pull: none of the 2 files of the list is at web1 below /\nbk pull: hint: are its paths those that 'sftp web1' sees?\n`,
    })
    expect(readStore(join(dir, 'store')).snapshots).toHaveLength(0)
  })

  test('of absolute paths is taken from the top', async () => {
    await list(`find $TREE -type f ! -name .index | grep -v odd | grep -v 'na me' | grep -v '^#' | xargs -d '\\n' md5sum >$TREE/.index`)
    expect(await pull('--index .index')).toEqual(committed(1))
    expect(newest().index).toMatch(/^#bk index 1 root=\/$/m)
    expect(indexed(`.${tree}/one`)).toMatch(/ md5=\w+ sha256=/)
    expect(indexed(`.${tree}`)).toMatch(/ mode=0\d+ uid=/)
  })

  test('that is not there, is empty, is cut off or is something else', async () => {
    const fails = async (status: number, stderr: RegExp) => expect(await pull('--index .index')).toEqual({status, stdout: '', stderr: expect.stringMatching(stderr)})
    await fails(2, /^bk pull: cannot read the list \S+\/\.index there: no such file or directory\nbk pull: hint: is it made there\?/)
    writeFileSync(join(tree, '.index'), '')
    await fails(65, /\/\.index is empty/)
    await run(`bk index -q --no-cache -C ${tree} . | head -n -1 >i && mv i ${tree}/.index`)
    await fails(65, /the list \S+\/\.index there: .*end line/)
    await list()
    writeFileSync(join(tree, '.index'), readFileSync(join(tree, '.index')).subarray(0, -9))
    await fails(65, /the list \S+\/\.index there: line \d+/)
    writeFileSync(join(tree, '.index'), noise(5, 5000))
    await fails(65, /is binary/)
    expect(readStore(join(dir, 'store')).snapshots).toHaveLength(0)
  })

  test('unchanged, of 20,000 files, costs eight requests beside those that read the list', async () => {
    for (let at = 0; at < 200; at++) {
      mkdirSync(join(tree, `d${at}`))
      for (let i = 0; i < 100; i++) writeFileSync(join(tree, `d${at}/f${i}`), `${at} ${i}\n`)
    }
    await list()
    expect(await pull('--index .index')).toEqual(committed(1))
    const before = asked()
    expect(await pull('--index .index')).toEqual(committed(2))
    const more = Object.entries(asked()).map(([kind, count]) => [kind, count - (before[kind] ?? 0)] as const).filter(([, count]) => count > 0)
    const reads = Math.ceil(readFileSync(join(tree, '.index')).length / 131_072)
    expect(Object.fromEntries(more)).toEqual({init: 1, open: 1, fstat: 2, read: reads, close: 1})
  })
})
