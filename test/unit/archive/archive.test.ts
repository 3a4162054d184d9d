// Archives of stores that no bk would make: tiny packs, lost objects, lists that lie, entries of which little is known.

import {spawnSync} from 'node:child_process'
import {hash} from 'node:crypto'
import fs from 'node:fs'
import {join} from 'node:path'
import {expect, it} from 'vitest'
import {archive, type Archived} from '../../../src/lib/archive/archive.ts'
import {openSnapshot} from '../../../src/lib/store/open.ts'
import {noise} from '../../harness/days.ts'
import {oddTree} from '../../harness/odd-tree.ts'
import {sameTree} from '../../harness/same-tree.ts'
import {tempDir} from '../../harness/temp.ts'
import {makeTree} from '../../harness/tree.ts'
import {addSnapshot, group, makeStore, readTree, type Contents} from '../restore/make-store.ts'

type Outcome = {readonly archived: Archived; readonly tar: Buffer; readonly problems: string[]; readonly warnings: string[]}

async function run(operand: string, paths: readonly string[] = []): Promise<Outcome> {
  const parts: Buffer[] = []
  const problems: string[] = []
  const warnings: string[] = []
  const reporter = {
    problem: (path: string | Uint8Array, what: string | Error) => void problems.push(`${String(path)}: ${what instanceof Error ? what.message : what}`),
    warn: (text: string) => void warnings.push(text),
    note() {},
    detail() {},
  }
  const snapshot = await openSnapshot({operand, now: 1_795_000_000_000_000_000n, timeZone: 'UTC'})
  const archived = await archive({snapshot, paths, sparse: false, compression: {kind: 'none'}, threads: 2, reporter}, async (bytes) => void parts.push(Buffer.from(bytes)))
  return {archived, tar: Buffer.concat(parts), problems, warnings}
}

function unpack({tar}: Outcome): string {
  const to = tempDir('unpacked')
  const options = ['--acls', '--xattrs', '--xattrs-include=*', '--warning=no-unknown-keyword', '--warning=no-timestamp', '-xpf', '-', '-C', to]
  const {status, stderr} = spawnSync('tar', options, {input: tar, encoding: 'utf8', env: {...process.env, LC_ALL: 'C'}})
  expect({status, stderr}).toEqual({status: 0, stderr: ''})
  return to
}

async function storeOf(src: string, options: Parameters<typeof addSnapshot>[2] = {}, contents: Contents = readTree(src)): Promise<string> {
  const store = await makeStore(join(tempDir('store'), 'store'))
  await addSnapshot(store, contents, options)
  return store
}

const packsOf = (store: string): string[] => fs.globSync('packs/*/*', {cwd: store}).sort().map((name) => join(store, name))

it('everything odd, from many small packs, with its holes', async () => {
  const src = join(tempDir('odd'), 'src')
  makeTree(src, [...oddTree({socket: false}), {path: 'holes/many', type: 'file', content: noise(1, 700_000), offset: 3_000_000, size: 9_000_000}])
  const store = await storeOf(src, {frame: 2000, pack: 3000})
  expect(packsOf(store).length).toBeGreaterThan(16)
  const outcome = await run(store)
  expect([outcome.problems, outcome.warnings, outcome.archived.lost]).toEqual([[], [], 0])
  const to = unpack(outcome)
  expect(sameTree(src, to)).toEqual([])
  for (const name of ['in front', 'behind', 'nothing else']) expect(fs.statSync(join(to, 'holes', name)).blocks, name).toBeLessThan(600)
  expect(fs.statSync(join(to, 'holes/many')).blocks).toBeLessThan(4000)
  expect((await run(store)).tar.equals(outcome.tar)).toBe(true)
})

it('what is lost in one pack is taken from another, with a warning', async () => {
  const src = join(tempDir('twice'), 'src')
  makeTree(src, Array.from({length: 30}, (_, i) => ({path: `d/f${i}`, type: 'file' as const, content: `content ${i}`})))
  const store = await storeOf(src)
  const first = packsOf(store)
  await addSnapshot(store, readTree(src))
  const whole = await run(`${store}@1`)
  for (const pack of first) if (fs.readFileSync(pack, 'latin1').split('\n').length > 20) fs.rmSync(pack)
  const outcome = await run(`${store}@1`)
  expect(outcome.problems).toEqual([])
  expect(outcome.warnings).toEqual([expect.stringMatching(/^pack [0-9a-f]{64} is missing; 30 objects were taken from other packs$/)])
  expect(outcome.tar.equals(whole.tar)).toBe(true)
})

it('what is lost for good is left out, with its other names; all else is there', async () => {
  const src = join(tempDir('lost'), 'src')
  makeTree(src, [
    {path: 'a/lost', type: 'file', content: 'this one'},
    {path: 'a/other', type: 'file', content: 'is there'},
    {path: 'b', type: 'hardlink', target: 'a/lost'},
    {path: 'c/large', type: 'file', content: noise(3, 900_000)},
    {path: 'd', type: 'hardlink', target: 'c/large'},
  ])
  const contents = readTree(src)
  const idOf = (path: string): string => / sha256=(\S+)/.exec(contents.groups.find((each) => each.path === path)!.line)![1]!
  const list = /chunks=(\S+)/.exec(contents.groups.find(({path}) => path === './c/large')!.comments.join('\n'))![1]!
  const chunk = contents.objects.get(list)!.toString().split('\n')[2]!.split(' ')[1]!
  const without = (...ids: string[]): Contents => ({...contents, objects: new Map([...contents.objects].filter(([id]) => !ids.includes(id)))})

  const outcome = await run(await storeOf(src, {}, without(idOf('./a/lost'), chunk)))
  expect(outcome.problems).toEqual([
    expect.stringMatching(/^\.\/a\/lost: it is left out: its content is lost: object [0-9a-f]{64} is in no pack$/),
    './b: it is left out: it is a hard link to ./a/lost, whose content is lost',
    expect.stringMatching(/^\.\/c\/large: there are zeros in place of what is lost of it: object [0-9a-f]{64} is in no pack$/),
  ])
  expect(outcome.archived).toMatchObject({files: 3, lost: 3})
  const to = unpack(outcome)
  expect([fs.readdirSync(join(to, 'a')), fs.readdirSync(to)]).toEqual([['other'], ['a', 'c', 'd']])
  expect(fs.readFileSync(join(to, 'd')).length).toBe(900_000)
  // A member follows, because Python wants one.
  expect(outcome.tar.toString('latin1', outcome.tar.length - 1536).startsWith('./\0')).toBe(true)
  expect(outcome.tar.toString('latin1').slice(-4096).replaceAll('\0', '')).toContain('comment=missing ./a/lost\nmissing ./b\ndamaged ./c/large\n#bk end files=3 lost=3\n')

  const listless = await run(await storeOf(src, {}, without(list)))
  expect(listless.problems).toEqual([expect.stringMatching(/^\.\/c\/large: it is left out: /), expect.stringMatching(/^\.\/d: it is left out: /)])
  unpack(listless)
})

it('a large file whose chunks make something else is named', async () => {
  const src = join(tempDir('lie'), 'src')
  makeTree(src, [{path: 'large', type: 'file', content: noise(4, 900_000)}])
  const contents = readTree(src)
  const groups = contents.groups.map((each) => ({...each, line: each.line.replace(/sha256=\S+/, `sha256=${'7'.repeat(64)}`)}))
  const outcome = await run(await storeOf(src, {}, {...contents, groups}))
  expect(outcome.problems).toEqual(['./large: its pieces do not make the content that the index names'])
  const short = contents.groups.map((each) => ({...each, line: each.line.replace('size=900000', 'size=900001')}))
  const shorter = await run(await storeOf(src, {}, {...contents, groups: short}))
  expect(shorter.problems).toEqual([expect.stringMatching(/^\.\/large: it is left out: .* does not make 900001 bytes$/)])
})

it('what is not known of an entry is what is usual, and its time that of the snapshot', async () => {
  const src = join(tempDir('bare'), 'src')
  makeTree(src, [{path: 'f', type: 'file', content: 'x'}])
  const contents = readTree(src)
  const groups = [group('. type=dir'), group(`./f type=file size=1 ${/sha256=\S+/.exec(contents.groups[1]!.line)![0]}`), group('./l type=link link=f')]
  const to = unpack(await run(await storeOf(src, {}, {...contents, groups})))
  const {mode, uid, mtimeMs} = fs.statSync(join(to, 'f'))
  expect([mode & 0o7777, uid, new Date(mtimeMs).toISOString()]).toEqual([0o644, 0, '2026-11-22T08:30:05.000Z'])
  expect(fs.statSync(to).mode & 0o7777).toBe(0o755)
})

it('file flags come back by bsdtar', async () => {
  const line = '. type=dir mode=0755 uid=0 gid=0 time=1763800000.000000000'
  const groups = [group(line), group(line.replace('. type=dir', './f type=file').replace(' time', ' size=0 time') + ` sha256=${hash('sha256', '')}`, 'flags=nodump')]
  const {tar} = await run(await storeOf('', {}, {root: '/', objects: new Map(), groups}))
  const to = tempDir('unpacked')
  expect(spawnSync('bsdtar', ['-xpf', '-', '-C', to], {input: tar, encoding: 'utf8'})).toMatchObject({status: 0, stderr: ''})
  expect(spawnSync('lsattr', [join(to, 'f')], {encoding: 'utf8'}).stdout).toMatch(/^\S*d\S* /)
})

it('an index that must not be followed is refused before anything is written', async () => {
  const store = await storeOf('', {}, {root: '/', objects: new Map(), groups: [group('. type=dir'), group('./a type=link link=/etc'), group('./a/passwd type=dir')]})
  await expect(run(store)).rejects.toMatchObject({status: 65})
})
