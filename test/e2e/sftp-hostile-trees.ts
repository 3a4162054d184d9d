// Hostile trees: names, depths, links, sizes and kinds as no file system has them.

import {KIND, packet, STATUS} from '../../src/lib/ssh/sftp-packets.ts'
import {noise} from '../harness/days.ts'
import {attributeFields, dataAnswer, directory, file, nameAnswer, statusAnswer, type Answer, type Asked, type Attributes, type Node} from '../harness/sftp-server.ts'
import {honestTree, treeWith, type Row} from './sftp-hostile.ts'

const DIRECTORY: Attributes = {mode: 0o040755, time: 1_700_000_001}
const FILE: Attributes = {mode: 0o100644, time: 1_700_000_001, size: 3}
const LINK: Attributes = {mode: 0o120777, time: 1_700_000_001, size: 3}

/** A tree whose directory `sub` gives these names, an answer each, as long as there are some. */
const names = (some: (asked: Asked) => readonly (readonly [string, Attributes])[] | undefined) => () => ({
  tree: honestTree,
  answer: (asked: Asked): Answer | undefined => {
    if (asked.kind !== KIND.readdir || asked.open !== '/srv/sub') return undefined
    const found = some(asked)
    return found === undefined ? statusAnswer(asked.id, STATUS.eof) : nameAnswer(asked.id, found)
  },
})

/** The same, once. */
const once = (...some: readonly (readonly [string, Attributes])[]) => {
  let isDone = false
  return names(() => (isDone ? undefined : ((isDone = true), some)))
}

/** Below /srv/sub every directory has these again. */
const endless = (...below: readonly string[]) => () => {
  const given = new Set<string>()
  return {
    tree: honestTree,
    answer: ({kind, id, path, open, opened}: Asked, honest: () => Buffer): Answer | undefined => {
      if (!path.startsWith('/srv/sub') && !open.startsWith('/srv/sub')) return undefined
      if (kind === KIND.opendir) return opened(path)
      if (kind !== KIND.readdir) return honest()
      if (given.has(open)) return statusAnswer(id, STATUS.eof)
      given.add(open)
      return nameAnswer(id, below.map((name) => [name, DIRECTORY]))
    },
  }
}

/** Eight directories, all of them without end. */
const beside = () => ({
  tree: treeWith({sub: directory(Object.fromEntries(Array.from({length: 8}, (_, at) => [`d${at}`, directory({})])))}),
  answer: ({kind, id, open, before}: Asked): Answer | undefined =>
    kind === KIND.readdir && open.startsWith('/srv/sub/') ? nameAnswer(id, many(3000, (at) => `${before}-${at}`, FILE)) : undefined,
})

const many = (count: number, name: (at: number) => string, attributes: Attributes): readonly (readonly [string, Attributes])[] =>
  Array.from({length: count}, (_, at) => [name(at), attributes])

/** The file /srv/one with other answers. */
const one = (answer: (asked: Asked, honest: () => Buffer) => Answer | undefined, tree: Node = honestTree) => () => ({
  tree,
  answer: (asked: Asked, honest: () => Buffer) => (asked.path === '/srv/one' || asked.open === '/srv/one' ? answer(asked, honest) : undefined),
})

const farLinks = () => {
  const {tree, answer} = names(({before}) => (before < 250 ? many(500, (at) => `${before}-${at}`, LINK) : undefined))()
  return {
    tree,
    answer: (asked: Asked): Answer | undefined =>
      asked.kind === KIND.readlink && asked.path.startsWith('/srv/sub') ? nameAnswer(asked.id, [['\xff'.repeat(4000), LINK]]) : answer(asked),
  }
}

/** Files of half a MiB each, which are listed as empty. */
const swollen = () => {
  let given = 0
  return {
    tree: treeWith({many: directory(Object.fromEntries(Array.from({length: 1200}, (_, at) => [`f${at}`, file('', {size: 500_000})])))}),
    answer: (asked: Asked): Answer | undefined => {
      const {kind, id, open, offset} = asked
      if (!open.startsWith('/srv/many')) return undefined
      if (kind === KIND.read) return bottomless({...asked, offset: offset + 1_000_000 * Number(open.slice('/srv/many/f'.length))})
      if (kind !== KIND.readdir) return undefined
      given += 100
      return given > 1200 ? statusAnswer(id, STATUS.eof) : nameAnswer(id, many(100, (at) => `f${given - 100 + at}`, {...FILE, size: 0, time: 1}))
    },
  }
}

const listedAs = (size: bigint | number): Node => treeWith({one: file('one\n', {size, time: 1_700_000_002})})
const newer = treeWith({one: file('new\n', {time: 1_700_000_002})})
const attributes = (id: number, {size, mode, time}: Attributes): Buffer => packet(KIND.attrs, id, ...attributeFields({size, mode, time} as Attributes))
const deep = (levels: number, name: string): Node => (levels === 0 ? directory({}) : directory({[name]: deep(levels - 1, name)}))

const block = noise(5, 1 << 18)

/** Content without end, no piece of it twice. */
const bottomless = ({kind, id, offset, length}: Asked): Answer | undefined => {
  if (kind !== KIND.read) return undefined
  const bytes = Buffer.from(block.subarray(offset % 977, (offset % 977) + length))
  for (let at = 0; at + 8 <= bytes.length; at += 1000) bytes.writeDoubleBE(offset + at, at)
  return dataAnswer(id, bytes)
}

export const rows: readonly Row[] = [
  {name: 'a directory that has itself below it for ever', server: endless('a'), status: 3, says: /^\.(?:\/\w+)+: name too long$/, has: /^#bk \.(?:\/\w+)+ error=ENAMETOOLONG$/m},
  {name: 'a directory that has itself below it twice for ever', server: endless('a', 'b'), flags: '--max-entries 3000', status: 77, says: /^(?:\.\/[^\n]*: name too long\nbk pull: )*refused max-entries: [^\n]*$/},
  {name: 'names without end in one directory', server: names(({before}) => many(500, (at) => `${before}-${at}`, FILE)), status: 65, says: /^web1: \.\/sub goes on without end[^\n]*$/, mebibytes: 700},
  {name: 'long names without end in one directory', server: names(({before}) => many(100, (at) => `${before}-${at}-`.padEnd(255, 'y'), FILE)), status: 65, says: /^web1: \.\/sub goes on without end[^\n]*$/, mebibytes: 700},
  {name: 'names without end in directories side by side', server: beside, status: 65, says: /^web1: \.\/sub\/d\d goes on without end[^\n]*$/, mebibytes: 900},
  {name: 'names without end, all of them too long', server: names(() => many(2, () => 'x'.repeat(100_000), FILE)), status: 65, says: /^web1: \.\/sub goes on without end[^\n]*$/},
  {name: 'links without end', server: names(({before}) => many(500, (at) => `${before}-${at}`, LINK)), status: 65, says: /^web1: \.\/sub goes on without end[^\n]*$/, mebibytes: 700},
  {name: 'links that lead far', server: farLinks, status: 65, says: /^web1: \.\/sub goes on without end[^\n]*$/, mebibytes: 700},
  {name: 'no names, without an end', server: names(() => []), status: 65, says: 'web1 answers no names where there are some'},
  {name: 'itself as a name, without end', server: names(() => many(1000, () => '.', DIRECTORY)), status: 65, says: /^web1: \.\/sub goes on without end[^\n]*$/},
  {name: 'itself and the one above as names, once', server: once(['.', DIRECTORY], ['..', DIRECTORY], ['x', FILE]), status: 0, says: './sub/x: vanished'},
  {name: 'a name with a slash', server: once(['../../loot', FILE]), status: 65, says: 'web1: a name in ./sub is none: ../../loot'},
  {name: 'a name that is absolute', server: once(['/loot', FILE]), status: 65, says: 'web1: a name in ./sub is none: /loot'},
  {name: 'a name with a NUL', server: once(['a\0b', FILE]), status: 65, says: String.raw`web1: a name in ./sub is none: a\000b`},
  {name: 'an empty name', server: once(['', FILE]), status: 65, says: 'web1: a name in ./sub is none: '},
  {name: 'a name of 300 bytes', server: once(['x'.repeat(300), FILE]), status: 3, says: './sub: name too long', has: /^#bk \.\/sub error=ENAMETOOLONG$/m},
  {name: 'a name of 100,000 bytes', server: once(['x'.repeat(100_000), FILE]), status: 3, says: './sub: name too long'},
  {name: 'a name twice', server: once(['two', FILE], ['two', FILE]), status: 0, has: /^\.\/sub\/two type=file mode=0644 .*size=2000 /m},
  {name: 'a name twice, a directory the second time', server: once(['two', FILE], ['two', DIRECTORY]), status: 3, says: './sub/two: i/o error'},
  {name: 'a name that drives the terminal', server: once(['\x1b]0;owned\x07\n', {...FILE, mode: 0o040755}]), status: 0, says: String.raw`./sub/\033\1350;owned\007\012: vanished`, hasNot: /owned/},
  {name: 'a path of more than 4,096 bytes', server: () => ({tree: treeWith({deep: deep(20, 'd'.repeat(250))})}), status: 3, says: /^\.\/deep(?:\/d{250}){16}: name too long$/},
  {name: 'a path of more than 1,000 names', server: () => ({tree: treeWith({deep: deep(1200, 'd')})}), status: 3, says: /^\.\/deep(?:\/d){900,}: name too long$/},
  {name: 'a mode that is no kind of file', server: once(['odd', {mode: 0, time: 0}], ['odder', {mode: 0xffff_ffff, time: 0xffff_ffff}]), status: 3, says: './sub/odd: i/o error\nbk pull: ./sub/odder: i/o error'},
  {name: 'a top that is a file', server: () => ({tree: honestTree, answer: ({kind, id, path}) => (kind === KIND.lstat && path === '/srv' ? attributes(id, FILE) : undefined)}), status: 0, has: /^\. type=dir mode=0755 /m},
  {name: 'a top of 2^63 bytes', server: () => ({tree: honestTree, answer: ({kind, id, path}) => (kind === KIND.lstat && path === '/srv' ? attributes(id, {...DIRECTORY, size: 2n ** 63n}) : undefined)}), status: 0, has: /^\. type=dir mode=0755 /m},
  {name: 'a top that is a link', server: () => ({tree: directory({...honestTree.names, real: honestTree.names!['srv']!}), answer: ({kind, id, path}) => (path !== '/srv' ? undefined : kind === KIND.lstat ? attributes(id, LINK) : kind === KIND.realpath ? nameAnswer(id, [['/real', DIRECTORY]]) : undefined)}), status: 0, has: /^\. type=dir mode=0755 /m},
  {name: 'a directory of 2^63 bytes', server: () => ({tree: treeWith({sub: {...directory({two: file('two\n')}), attributes: {...DIRECTORY, size: 2n ** 63n}}})}), status: 0, has: /^\.\/sub type=dir .*\n\.\/sub\/two type=file /m},

  {name: 'a size of 2^63', server: one(() => undefined, listedAs(2n ** 63n)), status: 3, says: './one: file too large', has: /^\.\/one type=file .*\n#bk \.\/one stale=EFBIG$/m},
  {name: 'a size of 2^53 - 1 that is four bytes', server: one(() => undefined, listedAs(2n ** 53n - 1n)), status: 0, says: './one: changed while it was read', has: /^\.\/one type=file .* size=4 /m},
  {name: 'a size that is smaller than what is read', server: one(({kind, id}) => (kind === KIND.read ? dataAnswer(id, 'on') : undefined), listedAs(2)), status: 0, has: /^\.\/one type=file .* size=2 /m},
  {name: 'a size that is larger at every look', server: one(({kind, id, before}) => (kind === KIND.fstat ? attributes(id, {...FILE, size: 5 + before, time: 1_700_000_002}) : undefined), newer), status: 0, says: './one: changed while it was read', has: /^\.\/one type=file .* size=4 /m},
  {name: 'a size that is 2^63 when it is opened', server: one(({kind, id}) => (kind === KIND.fstat ? attributes(id, {...FILE, size: 2n ** 63n}) : undefined), newer), status: 3, says: './one: file too large'},
  {name: 'no size and no mode when it is opened', server: one(({kind, id}) => (kind === KIND.fstat ? packet(KIND.attrs, id, 0) : undefined), newer), status: 0, says: './one: is no longer a file', hasNot: /^\.\/one /m},
  {name: 'files that are listed as empty, and are not', server: swollen, flags: '--quota 300M', status: 77, says: /^refused quota: [^\n]*$/},
  {name: 'content without end', server: one(bottomless, listedAs(2n ** 50n)), flags: '--quota 30M', status: 77, says: /^refused quota: [^\n]*$/},
  {name: 'content without end, all of it zero', server: one(({kind, id, length}) => (kind === KIND.read ? dataAnswer(id, Buffer.alloc(length)) : undefined), listedAs(2n ** 50n)), flags: '--deadline 3s', status: 77, says: /^refused deadline: [^\n]*$/},
  {name: 'content a byte an answer', server: one((asked) => (asked.kind === KIND.read ? dataAnswer(asked.id, 'x') : undefined), listedAs(2n ** 40n)), flags: '--deadline 2s', status: 77, says: /^refused deadline: [^\n]*$/},
  {name: 'a file that is too large', server: one(() => undefined, listedAs(2n ** 50n)), flags: '--max-file 1M', status: 77, says: 'refused max-file: /srv/one has 1125899906842624 bytes, the limit is 1048576'},

  {name: 'a directory that is a file when it is opened', server: () => ({tree: honestTree, answer: ({kind, id, path}) => (kind === KIND.opendir && path === '/srv/sub' ? statusAnswer(id, STATUS.failure) : undefined)}), status: 3, says: './sub: i/o error', has: /^\.\/sub type=dir .*\n#bk \.\/sub stale=EIO\n\.\/sub\/two type=file /m},
  {name: 'a directory that is gone when it is opened', server: () => ({tree: honestTree, answer: ({kind, id, path}) => (kind === KIND.opendir && path === '/srv/sub' ? statusAnswer(id, STATUS.noSuchFile) : undefined)}), status: 0, says: './sub: vanished', hasNot: /^\.\/sub/m},
  {name: 'a directory that ends with an error', server: () => ({tree: honestTree, answer: ({kind, id, open}) => (kind === KIND.readdir && open === '/srv/sub' ? statusAnswer(id, STATUS.permissionDenied) : undefined)}), status: 3, says: './sub: permission denied', has: /^\.\/sub\/two type=file /m},
  {name: 'a file that is a directory when it is opened', server: one(({kind, id}) => (kind === KIND.fstat ? attributes(id, DIRECTORY) : undefined), newer), status: 0, says: './one: is no longer a file', hasNot: /^\.\/one /m},
  {name: 'a link that is put in place of a file', server: one(({kind, id}) => (kind === KIND.fstat ? attributes(id, {...FILE, size: 900}) : kind === KIND.lstat ? attributes(id, LINK) : kind === KIND.read ? dataAnswer(id, 'root') : undefined), newer), status: 0, says: './one: is no longer a file', hasNot: /^\.\/one /m},
  {name: 'a link that says of its target what was listed', server: one(({kind, id}) => (kind === KIND.lstat ? attributes(id, LINK) : kind === KIND.read ? dataAnswer(id, 'pwn\n') : undefined), newer), status: 0, has: /^\.\/one type=file .* size=4 /m},
]
