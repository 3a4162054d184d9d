// Makes trees for tests from a list of entries: names of any bytes, every type of file, and metadata that Node's fs cannot set
// (nanoseconds, xattrs, ACLs, devices). Node makes what it can; one bash script does the rest, because only a shell can pass any
// bytes as an argument. odd-tree.ts has the list of everything that is odd; same-tree.ts compares.

import {spawnSync} from 'node:child_process'
import {closeSync, ftruncateSync, linkSync, mkdirSync, openSync, symlinkSync, writeFileSync, writeSync} from 'node:fs'
import {join} from 'node:path'

/** A path or other text as UTF-8, or as bytes. */
export type Bytes = string | Buffer

export type TreeEntry = {
  /** below the tree's top; `.` is the top itself. Ancestors that are not listed before are made. */
  readonly path: Bytes
  readonly type: 'file' | 'dir' | 'link' | 'hardlink' | 'fifo' | 'socket' | 'char' | 'block'
  /** of a file */
  readonly content?: Bytes
  /** of a file: where the content begins, and the size when it goes on after it; both leave holes */
  readonly offset?: number
  readonly size?: number
  /** of a link, as it is; of a hardlink, the other path in the tree */
  readonly target?: Bytes
  /** of a device */
  readonly device?: readonly [major: number, minor: number]
  readonly mode?: number
  /** seconds, with up to nine digits after the point, as text: a number has not so many digits */
  readonly time?: string
  /** numbers, as in chown; needs root */
  readonly owner?: `${number}:${number}`
  readonly xattrs?: Readonly<Record<string, Bytes>>
  /** as setfacl -m takes it */
  readonly acl?: string
}

/** Makes the entries in `dir`, in the order given, and then sets their metadata. Throws when something cannot be made. */
export function makeTree(dir: string, entries: readonly TreeEntry[]): void {
  const inTree = (path: Bytes): Buffer => Buffer.concat([Buffer.from(`${dir}/`), Buffer.from(path)])
  mkdirSync(dir, {recursive: true})
  for (const entry of entries) {
    const path = inTree(entry.path)
    mkdirSync(parentOf(path), {recursive: true})
    if (entry.type === 'dir') mkdirSync(path, {recursive: true})
    else if (entry.type === 'file') writeFile(path, entry)
    else if (entry.type === 'link') symlinkSync(Buffer.from(entry.target ?? ''), path)
    else if (entry.type === 'hardlink') linkSync(inTree(entry.target ?? ''), path)
  }
  shell(dir, [
    ...entries.map(makeSpecial),
    ...entries.map(setOwnerAndAttributes),
    // From the inside out, so that a directory that is closed or has its time is not touched again.
    ...entries.toReversed().map(setModeAndTime),
  ])
}

/** Makes `count` small files of different content in directories of a hundred each. */
export function manyFiles(dir: string, count: number): void {
  for (let index = 0; index < count; index++) {
    const folder = join(dir, `d${Math.floor(index / 100)}`)
    if (index % 100 === 0) mkdirSync(folder, {recursive: true})
    writeFileSync(join(folder, `f${index}`), `file number ${index}\n`)
  }
}

function writeFile(path: Buffer, {content = '', offset = 0, size}: TreeEntry): void {
  if (offset === 0 && size === undefined) return writeFileSync(path, content)
  const fd = openSync(path, 'wx')
  writeSync(fd, Buffer.from(content), 0, null, offset)
  if (size !== undefined) ftruncateSync(fd, size)
  closeSync(fd)
}

function makeSpecial({path, type, device = [1, 3]}: TreeEntry): string {
  if (type === 'fifo') return `mkfifo ${place(path)}`
  if (type === 'char' || type === 'block') return `mknod ${place(path)} ${type[0]} ${device.join(' ')}`
  // A server that is killed leaves its socket behind. The name is relative, since a socket's may have 107 bytes only.
  if (type === 'socket') return `${quote(process.execPath)} -e ${quote(socketServer)} ${place(path)} || [ -S ${place(path)} ]`
  return ''
}

const socketServer = "require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))"

function setOwnerAndAttributes({path, owner, xattrs = {}}: TreeEntry): string {
  const chown = owner === undefined ? [] : [`chown -h ${owner} ${place(path)}`]
  const value = (bytes: Bytes): string => (bytes.length === 0 ? '' : `-v 0x${Buffer.from(bytes).toString('hex')}`)
  const setfattr = Object.entries(xattrs).map(([name, bytes]) => `setfattr -h -n ${quote(name)} ${value(bytes)} ${place(path)}`)
  return [...chown, ...setfattr].join('\n')
}

// chmod before setfacl, because with an ACL the group's bits are its mask, and after chown, which takes set-id bits away.
function setModeAndTime({path, type, mode, acl, time}: TreeEntry): string {
  const chmod = mode === undefined || type === 'link' ? [] : [`chmod ${mode.toString(8)} ${place(path)}`]
  const setfacl = acl === undefined ? [] : [`setfacl -m ${quote(acl)} ${place(path)}`]
  const touch = time === undefined ? [] : [`touch -h -d @${time} ${place(path)}`]
  return [...chmod, ...setfacl, ...touch].join('\n')
}

function shell(dir: string, lines: readonly string[]): void {
  const script = `set -e\n${lines.filter((line) => line !== '').join('\n')}\n`
  const env = {PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC'}
  const {status, stderr} = spawnSync('bash', ['--norc', '-s'], {cwd: dir, env, input: script, encoding: 'utf8'})
  if (status !== 0) throw new Error(`cannot make the tree in ${dir}: ${stderr}`)
}

/** A path as one word of bash that is never taken for an option. */
function place(path: Bytes): string {
  return quote(Buffer.concat([Buffer.from('./'), Buffer.from(path)]))
}

/** One word of bash that is these bytes. */
function quote(word: Bytes): string {
  return `$'${[...Buffer.from(word)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')}'`
}

function parentOf(path: Buffer): Buffer {
  return path.subarray(0, path.lastIndexOf('/'))
}
