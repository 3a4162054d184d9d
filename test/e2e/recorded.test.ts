// Formats are contracts: what an earlier version of bk wrote is read by every later one. test/fixtures/version-1 was recorded once and
// is never written again.

import {cpSync, readFileSync, readdirSync} from 'node:fs'
import {join} from 'node:path'
import {beforeAll, expect, test} from 'vitest'
import {bk, root, sh} from '../harness/bk.ts'
import {entriesOf, readStore} from '../harness/read-store.ts'
import {storeFiles} from '../harness/store-files.ts'
import {tempDir} from '../harness/temp.ts'

const recorded = join(root, 'test/fixtures/version-1')
const indexes = readdirSync(recorded).filter((name) => name.startsWith('index.')).map((name) => Number(name.slice(6))).sort((a, b) => a - b)
let dir: string

beforeAll(() => {
  dir = tempDir('recorded')
  cpSync(recorded, dir, {recursive: true})
})

test('it is as it was recorded', () => {
  const {snapshots} = readStore(join(recorded, 'store'))
  expect(snapshots.map(({seq, set, level, state}) => `${seq} ${set} ${level} ${state}`)).toEqual([
    '1 web1 full complete', '2 web1 near complete', '3 web1 near complete', '4 web2 full complete', '5 web1 near complete', '6 web1 near complete', '7 web1 near partial 4',
    '8 web1 near partial 4', '9 web1 far complete', '10 web1 near complete',
  ])
  for (const {seq, index} of snapshots) expect(index).toBe(readFileSync(join(recorded, `index.${seq}`), 'latin1'))
})

test.each(indexes)('snapshot %s reads as text', async (seq) => {
  const {status, stdout} = await bk(['index', '-q', `store@${seq}`], {cwd: dir})
  expect(status).toBe(0)
  expect(String(stdout)).toBe(readFileSync(join(recorded, `index.${seq}`), 'latin1'))
})

test.each(indexes)('snapshot %s is restored', async (seq) => {
  const to = join(dir, `restored ${seq}`)
  expect(await bk(['restore', '-q', `store@${seq}`, '--to', to], {cwd: dir})).toMatchObject({status: 0, stderr: ''})
  const index = await bk(['index', '-C', to, '--as', '/srv/data', '.'], {cwd: dir})
  // As stored, but for what only a stored index says.
  const plain = (text: string): string[] => text.split('\n').slice(1, -2).filter((line) => !/ (?:chunks|cut|stale|error)=/.test(line)).map(withoutOwner)
  expect(plain(String(index.stdout))).toEqual(plain(readFileSync(join(recorded, `index.${seq}`), 'latin1')))
})

test('the log tells of all', async () => {
  const {status, stdout} = await bk(['log', 'store'], {cwd: dir})
  expect(status).toBe(0)
  expect(String(stdout).trimEnd().split('\n')).toHaveLength(indexes.length)
})

test('diff gives the changes that were recorded', async () => {
  const {stdout} = await bk(['diff', 'index.1', 'index.6'], {cwd: dir})
  const plain = (text: string): string => text.replaceAll(/^[+~=>] #bk \S+ (?:chunks|cut)=.*\n|^#bk end .*\n/gm, '')
  expect(plain(String(stdout))).toBe(plain(readFileSync(join(recorded, 'changes'), 'latin1')))
})

test('the stream is received, and the changes fit its base', async () => {
  const {status, stderr} = await sh('bk init -q new && bk receive new <stream', {cwd: dir})
  expect({status, stderr}).toEqual({status: 0, stderr: ''})
  const [snapshot] = readStore(join(dir, 'new')).snapshots
  expect([...entriesOf(snapshot!.index).keys()]).toEqual([...entriesOf(readFileSync(join(recorded, 'index.6'), 'latin1')).keys()])
})

test('the store goes on: what was restored is backed up again, and nothing of it moves', async () => {
  const before = storeFiles(join(dir, 'store'))
  const pipe = 'bk restore -q store@10 --to tree && bk index -C tree --as /srv/data . | bk diff index.10 | bk send -C tree --to store --set web1'
  const {status, stdout, stderr} = await sh(pipe, {cwd: dir})
  expect({status, stdout: String(stdout), stderr}).toEqual({status: 0, stdout: expect.stringMatching(/^committed 11 /), stderr: ''})
  const after = storeFiles(join(dir, 'store'))
  for (const [name, sum] of before) expect(after.get(name), name).toBe(sum)
  expect([...after.keys()].filter((name) => !before.has(name))).toEqual(['log/000011'])
})

// Only root gives files back to whom they belonged.
function withoutOwner(line: string): string {
  return process.getuid?.() === 0 ? line : line.replace(/ mode=\S+ uid=\S+ gid=\S+ uname=\S+ gname=\S+/, '')
}
