// Hostile answers: what is no SFTP, or no answer to what was asked, or does not come.

import {KIND, packet, STATUS} from '../../src/lib/ssh/sftp-packets.ts'
import {dataAnswer, directory, file, leave, nameAnswer, statusAnswer, type Answer, type Asked, type Behaviour} from '../harness/sftp-server.ts'
import {honestTree, treeWith, type Row} from './sftp-hostile.ts'

const greets = (answer: Answer) => (): Behaviour => ({tree: honestTree, greeting: () => answer})
const newer = treeWith({one: file('new\n', {time: 1_700_000_002}), large: file(Buffer.alloc(3_000_000, 'x'), {time: 1_700_000_002})})

/** The first answer to a kind of request, or every one, is another. */
const answers = (kind: number, answer: (asked: Asked, honest: () => Buffer) => Answer | undefined) => (): Behaviour => ({
  tree: newer,
  answer: (asked, honest) => (asked.kind === kind ? answer(asked, honest) : undefined),
})
const wrong = (kind: number, answer: (id: number) => Buffer) => answers(kind, ({id}) => answer(id))

/** A byte now and then, for ever. */
const trickle = (bytes: Buffer): Answer => {
  let at = 0
  setInterval(() => process.stdout.write(bytes.subarray(at % bytes.length, (at++ % bytes.length) + 1)), 100).unref()
  return 'silence'
}
const flood = (bytes: Buffer): Answer => {
  const more = (): void => void process.stdout.write(bytes, (error) => (error ? leave() : setImmediate(more)))
  more()
  return 'silence'
}

const realpath = (...names: readonly string[]): Row['server'] => wrong(KIND.realpath, (id) => nameAnswer(id, names.map((name) => [name, {mode: 0o040755, time: 0}])))
const noSense = /^web1 does not answer in SFTP: [^\n]*\nbk pull: hint: [^\n]*$/
const late = 'refused deadline: the session took longer than 2 seconds'
const ended = 'web1 ended before it was through'
const other = 'web1 answers something else than was asked for'

export const rows: readonly Row[] = [
  {name: 'a banner of a shell', server: greets(Buffer.from('Welcome to web1!\nHave a nice day.\n')), status: 65, says: noSense},
  {name: 'garbage without end', server: () => ({tree: honestTree, greeting: () => flood(Buffer.alloc(65_536, '\x7f'))}), status: 65, says: noSense},
  {name: 'version 2', server: greets(packet(KIND.version, 2)), status: 65, says: 'web1 speaks version 2 of SFTP, not 3'},
  {name: 'version 6', server: greets(packet(KIND.version, 6)), status: 65, says: 'web1 speaks version 6 of SFTP, not 3'},
  {name: 'a greeting that is a status', server: greets(statusAnswer(3, 0)), status: 65, says: 'web1 speaks version 0 of SFTP, not 3'},
  {name: 'a greeting of many extensions', server: greets(packet(KIND.version, 3, ...Array.from({length: 5000}, (_, at) => `x${at}@example.org`))), status: 0},
  {name: 'two greetings', server: greets(Buffer.concat([packet(KIND.version, 3), packet(KIND.version, 3)])), status: 65, says: noSense},
  {name: 'a packet of no bytes', server: greets(Buffer.alloc(64)), status: 65, says: noSense},
  {name: 'a packet of 2^32 - 1 bytes', server: answers(KIND.opendir, () => Buffer.from([0xff, 0xff, 0xff, 0xff, 102])), status: 65, says: noSense},
  {name: 'a packet of a megabyte', server: answers(KIND.opendir, ({id}) => packet(KIND.handle, id, Buffer.alloc(1 << 20))), status: 65, says: noSense},
  {name: 'nothing, from the beginning', server: greets('silence'), flags: '--deadline 2s', status: 77, says: late},
  {name: 'nothing after the greeting', server: answers(KIND.lstat, () => 'silence'), flags: '--deadline 2s', status: 77, says: late},
  {name: 'nothing more in the middle of a file', server: answers(KIND.read, ({before}) => (before > 5 ? 'silence' : undefined)), flags: '--deadline 2s', status: 77, says: late},
  {name: 'a byte now and then', server: answers(KIND.read, ({id}) => trickle(dataAnswer(id, Buffer.alloc(10_000)))), flags: '--deadline 2s', status: 77, says: late},
  {name: 'a greeting byte by byte', server: () => ({tree: honestTree, greeting: () => trickle(Buffer.concat([packet(KIND.version, 3), Buffer.alloc(100)]))}), flags: '--deadline 2s', status: [65, 77], says: /^[^\n]*(?:\nbk pull: hint: [^\n]*)?$/},

  {name: 'that ends at once', server: greets('end'), status: 75, says: ended},
  {name: 'that ends when the top is looked at', server: answers(KIND.lstat, () => 'end'), status: 75, says: ended},
  {name: 'that ends when a directory is opened', server: answers(KIND.opendir, ({path}) => (path === '/srv/sub' ? 'end' : undefined)), status: 75, says: ended},
  {name: 'that ends in the middle of the names', server: answers(KIND.readdir, ({before}) => (before > 3 ? 'end' : undefined)), status: 75, says: ended},
  {name: 'that ends when a file is opened', server: answers(KIND.open, () => 'end'), status: 75, says: ended},
  {name: 'that ends in the middle of a file', server: answers(KIND.read, ({before}) => (before > 5 ? 'end' : undefined)), status: 75, says: ended},
  {name: 'that ends in the middle of a packet', server: answers(KIND.read, ({id, before}) => (before > 5 ? (process.stdout.write(dataAnswer(id, 'xxxx').subarray(0, 9)), 'end') : undefined)), status: 75, says: ended},
  {name: 'that ends when a file is closed', server: answers(KIND.close, ({open}) => (open === '/srv/large' ? 'end' : undefined)), status: [0, 75], says: /^(?:web1 ended before it was through)?$/},

  {name: 'more bytes than were asked for', server: answers(KIND.read, ({id, length}) => dataAnswer(id, Buffer.alloc(length + 1))), status: 65, says: /^web1 answers \d+ bytes where \d+ were asked for$/},
  {name: 'no bytes, and no end', server: wrong(KIND.read, (id) => dataAnswer(id, '')), status: 65, says: /^web1 answers 0 bytes where \d+ were asked for$/},
  {name: 'content under a number that nobody asked by', server: wrong(KIND.read, (id) => dataAnswer((id + 1000) >>> 0, 'new\n')), status: 65, says: noSense},
  {name: 'the answer to another question', server: wrong(KIND.read, (id) => dataAnswer(id - 1, 'new\n')), status: [65], says: /^web1 (?:does not answer in SFTP: |answers )[^\n]*(?:\nbk pull: hint: [^\n]*)?$/},
  {name: 'an answer twice', server: answers(KIND.read, (_, honest) => Buffer.concat([honest(), honest()])), status: 65, says: noSense},
  {name: 'answers that nobody asked for, without end', server: answers(KIND.lstat, () => flood(packet(KIND.data, 77, Buffer.alloc(60_000)))), status: 65, says: noSense},
  {name: 'a packet that ends in a field', server: wrong(KIND.lstat, (id) => packet(KIND.attrs, id, 15, 1n)), status: 65, says: 'a packet of SFTP ends in the middle of a field'},
  {name: '2^32 - 1 names in a packet of ten bytes', server: wrong(KIND.readdir, (id) => packet(KIND.name, id, 0xffff_ffff)), status: 65, says: 'a packet of SFTP ends in the middle of a field'},
  {name: '2^32 - 1 attributes in a packet of ten bytes', server: wrong(KIND.lstat, (id) => packet(KIND.attrs, id, 0x8000_0000, 0xffff_ffff)), status: 65, says: 'a packet of SFTP ends in the middle of a field'},
  {name: 'attributes where content was asked for', server: wrong(KIND.read, (id) => packet(KIND.attrs, id, 0)), status: 65, says: other},
  {name: 'content where attributes were asked for', server: wrong(KIND.fstat, (id) => dataAnswer(id, 'xx')), status: 65, says: other},
  {name: 'names where a handle was asked for', server: wrong(KIND.open, (id) => nameAnswer(id, [])), status: 65, says: other},
  {name: 'that all is well where content was asked for', server: wrong(KIND.read, (id) => statusAnswer(id, STATUS.ok)), status: 65, says: other},
  {name: 'the end where attributes were asked for', server: wrong(KIND.fstat, (id) => statusAnswer(id, STATUS.eof)), status: 65, says: other},
  {name: 'a status of its own', server: wrong(KIND.open, (id) => statusAnswer(id, 4_000_000_000)), status: 3, says: './large: i/o error\nbk pull: ./one: i/o error', has: /^#bk \.\/one stale=EIO$/m},
  {name: 'a status without words', server: wrong(KIND.open, (id) => packet(KIND.status, id, STATUS.permissionDenied)), status: 3, says: './large: permission denied\nbk pull: ./one: permission denied'},
  {name: 'an error in the middle of a file', server: answers(KIND.read, ({id, open, offset}) => (open === '/srv/large' && offset > 1_000_000 ? statusAnswer(id, STATUS.failure) : undefined)), status: 3, says: './large: i/o error', has: /^#bk \.\/large stale=EIO$/m},
  {name: 'a top that cannot be looked at', server: wrong(KIND.lstat, (id) => statusAnswer(id, STATUS.permissionDenied)), status: 0, has: /^\. type=dir mode=0755 /m},
  {name: 'a top that cannot be opened', server: wrong(KIND.opendir, (id) => statusAnswer(id, STATUS.failure)), status: 2, says: 'cannot read /srv there: EIO'},

  {name: 'a handle of 250,000 bytes', server: wrong(KIND.open, (id) => packet(KIND.handle, id, Buffer.alloc(250_000))), status: 65, says: 'web1 answers a handle of 250000 bytes'},
  {name: 'an empty handle', server: wrong(KIND.opendir, (id) => packet(KIND.handle, id, '')), status: 0, says: /^/, has: /^\. type=dir /m},
  {name: 'a place that is not absolute', server: realpath('srv'), path: '', status: 65, says: 'web1 says that it begins at srv, which is no directory'},
  {name: 'a place without a name', server: realpath(''), path: '', status: 65, says: 'web1 says that it begins at , which is no directory'},
  {name: 'a place with a NUL', server: realpath('/srv\0'), path: '', status: 65, says: String.raw`web1 says that it begins at /srv\000, which is no directory`},
  {name: 'a place that goes up', server: realpath('/srv/../../..//srv/.'), path: '', status: 0},
  {name: 'a place of 200,000 bytes', server: realpath(`/${'x'.repeat(200_000)}`), path: '', status: 65, says: /^web1 says that it begins at \/x+, which is no directory$/},
  {name: 'two places', server: realpath('/srv', '/srv'), path: '', status: 65, says: 'web1 answers several names where there is one'},
  {name: 'a place that drives the terminal', server: realpath('/\x1b[2J'), path: '', status: 2, says: String.raw`cannot read /\033\1332J there: ENOENT`},
  {name: 'a link that leads nowhere', server: wrong(KIND.readlink, (id) => nameAnswer(id, [['', {mode: 0, time: 0}]])), status: 65, says: 'web1: ./link is a link to nowhere'},
  {name: 'a link with a NUL', server: wrong(KIND.readlink, (id) => nameAnswer(id, [['a\0b', {mode: 0, time: 0}]])), status: 65, says: 'web1: ./link is a link to nowhere'},
  {name: 'a link of 200,000 bytes', server: wrong(KIND.readlink, (id) => nameAnswer(id, [['x'.repeat(200_000), {mode: 0, time: 0}]])), status: 3, says: './link: name too long', has: /^#bk \.\/link stale=ENAMETOOLONG$/m},
  {name: 'a link that leads to two places', server: wrong(KIND.readlink, (id) => nameAnswer(id, [['a', {mode: 0, time: 0}], ['b', {mode: 0, time: 0}]])), status: 65, says: 'web1 answers several names where there is one'},
  {name: 'an empty tree', server: () => ({tree: directory({srv: directory({})})}), status: 0, has: /^#bk end entries=1 /m},
  {name: 'words of ssh without end', server: () => ({tree: honestTree, greeting: () => (process.stderr.write('\x1b[2Jbad\n'.repeat(300_000)), leave(255))}), status: 75, says: /^cannot reach web1: [^\n\x1b]*$/},
]
