// An SFTP server of the tests' own, version 3, over a small tree in memory, for servers that misbehave: a program in place of `ssh` runs
// it on its own standard input and output. It answers honestly, and whoever makes it hostile replaces the answers that he wants to.

import {mkdirSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {KIND, packet, PacketReader, STATUS, type Field} from '../../src/lib/ssh/sftp-packets.ts'

export type Attributes = {readonly size?: number | bigint; readonly mode: number; readonly time: number}

/** What lies in the tree. Sizes and types are what the content says, unless `attributes` says otherwise. Names and paths are latin1. */
export type Node = {
  readonly names?: Readonly<Record<string, Node>>
  readonly bytes?: Buffer
  readonly target?: string
  readonly attributes: Attributes
}

const DIRECTORY = 0o040755
const FILE = 0o100644
const LINK = 0o120777
/** Old enough to need no second look. */
const TIME = 1_700_000_001

export const directory = (names: Readonly<Record<string, Node>>): Node => ({names, attributes: {mode: DIRECTORY, time: TIME}})
export const link = (target: string): Node => ({target, attributes: {mode: LINK, time: TIME, size: target.length}})
export function file(bytes: Buffer | string, attributes: Partial<Attributes> = {}): Node {
  const content = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes
  return {bytes: content, attributes: {mode: FILE, time: TIME, size: content.length, ...attributes}}
}

/** A request as it came. */
export type Asked = {
  readonly kind: number
  readonly id: number
  /** Where it asks by a path. */
  readonly path: string
  /** Where it asks by a handle: the path that was opened, or what the handle is. */
  readonly open: string
  /** What is opened by it. */
  readonly node: Node | undefined
  readonly offset: number
  readonly length: number
  /** How many requests of this kind came before it. */
  readonly before: number
  /** The answer that it is opened, and by a handle that stands for this path. */
  readonly opened: (path: string) => Buffer
}

/** Bytes to be written; `silence` for nothing, now and ever; `end` to go. */
export type Answer = Buffer | 'silence' | 'end'

export type Behaviour = {
  readonly tree: Node
  /** In place of the greeting. */
  readonly greeting?: () => Answer
  /** In place of an answer; undefined for the honest one. */
  readonly answer?: (asked: Asked, honest: () => Buffer) => Answer | undefined
}

/** What an answer says of a file. */
export function attributeFields({size, mode, time}: Attributes): Field[] {
  return size === undefined ? [12, mode, time, time] : [13, BigInt(size), mode, time, time]
}

/** An answer with names. */
export function nameAnswer(id: number, names: readonly (readonly [name: string, attributes: Attributes])[]): Buffer {
  return packet(KIND.name, id, names.length, ...names.flatMap(([name, attributes]) => [name, `-rw-r--r-- ${name.slice(0, 20)}`, ...attributeFields(attributes)]))
}

export const statusAnswer = (id: number, code: number): Buffer => packet(KIND.status, id, code, 'whatever it says', '')
export const dataAnswer = (id: number, bytes: Buffer | string): Buffer => packet(KIND.data, id, bytes)

/** Puts a program `ssh` into a directory that is to come first on PATH: it runs a module with these words. */
export function fakeSsh(bin: string, module: string, words: readonly string[]): void {
  mkdirSync(bin, {recursive: true})
  const quoted = [process.execPath, '--no-warnings', module, ...words].map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`)
  writeFileSync(join(bin, 'ssh'), `#!/bin/sh\nexec ${quoted.join(' ')}\n`, {mode: 0o755})
}

/** Ends this server, as `ssh` would with this status, when what it has said is on its way. */
export function leave(status = 0): 'silence' {
  process.exitCode = status
  process.stdin.destroy()
  return 'silence'
}

/** Serves on the standard input and output until the other side goes. */
export function serve({tree, greeting, answer}: Behaviour): void {
  const reader = new PacketReader()
  const honest = new HonestServer(tree)
  const counts = new Map<number, number>()
  let isSilent = false
  const say = (what: Answer): void => {
    if (what === 'silence') isSilent = true
    else if (what === 'end') leave()
    else process.stdout.write(what)
    isSilent ||= what === 'end'
  }
  // Whoever is lied to goes in the middle of it.
  process.stdout.on('error', () => leave())
  process.stdin.on('data', (piece: Buffer) => {
    for (const {kind, fields} of reader.take(piece)) {
      if (kind === KIND.init) {
        say(greeting?.() ?? packet(KIND.version, 3))
        continue
      }
      // Who has fallen silent, or is going, is past all that.
      if (isSilent) continue
      const id = fields.uint32()
      const text = fields.text()
      const byHandle = kind === KIND.read || kind === KIND.fstat || kind === KIND.readdir || kind === KIND.close
      const [offset, length] = kind === KIND.read ? [fields.uint64(), fields.uint32()] : [0, 0]
      const before = counts.get(kind) ?? 0
      counts.set(kind, before + 1)
      const path = byHandle ? '' : text
      const open = byHandle ? honest.pathOf(text) : ''
      const opened = (as: string): Buffer => packet(KIND.handle, id, honest.handleOf(as))
      const asked: Asked = {kind, id, path, open, node: honest.at(byHandle ? open : path), offset, length, before, opened}
      say(answer?.(asked, () => honest.answer(asked, text)) ?? honest.answer(asked, text))
    }
  })
}

/** Names of one answer. */
const NAMES = 100

class HonestServer {
  readonly #tree: Node
  // How many names each handle has given.
  readonly #given = new Map<string, number>()
  // What the handles stand for; a handle is a place in here.
  readonly #opened: string[] = []

  constructor(tree: Node) {
    this.#tree = tree
  }

  handleOf(path: string): string {
    return String(this.#opened.push(path) - 1)
  }

  pathOf(handle: string): string {
    return this.#opened[Number(handle)] ?? ''
  }

  at(path: string): Node | undefined {
    let node: Node | undefined = this.#tree
    for (const name of path.split('/')) {
      if (name === '' || name === '.') continue
      node = node?.names === undefined || !Object.hasOwn(node.names, name) ? undefined : node.names[name]
    }
    return node
  }

  answer(asked: Asked, text: string): Buffer {
    const {kind, id, path, node, offset, length, opened} = asked
    if (kind === KIND.close) return statusAnswer(id, STATUS.ok)
    if (kind === KIND.realpath) return nameAnswer(id, [[path === '.' ? '/srv' : path, {mode: DIRECTORY, time: TIME}]])
    if (node === undefined) return statusAnswer(id, STATUS.noSuchFile)
    switch (kind) {
      case KIND.lstat:
      case KIND.fstat:
        return packet(KIND.attrs, id, ...attributeFields(node.attributes))
      case KIND.open:
        return node.bytes === undefined ? statusAnswer(id, STATUS.failure) : opened(path)
      case KIND.opendir:
        return node.names === undefined ? statusAnswer(id, STATUS.failure) : opened(path)
      case KIND.readlink:
        return node.target === undefined ? statusAnswer(id, STATUS.failure) : nameAnswer(id, [[node.target, node.attributes]])
      case KIND.read: {
        const bytes = (node.bytes ?? Buffer.alloc(0)).subarray(offset, offset + length)
        return bytes.length === 0 ? statusAnswer(id, STATUS.eof) : dataAnswer(id, bytes)
      }
      case KIND.readdir: {
        const from = this.#given.get(text) ?? 0
        const some = Object.entries(node.names ?? {}).slice(from, from + NAMES)
        this.#given.set(text, from + some.length)
        return some.length === 0 ? statusAnswer(id, STATUS.eof) : nameAnswer(id, some.map(([name, {attributes}]) => [name, attributes]))
      }
      default:
        return statusAnswer(id, STATUS.unsupported)
    }
  }
}
