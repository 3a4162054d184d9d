/**
 * `bk-foo` on PATH is `bk foo`: a program of its own in any language takes over this process, so that its status, its
 * signals and its three streams are its own.
 */
import {accessSync, constants, statSync} from 'node:fs'
import {delimiter, join} from 'node:path'

/** Becomes the program for the first word of `argv`, and does not return; returns when there is none on PATH. */
export function execExternal(argv: readonly string[]): void {
  const [word, ...rest] = argv
  if (word === undefined || !/^[A-Za-z0-9][\w-]*$/.test(word)) return
  const name = `bk-${word}`
  for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
    const file = join(directory === '' ? '.' : directory, name)
    if (isProgram(file)) process.execve?.(file, [name, ...rest], process.env)
  }
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    return false
  }
}
