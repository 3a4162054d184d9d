// Indexes that nobody could have made of a tree: refused before anything is written, or harmless.

import fs from 'node:fs'
import {join} from 'node:path'
import {describe, expect, it} from 'vitest'
import {changesEndLine, changesHeader} from '../../../src/lib/index/changes.ts'
import {makeLists} from '../../../src/lib/store/chunk-list.ts'
import {objectId} from '../../../src/lib/store/object-id.ts'
import {tempDir} from '../../harness/temp.ts'
import {addSnapshot, group, indexText, makeStore, type Contents} from './make-store.ts'
import {ofKind, runRestore} from './run-restore.ts'
import type {Group} from '../../../src/lib/index/group.ts'

const content = Buffer.from('content of an evil file\n')
const sha256 = objectId(content)
const rest = 'mode=0644 uid=0 gid=0 uname=root gname=root'
const time = 'time=1000000000.000000000'
const top = `. type=dir mode=0755 uid=0 gid=0 uname=root gname=root ${time}`
const file = (path: string): string => `${path} type=file ${rest} size=${content.length} ${time} sha256=${sha256}`
const dir = (path: string): string => `${path} type=dir mode=0755 uid=0 gid=0 uname=root gname=root ${time}`
const link = (path: string, target: string): string => `${path} type=link mode=0777 uid=0 gid=0 uname=root gname=root ${time} link=${target}`

function contentsOf(groups: readonly Group[], objects: readonly Buffer[] = []): Contents {
  return {root: '/', groups, objects: new Map([content, ...objects].map((bytes) => [objectId(bytes), bytes]))}
}

async function storeOf(groups: readonly Group[], objects: readonly Buffer[] = []): Promise<{readonly place: string; readonly store: string}> {
  const place = tempDir('hostile')
  const store = await makeStore(join(place, 'store'))
  await addSnapshot(store, contentsOf(groups, objects))
  return {place, store}
}

const refused: Readonly<Record<string, readonly Group[]>> = {
  'a hard link out of the tree': [group(top), group(file('./a'), 'hardlink=./../../etc/passwd')],
  'a hard link to what comes later': [group(top), group(file('./a'), 'hardlink=./b'), group(file('./b'))],
  'a hard link to itself': [group(top), group(file('./a'), 'hardlink=./a')],
  'a path that leaves the tree': [group(top), group(file('./../etc/passwd'))],
  'an absolute path': [group(top), group(file('/etc/passwd'))],
  'a path with an empty component': [group(top), group(dir('./a')), group(file('./a//b'))],
  'a path with a slash in a name': [group(top), group(file('./a\\057b'))],
  'a path with a NUL': [group(top), group(file('./a\\000b'))],
  'a path that is there twice': [group(top), group(file('./a')), group(file('./a'))],
  'paths out of order': [group(top), group(file('./b')), group(file('./a'))],
  'a parent that is a link': [group(top), group(link('./a', '/etc')), group(file('./a/passwd'))],
  'a parent that is a file': [group(top), group(file('./a')), group(file('./a/b'))],
  'a parent that is not there': [group(top), group(file('./a/b'))],
  'no top': [group(file('./a'))],
  'a top that is a link': [group(link('.', '/etc')), group(file('./passwd'))],
  'a file without digest': [group(top), group(`./a type=file ${rest} size=5 ${time}`)],
  'a file without size': [group(top), group(`./a type=file ${rest} ${time} sha256=${sha256}`)],
  'an empty file with the digest of another': [group(top), group(`./a type=file ${rest} size=0 ${time} sha256=${sha256}`)],
  'a directory that is a hard link': [group(top), group(dir('./a')), group(dir('./b'), 'hardlink=./a')],
  'a mode of too many bits': [group(top), group(file('./a').replace('mode=0644', 'mode=017777'))],
  'a line that is no entry': [group(top), group('./a type=socket mode=0644')],
  'a device without numbers': [group(top), group(`./a type=char ${rest} ${time}`)],
}

describe.for(Object.keys(refused))('%s', (name) => {
  it('is refused, and nothing is written', async () => {
    const {place, store} = await storeOf(refused[name]!)
    await expect(runRestore(store, join(place, 'out'))).rejects.toMatchObject({status: 65})
    expect(fs.readdirSync(place)).toEqual(['store'])
  })
})

const onItsOwn: Readonly<Record<string, readonly Group[]>> = {
  'a hard link to a link': [group(top), group(link('./a', '/etc/passwd')), group(file('./b'), 'hardlink=./a')],
  'a link that is a hard link to another link': [group(top), group(link('./a', '/etc/passwd')), group(link('./b', '/etc/shadow'), 'hardlink=./a')],
  'a hard link to a directory': [group(top), group(dir('./a')), group(file('./b'), 'hardlink=./a')],
  'a hard link to a file with other content': [group(top), group(`./a type=file ${rest} size=5 ${time} sha256=${'0'.repeat(64)}`), group(file('./b'), 'hardlink=./a')],
  'a hard link to nothing': [group(top), group(file('./a'), 'hardlink=./0')],
  'a hard link to a hard link': [group(top), group(file('./a')), group(file('./b'), 'hardlink=./a'), group(file('./c'), 'hardlink=./b')],
}

describe.for(Object.keys(onItsOwn))('%s', (name) => {
  it('is not made: the entry comes back as what it says it is itself', async () => {
    const groups = onItsOwn[name]!
    const {place, store} = await storeOf(groups)
    const outcome = await runRestore(store, join(place, 'out'))
    const {path, line} = groups.findLast(({comments}) => comments.length > 0)!
    const [, target] = / link=(.*)$/.exec(line) ?? []
    const restored = join(place, 'out', path)
    expect(ofKind(outcome, 'problem')).toContainEqual(expect.stringMatching(new RegExp(`^${path}: .*, which it is said to be a hard link to, .*: restored on its own$`)))
    expect(fs.lstatSync(restored).nlink).toBe(1)
    if (target === undefined) expect(fs.readFileSync(restored)).toEqual(content)
    else expect(fs.readlinkSync(restored)).toBe(target)
    expect(fs.readdirSync(place).sort()).toEqual(['out', 'store'])
  })
})

describe('changes that make of a good index a bad one', () => {
  const good = [group(top), group(dir('./a')), group(file('./a/b'))]
  const apply = async (changes: readonly string[], result: readonly Group[]): Promise<void> => {
    const place = tempDir('hostile')
    const store = await makeStore(join(place, 'store'))
    const base = contentsOf(good)
    const full = indexText(base)
    await addSnapshot(store, base)
    const target = contentsOf(result)
    const end = changesEndLine({base: full.digest, target: indexText(target).digest, lines: changes.length, partial: 0})
    const bytes = Buffer.from(changesHeader({root: '/', object: objectId(full.bytes)}) + changes.map((line) => `${line}\n`).join('') + end)
    await addSnapshot(store, target, {index: {bytes, level: 'far'}})
    await runRestore(store, join(place, 'out'))
  }

  it('a directory that becomes a link under what is in it', async () => {
    const evil = [group(top), group(link('./a', '/etc')), group(file('./a/b'))]
    await expect(apply([`~ ${link('./a', '/etc')}`], evil)).rejects.toMatchObject({status: 65})
  })

  it('a directory that is gone under what is in it', async () => {
    await expect(apply(['- ./a'], [group(top), group(file('./a/b'))])).rejects.toMatchObject({status: 65})
  })

  it('an index that is another than the record names', async () => {
    await expect(apply([`= ${file('./a/b').replace('0644', '0600')}`], good)).rejects.toMatchObject({
      status: 65, message: 'the index of snapshot 2 is not the one that its record names',
    })
  })

  it('a change of what is not there', async () => {
    await expect(apply([`~ ${file('./a/c')}`], good)).rejects.toMatchObject({status: 65})
  })
})

describe('lists of chunks that lie', () => {
  const pieces = [Buffer.from('first piece '), Buffer.from('second piece')]
  const chunks = pieces.map((bytes) => ({id: objectId(bytes), size: bytes.length}))
  const whole = Buffer.concat(pieces)
  const line = (size: number, digest = objectId(whole)): string => `./f type=file ${rest} size=${size} ${time} sha256=${digest}`

  async function restored(entry: string, listed: {readonly id: string; readonly size: number}[]): Promise<{readonly problems: readonly string[]; readonly names: readonly string[]}> {
    const {id, objects} = makeLists(listed)
    const {place, store} = await storeOf([group(top), group(entry, `chunks=${id}`, 'cut=15')], [...pieces, ...objects.map(({bytes}) => bytes)])
    const outcome = await runRestore(store, join(place, 'out'))
    return {problems: ofKind(outcome, 'problem'), names: fs.readdirSync(join(place, 'out'))}
  }

  it('come back when they do not', async () => {
    expect(await restored(line(whole.length), chunks)).toEqual({problems: [], names: ['f']})
  })

  it.for([
    ['pieces in another order', line(whole.length), [chunks[1]!, chunks[0]!], 'its pieces do not make the content that the index names'],
    ['another digest', line(whole.length, sha256), chunks, 'its pieces do not make the content that the index names'],
    ['fewer bytes', line(whole.length + 1), chunks, 'does not make 25 bytes'],
    ['more bytes', line(5), chunks, 'does not make 5 bytes'],
    ['pieces of other sizes than said', line(whole.length), [{...chunks[0]!, size: 10}, {...chunks[1]!, size: 14}], 'its pieces do not make the content that the index names'],
    ['a piece that is nowhere', line(whole.length), [chunks[0]!, {id: '1'.repeat(64), size: chunks[1]!.size}], 'is in no pack'],
  ] as const)('%s', async ([, entry, listed, why]) => {
    const {problems, names} = await restored(entry, [...listed])
    expect(problems).toEqual([expect.stringContaining(why)])
    expect(names).toEqual([])
  })

  it('that name themselves, or stand for more than there is room for', async () => {
    // 860 lists of 860 of … : some TiB out of 300 KiB.
    let level = makeLists([{id: objectId(pieces[0]!), size: pieces[0]!.length}]).objects.map(({bytes}) => bytes)
    let size = pieces[0]!.length
    for (let depth = 0; depth < 4; depth++) {
      const below = level.at(-1)!
      const text = `list ${objectId(below)} ${size}\n`.repeat(600)
      size *= 600
      level = [...level, Buffer.from(text)]
    }
    const {place, store} = await storeOf([group(top), group(line(size), `chunks=${objectId(level.at(-1)!)}`)], [...pieces, ...level])
    const outcome = await runRestore(store, join(place, 'out'))
    expect(ofKind(outcome, 'problem')).toEqual([expect.stringMatching(/^\.\/f: its content is lost: /)])
  })

  it('content that is shorter than its entry says', async () => {
    const {place, store} = await storeOf([group(top), group(file('./a').replace(`size=${content.length}`, 'size=7'))])
    const outcome = await runRestore(store, join(place, 'out'))
    expect(ofKind(outcome, 'problem')).toEqual([`./a: its content has ${content.length} bytes, its entry says 7`])
    expect(fs.readdirSync(join(place, 'out'))).toEqual([])
  })
})
