// Proves that two trees are equal with programs that know nothing of bk: find, sha256sum, stat, getfattr, getfacl. Compared are
// names, types, modes, owners, sizes, modification times to the nanosecond, links' targets, which names are hard links of one
// another, contents, devices, extended attributes and ACLs. Not compared: access and change times, inode numbers, holes.

import {spawnSync} from 'node:child_process'

export type SameOptions = {
  /** leave sockets out on both sides, as an index does; default false */
  readonly ignoreSockets?: boolean
}

/** The differences between two trees, one line each with the path first; none means equal. Throws when a tree cannot be read. */
export function sameTree(a: string, b: string, options: SameOptions = {}): string[] {
  const [left, right] = [readTree(a, options), readTree(b, options)]
  const differences: string[] = []
  for (const path of [...new Set([...left.keys(), ...right.keys()])].sort()) {
    const [one, other] = [left.get(path), right.get(path)]
    if (one === undefined || other === undefined) differences.push(`${readable(path)}: only in ${one === undefined ? b : a}`)
    else {
      for (const key of new Set([...one.keys(), ...other.keys()])) {
        if (one.get(key) !== other.get(key)) differences.push(`${readable(path)}: ${key} ${said(one.get(key))} and ${said(other.get(key))}`)
      }
    }
  }
  return differences
}

type Tree = Map<string, Map<string, string>>

// Paths and values are latin1 here: a character for each byte, whatever the bytes mean.
function readTree(dir: string, {ignoreSockets = false}: SameOptions): Tree {
  const tree: Tree = new Map()
  const wanted = ignoreSockets ? '! -type s' : ''
  const set = (path: string, key: string, value: string): void => {
    const entry = tree.get(path)
    if (entry === undefined) throw new Error(`${key} of ${readable(path)}, which find has not seen in ${dir}`)
    entry.set(key, value)
  }
  const firstNames = new Map<string, string>()
  const entries = fields(run(dir, `find . ${wanted} -printf '%P\\0%y\\0%m\\0%U\\0%G\\0%s\\0%T@\\0%l\\0%D:%i\\0'`), 9)
  for (const [path = '', type = '', mode = '', uid = '', gid = '', size = '', time = '', target = '', inode = ''] of entries.sort(byPath)) {
    tree.set(path, new Map([['type', type], ['mode', mode], ['uid', uid], ['gid', gid], ['time', time]]))
    if (type === 'f') set(path, 'size', size)
    if (type === 'l') set(path, 'target', target)
    if (type === 'd') continue
    const first = firstNames.get(inode)
    if (first === undefined) firstNames.set(inode, path)
    else set(path, 'hard link of', readable(first))
  }
  const sums = run(dir, "find . -type f -printf '%P\\0' | xargs -0r sha256sum -z --")
  for (const [sum = ''] of fields(sums, 1)) set(sum.slice(66), 'sha256', sum.slice(0, 64))
  const devices = run(dir, "find . -type b -printf '%P\\0' -o -type c -printf '%P\\0' | xargs -0r stat --printf '%n\\0%t:%T\\0' --")
  for (const [path = '', device = ''] of fields(devices, 2)) set(path, 'device', device)
  const xattrs = run(dir, `find . ${wanted} -print0 | xargs -0r getfattr -h -d -m - -e hex --`)
  for (const [path, lines] of blocks(xattrs)) set(path, 'xattrs', lines)
  // getfacl follows links, and a link has no ACL.
  const acls = run(dir, `find . ${wanted} ! -type l -print0 | xargs -0r getfacl -n --`)
  for (const [path, lines] of blocks(acls)) set(path, 'acl', lines)
  return tree
}

/** What a pipe prints when run in `dir`. */
function run(dir: string, script: string): string {
  const env = {PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC'}
  const bash = spawnSync('bash', ['--norc', '-o', 'pipefail', '-c', script], {cwd: dir, env, maxBuffer: 2 ** 30, encoding: 'latin1'})
  if (bash.status !== 0) throw new Error(`cannot read ${dir}: ${script}: ${bash.error?.message ?? bash.stderr}`)
  return bash.stdout
}

/** Text of fields that end in NUL, `width` of them to a record. */
function fields(text: string, width: number): string[][] {
  const all = text.split('\0').slice(0, -1)
  return Array.from({length: all.length / width}, (_, record) => all.slice(record * width, (record + 1) * width))
}

/** What getfattr and getfacl print: blocks with a blank line between, each under `# file: NAME`. The order in a block means nothing. */
function blocks(text: string): [path: string, lines: string][] {
  return text.split('\n\n').filter((block) => block !== '').map((block) => {
    const [head = '', ...lines] = block.split('\n')
    const name = unescape(head.replace('# file: ', ''))
    return [name === '.' ? '' : name.replace(/^\.\//, ''), lines.filter((line) => line !== '').sort().join(' ')]
  })
}

/** Undoes the escapes of getfattr and getfacl: three octal digits, or a second backslash. */
function unescape(name: string): string {
  const byte = (digits: string): string => String.fromCharCode(Number.parseInt(digits, 8))
  return name.replaceAll(/\\(?:([0-7]{3})|\\)/g, (_, digits?: string) => (digits === undefined ? '\\' : byte(digits)))
}

function byPath([a = '']: readonly string[], [b = '']: readonly string[]): number {
  return a < b ? -1 : 1
}

function readable(path: string): string {
  return `./${path.replaceAll(/[^!-~]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`)}`
}

function said(value: string | undefined): string {
  return value === undefined ? 'nothing' : value
}
