// Everything odd that a tree may hold, as entries for makeTree: names first of all, then types, modes, links, times, holes and
// attributes. A test takes what its judge can bear: NetBSD's mtree takes `[*?` for patterns, and only root makes devices.

import type {Bytes, TreeEntry} from './tree.ts'

/** File names that no judge mistakes for a pattern. Each is the name of a file whose content is different. */
export const oddNames: readonly Bytes[] = [
  'newline at the end\n',
  'new\nline inside',
  'n'.repeat(255),
  'ü'.repeat(127),
  Buffer.from('not utf-8 \xff\xfe\x80', 'latin1'),
  Buffer.from('latin1 \xe9t\xe9', 'latin1'),
  Buffer.from([0x01, 0x1b, 0x7f]),
  '-leading dash',
  '--',
  ' blanks  around ',
  'tab\tinside',
  'carriage return\r',
  'double "quotes"',
  "single 'quotes'",
  'back\\slash',
  'back\\012slash and digits',
  'ends in backslash\\',
  '#begins with a hash',
  'has a # inside',
  'size=7',
  'a=b type=dir',
  'd.js',
  '...',
  '..a',
  '.hidden',
  '~',
  '$HOME',
  '`id`',
  '$(id)',
  'semi;colon & pipe | gt > lt <',
  '{a,b}',
  '%s%n',
  'with:colon',
  'unicode é \u00fc 日本語 🗄',
  'composed \u00e9',
  'decomposed e\u0301',
  'a',
  'a.b',
  'A',
]

/** Names that a shell and NetBSD's mtree take for patterns; the first stands beside `d.js`. */
export const patternNames: readonly Bytes[] = ['[id].js', '*', '?', 'a*b?c[d]', '[', ']']

export type OddOptions = {
  /** with names that look like patterns; default true */
  readonly patterns?: boolean
  /** with what only root can make or read: closed files, devices, foreign owners, trusted xattrs; default: whether we are root */
  readonly root?: boolean
  /** with a socket, which an index leaves out; default true */
  readonly socket?: boolean
}

export function oddTree(options: OddOptions = {}): TreeEntry[] {
  const {patterns = true, root = process.getuid?.() === 0, socket = true} = options
  const names = patterns ? [...oddNames, ...patternNames] : oddNames
  return [
    ...names.map((name, index): TreeEntry => ({path: join('names', name), type: 'file', content: `odd name ${index}\n`})),
    // Directories sort by their own name for the entry, and by that and / for what is below.
    ...names.slice(0, 9).map((name): TreeEntry => ({path: join('dirs', name, 'inside'), type: 'file', content: name})),
    {path: 'dirs/a/x', type: 'file', content: 'below a\n'},
    {path: 'dirs/a.b', type: 'file', content: 'beside a\n'},
    ...types,
    ...links,
    ...times,
    ...attributes,
    ...(socket ? [{path: 'types/socket', type: 'socket'} as const] : []),
    ...(root ? onlyRoot : []),
  ]
}

const types: readonly TreeEntry[] = [
  {path: 'types/empty dir', type: 'dir', mode: 0o700},
  {path: 'types/empty file', type: 'file', mode: 0o600},
  {path: 'types/fifo', type: 'fifo', mode: 0o640},
  {path: 'types/set-user-id', type: 'file', content: '#!/bin/sh\n', mode: 0o4755},
  {path: 'types/set-group-id', type: 'file', content: '#!/bin/sh\n', mode: 0o2755},
  {path: 'types/sticky', type: 'dir', mode: 0o1777},
  {path: 'types/set-group-id dir', type: 'dir', mode: 0o2775},
  {path: 'types/all bytes', type: 'file', content: Buffer.from(Array.from({length: 256}, (_, byte) => byte))},
  {path: 'types/no newline', type: 'file', content: 'cut'},
  {path: 'holes/in front', type: 'file', offset: 1_000_000, content: 'end\n'},
  {path: 'holes/behind', type: 'file', content: 'begin\n', size: 3_000_000},
  {path: 'holes/nothing else', type: 'file', size: 5_000_000},
]

const links: readonly TreeEntry[] = [
  {path: 'links/first', type: 'file', content: 'three names\n'},
  {path: 'links/second', type: 'hardlink', target: 'links/first'},
  {path: 'links/below/third', type: 'hardlink', target: 'links/first'},
  {path: 'links/to file', type: 'link', target: 'first'},
  {path: 'links/to directory', type: 'link', target: '../types'},
  {path: 'links/absolute', type: 'link', target: '/etc/passwd'},
  {path: 'links/dangling', type: 'link', target: 'not there'},
  {path: 'links/to itself', type: 'link', target: 'to itself'},
  {path: 'links/long', type: 'link', target: 'long/'.repeat(800)},
  {path: 'links/odd bytes', type: 'link', target: Buffer.from('a b#=*?[]\\\n\xff', 'latin1')},
  {path: 'links/hard to link', type: 'hardlink', target: 'links/dangling'},
]

const times: readonly TreeEntry[] = [
  {path: 'times/nanosecond', type: 'file', content: '1', time: '1763800000.000000001'},
  {path: 'times/all nines', type: 'file', content: '2', time: '1763800000.999999999'},
  {path: 'times/epoch', type: 'file', content: '3', time: '0'},
  {path: 'times/before 1970', type: 'file', content: '4', time: '-1.5'},
  {path: 'times/long before 1970', type: 'file', content: '5', time: '-2000000000.123456789'},
  {path: 'times/after 2038', type: 'file', content: '6', time: '4102444800.25'},
  {path: 'times/far future', type: 'file', content: '7', time: '13569465600'},
  {path: 'times/of a directory', type: 'dir', time: '1000000000.000000005'},
  {path: 'times/of a link', type: 'link', target: 'epoch', time: '1000000000.5'},
]

const attributes: readonly TreeEntry[] = [
  {path: 'attributes/file', type: 'file', content: 'x', xattrs: {'user.mime': 'text/plain', 'user.empty': ''}},
  {path: 'attributes/bytes', type: 'file', content: 'x', xattrs: {'user.bytes': Buffer.from([0, 255, 10, 61])}},
  {path: 'attributes/odd path\n#\\', type: 'file', content: 'x', xattrs: {'user.a': '1'}},
  {path: 'attributes/long', type: 'file', content: 'x', xattrs: {'user.long': 'x'.repeat(2000)}},
  {path: 'attributes/odd name', type: 'file', content: 'x', xattrs: {'user.a b=c#d': 'odd', 'user.ü': 'ü'}},
  {path: 'attributes/dir', type: 'dir', xattrs: {'user.kind': 'dir'}, acl: 'u:1:rwx,d:u:1:r-x'},
  {path: 'attributes/acl', type: 'file', content: 'x', mode: 0o640, acl: 'u:1:r,g:2:rw'},
]

const onlyRoot: readonly TreeEntry[] = [
  {path: 'root/closed to others', type: 'file', content: 'closed\n', mode: 0o000},
  {path: 'root/closed directory', type: 'dir', mode: 0o000},
  {path: 'root/char', type: 'char', device: [1, 3], mode: 0o666},
  {path: 'root/block', type: 'block', device: [7, 300], mode: 0o660},
  {path: 'root/foreign', type: 'file', content: 'x', owner: '1:2', mode: 0o6755},
  {path: 'root/nobody knows', type: 'file', content: 'x', owner: '54321:54322'},
  {path: 'root/foreign link', type: 'link', target: 'foreign', owner: '1:2'},
  {path: 'root/trusted', type: 'link', target: 'foreign', xattrs: {'trusted.note': 'on a link'}},
]

function join(...parts: readonly Bytes[]): Buffer {
  const bytes = parts.flatMap((part, index) => (index === 0 ? [Buffer.from(part)] : [Buffer.from('/'), Buffer.from(part)]))
  return Buffer.concat(bytes)
}
