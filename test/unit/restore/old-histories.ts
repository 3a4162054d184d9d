// Random histories of a tree, and what the layout `old` makes of them by the words of docs/format.md: everything in memory, nothing clever.

import {createHash} from 'node:crypto'
import {changesEndLine, changesHeader, formatChange, linesOf, type Change} from '../../../src/lib/index/changes.ts'
import {escapeBytes} from '../../../src/lib/index/escape.ts'
import {sameGroup, type Group} from '../../../src/lib/index/group.ts'
import {objectId} from '../../../src/lib/store/object-id.ts'
import {group, indexText, type Contents} from './make-store.ts'

/** What stands at a path, bytes as a latin1 string without `./`. */
export type Node = {readonly kind: 'dir' | 'file' | 'link' | 'unread'; readonly mode: number; readonly content: string; readonly stale?: boolean}

export type Tree = ReadonlyMap<string, Node>

export type Snapshot = {readonly received: string; readonly tree: Tree}

type Random = () => number

// Some are what versions would be called, some become equal when they are cut, some sort between a directory and what is in it.
const NAMES = [
  'a', 'a', 'a', 'a', 'b', 'b', 'b', 'c', 'a.b', 'a-b', 'a b', '.old', '.old', '.old.2', 'a.20261122T083000Z', 'b.20261122T083001Z.2', 'new\nline', 'not \xff utf-8', '#=[*]',
  'n'.repeat(255), `${'n'.repeat(254)}m`, Buffer.from(`${'ü'.repeat(127)}`).toString('latin1'), 'n'.repeat(230),
]
const CONTENTS = ['', 'one\n', 'two\n', 'three\n']

const pick = <T>(random: Random, items: readonly T[]): T => items[Math.floor(random() * items.length)]!

/** So many snapshots, each made of the one before by a few edits. Some are received in the same second. */
export function randomHistory(random: Random, count: number, edits: number): Snapshot[] {
  const snapshots: Snapshot[] = []
  const tree = new Map<string, Node>([['', {kind: 'dir', mode: 0o755, content: ''}]])
  let second = 0
  for (let i = 0; i < count; i++) {
    for (let n = 0; n < edits; n++) edit(tree, random)
    second += random() < 0.5 ? 0 : 1
    snapshots.push({received: `2026-11-22T08:30:0${second % 10}Z`, tree: new Map(tree)})
  }
  return snapshots
}

function edit(tree: Map<string, Node>, random: Random): void {
  const known = [...tree.keys()]
  const isKnown = random() < 0.6 && known.length > 1
  const path = isKnown ? pick(random, known.slice(1)) : Array.from({length: 1 + Math.floor(random() * 4)}, () => pick(random, NAMES)).join('/')
  const before = tree.get(path)
  const kinds = ['dir', 'file', 'file', 'file', 'file', 'link', 'unread', 'gone', 'gone', 'mode', 'stale'] as const
  const kind = pick(random, kinds)
  if (kind === 'mode' || kind === 'stale') {
    if (before !== undefined && before.kind !== 'unread') tree.set(path, kind === 'mode' ? {...before, mode: pick(random, [0o600, 0o644, 0o700])} : {...before, stale: before.stale !== true})
    return
  }
  if (kind !== 'dir' || before?.kind !== 'dir') for (const each of known) if (each === path || each.startsWith(`${path}/`)) tree.delete(each)
  if (kind === 'gone') return
  for (let up = parentOf(path); up !== ''; up = parentOf(up)) {
    if (tree.get(up)?.kind === 'dir') continue
    tree.set(up, {kind: 'dir', mode: pick(random, [0o700, 0o755]), content: ''})
  }
  tree.set(path, {kind, mode: kind === 'dir' ? pick(random, [0o700, 0o755]) : 0o644, content: kind === 'file' ? pick(random, CONTENTS) : ''})
}

/** The path of the directory that a path is in, '' for the top. */
export function parentOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : ''
}

/** A path as an index has it. */
export function inIndex(path: string): string {
  return path === '' ? '.' : escapeBytes(`./${path}`)
}

/** The index of a tree, and the objects that it needs. */
export function contentsOf(tree: Tree): Contents {
  const objects = new Map<string, Buffer>()
  const groups = [...tree].map(([path, node]) => groupOf(path, node))
  for (const {content} of tree.values()) if (content !== '') objects.set(objectId(Buffer.from(content)), Buffer.from(content))
  return {root: '/srv', groups: groups.sort((a, b) => (a.path < b.path ? -1 : 1)), objects}
}

/** What an index says of a path. */
export function groupOf(path: string, {kind, mode, content, stale}: Node): Group {
  const at = inIndex(path)
  const common = `mode=0${mode.toString(8)} uid=0 gid=0`
  if (kind === 'unread') return {path: at, line: '', comments: [`#bk ${at} error=EACCES`]}
  const comments = stale === true ? ['stale=EIO'] : []
  if (kind === 'dir') return group(`${at} type=dir ${common} time=1.000000000`, ...comments)
  if (kind === 'link') return group(`${at} type=link ${common} time=1.000000000 link=a`, ...comments)
  return group(`${at} type=file ${common} size=${content.length} time=1.000000000 sha256=${sha256(content)}`, ...comments)
}

/** An index as changes against another. */
export function storedChanges(base: Contents, next: Contents, baseObject: Buffer): Buffer {
  const old = new Map(base.groups.map((each) => [each.path, each]))
  const now = new Map(next.groups.map((each) => [each.path, each]))
  const changes: Change[] = []
  for (const each of next.groups) {
    const before = old.get(each.path)
    if (before === undefined) changes.push({mark: each.line === '' ? '!' : '+', group: each})
    else if (each.line === '' && !sameGroup(before, each)) changes.push({mark: '~', group: each})
    else if (!sameGroup(before, each)) changes.push({mark: contentIn(before) === contentIn(each) ? '=' : '~', group: each})
  }
  for (const {path} of base.groups) if (!now.has(path)) changes.push({mark: '-', group: {path, line: '', comments: []}})
  changes.sort((a, b) => (a.group.path < b.group.path ? -1 : 1))
  const end = {base: indexText(base).digest, target: indexText(next).digest, lines: changes.reduce((sum, change) => sum + linesOf(change), 0), partial: 0}
  return Buffer.from(changesHeader({root: next.root, object: objectId(baseObject)}) + changes.map(formatChange).join('') + changesEndLine(end), 'latin1')
}

const contentIn = ({line}: Group): string => line.split(' sha256=')[1] ?? ''

/** What should come back, by path: for a version where it was and which content it had. */
export type Expected = Map<string, Node & {readonly from?: string}>

/** The tree of the last snapshot, with all earlier versions. */
export function expectedOf(snapshots: readonly Snapshot[]): {readonly all: Expected; readonly versions: number} {
  const {tree: now} = snapshots.at(-1)!
  const all: Expected = new Map([...now].filter(([, {kind}]) => kind !== 'unread'))
  const paths = [...new Set(snapshots.flatMap(({tree}) => [...tree.keys()]))].sort((a, b) => (inIndex(a) < inIndex(b) ? -1 : 1))
  const lastFolder = (path: string): Node | undefined => snapshots.findLast(({tree}) => tree.get(path)?.kind === 'dir')?.tree.get(path)
  const taken = new Set([...all.keys(), ...paths.filter((path) => lastFolder(path) !== undefined)])
  const give = (folder: string, name: string, end: string): string => {
    for (let n = 1; ; n++) {
      const tail = end + (n === 1 ? '' : `.${n}`)
      const path = join(folder, cut(name, 255 - tail.length) + tail)
      if (taken.has(path)) continue
      taken.add(path)
      return path
    }
  }
  const places = new Map<string, string>([['', '']])
  const olds = new Map<string, string>()
  const isFolderNow = (path: string): boolean => path === '' || now.get(path)?.kind === 'dir'
  const isFree = (path: string): boolean => !now.has(path) || now.get(path)!.kind === 'unread'
  const placeOf = (path: string): string => {
    const known = places.get(path)
    if (known !== undefined) return known
    const above = placeOf(parentOf(path))
    let place: string
    if (isFolderNow(path) || (above === parentOf(path) && isFree(path))) place = path
    else place = give(above === parentOf(path) ? oldOf(above) : above, path.slice(parentOf(path) === '' ? 0 : parentOf(path).length + 1), '')
    places.set(path, place)
    if (!isFolderNow(path)) all.set(place, {...lastFolder(path)!, stale: false})
    return place
  }
  const oldOf = (path: string): string => {
    const known = olds.get(path)
    if (known !== undefined) return known
    const place = placeOf(path)
    let old = place === path ? join(place, '.old') : give(place, '.old', '')
    for (let n = 2; place === path && now.has(old) && !['dir', 'unread'].includes(now.get(old)!.kind); n++) old = join(place, `.old.${n}`)
    olds.set(path, old)
    if (!all.has(old)) all.set(old, {...(isFolderNow(path) ? now.get(path)! : lastFolder(path)!), stale: false})
    return old
  }
  let versions = 0
  for (const path of paths) {
    const runs: {readonly received: string; content: string; node: Node}[] = []
    let open = false
    for (const {received, tree} of snapshots) {
      const node = tree.get(path)
      if (node?.kind !== 'file') open = false
      else if (open && runs.at(-1)!.content === node.content) runs.at(-1)!.node = node
      else {
        runs.push({received, content: node.content, node})
        open = true
      }
    }
    if (open) runs.pop()
    for (const {received, node} of runs) {
      const to = give(oldOf(parentOf(path)), path.slice(path.lastIndexOf('/') + 1), `.${received.replaceAll(/[-:]/g, '')}`)
      all.set(to, {...node, stale: false, from: path})
      versions++
    }
  }
  return {all, versions}
}

function cut(name: string, room: number): string {
  if (name.length <= room) return name
  let end = room - 9
  while (/[\x80-\xbf]/.test(name[end]!) && end > room - 12) end--
  return `${name.slice(0, end)}~${sha256(name).slice(0, 8)}`
}

function join(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`
}

function sha256(latin1: string): string {
  return createHash('sha256').update(latin1, 'latin1').digest('hex')
}
