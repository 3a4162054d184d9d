// Hostile lists: what lies at the source where `--index` looks for it.

import {createHash} from 'node:crypto'
import {KIND, packet, STATUS} from '../../src/lib/ssh/sftp-packets.ts'
import {noise} from '../harness/days.ts'
import {indexText} from '../harness/forge-stream.ts'
import {attributeFields, dataAnswer, file, statusAnswer, type Answer, type Asked, type Behaviour} from '../harness/sftp-server.ts'
import {listed, treeWith, type Row} from './sftp-hostile.ts'

const md5 = (bytes: Buffer | string): string => createHash('md5').update(bytes).digest('hex')
const sha256 = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex')

const honest: readonly (readonly [string, Buffer])[] = [['large', noise(1, 700_000)], ['one', Buffer.from('one\n')], ['sub/two', noise(2, 2000)]]
const sums = (path = ''): string => honest.map(([name, bytes]) => `${md5(bytes)}  ${path}${name}\n`).join('')
const stat = 'mode=0644 uid=0 gid=0'
const time = 'time=1700000001.000000000'
const oneLine = `./one type=file ${stat} size=4 ${time} sha256=${sha256('one\n')}`
const top = `. type=dir mode=0755 uid=0 gid=0 ${time}`

/** A secret that another set has. */
export const secret = noise(77, 5000)

/** An index of bk with these lines below its top. */
const index = (...lines: readonly string[]) => () => listed(indexText([top, ...lines]))
const text = (list: string | Buffer) => () => listed(list)

/** The list, with other answers about it. */
const odd = (answer: (asked: Asked, honest: () => Buffer) => Answer | undefined, list: string | Buffer = sums()) => (): Behaviour => ({
  ...listed(list),
  answer: (asked, given) => (asked.path === '/srv/list' || asked.open === '/srv/list' ? answer(asked, given) : undefined),
})
const said = (size: number | bigint, mode = 0o100644) => ({kind, id}: Asked): Answer | undefined =>
  kind === KIND.fstat ? packet(KIND.attrs, id, ...attributeFields({size, mode, time: 1})) : undefined

const flags = '--index list'
const is = (words: string): RegExp => new RegExp(`^the list /srv/list there: ${words}$`)
const wrong = (name: string, list: string | Buffer, words: string): Row => ({name, server: text(list), flags, status: 65, says: is(words)})
const deep = (at: number): string => `${at}/${'d/'.repeat(990)}f`
const id = 'f'.repeat(64)

export const rows: readonly Row[] = [
  {name: 'a list of 2^62 bytes', server: odd(said(2n ** 62n)), flags, status: 65, says: 'the list /srv/list is larger than 1.0G'},
  {name: 'a list of 3 GB', server: odd(said(3_000_000_000)), flags, status: 65, says: 'the list /srv/list is larger than 1.0G'},
  {name: 'a list of a GB that is not there', server: odd((asked) => said(1_000_000_000)(asked) ?? (asked.kind === KIND.read ? statusAnswer(asked.id, STATUS.eof) : undefined)), flags, status: 75, says: /^the list \/srv\/list there was changed while it was read\nbk pull: hint: [^\n]*$/},
  {name: 'a list that grows', server: odd(({kind, id: at, length, before}) => (kind === KIND.fstat ? said(500_000 + before)({kind, id: at} as Asked) : kind === KIND.read ? dataAnswer(at, Buffer.alloc(length, sums())) : undefined)), flags, status: 75, says: /^the list \/srv\/list there was changed while it was read\nbk pull: hint: [^\n]*$/},
  {name: 'a list that goes on behind its end', server: odd(({kind, id: at, length}) => (kind === KIND.read ? dataAnswer(at, Buffer.alloc(length, sums().slice(0, 39))) : undefined)), flags, status: 65, says: /^the list \/srv\/list there: [^\n]*$/},
  {name: 'a list that becomes shorter', server: odd(({kind, id: at, offset}) => (kind === KIND.read && offset > 0 ? statusAnswer(at, STATUS.eof) : undefined), sums().repeat(2000)), flags, status: 75, says: /^the list \/srv\/list there was changed while it was read\nbk pull: hint: [^\n]*$/},
  {name: 'a list that cannot be read', server: odd(({kind, id: at}) => (kind === KIND.read ? statusAnswer(at, STATUS.failure) : undefined)), flags, status: 2, says: /^cannot read the list \/srv\/list there: i\/o error\nbk pull: hint: [^\n]*$/},
  {name: 'a list that cannot be looked at', server: odd(({kind, id: at}) => (kind === KIND.fstat ? statusAnswer(at, STATUS.permissionDenied) : undefined)), flags, status: 2, says: /^cannot read the list \/srv\/list there: permission denied\nbk pull: hint: [^\n]*$/},
  {name: 'a list that is a fifo, which the server waits for', server: odd(({kind}) => (kind === KIND.open ? 'silence' : undefined)), flags: `${flags} --deadline 2s`, status: 77, says: 'refused deadline: the session took longer than 2 seconds'},
  {name: 'a list that is a fifo', server: odd(said(0, 0o010644)), flags, status: 2, says: 'the list /srv/list is no file there'},
  {name: 'a list that is a device', server: odd(said(0, 0o020666)), flags, status: 2, says: 'the list /srv/list is no file there'},
  {name: 'a list that is a directory', server: odd(({kind, opened}) => (kind === KIND.open ? opened('/srv/sub') : undefined)), flags, status: 2, says: 'the list /srv/list is no file there'},

  {name: 'a list that is empty', server: text(''), flags, status: 65, says: '/srv/list is empty: an index that was cut off'},
  {name: 'a list that is binary', server: text(noise(9, 100_000)), flags, status: 65, says: '/srv/list is binary, not an index'},
  {name: 'a list that is prose', server: text('Dear backup,\nall is well here.\n'), flags, status: 65, says: '/srv/list is neither an index of bk, an mtree list, nor a list of checksums'},
  {name: 'a list of changes', server: text('#bk changes 1 root=/srv\n'), flags, status: 65, says: /^\/srv\/list is a list of changes, not an index\nbk pull: hint: [^\n]*$/},
  wrong('a line of a megabyte', `${md5('')}  ${'x'.repeat(1 << 20)}\n`, 'line 1: [^\n]*'),
  wrong('a line of a megabyte without an end', `${sums()}${'x'.repeat(1 << 20)}`, '[^\n]*longer than 65,000 bytes'),
  wrong('a path with ..', `${sums()}${md5('')}  ../../etc/shadow\n`, 'line 4: path leaves the tree: \\.\\./\\.\\./etc/shadow'),
  wrong('an absolute path beside relative ones', `${sums()}${md5('')}  /etc/shadow\n`, 'line 4: absolute and relative paths are mixed: /etc/shadow'),
  wrong('a path twice, with two digests', `${sums()}${md5('')}  one\n`, '[^\n]*one'),
  {name: 'a path twice, with one digest', server: text(sums() + sums()), flags, status: 0},
  wrong('a file that has files below it', `${sums()}${md5('')}  one/below\n`, '[^\n]*'),
  wrong('a path with a NUL', `${sums()}${md5('')}  a\0b\n`, '[^\n]*'),
  wrong('records with NUL and lines mixed', `${sums().replaceAll('\n', '\0')}${sums()}`, '[^\n]*'),
  wrong('a last line that is cut off', sums().slice(0, -3), '[^\n]*cut off'),
  wrong('a digest of another kind', `${'a'.repeat(40)}  one\n`, '[^\n]*a digest of 40 digits\nbk pull: hint: [^\n]*'),
  {name: 'entries without end', server: text(Array.from({length: 8000}, (_, at) => `${md5('')}  d${at % 100}/f${at}\n`).join('')), flags: `${flags} --max-entries 5000`, status: 77, says: /^(?:\.\/\S+: vanished\nbk pull: )*refused max-entries: there are more than 5000 entries, which is the limit$/},
  {name: 'paths of a thousand directories', server: text(Array.from({length: 500}, (_, at) => `${md5('')}  ${deep(at)}\n`).join('')), flags: `${flags} --max-entries 5000`, status: 65, says: is('line \\d+: more than [\\d,]+ entries')},
  wrong('a path of more than a thousand directories', `${md5('')}  ${'d/'.repeat(1001)}f\n`, 'line 1: path has more than 1,000 components: [^\n]*'),
  {name: 'files that are not there', server: text(sums() + Array.from({length: 5000}, (_, at) => `${md5('')}  gone/${at}\n`).join('')), flags, status: 0, says: /^(?:\.\/gone\/\d+: vanished\nbk pull: ){100}and 4900 more have something to be noted$/, hasNot: /gone\//},
  {name: 'files none of which is there', server: text(`${md5('')}  a\n${md5('')}  b\n`), flags, status: 2, says: /^\.\/a: vanished\nbk pull: \.\/b: vanished\nbk pull: none of the 2 files of the list is at web1 below \/srv\nbk pull: hint: [^\n]*$/},
  {name: 'digests all of which are wrong', server: text(sums().replaceAll(/^.{32}/gm, 'a'.repeat(32))), flags, status: 3, says: /^(?:\.\/\S+: is not what list says; it is stored as it is(?:\nbk pull: )?){3}$/, has: new RegExp(`^\\./one .* md5=${md5('one\n')} sha256=${sha256('one\n')}\n#bk ./one note=not-as-listed$`, 'm')},
  {name: 'digests of two kinds, one of them wrong', server: text(`${sha256(honest[0]![1])}  large\n${'a'.repeat(32)}  one\n`), flags, status: 3, says: './one: is not what list says; it is stored as it is', has: new RegExp(`^\\./one .* md5=${md5('one\n')} sha256=${sha256('one\n')}$`, 'm')},
  {name: 'a fifo in place of a file', server: () => ({...listed(indexText([top, oneLine.replace('time=17', 'time=18').replace(/sha256=\w+/, `sha256=${id}`), './sub type=dir', `./sub/two type=file ${stat} size=2000 ${time} sha256=${sha256(honest[2]![1])}`])), answer: ({kind, id: at, path}) => (path !== '/srv/one' ? undefined : kind === KIND.lstat ? packet(KIND.attrs, at, ...attributeFields({mode: 0o010644, time: 1, size: 0})) : 'silence')}), flags: `${flags} --deadline 5s`, status: 0, says: './one: is no longer a file', hasNot: /^\.\/one /m},
  {name: 'a list that names itself', server: text(`${sums()}${md5('x')}  list\n`), flags, status: 0, hasNot: /^\.\/list /m},
  {name: 'a list in the words of a terminal', server: text(`${sums()}${md5('x')}  \x1b]0;owned\x07\n`), flags, status: 0, says: /^\.\/\\033\\1350;owned\\007: vanished$/},

  {name: 'an index without an end', server: () => listed(indexText([top, oneLine]).replace(/#bk end .*\n/, '')), flags, status: 65, says: is('[^\n]*no end line')},
  {name: 'an index with a wrong count', server: () => listed(indexText([top, oneLine]).replace('entries=2', 'entries=3')), flags, status: 65, says: is('[^\n]*counts 3 entries[^\n]*')},
  {name: 'an index with a wrong digest', server: () => listed(indexText([top, oneLine]).replace(/sha256=\w{8}(?=\w*\n$)/, 'sha256=00000000')), flags, status: 65, says: is('[^\n]*the digest in the end line[^\n]*')},
  {name: 'an index that goes on behind its end', server: () => listed(`${indexText([top, oneLine])}${oneLine}\n`), flags, status: 65, says: is('[^\n]*behind the end line')},
  {name: 'an index of another root', server: () => listed(indexText([top, oneLine], {root: '/etc'})), flags, status: 0, has: /^#mtree\n#bk index 1 root=\/srv\n/},
  {name: 'an index of a root that is none', server: () => listed(indexText([top, oneLine], {root: '../etc'})), flags, status: 65, says: is('[^\n]*root= is not an absolute path')},
  {name: 'an index of a later version', server: () => listed(indexText([top, oneLine]).replace('index 1', 'index 2')), flags, status: 65, says: is('[^\n]*version 2[^\n]*\nbk pull: hint: update bk')},
  {name: 'an index that is not sorted', server: index('./sub type=dir', oneLine), flags, status: 65, says: is('[^\n]*not sorted[^\n]*')},
  {name: 'an index with a path that leads out', server: index('./../loot type=file size=1'), flags, status: 65, says: is('[^\n]*leaves the tree[^\n]*')},
  {name: 'an index with a NUL', server: index('./a\\000b type=dir'), flags, status: 65, says: is('[^\n]*')},
  {
    name: 'comments that only a store may make',
    server: () => listed(indexText([top, oneLine, `#bk ./one chunks=${id}`, '#bk ./one cut=15', '#bk ./one gone=2020-01-01T00:00:00Z', '#bk ./one note=changed', '#bk ./one stale=EACCES', `#bk ./one xattr.user.a=@${id}`, '#bk ./one xattr.user.b=YQ=='], {state: 'partial=1'})),
    flags, status: 0, has: /^\.\/one .*\n#bk \.\/one xattr\.user\.b=YQ==\n(?!#bk \.\/one)/m, hasNot: /chunks=|gone=|stale=|=@/,
  },
  {name: 'a hard link to another file', server: index(`./a type=file ${stat} size=9 ${time} sha256=${sha256('another')}`, oneLine, '#bk ./one hardlink=./a'), flags, status: 0, says: './a: vanished', hasNot: /hardlink/},
  {name: 'a hard link to a file that comes later', server: index(oneLine, '#bk ./one hardlink=./two'), flags, status: 65, says: is('[^\n]*hardlink= is not a path before[^\n]*')},
  {name: 'a directory that is a hard link', server: index('./a type=dir', './b type=dir', '#bk ./b hardlink=./a', oneLine), flags, status: 0, hasNot: /hardlink/},
  {name: 'files that could not be read there', server: () => listed(indexText([top, '#bk ./large error=EACCES', oneLine, '#bk ./sub error=EIO'], {state: 'partial=2'})), flags, status: 3, says: './large: permission denied\nbk pull: ./sub: i/o error', has: /^\.\/large .*\n(?:.*\n)*#bk \.\/large stale=EACCES\n(?:.*\n)*\.\/sub\/two type=file/m},
  {name: 'files without end that could not be read there', server: () => listed(indexText([top, ...Array.from({length: 100_000}, (_, at) => `#bk ./${String(at).padStart(200, '0')} error=EACCES`)], {state: 'partial=100000'})), flags, status: 3, says: /^(?:\.\/\d+: permission denied\nbk pull: ){100}and 99900 more could not be read$/},
  {name: 'an entry of many comments', server: index(oneLine, ...Array.from({length: 1000}, (_, at) => `#bk ./one xattr.user.${String(at).padStart(4, '0')}=${'YWFh'.repeat(10_000)}`)), flags, status: 2, says: /^an object is too large for a pack: \d+ bytes in a frame$/, mebibytes: 500},
  {name: 'an entry of too many comments', server: index(oneLine, ...Array.from({length: 10_001}, (_, at) => `#bk ./one xattr.user.${String(at).padStart(5, '0')}=YQ==`)), flags, status: 65, says: is('[^\n]*more than 10,000 comments[^\n]*')},

  {name: 'the digest of a secret of another set', server: index(`./mine type=file ${stat} size=5000 ${time} sha256=${sha256(secret)}`, oneLine), flags, status: 0, says: './mine: vanished', hasNot: /mine/},
  {name: 'the digest of a secret of another set, in a set that is new', server: index(`./mine type=file ${stat} size=5000 ${time} sha256=${sha256(secret)}`, oneLine), flags: `${flags} --set fresh`, status: 0, says: './mine: vanished', hasNot: /mine/},
  {name: 'the digest of a secret of another set, for a file that is there', server: index(`./one type=file ${stat} size=5000 ${time} sha256=${sha256(secret)}`), flags: `${flags} --set fresh`, status: 3, says: './one: is not what list says; it is stored as it is', has: new RegExp(`^\\./one .* size=4 .* sha256=${sha256('one\n')}$`, 'm')},
  {name: 'the digest of a secret of another set, with copies for ever', server: index(`./one type=file ${stat} size=5000 ${time} sha256=${sha256(secret)}`), flags: `${flags} --cumulative`, status: 3, says: /^\S+\/known\.idx is not there: everything is fetched\nbk pull: \.\/one: is not what list says; it is stored as it is$/, has: new RegExp(`^\\./one .* size=4 .* sha256=${sha256('one\n')}$`, 'm')},
  {name: 'a list in place of a directory that is kept for ever', server: () => ({...listed(sums()), tree: treeWith({sub: file(sums().replace(/.*sub.*\n/, ''))})}), flags: '--index sub --cumulative', status: 0, says: /^\S+\/known\.idx is not there: everything is fetched$/, hasNot: /^\.\/sub/m},
  {name: 'a list that says it is a directory', server: index('./list type=dir', './list/x type=dir', oneLine), flags, status: 65, says: 'the changes do not fit their base: ./list/x has no directory above it'},
  {name: 'a size that is not that of the digest', server: index(oneLine, oneLine.replace('one', 'two').replace('size=4', 'size=4000')), flags, status: 0, says: './two: vanished', hasNot: /size=4000/},
  {name: 'another size beside the same digest', server: index(oneLine.replace('size=4', 'size=5')), flags, status: 0, has: /^\.\/one .* size=4 /m},
  {name: 'no size, and the digest of something', server: index(oneLine.replace('size=4', 'size=0')), flags, status: 0, has: /^\.\/one .* size=4 /m},
  {name: 'a size of 2^53 - 1', server: index(oneLine.replace('size=4', 'size=9007199254740991').replace('time=17', 'time=18')), flags, status: 0, has: /^\.\/one .* size=4 /m},
  {name: 'a size of more than 2^53', server: index(oneLine.replace('size=4', 'size=9007199254740993')), flags, status: 65, says: is('[^\n]*number is too large[^\n]*')},
  {name: 'sizes that lie, and no digest', server: index(`./one type=file ${stat} size=400000 time=1800000000.000000000`), flags, status: 0, has: /^\.\/one type=file .* size=4 /m},
  {name: 'files that are said to be directories', server: index('./large type=dir', './one type=dir'), flags, status: 0, has: /^\.\/one type=dir$/m},
  {name: 'directories that are said to be files', server: index(`./sub type=file ${stat} size=4 time=1800000000.000000000`), flags, status: 2, says: /^\.\/sub: i\/o error|^/},
  {name: 'a device in place of a file', server: index(`./one type=char ${stat} ${time} device=native,1,1`), flags, status: 0, has: /^\.\/one type=char .* device=native,1,1$/m},
  {name: 'times and owners as no system has them', server: index(`./one type=file mode=07777 uid=9007199254740991 gid=9007199254740991 size=4 time=9999999999999999.999999999 sha256=${sha256('one\n')}`), flags, status: 0, has: /^\.\/one type=file mode=07777 /m},
]
