// Puts a stored index together as docs/format.md, 3 and 5.3 describe it, without bk's code: the full one, and one list of changes
// after the other on top.

import {createHash} from 'node:crypto'

/** Lines of one path: an entry's and the comments behind it, as they stand in the index. */
type Lines = string[]

/**
 * The text of the index in object `id`, with what it is made of from the full one on.
 * @param find fetches an object
 */
export function textOfIndex(id: string, find: (id: string) => Buffer): {text: string; levels: ('full' | 'changes')[]} {
  const text = find(id).toString('latin1')
  if (text.startsWith('#mtree\n')) {
    const {root, entries, state} = parse(text)
    must(print(root, entries, state) === text, 'a full index is not in order')
    return {text, levels: ['full']}
  }
  const [, root = '', object = ''] = /^#bk changes 1 root=(\S+) object=([0-9a-f]{64})\n/.exec(text) ?? []
  const [, base, target, count, state] = /\n#bk end base=sha256:(\S+) target=sha256:(\S+) lines=(\d+) (complete|partial=\d+)\n$/.exec(text) ?? []
  const before = textOfIndex(object, find)
  const {entries} = parse(before.text)
  must(sumOf(before.text) === base, 'stored changes are against another index than they say')
  const lines = text.split('\n').slice(1, -2)
  must(lines.length === Number(count), 'stored changes count their lines wrong')
  apply(lines, entries)
  const result = print(root, entries, state!)
  must(sumOf(result) === target, 'stored changes give another index than they say')
  return {text: result, levels: [...before.levels, 'changes']}
}

function apply(lines: readonly string[], entries: Map<string, Lines>): void {
  const fresh = new Set<string>()
  for (const line of lines) {
    const [mark, text] = [line[0]!, line.slice(2)]
    const path = mark === '-' ? text : text.startsWith('#bk ') ? text.split(' ')[1]! : text.split(' ')[0]!
    if (fresh.has(path)) entries.get(path)!.push(text)
    else {
      must((mark === '+' || mark === '!') !== entries.has(path), `${mark} ${path} does not fit`)
      must('+~=-!'.includes(mark), `stored changes have a ${mark}`)
      if (mark === '-') entries.delete(path)
      else entries.set(path, [text])
      fresh.add(path)
    }
  }
}

function parse(text: string): {root: string; entries: Map<string, Lines>; state: string} {
  const [first, second = '', ...lines] = text.split('\n')
  const root = /^#bk index 1 root=(\S+)$/.exec(second)?.[1] ?? ''
  const [, count, state, sum] = /^#bk end entries=(\d+) (complete|partial=\d+) sha256=([0-9a-f]{64})$/.exec(lines.at(-2) ?? '') ?? []
  must(first === '#mtree' && root !== '' && sum === sumOf(text), 'an index is not in the format')
  const entries = new Map<string, Lines>()
  for (const line of lines.slice(0, -2)) {
    const path = line.startsWith('#bk ') ? line.split(' ')[1]! : line.split(' ')[0]!
    entries.set(path, [...(entries.get(path) ?? []), line])
  }
  must([...entries.values()].flat().filter((line) => !line.startsWith('#')).length === Number(count), 'an index counts its entries wrong')
  return {root, entries, state: state!}
}

function print(root: string, entries: ReadonlyMap<string, Lines>, state: string): string {
  const paths = [...entries.keys()].sort((a, b) => (a < b ? -1 : 1))
  const lines = paths.flatMap((path) => entries.get(path)!)
  const count = lines.filter((line) => !line.startsWith('#')).length
  const body = `#mtree\n#bk index 1 root=${root}\n${lines.map((line) => `${line}\n`).join('')}`
  return `${body}#bk end entries=${count} ${state} sha256=${createHash('sha256').update(body, 'latin1').digest('hex')}\n`
}

/** Holds an index to what its lines promise of one another: directories stand above what is in them, hard links have a first name. */
export function checkTree(text: string): void {
  const lines = new Map(text.split('\n').slice(2, -2).filter((line) => !line.startsWith('#')).map((line) => [line.split(' ')[0]!, line]))
  for (const line of text.split('\n').slice(2, -2)) {
    const [, path = '', key = '', value = ''] = /^(?:#bk )?(\S+) ([^=]+)=(\S*)/.exec(line) ?? []
    const parent = path.slice(0, path.lastIndexOf('/'))
    must(parent === '' || lines.get(parent)?.startsWith(`${parent} type=dir`) === true, `no directory stands above ${path}`)
    if (!line.startsWith('#') || key !== 'hardlink') continue
    must(value < path && lines.has(value), `${path} is a hard link to ${value}, which does not stand before it`)
    const inode = (entry: string): string => entry.slice(entry.indexOf(' '))
    must(inode(lines.get(value)!) === inode(lines.get(path)!), `${path} is a hard link to ${value}, and they differ`)
  }
}

/** The digest of an index: the sum of everything above its end line. */
export function sumOf(text: string): string {
  return createHash('sha256').update(text.slice(0, text.lastIndexOf('\n', text.length - 2) + 1), 'latin1').digest('hex')
}

function must(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise)
}
