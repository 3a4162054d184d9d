// The words of a test script (script.ts). `!` before exec, bk and sh means that the program must fail, before the others that
// what they say must not be so.
//
//   bk ARG...        run bk               exec CMD ARG...   run a program       sh 'A | B'      run a pipe by bash with pipefail
//   status N         status of the last   stdin FILE        input of the next   env NAME=VALUE  for all that follows
//   stdout REGEXP    its output matches   stderr REGEXP     (`.` also matches a newline alone: `! stderr .` is silence)
//   cmp A B          same bytes; A may be stdout or stderr, B is what is wanted (rewritten by -u)
//   cmpenv A B       the same after $NAME was put into B
//   exists PATH...   cp SRC... DST   mkdir DIR...   rm PATH...   symlink NAME -> TARGET   chmod MODE PATH...   cd DIR
//   need CMD...      skip the script where a program, or `root`, is missing

import {spawnSync} from 'node:child_process'
import {chmodSync, copyFileSync, existsSync, lstatSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync} from 'node:fs'
import {basename, join, relative, resolve} from 'node:path'
import {start} from './bk.ts'
import type {Result} from './bk.ts'
import {expand, fail} from './script-words.ts'
import {removeTree, tempDir} from './temp.ts'
import type {Archive} from './txtar.ts'

/** What the commands of one script share and change. */
export type Machine = {
  readonly work: string
  readonly archive: Archive
  readonly update: boolean
  /** new contents of golden files, by name: written back when the script has passed */
  readonly goldens: Map<string, Buffer>
  readonly skip: (reason: string) => never
  cwd: string
  env: Record<string, string>
  stdin: Buffer
  /** the last program that ran, as typed, and what came of it */
  last: {readonly line: string; readonly result: Result} | undefined
}

type Call = {readonly machine: Machine; readonly line: string; readonly args: readonly string[]; readonly negated: boolean}

type Command = {
  readonly usage: string
  /** fewest and most arguments */
  readonly arity: readonly [number, number]
  readonly negatable: boolean
  readonly run: (call: Call) => void | Promise<void>
}

const many = Number.POSITIVE_INFINITY
const bash = ['bash', '--norc', '-o', 'pipefail', '-c']

export const commands: Readonly<Record<string, Command>> = {
  bk: {usage: 'ARG...', arity: [0, many], negatable: true, run: (call) => program(call, ['bk', ...call.args])},
  exec: {usage: 'CMD ARG...', arity: [1, many], negatable: true, run: (call) => program(call, call.args)},
  sh: {usage: "'PIPE'", arity: [1, 1], negatable: true, run: (call) => program(call, [...bash, ...call.args])},
  status: {usage: 'N', arity: [1, 1], negatable: false, run: status},
  stdin: {usage: 'FILE', arity: [1, 1], negatable: false, run: setInput},
  stdout: {usage: 'REGEXP', arity: [1, 1], negatable: true, run: (call) => match(call, 'stdout')},
  stderr: {usage: 'REGEXP', arity: [1, 1], negatable: true, run: (call) => match(call, 'stderr')},
  cmp: {usage: 'A B', arity: [2, 2], negatable: true, run: (call) => compare(call, false)},
  cmpenv: {usage: 'A B', arity: [2, 2], negatable: true, run: (call) => compare(call, true)},
  exists: {usage: 'PATH...', arity: [1, many], negatable: true, run: exists},
  cp: {usage: 'SRC... DST', arity: [2, many], negatable: false, run: copy},
  mkdir: {usage: 'DIR...', arity: [1, many], negatable: false, run: each((path) => void mkdirSync(path, {recursive: true}))},
  rm: {usage: 'PATH...', arity: [1, many], negatable: false, run: each(removeTree)},
  symlink: {usage: 'NAME -> TARGET', arity: [3, 3], negatable: false, run: symlink},
  chmod: {usage: 'MODE PATH...', arity: [2, many], negatable: false, run: chmod},
  env: {usage: 'NAME=VALUE...', arity: [1, many], negatable: false, run: setEnvironment},
  cd: {usage: 'DIR', arity: [1, 1], negatable: false, run: changeDirectory},
  need: {usage: 'CMD...', arity: [1, many], negatable: false, run: need},
}

async function program({machine, line, negated}: Call, [name = '', ...args]: readonly string[]): Promise<void> {
  const {stdin, cwd, env} = machine
  machine.stdin = Buffer.alloc(0)
  const result = await start(name, args, {stdin, cwd, env}).done.catch((error: unknown) => fail(String(error)))
  machine.last = {line, result}
  if (negated && result.status === 0) fail('succeeded, and should have failed')
  if (!negated && result.status !== 0) fail(`failed with status ${result.status}`)
}

function status({machine, args: [wanted = '']}: Call): void {
  const got = lastResult(machine).status
  if (wanted !== String(got)) fail(`status is ${got}, not ${wanted}`)
}

function setInput({machine, args: [file = '']}: Call): void {
  machine.stdin = read(machine, file)
}

function match({machine, args: [pattern = ''], negated}: Call, stream: 'stdout' | 'stderr'): void {
  const text = lastResult(machine)[stream].toString()
  const found = new RegExp(pattern, pattern === '.' ? 'msu' : 'mu').test(text)
  if (found === negated) fail(`${stream} ${negated ? 'matches' : 'does not match'} ${pattern}`)
}

function compare({machine, args: [a = '', b = ''], negated}: Call, withVariables: boolean): void {
  const got = read(machine, a)
  const wanted = withVariables ? Buffer.from(expand(read(machine, b).toString(), machine.env)) : read(machine, b)
  if (got.equals(wanted) !== negated) return
  if (negated) fail(`${a} and ${b} are the same`)
  const golden = relative(machine.work, resolve(machine.cwd, b))
  if (machine.update && !withVariables && machine.archive.files.some(({name}) => name === golden)) {
    machine.goldens.set(golden, got)
    return
  }
  fail(`${a} is not ${b}:\n${differences(wanted, got)}`)
}

function differences(wanted: Buffer, got: Buffer): string {
  const dir = tempDir('cmp')
  writeFileSync(join(dir, 'wanted'), wanted)
  writeFileSync(join(dir, 'got'), got)
  return spawnSync('diff', ['-u', '--label=wanted', '--label=got', 'wanted', 'got'], {cwd: dir, encoding: 'utf8'}).stdout.trimEnd()
}

function exists({machine, args, negated}: Call): void {
  for (const path of args) {
    const there = lstatSync(join(resolve(machine.cwd), path), {throwIfNoEntry: false}) !== undefined
    if (there === negated) fail(`${path} ${negated ? 'exists' : 'does not exist'}`)
  }
}

function copy({machine, args}: Call): void {
  const target = resolve(machine.cwd, args.at(-1) ?? '')
  const into = statSync(target, {throwIfNoEntry: false})?.isDirectory() ?? false
  if (args.length > 2 && !into) fail(`${target} is not a directory`)
  for (const src of args.slice(0, -1)) {
    const dst = into ? join(target, basename(src)) : target
    if (src === 'stdout' || src === 'stderr') writeFileSync(dst, lastResult(machine)[src])
    else copyFileSync(resolve(machine.cwd, src), dst)
  }
}

function symlink({machine, args: [name = '', arrow, target = '']}: Call): void {
  if (arrow !== '->') fail('usage: symlink NAME -> TARGET')
  symlinkSync(target, resolve(machine.cwd, name))
}

function chmod({machine, args: [mode = '', ...paths]}: Call): void {
  if (!/^[0-7]+$/.test(mode)) fail(`not an octal mode: ${mode}`)
  for (const path of paths) chmodSync(resolve(machine.cwd, path), Number.parseInt(mode, 8))
}

function setEnvironment({machine, args}: Call): void {
  for (const word of args) {
    const [name = '', ...value] = word.split('=')
    if (name === '' || !word.includes('=')) fail(`not NAME=VALUE: ${word}`)
    machine.env[name] = value.join('=')
  }
}

function changeDirectory({machine, args: [dir = '']}: Call): void {
  const target = resolve(machine.cwd, dir)
  if (!existsSync(target)) fail(`${dir} does not exist`)
  machine.cwd = target
}

function need({machine, args}: Call): void {
  for (const name of args) {
    if (name === 'root' ? process.getuid?.() !== 0 : !isProgram(machine, name)) machine.skip(`needs ${name}`)
  }
}

function isProgram({env}: Machine, name: string): boolean {
  return spawnSync('sh', ['-c', 'command -v "$0"', name], {env}).status === 0
}

function each(action: (path: string) => void): (call: Call) => void {
  return ({machine, args}) => {
    for (const path of args) action(resolve(machine.cwd, path))
  }
}

function read(machine: Machine, name: string): Buffer {
  if (name === 'stdout' || name === 'stderr') return Buffer.from(lastResult(machine)[name])
  const path = resolve(machine.cwd, name)
  return existsSync(path) ? readFileSync(path) : fail(`${name} does not exist`)
}

function lastResult(machine: Machine): Result {
  return machine.last?.result ?? fail('no program has run yet')
}
