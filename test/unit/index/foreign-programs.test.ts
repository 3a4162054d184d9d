// The real programs, over a tree with everything odd in it: what they list must become what lstat(2) and the bytes of the files say.

import {createHash} from 'node:crypto'
import {lstatSync, readFileSync, readlinkSync, type BigIntStats} from 'node:fs'
import {join} from 'node:path'
import {beforeAll, describe, expect, test} from 'vitest'
import {formatEntry, formatTime, type Entry, type EntryType} from '../../../src/lib/index/entry.ts'
import {escapeBytes} from '../../../src/lib/index/escape.ts'
import {sh} from '../../harness/bk.ts'
import {oddTree} from '../../harness/odd-tree.ts'
import {tempDir} from '../../harness/temp.ts'
import {makeTree} from '../../harness/tree.ts'
import {indexLines, linesOf, refusal} from './foreign-lists.ts'

const top = join(tempDir('foreign'), 'tree')
const isRoot = process.getuid?.() === 0

// Names in which the two mtree programs trip over their own escapes or comments.
const oddDirectories = ['new\nline', 'x\nx type=dir', 'end\n', '\n', 'ã', 'Ü', '# hash', 'back\\', 'a b', '..a', 'x\n..']

beforeAll(() => {
  const readable = oddTree().filter((entry) => entry.acl === undefined && (isRoot || entry.mode !== 0))
  makeTree(top, [
    ...readable,
    ...oddDirectories.map((name) => ({path: `odd/${name}/ü/x\ny`, type: 'file', content: name}) as const),
    {path: 'odd/link', type: 'link', target: 'ã Ü'},
    {path: 'odd/other link', type: 'link', target: 'Ü'},
    {path: 'odd/latin1', type: 'link', target: Buffer.from('\xdc\xa3 \xa0', 'latin1')},
  ])
})

async function run(command: string): Promise<Buffer> {
  const {status, stdout, stderr} = await sh(command, {cwd: top})
  if (status !== 0 || stderr !== '') throw new Error(`${command}: ${status} ${stderr}`)
  return stdout
}

/* The names of users or groups by their numbers. */
function namesIn(file: string): ReadonlyMap<number, string> {
  const rows = readFileSync(file, 'utf8').split('\n').map((line) => line.split(':'))
  return new Map(rows.map(([name, , id]) => [Number(id), name ?? '']))
}

const users = namesIn('/etc/passwd')
const groups = namesIn('/etc/group')

type Found = {readonly entry: Entry; readonly isSocket: boolean}

/* The tree as find(1) and lstat(2) know it. */
async function found(): Promise<Found[]> {
  const paths = (await run('find . -print0')).toString('latin1').split('\0').slice(0, -1)
  return paths.map((path): Found => {
    const place = Buffer.from(`${top}/${path}`, 'latin1')
    const stat = lstatSync(place, {bigint: true})
    const type = typeOf(stat)
    const content = stat.isFile() ? readFileSync(place) : undefined
    const isDevice = type === 'block' || type === 'char'
    const entry: Entry = {
      path: escapeBytes(path),
      type,
      mode: Number(stat.mode & 0o7777n),
      uid: Number(stat.uid),
      gid: Number(stat.gid),
      uname: users.get(Number(stat.uid)),
      gname: groups.get(Number(stat.gid)),
      size: content?.length,
      time: formatTime(stat.mtimeNs),
      link: type === 'link' ? escapeBytes(readlinkSync(place, {encoding: 'buffer'}).toString('latin1')) : undefined,
      device: isDevice ? {major: Number(stat.rdev >> 8n) & 0xfff, minor: Number((stat.rdev & 0xffn) | ((stat.rdev >> 12n) & 0xfff00n))} : undefined,
      md5: content === undefined ? undefined : createHash('md5').update(content).digest('hex'),
      sha256: content === undefined ? undefined : createHash('sha256').update(content).digest('hex'),
    }
    return {entry, isSocket: stat.isSocket()}
  })
}

function typeOf(stat: BigIntStats): EntryType {
  if (stat.isDirectory()) return 'dir'
  if (stat.isSymbolicLink()) return 'link'
  if (stat.isFIFO()) return 'fifo'
  if (stat.isBlockDevice()) return 'block'
  return stat.isCharacterDevice() ? 'char' : 'file'
}

/* The lines that an index has of what was found, with what a program tells. */
async function expected(known: (entry: Entry) => Entry): Promise<string[]> {
  const line = ({entry, isSocket}: Found): string => (isSocket ? `#bk ${entry.path} left-out=socket` : formatEntry(known(entry)))
  const all = await found()
  return all.sort((a, b) => (a.entry.path < b.entry.path ? -1 : 1)).map(line)
}

const noDigests = {md5: undefined, sha256: undefined}
const onlyDigest = ({path, type, link, device, sha256}: Entry): Entry => ({path, type, link, device, sha256})
const noNames = {uname: undefined, gname: undefined}

describe('bsdtar', () => {
  test('with its defaults', async () => {
    expect(await linesOf(await run('bsdtar -cf - --format=mtree .'))).toEqual(await expected((entry) => ({...entry, ...noDigests})))
  })

  test.each([
    ['with all that it knows', "--format=mtree --options '!flags,md5,sha1,sha256,sha512,cksum,inode,resdevice'", (entry: Entry) => entry],
    ['with defaults set and lines broken', "--format=mtree --options 'use-set,indent,md5,sha256'", (entry: Entry) => entry],
    ['with digests and little else', "--format=mtree --options '!all,type,link,device,sha256'", onlyDigest],
    ['in the classic form', "--format=mtree-classic --options 'md5,sha256'", (entry: Entry) => entry],
  ])('%s', async (_, options, known) => {
    expect(await linesOf(await run(`bsdtar -cf - ${options} .`))).toEqual(await expected(known))
  })

  test('with directories only', async () => {
    const lines = await expected((entry) => ({...entry, ...noDigests}))
    expect(await linesOf(await run('bsdtar -cf - --format=mtree --options dironly .'))).toEqual(lines.filter((line) => line.includes(' type=dir ')))
  })

  test.each(['mtree', 'mtree-classic'])('with operands, in the format %s', async (format) => {
    const lines = (await expected(({path, type}) => ({path, type}))).filter((line) => /^\.(?:\/dirs.*|\/odd|\/odd\/\\303\\243.*)? type=/.test(line))
    expect(lines.length).toBeGreaterThan(20)
    expect(await linesOf(await run(`bsdtar -cf - --format=${format} --options '!all,type' dirs odd/ã`))).toEqual(lines)
  })
})

describe('mtree of NetBSD', () => {
  // It cuts targets at 1,018 bytes and writes no sockets' and devices' numbers unless asked.
  const without = async (keys: string): Promise<Buffer> => run(`echo ./links/long >../exclude && mtree -c ${keys} -X ../exclude`)
  const isShort = (line: string): boolean => !line.startsWith('./links/long ')

  test('with its defaults and devices', async () => {
    const lines = await expected((entry) => ({...entry, ...noNames, ...noDigests}))
    expect(await linesOf(await without('-K device'))).toEqual(lines.filter(isShort))
  })

  test('with names and digests', async () => {
    const lines = await expected((entry) => ({
      ...entry,
      uid: entry.uname === undefined ? entry.uid : undefined,
      gid: entry.gname === undefined ? entry.gid : undefined,
    }))
    expect(await linesOf(await without('-k all'))).toEqual(lines.filter(isShort))
  })

  test('in a locale that makes it write bytes as they are', async () => {
    const lines = await expected(onlyDigest)
    const list = await run('echo ./links/long >../exclude && LC_ALL=C.UTF-8 mtree -c -k sha256,link,device -X ../exclude')
    expect(await linesOf(list)).toEqual(lines.filter(isShort))
  })

  test('dumped by itself, with whole paths', async () => {
    // Its own reader stops at some names, so only a part of the tree.
    const dump = 'cd types && mtree -c -k sha256,mode | mtree -C -k type,sha256,mode'
    const lines = await expected(({path, type, sha256, mode}) => ({path, type, sha256, mode}))
    const below = lines.filter((line) => /^(?:#bk )?\.\/types[/ ]/.test(line)).map((line) => line.replace('./types', '.'))
    expect(below.length).toBeGreaterThan(10)
    expect(await linesOf(await run(dump))).toEqual(below)
  })

  test('with a target that it cut', async () => {
    expect(await refusal(await run('mtree -c -K device'))).toMatch(/^65: line \d+: the target may be cut off: long$/)
  })

  test('without the numbers of devices', async () => {
    if (!isRoot) return expect(await linesOf(await without(''))).not.toEqual([])
    expect(await refusal(await without(''))).toMatch(/^65: line \d+: device without its number: \.\/root\/block$/)
  })
})

describe('md5sum and sha256sum', () => {
  const programs = [['md5sum', 'md5'], ['sha256sum', 'sha256']] as const
  const options = ['', '--binary', '--tag', '--zero', '--zero --tag']

  test.each(programs.flatMap(([program, key]) => options.map((option) => [`${program} ${option}`, key] as const)))('%s', async (command, key) => {
    const all = (await found()).map(({entry}) => entry)
    const files = all.filter((entry) => entry[key] !== undefined).map((entry): Entry => ({path: entry.path, type: 'file', [key]: entry[key]}))
    const list = async (where: string): Promise<string[]> => linesOf(await run(`find ${where} -type f -exec ${command} {} +`))
    expect(await list('.')).toEqual(indexLines(files))
    expect(await list('*')).toEqual(indexLines(files))
    const below = `.${escapeBytes(top)}`
    expect(await list('"$PWD"')).toEqual(indexLines(files.map((entry) => ({...entry, path: below + entry.path.slice(1)}))))
  })
})
