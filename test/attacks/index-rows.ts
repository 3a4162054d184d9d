// Indexes that are not in the grammar, as a full one and below a near one, where the thief hopes that nobody looks any more.

import {after, asObject, before, big, dirLine, fileLine, forged, list, nowhere, one, two} from '../e2e/thief.ts'
import {indexText, storedChanges} from '../harness/forge-stream.ts'
import {noise} from '../harness/days.ts'
import {sha256} from '../harness/read-store.ts'
import {broken, recorded, rows} from './row.ts'
import type {Patch, Row} from './row.ts'

const receive = 'src/lib/transfer/receive.ts'

const full = (lines: readonly string[]): Buffer => asFull(indexText(lines))
const asFull = (text: string): Buffer => forged({indexes: [text], whole: text, lines: {index: `${sha256(asObject(text))} full`}})

/** The malformed index lies below changes that are in order. */
function below(lines: readonly string[]): Buffer {
  const text = indexText(lines)
  const result = indexText([...lines, dirLine('./z')])
  const changes = storedChanges({object: sha256(asObject(text)), text}, result, [`+ ${dirLine('./z')}`])
  return forged({indexes: [text, changes], whole: result})
}

const unordered: Patch = {file: 'src/lib/index/read.ts', find: 'if (path <= this.#last) {', replace: 'if (false) {'}
const anyPath: Patch = {
  file: 'src/lib/index/path.ts', find: "const COMPONENT = String.raw`(?!\\.\\.?(?:/|$))${NAME_BYTE}+`", replace: 'const COMPONENT = String.raw`${NAME_BYTE}+`',
}
const orphans: Patch = {
  file: 'src/lib/index/read.ts', find: "if (!this.#ancestry.accept(path, line !== '' && isDirectoryLine(line, path))) {", replace: 'if (false) {',
}
const unlinked: Patch = {file: receive, find: 'if (hardLinks.mended > 0) throw', replace: 'if (false) throw'}
const anySpelling: Patch = {
  file: 'src/lib/index/path.ts', find: 'if (!PLAIN.test(path) && !PATH.test(path)) return describe(path)',
  replace: "if (!path.startsWith('.')) return describe(path)",
}

const top = dirLine('.')
const file = fileLine('./a', two)

const paths = rows({group: 'paths in an index', defence: {rule: 'what a path may be is checked where text comes in', at: 'src/lib/index/path.ts: pathProblem'}}, [
  {name: 'that lead out by ..', attack: full([top, fileLine('./..', two)]), without: anyPath},
  {name: 'that lead out further', attack: full([top, dirLine('./d'), dirLine('./d/..'), dirLine('./d/../..'), fileLine('./d/../../x', two)]), without: anyPath},
  {name: 'that are absolute', attack: full([top, fileLine('/etc/passwd', two)])},
  {name: 'of another spelling', attack: full([top, fileLine('./a\\141', two)]), without: anySpelling},
  {name: 'with a blank as it is', attack: full([top, './a b type=fifo'])},
  {name: 'with a NUL byte', attack: full([top, fileLine('./a\\000b', two)]), without: anySpelling},
  {name: 'with NUL as it is', attack: full([top, fileLine('./a\0b', two)])},
  {
    name: 'with an escape sequence for a terminal', attack: full([top, fileLine('./\x1b[2J', two)]),
    harm: (shot) => /\x1b/.test(shot.stderr) || recorded(shot),
  },
  {name: 'with empty parts', attack: full([top, dirLine('./d'), fileLine('./d//a', two)])},
  {
    name: 'of a name of 256 bytes', attack: full([top, fileLine(`./${'x'.repeat(256)}`, two)]),
    without: {file: 'src/lib/index/path.ts', find: 'const MAX_COMPONENT = 255', replace: 'const MAX_COMPONENT = 1000'},
  },
  {
    name: 'of 1,001 parts', attack: full([top, ...Array.from({length: 1001}, (_, at) => dirLine(`.${'/d'.repeat(at + 1)}`))]),
    without: {file: 'src/lib/index/path.ts', find: 'const MAX_DEPTH = 1000', replace: 'const MAX_DEPTH = 9000'},
  },
  {name: 'that are not sorted', attack: full([top, dirLine('./b'), file]), without: unordered},
  {name: 'that are there twice, once as a link', attack: full([top, './a type=link link=/etc', file]), without: unordered},
  {name: 'below a link', attack: full([top, './l type=link link=/etc', fileLine('./l/passwd', two)]), without: orphans},
  {name: 'below a file', attack: full([top, file, fileLine('./a/b', two)]), without: orphans},
  {name: 'in no directory', attack: full([top, fileLine('./d/a', two)]), without: orphans},
])

const held = 'src/lib/transfer/held.ts'
const sizes = {rule: 'a file is as large as its line says', at: `${held}: Held`}
const anyOldSize: Patch = {file: held, find: 'if (said !== 0 && said !== size) throw', replace: 'if (false) throw'}
const base = {object: sha256(asObject(before)), text: before}
const near = (text: string, result = after): Buffer => forged({indexes: [text], whole: result})
const grownLine = fileLine('./a', one).replace(/ size=\d+/, ' size=5000')
const grown = indexText(before.split('\n').slice(2, -2).map((line) => (line.startsWith('./a ') ? grownLine : line)))

const values = rows({group: 'lines of an index', defence: {rule: 'a line has one grammar', at: 'src/lib/index/entry.ts: parseEntryLine'}}, [
  {name: 'of an unknown type', attack: full([top, './a type=socket'])},
  {name: 'with an unknown keyword', attack: full([top, `${file} nlink=1`])},
  {
    name: 'with numbers of 2^53', attack: full([top, './a type=fifo uid=9007199254740993']),
    without: {file: 'src/lib/index/entry.ts', find: 'if (value > Number.MAX_SAFE_INTEGER) throw', replace: 'if (false) throw'},
  },
  {name: 'with a device of negative numbers', attack: full([top, './a type=char device=native,-1,-1'])},
  {name: 'with a mode of more than twelve bits', attack: full([top, './a type=fifo mode=0104755'])},
  {
    name: 'with an entry of 10,001 comments', attack: full([top, file, ...Array.from({length: 10_001}, (_, at) => `#bk ./a k${String(at).padStart(5, '0')}=`)]),
    harm: recorded,
    without: {file: 'src/lib/index/group.ts', find: 'if (this.#values.size >= MAX_COMMENTS) throw', replace: 'if (false) throw'},
  },
  {name: 'with a link target that is NUL', attack: full([top, './a type=link link=x\\000y'])},
  {name: 'with size and digest of a fifo', attack: full([top, './a type=fifo size=4'])},
  {
    name: 'with a file of no bytes that has the digest of some', attack: full([top, file.replace(/ size=\d+/, ' size=0')]),
    harm: recorded, defence: {rule: 'nothing has one digest', at: 'src/lib/store/reach.ts: Reach'},
    without: {file: 'src/lib/store/reach.ts', find: 'if (!line.endsWith(NOTHING)) throw', replace: 'if (false) throw'},
  },
  {
    name: 'with a file that says it is smaller than it is', attack: full([top, file.replace(/ size=\d+/, ' size=3')]), options: '--max-file 3', harm: broken,
    defence: sizes, without: {file: held, find: 'known !== size && (', replace: 'false && ('},
  },
  {
    name: 'with a file that says the store had less of it', attack: full([top, fileLine('./a', one).replace(/ size=\d+/, ' size=3')]), harm: broken, defence: sizes, without: anyOldSize,
  },
  {
    name: 'with a file that says it has grown, and is what it was', attack: near(storedChanges(base, grown, [`= ${grownLine}`]), grown), harm: broken, defence: sizes,
    without: anyOldSize,
  },
  {name: 'with a file that says it has 2^32 bytes more', attack: full([top, file.replace(/ size=\d+/, ` size=${2 ** 32 + two.length}`)]), harm: broken, defence: sizes},
  {name: 'with a file without digest', attack: full([top, file.replace(/ sha256=\w+/, '')])},
  {name: 'that is unknown', attack: full([top, '#include /etc/passwd', file])},
  {name: 'with a comment of no entry', attack: full([top, '#bk ./a note=changed'])},
  {name: 'with a comment twice', attack: full([top, file, '#bk ./a note=changed', '#bk ./a note=changed'])},
  {name: 'with an xattr that is not base64', attack: full([top, file, '#bk ./a xattr.user.x=!'])},
  {name: 'with base64 of another spelling', attack: full([top, file, '#bk ./a xattr.user.x=QR=='])},
  {
    name: 'of 65,001 bytes', attack: full([top, './l type=link link='.padEnd(65_001, 'x')]),
    defence: {rule: 'a line has at most 65,000 bytes', at: 'src/lib/index/lines.ts: MAX_LINE'},
    without: {file: 'src/lib/index/lines.ts', find: 'export const MAX_LINE = 65_000', replace: 'export const MAX_LINE = 650_000'},
  },
  {
    name: 'without an end', attack: asFull('#mtree\n#bk index 1 root=/srv\n'.padEnd(20_000_000, 'x')),
    defence: {rule: 'a line has at most 65,000 bytes', at: 'src/lib/index/lines.ts: MAX_LINE'},
  },
])

const links = rows({group: 'hard links', defence: {rule: 'a hard link is one to a file above it that is the same', at: `${receive}: checkIndex`}}, [
  {name: 'to what is not there', attack: full([top, file, '#bk ./a hardlink=./-']), without: unlinked},
  {name: 'to another file', attack: full([top, file, fileLine('./b', one), '#bk ./b hardlink=./a']), without: unlinked},
  {name: 'to a directory', attack: full([top, file, '#bk ./a hardlink=.']), without: unlinked},
  {name: 'out of the tree', attack: full([top, file, '#bk ./a hardlink=./../etc/passwd'])},
  {name: 'to a symbolic link that leads out', attack: full([top, './-l type=link link=/etc/passwd', file, '#bk ./a hardlink=./-l']), without: unlinked},
  {name: 'to itself', attack: full([top, file, '#bk ./a hardlink=./a'])},
])

const whole = rows({group: 'an index as a whole', defence: {rule: 'header, end line and digest', at: 'src/lib/index/read.ts: IndexReader'}}, [
  {name: 'in CR LF', attack: asFull(after.replaceAll('\n', '\r\n'))},
  {name: 'without its end line', attack: asFull(after.slice(0, after.lastIndexOf('#bk end')))},
  {name: 'with something behind its end line', attack: asFull(`${after}./z type=dir\n`)},
  {name: 'of version 2', attack: asFull(after.replace('#bk index 1', '#bk index 2'))},
  {name: 'that counts wrong', attack: asFull(after.replace('entries=3', 'entries=2'))},
  {
    name: 'under another digest', attack: asFull(after.replace(/sha256=\w{64}\n$/, `sha256=${nowhere}\n`)),
    defence: {rule: 'the end line has the digest of the text', at: 'src/lib/index/read.ts: IndexReader'},
  },
  {name: 'whose root leads elsewhere', attack: asFull(after.replace('root=/srv', 'root=/srv/../..'))},
  {name: 'whose root is relative', attack: asFull(after.replace('root=/srv', 'root=srv'))},
  {name: 'that is noise', attack: asFull(noise(3, 10_000).toString('latin1'))},
  {name: 'that is empty', attack: asFull('\n')},
  {name: 'that is a foreign list', attack: asFull(`${'0'.repeat(32)}  ../../etc/passwd\n`)},
])

const change = `~ ${file}`
const noUnder: Patch = {file: receive, find: '  await checkUnder(lines, chain, log, get)\n', replace: ''}

const changes = rows({group: 'changes in place of an index', defence: {rule: 'changes are against the index of a snapshot, and from and to what they say', at: `${receive}: checkUnder`}}, [
  {name: 'whose base is malformed and the thief\'s own', attack: below([top, file.replace('mode=0644', 'mode=0999')]), without: noUnder},
  {name: 'whose base is malformed and lies among content', attack: forgedAmongContent(), without: noUnder},
  {name: 'whose base has a path that leads out', attack: below([top, fileLine('./..', two)])},
  {name: 'whose base has an xattr that is not base64', attack: below([top, file, '#bk ./a xattr.user.x=!']), without: noUnder},
  {name: 'that say another base', attack: near(storedChanges(base, after, [change]).replace(/base=sha256:\w+/, `base=sha256:${nowhere}`)), without: noUnder},
  {
    name: 'that say another result', attack: near(storedChanges(base, after, [change]).replace(/target=sha256:\w+/, `target=sha256:${nowhere}`)),
    without: noUnder,
  },
  {name: 'against a file\'s content', attack: near(storedChanges({object: sha256(one), text: before}, after, [change]))},
  {name: 'against themselves, as far as that goes', attack: near(storedChanges({object: nowhere, text: before}, after, [change]))},
  {name: 'that move', attack: near(storedChanges(base, after, [change.replace('~', '>'), '> #bk ./a from=./b']))},
  {name: 'that remove the top', attack: near(storedChanges(base, after, ['- .', change]))},
  {name: 'that remove what is not there', attack: near(storedChanges(base, after, ['- ./0', change]))},
  {name: 'that add what is there', attack: near(storedChanges(base, after, [change.replace('~', '+')]))},
  {
    name: 'that put a file into a file', attack: forgedInto(),
    without: {
      file: 'src/lib/index/apply.ts', find: "if (!ancestry.accept(group.path, group.line !== '' && isDirectoryLine(group.line, group.path))) throw",
      replace: 'if (false) throw',
    },
  },
  {
    name: 'that are more than anybody can be asked to read', attack: async ({send}) => await send(forgedHuge()), ends: [65],
    defence: {rule: 'what changes may weigh', at: `${receive}: MAX_CHANGES`}, without: {file: receive, find: 'readChain(lines.index.id, get, MAX_CHANGES)', replace: 'readChain(lines.index.id, get)'},
  },
  {name: 'that mark as unread what is there', attack: near(storedChanges(base, after, ['! #bk ./a error=EACCES'])), harm: broken},
])

function forgedAmongContent(): Buffer {
  const text = indexText([top, './a type=socket'])
  const result = indexText([top, './a type=socket', dirLine('./z')])
  return forged({content: [asObject(text)], indexes: [storedChanges({object: sha256(asObject(text)), text}, result, [`+ ${dirLine('./z')}`])], whole: result})
}

/** 130 MiB of changes, which are in order. */
function forgedHuge(): Buffer {
  const random = noise(9, 500_000).toString('hex')
  const lines = Array.from({length: 2100}, (_, at) => `./l${10_000 + at} type=link link=${random.slice(at * 470, at * 470 + 470)}${'x'.repeat(64_450)}`)
  const result = indexText([...before.split('\n').slice(2, -2), ...lines])
  return near(storedChanges(base, result, lines.map((line) => `+ ${line}`)), result)
}

function forgedInto(): Buffer {
  const result = indexText([top, fileLine('./a', one), fileLine('./a/x', two), fileLine('./big', big), `#bk ./big chunks=${sha256(list)}`, '#bk ./big cut=15'])
  return forged({indexes: [storedChanges(base, result, [`+ ${fileLine('./a/x', two)}`])], whole: result})
}

export const indexRows: readonly Row[] = [...paths, ...values, ...links, ...whole, ...changes]
