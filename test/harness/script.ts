// Runs test/scripts/*.txt: a line is a command, as in rogpeppe's testscript, with the files for it below (txtar.ts). Scripts are
// where the contract of bk is tested: what a user types, what comes out on which stream, with which status. Each script gets a new
// directory ($WORK; the repository is $ROOT), a home of its own and the pinned environment of bk.ts. The words are in
// script-commands.ts; a failure says file, line, command, and what the last program printed.

import {mkdirSync, readFileSync, writeFileSync} from 'node:fs'
import {basename, dirname, join} from 'node:path'
import {pinnedEnvironment, root} from './bk.ts'
import {commands} from './script-commands.ts'
import type {Machine} from './script-commands.ts'
import {Expectation, fail, splitWords} from './script-words.ts'
import {newHome, removeTree, tempDir} from './temp.ts'
import {parseArchive, printArchive} from './txtar.ts'

export type ScriptOptions = {
  /** rewrite golden files that differ instead of failing */
  readonly update?: boolean
  /** called by `need` when something is missing on this machine; must throw */
  readonly skip?: (reason: string) => never
}

/** Runs the script in `file`. Throws an error whose message is for people when an expectation fails. */
export async function runScript(file: string, options: ScriptOptions = {}): Promise<void> {
  const archive = parseArchive(readFileSync(file))
  const dir = tempDir(`script-${basename(file, '.txt')}`)
  const work = join(dir, 'work')
  mkdirSync(work, {mode: 0o755})
  for (const {name, data} of archive.files) {
    mkdirSync(dirname(join(work, name)), {recursive: true})
    writeFileSync(join(work, name), data)
  }
  const machine: Machine = {
    work,
    archive,
    update: options.update ?? false,
    goldens: new Map(),
    skip: options.skip ?? ((reason) => fail(`cannot run here: ${reason}`)),
    cwd: work,
    env: {...pinnedEnvironment(newHome(dir)), WORK: work, ROOT: root},
    stdin: Buffer.alloc(0),
    last: undefined,
  }
  for (const [index, line] of archive.script.split('\n').entries()) {
    try {
      await runLine(machine, line)
    } catch (error) {
      if (error instanceof Expectation) throw failure(`${file}:${index + 1}`, line, error.message, machine.last)
      throw error
    }
  }
  if (machine.goldens.size > 0) rewrite(file, machine)
  removeTree(dir)
}

async function runLine(machine: Machine, line: string): Promise<void> {
  const words = splitWords(line, machine.env)
  const negated = words[0] === '!'
  const [name, ...args] = negated ? words.slice(1) : words
  if (name === undefined) return
  const command = commands[name]
  if (command === undefined) fail(`no such command: ${name}`)
  if (negated && !command.negatable) fail(`${name} cannot be negated`)
  if (args.length < command.arity[0] || args.length > command.arity[1]) fail(`usage: ${name} ${command.usage}`)
  await command.run({machine, line: line.trim(), args, negated})
}

function rewrite(file: string, {archive, goldens}: Machine): void {
  const files = archive.files.map(({name, data}) => ({name, data: goldens.get(name) ?? data}))
  writeFileSync(file, printArchive({script: archive.script, files}))
}

function failure(place: string, line: string, reason: string, last: Machine['last']): Error {
  const parts = [`${place}: ${reason}`, `  > ${line.trim()}`]
  if (last !== undefined) {
    const {status, stdout, stderr} = last.result
    parts.push(`the last program, status ${status}:`, `  > ${last.line}`, block('stdout', stdout.toString()), block('stderr', stderr))
  }
  const error = new Error(parts.join('\n'))
  // The stack would show the runner, which is not where the mistake is.
  error.stack = error.message
  return error
}

/** Output for an error message: the first and last of it when it is long. */
function block(title: string, text: string): string {
  if (text === '') return `[${title}: nothing]`
  if (text.length <= 6000) return `[${title}]\n${text.trimEnd()}`
  return `[${title}]\n${text.slice(0, 3000)}\n… ${text.length - 6000} characters left out …\n${text.slice(-3000).trimEnd()}`
}
