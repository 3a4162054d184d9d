// Trees that do not hold still: what happens to a file between the index and the moment it is sent, and what is told of it. The
// snapshot has what was really read, says when something could not be, and nothing ever stops a backup or hangs it.

import {chmodSync, existsSync, mkdirSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {beforeEach, describe, expect, test} from 'vitest'
import {bk, sh} from '../harness/bk.ts'
import {noise} from '../harness/days.ts'
import {until} from '../harness/limits.ts'
import {readStore} from '../harness/read-store.ts'
import type {Snapshot} from '../harness/read-store.ts'
import {sameTree} from '../harness/same-tree.ts'
import {newHome, tempDir} from '../harness/temp.ts'
import {shWithoutRights} from '../harness/without-rights.ts'

let dir: string
let tree: string
let env: Record<string, string>

beforeEach(async () => {
  dir = tempDir('changing')
  tree = join(dir, 'tree')
  const home = newHome(join(dir, 'home'))
  env = {XDG_STATE_HOME: join(home, 'state'), XDG_CACHE_HOME: join(home, 'cache')}
  mkdirSync(join(tree, 'd'), {recursive: true})
  writeFileSync(join(tree, 'steady'), 'always the same\n')
  writeFileSync(join(tree, 'd/inside'), 'inside\n')
  await sh('bk init -q store && bk index -C tree . | bk send --to store --index-out remote.idx', {cwd: dir, env})
})

type Sent = {readonly status: number; readonly stderr: string; readonly snapshot: Snapshot}

/** Takes the index, lets something happen, and sends. Both ways of sending must tell the same. */
async function send(happens: () => void | Promise<unknown>, {run = sh, index = 'bk index -C tree .', status: wanted = 0} = {}): Promise<Sent> {
  const before = await run(`${index} >new.idx`, {cwd: dir, env})
  expect([0, 3]).toContain(before.status)
  await sh('bk diff remote.idx new.idx >changes', {cwd: dir, env})
  await happens()
  await sh('cp -a store other', {cwd: dir})
  const oneWay = await run('bk send --base remote.idx <changes | bk receive other', {cwd: dir, env})
  const {status, stderr} = await run('bk send --to store --index-out remote.idx <changes', {cwd: dir, env})
  expect({status, oneWay: oneWay.status, stderr: oneWay.stderr}).toEqual({status: wanted, oneWay: wanted, stderr})
  const [snapshot, other] = ['store', 'other'].map((name) => readStore(join(dir, name)).snapshots.at(-1))
  expect(other?.index).toBe(snapshot?.index)
  await sh('rm -rf other', {cwd: dir})
  return {status, stderr, snapshot: snapshot!}
}

/** Lines about a path in an index, without what goes before its type or key. */
function linesOf({index}: Snapshot, path: string): string[] {
  return index.split('\n').filter((line) => line.startsWith(`${path} `) || line.startsWith(`#bk ${path} `)).map((line) => line.slice(line.indexOf(`${path} `) + path.length + 1))
}

const content = (path: string): string => readStore(join(dir, 'store')).content(readStore(join(dir, 'store')).snapshots.at(-1)!, path).toString()

/** What comes back is what is there: nothing of the tree was missed. */
async function expectSame(): Promise<void> {
  rmSync(join(dir, 'restored'), {recursive: true, force: true})
  expect(await bk(['restore', '-q', 'store', '--to', 'restored'], {cwd: dir})).toMatchObject({status: 0, stderr: ''})
  expect(sameTree(tree, join(dir, 'restored'), {ignoreSockets: true})).toEqual([])
}

const file = (name: string, text: string | Buffer): void => writeFileSync(join(tree, name), text)
const remove = (name: string): void => rmSync(join(tree, name), {recursive: true})

describe('between index and send, something vanishes', () => {
  test('a new file: it is gone, with a line, and that is no failure', async () => {
    file('new', 'new\n')
    const {stderr, snapshot} = await send(() => remove('new'))
    expect(stderr).toBe('bk send: ./new: vanished\n')
    expect(snapshot.state).toBe('complete')
    expect(linesOf(snapshot, './new')).toEqual([])
  })

  test('a file that changed', async () => {
    file('d/inside', 'other\n')
    const {stderr, snapshot} = await send(() => remove('d/inside'))
    expect(stderr).toBe('bk send: ./d/inside: vanished\n')
    expect(linesOf(snapshot, './d/inside')).toEqual([])
  })

  test('a directory full of new files', async () => {
    mkdirSync(join(tree, 'many/below'), {recursive: true})
    for (let at = 0; at < 600; at++) file(`many/${at % 2 ? 'below/' : ''}${at}`, `${at}\n`)
    const {stderr, snapshot} = await send(() => remove('many'))
    expect(stderr.trimEnd().split('\n')).toHaveLength(600)
    expect(snapshot.state).toBe('complete')
    expect(snapshot.entries).toBe(6)
  })

  test('a large file', async () => {
    file('large', noise(1, 2_000_000))
    const {snapshot} = await send(() => remove('large'))
    expect(linesOf(snapshot, './large')).toEqual([])
  })

  test('the first name of a hard link', async () => {
    file('a', 'two names\n')
    await sh('ln tree/a tree/b; ln tree/a tree/c', {cwd: dir})
    const {snapshot} = await send(() => remove('a'))
    expect(linesOf(snapshot, './b')).toHaveLength(1)
    expect(linesOf(snapshot, './c')[1]).toBe('hardlink=./b')
  })

  test('a file that was moved, sent by somebody who has to read it again', async () => {
    renameSync(join(tree, 'd/inside'), join(tree, 'moved'))
    await sh('bk index --no-digest -C tree . | bk diff remote.idx >changes', {cwd: dir})
    const {snapshot} = await send(() => {
      rmSync(join(dir, 'home/state'), {recursive: true, force: true})
      remove('moved')
    })
    // Whoever did not read it cannot know: the old path is gone in any case.
    expect(linesOf(snapshot, './d/inside')).toEqual([])
  })

  test('the directory of it all: an error, never an empty backup', async () => {
    file('new', 'to be read\n')
    await sh('bk index -C tree . >new.idx; mv tree elsewhere', {cwd: dir, env})
    const {status, stderr} = await sh('bk send --to store --set fresh <new.idx', {cwd: dir, env})
    expect({status, stderr}).toMatchObject({status: 2, stderr: expect.stringMatching(/^bk send: [^\n]*tree: no such file or directory\n/)})
    expect((await bk(['send', '--to', 'store', '--set', 'fresh', '-C', 'no/such/place', 'new.idx'], {cwd: dir, env})).status).toBe(2)
    expect(readStore(join(dir, 'store')).snapshots).toHaveLength(1)
  })
})

describe('between index and send, a file is written to', () => {
  test.each([
    ['and keeps its size', 'NEW\n'],
    ['and grows', 'new and more\n'],
    ['and shrinks', 'n\n'],
    ['and is empty', ''],
    ['and is larger than one object', noise(2, 700_000)],
  ])('%s: the snapshot has what was read', async (_, text) => {
    file('new', 'new\n')
    file('d/inside', 'also new\n')
    const {stderr, snapshot} = await send(() => {
      file('new', text)
      file('d/inside', text)
    })
    expect(stderr).toBe('')
    expect(snapshot.state).toBe('complete')
    expect(content('./new')).toBe(text.toString())
    expect(content('./d/inside')).toBe(text.toString())
    await expectSame()
  })

  test('a large one becomes small', async () => {
    file('new', noise(3, 2_000_000))
    const {stderr} = await send(() => file('new', 'small\n'))
    expect(stderr).toBe('')
    expect(content('./new')).toBe('small\n')
    await expectSame()
  })

  test('one name of a hard link after the other has been read, or so it looks', async () => {
    file('a', 'one\n')
    await sh('ln tree/a tree/b', {cwd: dir})
    await send(() => {
      remove('b')
      file('b', 'no link any more\n')
    })
    expect(content('./a')).toBe('one\n')
    expect(content('./b')).toBe('no link any more\n')
  })

  test('modes and owners as they are when it is read', async () => {
    file('new', 'new\n')
    await send(() => {
      chmodSync(join(tree, 'new'), 0o600)
      file('new', 'newer\n')
    })
    await expectSame()
  })
})

describe('while it is read, a file', () => {
  test('is written to all the time: it is stored as read, once, with a note', async () => {
    file('log', Buffer.alloc(40_000_000))
    // Without a process for each wait: those get their turn too late where much else is to be done.
    const writer = sh('mkfifo hold; exec 9<>hold; while [ ! -e stop ]; do printf more; read -rt 0.002 <&9; done >>tree/log', {cwd: dir})
    const {status, stderr} = await sh('bk index --no-digest -C tree . | bk diff remote.idx | bk send --to store --index-out remote.idx', {cwd: dir, env})
    writeFileSync(join(dir, 'stop'), '')
    await writer
    expect({status, stderr}).toEqual({status: 0, stderr: 'bk send: ./log: changed while it was read\n'})
    const snapshot = readStore(join(dir, 'store')).snapshots.at(-1)!
    expect(snapshot.state).toBe('complete')
    expect(linesOf(snapshot, './log').at(-1)).toBe('note=changed')
    expect(content('./log').slice(40_000_000)).toMatch(/^(?:more)*$/)
    // The next day it holds still: the note is gone.
    const next = await send(() => undefined)
    expect(linesOf(next.snapshot, './log').filter((line) => line.startsWith('note='))).toEqual([])
    await expectSame()
  }, 60_000)
})

test('a file that grows faster than it can be read does not keep a backup from its end', async () => {
  file('log', Buffer.alloc(60_000_000))
  writeFileSync(join(dir, 'chunk'), Buffer.alloc(1_000_000))
  const writer = sh('until [ -e stop ]; do cat chunk; done >>tree/log', {cwd: dir})
  await until('it grows', () => statSync(join(tree, 'log')).size > 61_000_000 || undefined)
  const {status} = await sh('bk index --no-digest -C tree . | bk diff remote.idx | bk send --to store; touch stop', {cwd: dir, env, timeout: 20_000})
  await writer
  remove('log')
  expect(status).toBe(0)
  expect(linesOf(readStore(join(dir, 'store')).snapshots.at(-1)!, './log').at(-1)).toBe('note=changed')
}, 60_000)

describe('between index and send, a file becomes', () => {
  test.each<[string, string]>([
    ['a link', 'ln -s /etc/passwd tree/new'], ['a link to itself', 'ln -s new tree/new'], ['a dangling link', 'ln -s nowhere tree/new'], ['a fifo that nobody writes to', 'mkfifo tree/new'],
    ['a directory', 'mkdir tree/new; echo x >tree/new/x'], ['a device', 'mknod tree/new c 1 5'],
    ['a socket', `${process.execPath} -e "require('net').createServer().listen('tree/new', () => process.kill(process.pid, 9))" || true`],
  ])('%s: it is left out with a line, and is there the next day', async (_, command) => {
    file('new', 'new\n')
    const {stderr, snapshot} = await send(() => sh(`rm tree/new; ${command}`, {cwd: dir, timeout: 10_000}))
    expect(stderr).toBe('bk send: ./new: is no longer a file\n')
    expect(snapshot.state).toBe('complete')
    expect(linesOf(snapshot, './new')).toEqual([])
    const next = await send(() => undefined)
    expect(next.snapshot.state).toBe('complete')
    await expectSame()
  })

  test('something below a link, because its directory was replaced by one: not followed', async () => {
    mkdirSync(join(dir, 'outside'))
    writeFileSync(join(dir, 'outside/new'), 'a secret\n')
    mkdirSync(join(tree, 'e'))
    file('e/new', 'new\n')
    const {snapshot} = await send(() => {
      remove('e')
      symlinkSync('../outside', join(tree, 'e'))
    })
    expect(snapshot.state).toBe('complete')
    expect(linesOf(snapshot, './e/new')).toEqual([])
  })

  test('something below a file, because its directory was replaced by one', async () => {
    mkdirSync(join(tree, 'e'))
    file('e/new', 'new\n')
    const {snapshot, stderr} = await send(() => {
      remove('e')
      file('e', 'a file now\n')
    })
    expect(stderr).toMatch(/^bk send: \.\/e\/new: /)
    expect(linesOf(snapshot, './e/new')).toEqual([])
  })
})

describe('what comes between index and send', () => {
  test('is not there today, and is tomorrow', async () => {
    file('new', 'new\n')
    const {snapshot} = await send(() => file('newer', 'newer\n'))
    expect(linesOf(snapshot, './newer')).toEqual([])
    expect(linesOf((await send(() => undefined)).snapshot, './newer')).toHaveLength(1)
    await expectSame()
  })

  test('a socket is left out with a note in the index, and nobody is told', async () => {
    await sh(`${process.execPath} -e "require('net').createServer().listen('tree/socket', () => process.kill(process.pid, 9))" || true`, {cwd: dir})
    expect(existsSync(join(tree, 'socket'))).toBe(true)
    const {stderr, snapshot} = await send(() => undefined)
    expect({stderr, state: snapshot.state}).toEqual({stderr: '', state: 'complete'})
    expect(linesOf(snapshot, './socket')).toEqual(['left-out=socket'])
    await expectSame()
  })
})

describe('between index and send, a file can no longer be read', () => {
  const options = {run: shWithoutRights, status: 3}

  test('a new one: the error is in the index, the snapshot is partial, the status 3', async () => {
    file('new', 'new\n')
    const {stderr, snapshot} = await send(() => chmodSync(join(tree, 'new'), 0), options)
    expect(stderr).toBe('bk send: ./new: permission denied\n')
    expect(snapshot.state).toBe('partial 1')
    expect(linesOf(snapshot, './new')).toEqual(['error=EACCES'])
  })

  test('one that was there before: its old lines stay, and its old content', async () => {
    file('steady', 'changed\n')
    const {snapshot} = await send(() => chmodSync(join(tree, 'steady'), 0), options)
    expect(snapshot.state).toBe('partial 1')
    expect(linesOf(snapshot, './steady').at(-1)).toBe('stale=EACCES')
    expect(content('./steady')).toBe('always the same\n')
  })

  test('the first name of a hard link', async () => {
    mkdirSync(join(tree, 'closed'))
    file('closed/a', 'two names\n')
    await sh('ln tree/closed/a tree/d/b', {cwd: dir})
    const {snapshot} = await send(() => chmodSync(join(tree, 'closed'), 0), options)
    expect(linesOf(snapshot, './closed/a')).toEqual(['error=EACCES'])
    expect(linesOf(snapshot, './d/b')).toHaveLength(1)
    expect(content('./d/b')).toBe('two names\n')
  })
})
